"""Dropout whose masks come again: a function of where and when they are drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from core.randomness import drop_256ths, keep_mask, stream

EMBEDDING, ATTENTION_WEIGHTS, ATTENTION_OUTPUT, MLP_OUTPUT = range(4)  # where GPT-2 drops out


class Dropout(Protocol):
    """What a model calls where it drops out, in the order of its computation."""

    def __call__(self, x: Tensor, layer: int, site: int) -> Tensor:
        """x (B, ...) with a part of it 0 and the rest scaled up."""


@dataclass(frozen=True, kw_only=True)
class AddressedDropout:
    """The dropout masks of one step: a function of (seed, step, layer, site, row), so that they come again.

    `rows` are the global numbers of the rows of the batch that goes through the model, so that a batch
    cut into micro-batches meets the same masks. `p` counts in 256ths (`randomness.keep_mask`).
    """

    seed: int
    step: int
    rows: Sequence[int]
    p: float

    def __call__(self, x: Tensor, layer: int, site: int) -> Tensor:
        """x (B, ...) with a part of it 0 and the rest scaled up. Raises ValueError unless B is len(rows)."""
        if len(self.rows) != len(x):
            raise ValueError(f"dropout was given {len(self.rows)} row numbers for a batch of {len(x)} rows")
        if not drop_256ths(self.p):
            return x
        masks = []
        for row in self.rows:
            generator = stream(self.seed, "dropout", self.step, layer, site, row)
            keep, scale = keep_mask(generator, tuple(x.shape[1:]), self.p)
            masks.append(torch.from_numpy(keep))
        return x * torch.stack(masks).to(x.device, x.dtype).mul_(scale)
