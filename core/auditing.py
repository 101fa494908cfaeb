"""The arithmetic of one row: what −log p and the mean of a text are made from, held against torch's own."""

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from core import losses, runs
from core.close_records import Arithmetic
from core.products import exactly
from core.records import Token
from core.sources import Folder, Source, Tiny
from core.text import clean
from core.tokenizer import Tokenizer
from core.wire import real


def arithmetic(
    logits: Tensor,
    ids: Sequence[int],
    position: int,
    surprisals: Tensor,
    *,
    step: int,
    tokenizer: Tokenizer,
    folder: str | None,
) -> Arithmetic:
    """What the logits (V,) after token `position` of a text of n ids come to, in float64.

    `surprisals` (n - 1,), in nats, are those of the table, which were taken in float32.
    """
    follows = position + 1 < len(ids)
    with exactly():  # also in the middle of a step that casts what it is given
        target = torch.tensor(ids[position + 1]) if follows else logits.argmax()
        rank = losses.target_rank(losses.log_probs(logits), target)  # tokens tie in float32, as in the table
        logits = logits.double()
        logit, logsumexp = logits[target].item(), torch.logsumexp(logits, -1).item()
        return Arithmetic(
            position=position,
            step=step,
            token=Token(token_id=int(target), piece=tokenizer.piece(int(target))),
            logit=real(logit),
            logsumexp=real(logsumexp),
            cross_entropy=real(functional.cross_entropy(logits, target).item()),
            rank=int(rank),
            vocab_size=len(logits),
            entropy=real(losses.entropy(logits).item()),
            scored=len(surprisals),
            others=real(_of_the_others(surprisals, position, logsumexp - logit)) if follows else None,
            folder=folder,
        )


def _of_the_others(surprisals: Tensor, position: int, exact: float) -> float:
    """The sum of the other rows' surprisals, with what float32 made of this row's `exact` one less that.

    Up to 1e-5 nats: so every row of a text has the same sum and mean, that of the table.
    """
    others = torch.cat([surprisals[:position], surprisals[position + 1 :]])
    error = surprisals[position].item() - exact
    return others.sum().item() + (error if len(others) and math.isfinite(error) else 0.0)


def weights_on_disk(source: Source, step: int, run: Path | None) -> str | None:
    """The folder of a model with the weights of this step that `transformers` loads; None without one.

    `run` is where the run is written, if it is.
    """
    folder = None
    if step == 0 and isinstance(source, Folder) and not isinstance(source, Tiny):  # that one is packed
        folder = source.path
    elif run is not None:
        folder = dict(runs.checkpoints(run)).get(step)
    if folder is None:
        return None
    path = str(folder.absolute())
    return path if path == clean(path) else None  # a name that is no Unicode cannot travel
