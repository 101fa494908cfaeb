"""From logits to one token: pure functions from logits to logits, then one draw."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class SampleConfig:
    """How to choose a token. Temperature 0 takes the most probable one; None keeps all. Raises ValueError."""

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < math.inf:
            raise ValueError(f"temperature is {self.temperature:g}; it must be 0 or more")
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(f"top-k is {self.top_k}; it must be 1 or more")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ValueError(f"top-p is {self.top_p:g}; it must be above 0 and at most 1")


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
    order = logits.sort(dim=-1, descending=True, stable=True)
    probabilities = order.values.double().softmax(-1)
    before = probabilities.cumsum(-1) - probabilities  # reached without this one
    before[..., 0] = 0.0
    kept = order.values.masked_fill(before >= p, -math.inf)
    return torch.full_like(logits, -math.inf).scatter(-1, order.indices, kept)


def controlled(logits: Tensor, config: SampleConfig) -> Tensor:
    """The logits that are drawn from: temperature, then top-k, then top-p: (..., V) -> (..., V)."""
    logits = apply_temperature(logits, config.temperature)
    if config.top_k is not None:
        logits = keep_top_k(logits, config.top_k)
    if config.top_p is not None:
        logits = keep_top_p(logits, config.top_p)
    return logits


def sample(logits: Tensor, config: SampleConfig, uniform: float) -> int:
    """The token at which the cumulative probability passes `uniform`, a draw from [0, 1): (V,) -> id.

    Raises ValueError for logits that make no distribution and for a draw outside [0, 1).
    """
    if not 0 <= uniform < 1:
        raise ValueError(f"the draw is {uniform!r}; it must lie in [0, 1)")
    cumulative = controlled(logits, config).double().softmax(-1).cumsum(-1)  # (V,)
    total = cumulative[-1]
    if not torch.isfinite(total):
        raise ValueError("these logits give no probabilities: they hold NaN or infinity, or only -infinity")
    return int(torch.searchsorted(cumulative, uniform * total, right=True))


def _only(logits: Tensor, ids: Tensor) -> Tensor:
    return torch.full_like(logits, -math.inf).scatter(-1, ids, logits.gather(-1, ids))
