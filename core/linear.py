"""A linear map for looking at a model: what a prediction costs, of one row or of many.

With few rows it is bound by reading the matrix. There `functional.linear` asks MKL, which for one row works
on one core, and on processors that are not its maker's is slow with more, too; oneDNN, a part of the same
PyTorch, uses all cores. Training has its own products, as gradients do not flow through this one.
"""

import torch
from torch import Tensor
from torch.nn import functional

_ONEDNN = torch.backends.mkldnn.is_available() and hasattr(  # type: ignore[no-untyped-call]
    torch.ops.mkldnn, "_linear_pointwise"
)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x @ weight.T + bias, as `functional.linear`: (..., n_in), (n_out, n_in), (n_out,) -> (..., n_out)."""
    if _ONEDNN and x.numel() and _plain(x) and not torch.is_grad_enabled():
        product: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
        return product
    return functional.linear(x, weight, bias)


def _plain(x: Tensor) -> bool:
    return x.dtype == torch.float32 and x.device.type == "cpu"
