"""A linear map of few rows is the same map."""

import pytest
import torch
import torch.nn.functional as F

from core.narrow import ROWS, linear


@pytest.mark.parametrize("n", range(ROWS + 3))
@pytest.mark.parametrize("with_bias", [True, False])
def test_it_is_the_linear_map_whatever_the_number_of_rows(n: int, with_bias: bool) -> None:
    torch.manual_seed(n)
    weight, bias = torch.randn(37, 11), torch.randn(37) if with_bias else None
    for shape in ((n, 11), (1, n, 11)):
        x = torch.randn(shape)
        with torch.inference_mode():
            y = linear(x, weight, bias)
        assert y.shape == (*shape[:-1], 37) and y.is_contiguous()
        torch.testing.assert_close(y, F.linear(x, weight, bias), atol=1e-5, rtol=1e-5)
    with torch.inference_mode():
        assert linear(torch.ones(11), weight).shape == (37,)


def test_gradients_flow_through_it() -> None:
    weight = torch.randn(5, 3, requires_grad=True)
    linear(torch.ones(2, 3), weight).sum().backward()
    assert weight.grad is not None and torch.equal(weight.grad, torch.full((5, 3), 2.0))
