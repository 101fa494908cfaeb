"""The world beside the model: what a text says follows on a prefix, held against a prediction."""

from collections.abc import Sequence

import torch
from torch import Tensor

from core import losses
from core.candidates import candidates
from core.concordance import Concordance
from core.messages import Followed, Follower, World, real
from core.tokenizer import END_OF_TEXT, END_OF_TEXT_ID, Tokenizer

ENOUGH = 5  # places from which an estimate is made if no length of the context is asked for


def beside(
    text: str,
    concordance: Concordance,
    prefix: Sequence[int],
    logits: Tensor,
    request: World,
    tokenizer: Tokenizer,
) -> Followed:
    """p, what follows on a prefix in the text called `text`, and q, the prediction after it: logits (V,)."""
    counts = tuple(concordance.counts(prefix))
    length = choice(counts, request.length)
    if prefix[-1] == END_OF_TEXT_ID:
        return Followed(text=text, missing=f"what follows on {END_OF_TEXT} in the text {text} is not counted")
    if not length:
        return Followed(text=text, missing=f"the last token of the prefix does not stand in the text {text}")
    ids, times = map(torch.from_numpy, concordance.followers(prefix[-length:]))
    p = torch.zeros(len(logits), dtype=torch.float64)  # (V,)
    p[ids] = times.double() / counts[length - 1]
    with torch.inference_mode():
        most = times.argsort(descending=True, stable=True)[: request.limit]  # of equals the lower id first
        seen = zip(candidates(logits, ids[most], tokenizer), times[most].tolist(), strict=True)
        entropy, cross_entropy, kl = losses.divergence(p, logits.double())
        return Followed(
            text=text,
            counts=counts,
            length=length,
            different=len(ids),
            followers=tuple(Follower(candidate=each, count=count) for each, count in seen),
            entropy=real(entropy.item()),
            cross_entropy=real(cross_entropy.item()),
            kl=real(kl.item()),
        )


def choice(counts: Sequence[int], length: int | None) -> int:
    """How many tokens of context an estimate is made for, of those that stand in the text `counts` times.

    By default the most that stand there ENOUGH times, or a single one where none does; 0 where there is none.
    """
    if length is not None:
        return min(length, len(counts))
    return max(min(1, len(counts)), sum(count >= ENOUGH for count in counts))
