"""A matrix times one vector: what all but the first token of a continuation costs.

Such a product is bound by reading the matrix. For one row `functional.linear` asks MKL, which does that on
one core; oneDNN, which is part of the same PyTorch, does it on all of them and is faster on each.
"""

import torch
from torch import Tensor
from torch.nn import functional

_ONEDNN = torch.backends.mkldnn.is_available() and hasattr(  # type: ignore[no-untyped-call]
    torch.ops.mkldnn, "_linear_pointwise"
)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x @ weight.T + bias, as `functional.linear`: (..., n_in), (n_out, n_in), (n_out,) -> (..., n_out)."""
    if x.numel() == weight.shape[1] and _ONEDNN and _plain(x) and not torch.is_grad_enabled():
        product: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
        return product
    return functional.linear(x, weight, bias)


def _plain(x: Tensor) -> bool:
    return x.dtype == torch.float32 and x.device.type == "cpu"
