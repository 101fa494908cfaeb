"""Both optimizers, each against torch's own in its slow form."""

import pytest
import torch
from torch import nn

from core.messages import Training
from core.optimizer import Optimizer
from core.recipe import Addressed
from tests.core import tiny

GROUPS = {"weight_decay": 0.1, "betas": (0.9, 0.95)}


def parameters() -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(*shape, generator=generator)) for shape in ((5, 3), (4, 6), (7,))]


def gradients(step: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(100 + step)
    return [torch.randn(*p.shape, generator=generator) for p in parameters()]


@pytest.mark.parametrize("clip", [1e6, 0.5])
def test_updates_are_those_of_torch_with_the_gradient_clipped(clip: float) -> None:
    ours, theirs = parameters(), parameters()
    optimizer = Optimizer(
        [
            {"params": [ours[0], ours[2]], **GROUPS},
            {"params": [ours[1]], "weight_decay": 0.1, "momentum": 0.95},
        ]
    )
    adamw = torch.optim.AdamW([theirs[0], theirs[2]], foreach=False, eps=1e-8, **GROUPS)  # type: ignore[arg-type]
    muon = torch.optim.Muon([theirs[1]], weight_decay=0.1, momentum=0.95, adjust_lr_fn="match_rms_adamw")
    for step in range(4):
        rate = 0.01 / (step + 1)
        for mine, other, gradient in zip(ours, theirs, gradients(step), strict=True):
            mine.grad, other.grad = gradient.clone(), gradient.clone()
        norm = optimizer.gradient_norm()
        assert norm == pytest.approx(float(nn.utils.clip_grad_norm_(theirs, clip)))
        for peer in (adamw, muon):
            peer.param_groups[0]["lr"] = rate
            peer.step()
        optimizer.update(rate, norm=norm, clip=clip)
        for mine, other in zip(ours, theirs, strict=True):
            assert torch.allclose(mine, other, rtol=1e-5, atol=1e-6)


def test_muon_takes_the_matrices_between_the_embeddings() -> None:
    model = tiny.model()
    training = Training(batch=5, context=8, optimizer="muon")
    groups = Addressed(tiny.corpus(tiny.TRAINING), training).groups(model)
    names = {p: name for name, p in model.named_parameters()}
    muon = {names[p] for group in groups if "momentum" in group for p in group["params"]}
    assert muon == {
        f"blocks.{layer}.{matrix}.weight"
        for layer in range(2)
        for matrix in ("attention.qkv", "attention.projection", "expand", "contract")
    }
    assert sorted(names[p] for group in groups for p in group["params"]) == sorted(names.values())
