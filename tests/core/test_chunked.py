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
    monkeypatch.setattr(chunked, "LEAN_ROWS", 8)
    monkeypatch.setattr(chunked, "LEAN_ROWS_FLOAT32", 4)
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


def ours(
    hidden: Tensor, head: Tensor, targets: Tensor, precision: Products = "float32", total: int | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Loss and gradients by blocks, the head's on top of ones, which are taken off again."""
    d_head = torch.ones_like(head)
    with torch.no_grad(), products(precision):
        loss, d_hidden = chunked.loss_and_gradients(
            hidden, head, targets, d_head, precision, total=total or len(targets)
        )
    return loss, d_hidden, d_head - 1


@pytest.mark.parametrize("rows", [10, 100])  # more predictions than fit into one group, and fewer
@pytest.mark.parametrize(("precision", "bar"), [("float32", 1e-5), ("bfloat16", 1e-2)])
def test_loss_and_gradients_are_torchs(
    precision: Products, bar: float, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunked, "ROWS", rows)
    loss, d_hidden, d_head = ours(*problem(), precision)
    exact, exact_d_hidden, exact_d_head = reference(*problem())
    assert loss.item() == pytest.approx(float(exact), rel=bar)
    assert error(d_hidden, exact_d_hidden) < bar
    assert error(d_head, exact_d_head) < bar


def test_in_float64_they_are_torchs_to_the_last_digits() -> None:
    problem64 = problem(dtype=torch.float64)
    loss, d_hidden, d_head = ours(*problem64)
    exact, exact_d_hidden, exact_d_head = reference(*problem64)
    torch.testing.assert_close(loss, exact, rtol=1e-13, atol=0)
    torch.testing.assert_close(d_hidden, exact_d_hidden, rtol=1e-10, atol=1e-14)
    torch.testing.assert_close(d_head, exact_d_head, rtol=1e-10, atol=1e-14)


def test_a_part_of_a_batch_counts_by_the_whole_batch() -> None:
    hidden, head, targets = problem()
    whole = ours(hidden, head, targets)
    first = ours(hidden[:20], head, targets[:20], total=N)
    rest = ours(hidden[20:], head, targets[20:], total=N)
    torch.testing.assert_close(first[0] + rest[0], whole[0])
    torch.testing.assert_close(torch.cat([first[1], rest[1]]), whole[1])
    torch.testing.assert_close(first[2] + rest[2], whole[2], rtol=1e-4, atol=1e-6)


def test_someone_who_waits_is_served_after_every_block() -> None:
    hidden, head, targets = problem()
    served = []
    chunked.loss_and_gradients(
        hidden.detach(), head.detach(), targets, torch.zeros_like(head), "float32", total=N,
        between=lambda: served.append(1),
    )  # fmt: skip
    blocks = -(-V // chunked.BLOCK)
    groups = -(-N // chunked.LEAN_ROWS_FLOAT32)
    assert len(served) == 2 * blocks * groups


def test_logits_that_overflow_exp_fall_back_and_stay_exact() -> None:
    hidden, head, targets = problem(scale=60.0)
    logits = hidden @ head.T
    above = logits.max(-1).values - logits.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    assert float(above.detach().max()) > 89  # exp of it is beyond float32
    loss, d_hidden, d_head = ours(hidden, head, targets)
    exact, exact_d_hidden, exact_d_head = reference(hidden, head, targets)
    assert loss.item() == pytest.approx(float(exact), rel=1e-5)
    assert error(d_hidden, exact_d_hidden) < 1e-5
    assert error(d_head, exact_d_head) < 1e-5


@pytest.mark.parametrize("scale", [1.0, 15.0, 60.0])  # exp overflows in no row, in some, in all
def test_surprisals_alone_are_torchs(scale: float) -> None:
    hidden, head, targets = (t.detach() for t in problem(scale=scale))
    bias = torch.linspace(-2, 2, V)
    for added in (None, bias):
        logits = hidden.double() @ head.double().T + (0 if added is None else added)
        exact = F.cross_entropy(logits, targets, reduction="none")
        found = chunked.surprisals(hidden, head, targets, added)
        torch.testing.assert_close(found, exact, rtol=1e-5, atol=1e-4)
    assert chunked.surprisals(hidden[:0], head, targets[:0]).shape == (0,)


def test_a_hidden_state_that_is_not_finite_gives_a_loss_that_is_not() -> None:
    hidden, head, targets = problem()
    broken = hidden.detach().clone()
    broken[5, 3] = torch.nan
    assert torch.isnan(ours(broken, head, targets)[0])


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
