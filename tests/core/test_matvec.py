"""One row times a matrix, against the same product in float64 and the one PyTorch makes."""

import pytest
import torch
from torch.nn import functional

from core import matvec
from core.matvec import linear


def operands(n_in: int, n_out: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(n_in)
    shapes = ((n_in,), (n_out, n_in), (n_out,))
    x, weight, bias = (torch.randn(shape, generator=generator) for shape in shapes)
    return x, weight, bias


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
@pytest.mark.parametrize(("n_in", "n_out"), [(1, 1), (7, 5), (768, 2304), (64, 50257)])
def test_one_row_is_the_exact_product_of_that_shape(shape: tuple[int, ...], n_in: int, n_out: int) -> None:
    x, weight, bias = operands(n_in, n_out)
    x = x.view(*shape, n_in)
    exact = (weight.double() @ x.double().flatten()).view(*shape, n_out)
    with torch.no_grad():
        torch.testing.assert_close(linear(x, weight).double(), exact, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(linear(x, weight, bias).double(), exact + bias, rtol=1e-4, atol=1e-4)


@pytest.mark.skipif(not matvec._ONEDNN, reason="this PyTorch has no oneDNN")
def test_one_row_is_left_to_onednn_and_comes_out_the_same_each_time() -> None:
    x, weight, bias = operands(768, 3072)
    with torch.inference_mode():
        expected = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
        assert not torch.equal(expected, functional.linear(x, weight, bias)), "else this test says nothing"
        for _ in range(5):
            assert torch.equal(linear(x, weight, bias), expected)


def test_several_rows_gradients_and_other_numbers_are_pytorchs() -> None:
    x, weight, bias = operands(64, 32)
    rows = torch.stack([x, x + 1])
    with torch.no_grad():
        assert torch.equal(linear(rows, weight, bias), functional.linear(rows, weight, bias))
        halves = [part.double() for part in (x, weight, bias)]
        assert torch.equal(linear(*halves), functional.linear(*halves))
    weight.requires_grad_(True)
    linear(x, weight, bias).sum().backward()
    assert weight.grad is not None and torch.equal(weight.grad, x.expand(32, 64))


def test_without_onednn_it_is_pytorchs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matvec, "_ONEDNN", False)
    x, weight, bias = operands(768, 3072)
    with torch.inference_mode():
        assert torch.equal(linear(x, weight, bias), functional.linear(x, weight, bias))
