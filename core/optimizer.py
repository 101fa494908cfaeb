"""AdamW in one pass over the weights, with the clipping of the gradient folded into it."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import get_total_norm

EPSILON = 1e-8


class AdamW(torch.optim.AdamW):
    """Decoupled weight decay (Loshchilov and Hutter 2019), over groups with a decay and betas each."""

    def __init__(self, groups: list[dict[str, Any]]) -> None:
        super().__init__(groups, eps=EPSILON, fused=True)
        # What a gradient scaler would set: the fused update divides each gradient by it as it reads it.
        self.grad_scale: Tensor = torch.ones(())
        self.found_inf: Tensor = torch.zeros(())

    def gradient_norm(self) -> float:
        """The norm of all gradients together."""
        grads = [p.grad for group in self.param_groups for p in group["params"] if p.grad is not None]
        return float(get_total_norm(grads))

    def update(self, learning_rate: float, *, norm: float, clip: float) -> None:
        """One update by the gradients, whose `norm` is brought down to `clip` if it is above.

        Raises ValueError for a norm that is not finite.
        """
        if not math.isfinite(norm):
            raise ValueError(f"the gradient's norm is {norm}")
        for group in self.param_groups:
            group["lr"] = learning_rate
        self.grad_scale.fill_(max(1.0, norm / clip))
        self.step()
