"""The linear map of inference, against the same product in float64 and the one PyTorch makes."""

import pytest
import torch
from torch.nn import functional

from core import linear as module
from core.linear import linear


def operands(n_in: int, n_out: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(n_in)
    return torch.randn(n_out, n_in, generator=generator), torch.randn(n_out, generator=generator)


@pytest.mark.parametrize("onednn", [True, False])
@pytest.mark.parametrize("shape", [(), (0,), (1,), (1, 1), (3,), (2, 33)])
@pytest.mark.parametrize(("n_in", "n_out"), [(1, 1), (7, 5), (768, 2304)])
def test_it_is_the_product_of_that_shape(
    shape: tuple[int, ...], n_in: int, n_out: int, onednn: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_ONEDNN", onednn and module._ONEDNN)
    weight, bias = operands(n_in, n_out)
    x = torch.randn(*shape, n_in)
    exact = x.double() @ weight.double().T
    with torch.inference_mode():
        for made, wanted in ((linear(x, weight), exact), (linear(x, weight, bias), exact + bias)):
            torch.testing.assert_close(made.double(), wanted, rtol=1e-4, atol=2e-4)
            assert made.is_contiguous()


def test_it_comes_out_the_same_each_time() -> None:
    weight, bias = operands(768, 3072)
    x = torch.randn(5, 768)
    with torch.inference_mode():
        first = linear(x, weight, bias)
        assert all(torch.equal(linear(x, weight, bias), first) for _ in range(5))


def test_gradients_and_other_numbers_are_pytorchs() -> None:
    weight, bias = operands(64, 32)
    x = torch.randn(2, 64)
    with torch.no_grad():
        halves = [part.double() for part in (x, weight, bias)]
        assert torch.equal(linear(*halves), functional.linear(*halves))
    weight.requires_grad_(True)
    linear(x, weight, bias).sum().backward()
    assert weight.grad is not None
    torch.testing.assert_close(weight.grad, x.sum(0).expand(32, 64))
