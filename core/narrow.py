"""A linear map of a few rows: nothing but reading the weights, so as fast as memory gives them."""

import torch
from torch import Tensor
from torch.nn import functional

ROWS = 8  # of more the plain way is as fast
_AT_ONCE = 4  # rows that take no longer than one


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x @ weight.T + bias: (..., n_in), (n_out, n_in), (n_out,) -> (..., n_out)."""
    n_rows = x.numel() // x.shape[-1]
    if not 0 < n_rows <= ROWS or torch.is_grad_enabled() or x.device.type != "cpu":
        return functional.linear(x, weight, bias)
    rows = x.reshape(n_rows, -1)
    if n_rows == 1:
        rows = rows.repeat(2, 1)  # of a single row the product is made by one thread, and takes twice as long
    column = None if bias is None else bias.unsqueeze(-1)  # (n_out, 1)
    parts = [_product(weight, part.t(), column) for part in rows.chunk(-(-n_rows // _AT_ONCE))]
    return torch.cat(parts)[:n_rows].view(*x.shape[:-1], -1)


def _product(weight: Tensor, columns: Tensor, bias: Tensor | None) -> Tensor:
    """(n_out, n_in), (n_in, r), (n_out, 1) -> (r, n_out)."""
    # The weights go first: the other way round two rows take twice as long as one, and four as long as two.
    product = weight @ columns if bias is None else torch.addmm(bias, weight, columns)
    return product.t()
