"""From logits to one token: pure functions from logits to logits, then one draw."""

import math

import torch
from torch import Tensor

from core.records import SampleConfig as SampleConfig

_FIRST = 64  # of the most probable tokens top-p looks at, then eight times as many as long as it needs more


def apply_temperature(logits: Tensor, temperature: float) -> Tensor:
    """Logits divided by the temperature, up to a constant: (..., V) -> (..., V).

    0 is the limit: all but the best (the first of equals) become -inf.
    """
    if temperature == 0:
        return _only(logits, logits.argmax(-1, keepdim=True))
    # from the largest down, so that a tiny temperature gives -inf at worst, never inf - inf
    return (logits - logits.amax(-1, keepdim=True)) / temperature


def keep_top_k(logits: Tensor, k: int) -> Tensor:
    """The k largest logits, the rest -inf: (..., V) -> (..., V)."""
    return _only(logits, logits.topk(min(k, logits.shape[-1]), dim=-1).indices)


def keep_top_p(logits: Tensor, p: float) -> Tensor:
    """The fewest most probable tokens that have p together, the rest -inf: (..., V) -> (..., V).

    At least one stays (nucleus sampling, Holtzman et al. 2020).
    """
    if p >= 1:  # where a sum in floats might reach 1 too soon
        return logits
    probabilities = logits.double().softmax(-1)  # (..., V)
    n_vocab = logits.shape[-1]
    k = min(_FIRST, n_vocab)
    while True:  # only as much is sorted as is needed: the whole vocabulary takes 3 ms
        best = logits.topk(k, dim=-1)
        reached = probabilities.gather(-1, best.indices).cumsum(-1)  # (..., k)
        if k == n_vocab or bool((reached[..., -1] >= p).all()):
            break
        k = min(8 * k, n_vocab)
    n_kept = 1 + (reached[..., :-1] < p).sum(
        -1, keepdim=True
    )  # (..., 1): those reached without them, and one
    worst = best.values.gather(-1, n_kept - 1)
    better, equal = logits > worst, logits == worst
    # Of equals topk takes any; here the first in the vocabulary stay.
    first = equal & (equal.cumsum(-1) <= n_kept - better.sum(-1, keepdim=True))
    return logits.masked_fill(~(better | first), -math.inf)


def controlled(logits: Tensor, config: SampleConfig) -> Tensor:
    """The logits that are drawn from: temperature, then top-k, then top-p: (..., V) -> (..., V)."""
    logits = apply_temperature(logits, config.temperature)
    if config.top_k is not None:
        logits = keep_top_k(logits, config.top_k)
    if config.top_p is not None:
        logits = keep_top_p(logits, config.top_p)
    return logits


def sample(logits: Tensor, config: SampleConfig, uniform: float) -> int:
    """A token after the controls, by `uniform`, a draw from [0, 1): (V,) -> id.

    Raises ValueError for logits that make no distribution and for a draw outside [0, 1).
    """
    if config.temperature == 0:  # the best one, without making a distribution of it
        best = int(logits.argmax())
        _require_probabilities(logits[best])
        return best
    return draw(controlled(logits, config), uniform)


def draw(logits: Tensor, uniform: float) -> int:
    """The token at which the cumulative probability passes `uniform`, a draw from [0, 1): (V,) -> id.

    Raises ValueError for logits that make no distribution and for a draw outside [0, 1).
    """
    if not 0 <= uniform < 1:
        raise ValueError(f"the draw is {uniform!r}; it must lie in [0, 1)")
    cumulative = logits.double().softmax(-1).cumsum(-1)  # (V,)
    _require_probabilities(cumulative[-1])
    return int(torch.searchsorted(cumulative, uniform * cumulative[-1], right=True))


def _require_probabilities(figure: Tensor) -> None:
    if not torch.isfinite(figure):
        raise ValueError("these logits give no probabilities: they hold NaN or infinity, or only -infinity")


def _only(logits: Tensor, ids: Tensor) -> Tensor:
    return torch.full_like(logits, -math.inf).scatter(-1, ids, logits.gather(-1, ids))
