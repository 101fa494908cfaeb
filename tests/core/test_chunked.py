"""The cross entropy in blocks against torch's own, in float64."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from core import chunked
from core.products import Products, bfloat16_pays, chosen, products

N, D, V = 37, 12, 83


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several groups of rows and blocks of the vocabulary, none of them even."""
    monkeypatch.setattr(chunked, "BLOCK", 16)
    monkeypatch.setattr(chunked, "ROWS", 10)
    monkeypatch.setattr(chunked, "STABLE_ROWS", 4)


def problem(scale: float = 1.0, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    hidden = torch.randn(N, D, generator=generator, dtype=torch.float64) * scale
    head = torch.randn(V, D, generator=generator, dtype=torch.float64)
    targets = torch.randint(0, V, (N,), generator=generator)
    return hidden.to(dtype).requires_grad_(), head.to(dtype).requires_grad_(), targets


def reference(hidden: Tensor, head: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Loss and gradients by torch, of the same numbers in float64."""
    h, w = (t.detach().double().requires_grad_() for t in (hidden, head))
    loss = F.cross_entropy(h @ w.T, targets)
    loss.backward()
    assert h.grad is not None
    assert w.grad is not None
    return loss.detach(), h.grad, w.grad


def error(ours: Tensor | None, exact: Tensor) -> float:
    assert ours is not None
    return float((ours.double() - exact).norm() / exact.norm())


@pytest.mark.parametrize(("precision", "bar"), [("float32", 1e-5), ("bfloat16", 1e-2)])
def test_loss_and_gradients_are_torchs(precision: Products, bar: float) -> None:
    hidden, head, targets = problem()
    with products(precision):
        loss = chunked.linear_cross_entropy(hidden, head, targets, precision)
        loss.backward()
    exact, d_hidden, d_head = reference(hidden, head, targets)
    assert loss.item() == pytest.approx(float(exact), rel=bar)
    assert error(hidden.grad, d_hidden) < bar
    assert error(head.grad, d_head) < bar


def test_in_float64_they_are_torchs_to_the_last_digits() -> None:
    hidden, head, targets = problem(dtype=torch.float64)
    loss = chunked.linear_cross_entropy(hidden, head, targets, "float32")
    (2.5 * loss).backward()
    exact, d_hidden, d_head = reference(hidden, head, targets)
    torch.testing.assert_close(loss.detach(), exact, rtol=1e-13, atol=0)
    torch.testing.assert_close(hidden.grad, 2.5 * d_hidden, rtol=1e-10, atol=1e-14)
    torch.testing.assert_close(head.grad, 2.5 * d_head, rtol=1e-10, atol=1e-14)


def test_a_batch_of_sequences_is_flattened() -> None:
    hidden, head, targets = problem()
    flat = chunked.linear_cross_entropy(hidden[:36], head, targets[:36], "float32")
    shaped = chunked.linear_cross_entropy(
        hidden[:36].view(3, 12, D), head, targets[:36].view(3, 12), "float32"
    )
    assert torch.equal(flat, shaped)


def test_logits_that_overflow_exp_fall_back_and_stay_exact() -> None:
    hidden, head, targets = problem(scale=60.0)
    logits = hidden @ head.T
    above = logits.max(-1).values - logits.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    assert float(above.detach().max()) > 89  # exp of it is beyond float32
    loss = chunked.linear_cross_entropy(hidden, head, targets, "float32")
    loss.backward()
    exact, d_hidden, d_head = reference(hidden, head, targets)
    assert loss.item() == pytest.approx(float(exact), rel=1e-5)
    assert error(hidden.grad, d_hidden) < 1e-5
    assert error(head.grad, d_head) < 1e-5
    with torch.no_grad():
        alone = chunked.linear_cross_entropy(hidden, head, targets, "float32")
    assert float(alone) == pytest.approx(float(exact), rel=1e-5)


def test_without_gradients_the_loss_is_the_same_and_no_gradient_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hidden, head, targets = problem()
    monkeypatch.setattr(chunked, "loss_and_gradients", None)
    with torch.no_grad():
        loss = chunked.linear_cross_entropy(hidden, head, targets, "float32")
    assert loss.item() == pytest.approx(float(reference(hidden, head, targets)[0]), rel=1e-6)


def test_a_hidden_state_that_is_not_finite_gives_a_loss_that_is_not() -> None:
    hidden, head, targets = problem()
    broken = hidden.detach().clone()
    broken[5, 3] = torch.nan
    loss = chunked.linear_cross_entropy(broken.requires_grad_(), head, targets, "float32")
    assert torch.isnan(loss)


def test_products_are_exact_again_after_the_block() -> None:
    a, b = torch.randn(256, 256), torch.randn(256, 256)
    exact = a @ b
    with products("bfloat16"):
        rounded = a @ b
    assert torch.equal(a @ b, exact)
    if bfloat16_pays():
        assert not torch.equal(rounded, exact)
    torch.testing.assert_close(rounded, exact, rtol=0, atol=0.6)


def test_auto_is_what_the_cpu_is_fast_at_and_an_unknown_wish_names_the_choices() -> None:
    assert chosen("auto") == ("bfloat16" if bfloat16_pays() else "float32")
    assert chosen("float32") == "float32"
    with pytest.raises(ValueError, match=r"float16.*auto, float32, bfloat16"):
        chosen("float16")


@pytest.mark.parametrize("spread", [1.0, 300.0])  # of logits; exp overflows at 88
def test_each_rows_surprisal_is_the_cross_entropy(spread: float) -> None:
    torch.manual_seed(3)
    hidden, head = torch.randn(7, 4) * spread, torch.randn(5000, 4)
    targets = torch.randint(0, 5000, (7,))
    expected = F.cross_entropy(hidden.double() @ head.double().T, targets, reduction="none")
    with torch.no_grad():
        actual = chunked.surprisals(hidden, head, targets)
    torch.testing.assert_close(actual.double(), expected, rtol=1e-5, atol=1e-5 * spread)
    assert chunked.surprisals(hidden[:0], head, targets[:0]).shape == (0,)
