"""AdamW in one pass over the weights, and Muon for hidden matrices where a recipe asks for it."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import get_total_norm

EPSILON = 1e-8  # AdamW's


class Optimizer:
    """Updates with decoupled weight decay (Loshchilov and Hutter 2019) of groups as `torch.optim` has them.

    A group with "betas" is AdamW's; one with "momentum" is Muon's (Jordan et al. 2024), whose updates are
    scaled to the size AdamW's have (Liu et al. 2025), so that one learning rate serves both.
    """

    def __init__(self, groups: Sequence[dict[str, Any]]) -> None:
        self._adamw = torch.optim.AdamW([g for g in groups if "betas" in g], eps=EPSILON, fused=True)
        # What a gradient scaler would set: the fused update divides each gradient by it as it reads it.
        self._scale = torch.ones(())
        self._adamw.grad_scale = self._scale  # type: ignore[attr-defined]
        self._adamw.found_inf = torch.zeros(())  # type: ignore[attr-defined]
        orthogonal = [g for g in groups if "momentum" in g]
        self._muon = torch.optim.Muon(orthogonal, adjust_lr_fn="match_rms_adamw") if orthogonal else None

    @property
    def _groups(self) -> list[dict[str, Any]]:
        return self._adamw.param_groups + (self._muon.param_groups if self._muon else [])

    @property
    def _matrices(self) -> list[nn.Parameter]:
        """What Muon updates."""
        return [p for group in (self._muon.param_groups if self._muon else []) for p in group["params"]]

    def gradient_norm(self) -> float:
        """The norm of all gradients together."""
        grads = [p.grad for group in self._groups for p in group["params"] if p.grad is not None]
        return float(get_total_norm(grads))

    def update(self, learning_rate: float, *, norm: float, clip: float) -> None:
        """One update by the gradients, whose `norm`, a finite one, is brought down to `clip` if above."""
        for group in self._groups:
            group["lr"] = learning_rate
        scale = max(1.0, norm / clip)
        self._scale.fill_(scale)
        self._adamw.step()
        if self._muon is not None:
            for parameter in self._matrices:
                if parameter.grad is not None and scale > 1:
                    parameter.grad.div_(scale)
            self._muon.step()  # type: ignore[no-untyped-call]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for group in self._groups:
            for parameter in group["params"]:
                parameter.grad = None

    def moments(self, parameters: Mapping[str, nn.Parameter]) -> dict[str, Tensor]:
        """What is remembered of past gradients, by "PARAMETER.KIND"; nothing before the first update."""
        return {
            f"{name}.{kind}": moment
            for name, parameter in parameters.items()
            for kind, moment in self._of(parameter).state.get(parameter, {}).items()
        }

    def restore(self, parameter: nn.Parameter, moments: dict[str, Tensor]) -> None:
        """The inverse of `moments` for one parameter; the tensors are this optimizer's from now on."""
        if moments:
            self._of(parameter).state[parameter] = moments

    def _of(self, parameter: nn.Parameter) -> torch.optim.Optimizer:
        if self._muon is not None and any(parameter is matrix for matrix in self._matrices):
            return self._muon
        return self._adamw
