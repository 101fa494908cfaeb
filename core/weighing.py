"""A target of a person's own, one token or a mix of several, held against a prediction."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from core import losses
from core.candidates import candidates
from core.close_records import Pull, Share, Weighed
from core.mixes import written
from core.products import exactly
from core.tokenizer import Tokenizer
from core.wire import real

ROWS = 10  # of the gradient that are told where no other number is asked for


def weighed(logits: Tensor, mix: Sequence[Share], limit: int, tokenizer: Tokenizer) -> Weighed:
    """The mix p against q = softmax(logits) (V,), and the `limit` largest rows of the gradient q - p.

    The shares are taken as parts of their sum. Raises ValueError for a token that does not exist.
    """
    for each in mix:
        tokenizer.piece(each.token_id)  # refuses one that does not exist
    with exactly():  # also in the middle of a step that casts what it is given
        ids = torch.tensor([each.token_id for each in mix])
        shares = [float(each.share) for each in mix]
        p = torch.zeros(len(logits), dtype=torch.float64)  # (V,)
        p[ids] = torch.tensor(shares, dtype=torch.float64) / math.fsum(shares)  # 0.7, 0.2, 0.1 stay so
        exact = logits.double()
        gradient = losses.soft_gradient_at_logits(exact, p)  # (V,)
        entropy, cross_entropy, kl = losses.divergence(p, exact)
        largest = gradient.abs().topk(min(limit, len(gradient))).indices
        others = torch.ones(len(gradient), dtype=torch.bool)
        others[largest] = False
        return Weighed(
            targets=_pulls(logits, ids, p, gradient, tokenizer),
            written=written(mix, tokenizer),
            entropy=real(entropy.item()),
            cross_entropy=real(cross_entropy.item()),
            kl=real(kl.item()),
            rows=_pulls(logits, largest, p, gradient, tokenizer),
            others=int(others.sum()),
            others_share=real(p[others].sum().item()),
            others_probability=real(exact.softmax(-1)[others].sum().item()),
            others_gradient=real(gradient[others].sum().item()),
        )


def _pulls(
    logits: Tensor, token_ids: Tensor, p: Tensor, gradient: Tensor, tokenizer: Tokenizer
) -> tuple[Pull, ...]:
    rows = zip(
        candidates(logits, token_ids, tokenizer),
        p[token_ids].tolist(),
        gradient[token_ids].tolist(),
        strict=True,
    )
    return tuple(Pull(candidate=c, share=share, gradient=real(g)) for c, share, g in rows)
