"""The cross entropy of a linear head without its logits: loss and gradients, block by block.

N predictions, D wide, over a vocabulary of V. The plain way holds N x V logits, their softmax and its
gradient, 4 bytes each. Here

    loss_i = -log q_i(y_i) = log sum_v exp(l_iv - l_iy)        with l = h W^T and y the targets

is summed over blocks of the vocabulary. The exponentials, which are all of the gradient that depends on
v, are kept until the sums s_i are known (in bfloat16 where products are made in it):

    dl_iv = (exp(l_iv - l_iy) / s_i - [v = y_i]) / N     dh = dl W     dW = dl^T h

1 / (s_i N) goes to the narrow factors, h and dh, and the target's own term is taken off in float32, so
no pass over N x V numbers is made but the exponential itself.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from core.narrow import linear
from core.products import Products

BLOCK = 4096  # of the vocabulary: rows x block float32 logits stay within the caches
ROWS = 512  # predictions at a time: their exponentials over 50,257 tokens take 49 MiB in bfloat16
STABLE_ROWS = 64  # predictions at a time where the exponentials overflow


def linear_cross_entropy(hidden: Tensor, head: Tensor, targets: Tensor, precision: Products) -> Tensor:
    """The mean surprisal in nats at the targets: (..., D), (V, D), (...) -> ().

    Differentiable once, in `hidden` and `head`. Memory beside the head's gradient is O(ROWS x V), whatever
    the number of predictions. A logit more than 88 nats above its target's overflows exp: such rows are
    computed with the maximum taken off instead, in float32.
    """
    flat, flat_targets = hidden.reshape(-1, hidden.shape[-1]), targets.reshape(-1)  # (N, D), (N,)
    if not (torch.is_grad_enabled() and (hidden.requires_grad or head.requires_grad)):
        return loss_alone(flat, head, flat_targets)
    loss: Tensor = _LinearCrossEntropy.apply(flat, head, flat_targets, precision)  # type: ignore[no-untyped-call]
    return loss


class _LinearCrossEntropy(torch.autograd.Function):
    """Loss and gradients in the forward pass; the backward pass scales them."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, head: Tensor, targets: Tensor, precision: Products) -> Tensor:
        loss, d_hidden, d_head = loss_and_gradients(hidden, head, targets, precision)
        ctx.save_for_backward(d_hidden, d_head)
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_loss: Tensor) -> tuple[Tensor, Tensor, None, None]:
        d_hidden, d_head = ctx.saved_tensors
        if float(d_loss) != 1.0:
            d_hidden, d_head = d_hidden.mul_(d_loss), d_head.mul_(d_loss)
        return d_hidden, d_head, None, None


def loss_and_gradients(
    hidden: Tensor, head: Tensor, targets: Tensor, precision: Products
) -> tuple[Tensor, Tensor, Tensor]:
    """(N, D), (V, D), (N,) -> mean surprisal (), its gradients (N, D) and (V, D)."""
    n = len(targets)
    store = torch.bfloat16 if precision == "bfloat16" else hidden.dtype
    total = torch.zeros((), dtype=torch.float64)
    d_hidden, d_head = torch.empty_like(hidden), torch.zeros_like(head)
    for first in range(0, n, ROWS):
        rows = slice(first, first + ROWS)
        loss = _group(hidden[rows], head, targets[rows], n, store, d_hidden[rows], d_head)
        if not torch.isfinite(loss):
            loss = _stable_group(hidden[rows], head, targets[rows], n, d_hidden[rows], d_head)
        total += loss
    return (total / n).to(hidden.dtype), d_hidden, d_head


def loss_alone(hidden: Tensor, head: Tensor, targets: Tensor) -> Tensor:
    """The same mean without gradients, and without keeping the exponentials: (N, D), (V, D), (N,) -> ()."""
    total = surprisals(hidden, head, targets).sum(dtype=torch.float64)
    return (total / len(targets)).to(hidden.dtype)


def surprisals(hidden: Tensor, head: Tensor, targets: Tensor) -> Tensor:
    """-log q(target) of every row, in nats, without gradients: (N, D), (V, D), (N,) -> (N,)."""
    parts = []
    for first in range(0, len(targets), ROWS):
        rows = slice(first, first + ROWS)
        h, y = hidden[rows], targets[rows]
        own = _own_logits(h, head, y)
        s = h.new_zeros(len(h))
        for _, w in _blocks(head):
            s += linear(h, w).sub_(own).exp_().sum(-1)
        part = torch.log(s)
        if not torch.isfinite(part).all():
            part = torch.logsumexp(h @ head.T, -1) - own.squeeze(-1)
        parts.append(part)
    return torch.cat(parts) if parts else hidden.new_zeros(0)


def _group(
    h: Tensor, head: Tensor, y: Tensor, n: int, store: torch.dtype, d_h: Tensor, d_head: Tensor
) -> Tensor:
    """The summed loss of R rows; their gradients are written to d_h and added to d_head.

    Nothing is added where the loss is not finite.
    """
    own = _own_logits(h, head, y)  # (R, 1)
    s = h.new_zeros(len(h))  # (R,)
    kept: list[Tensor] = []
    for _, w in _blocks(head):
        e = (h @ w.T).sub_(own).exp_()  # (R, block)
        s += e.sum(-1)
        kept.append(e.to(store))
    loss = torch.log(s).sum(dtype=torch.float64)
    if not torch.isfinite(loss):
        return loss
    scale = (1 / (s * n)).unsqueeze(-1)  # (R, 1)
    scaled = (h * scale).to(store)
    d_h.zero_()
    for (first, w), e in zip(_blocks(head), kept, strict=True):
        d_head[first : first + len(w)] += e.T @ scaled
        d_h += e @ w.to(store)
    d_h *= scale
    _take_off_targets(h, head, y, n, d_h, d_head)
    return loss


def _stable_group(h: Tensor, head: Tensor, y: Tensor, n: int, d_h: Tensor, d_head: Tensor) -> Tensor:
    """As `_group`, by few rows at a time with a true softmax: never overflows."""
    total = torch.zeros((), dtype=torch.float64)
    for first in range(0, len(y), STABLE_ROWS):
        rows = slice(first, first + STABLE_ROWS)
        log_q = torch.log_softmax(h[rows] @ head.T, -1)  # (r, V)
        total -= log_q.gather(-1, y[rows].unsqueeze(-1)).sum(dtype=torch.float64)
        q = log_q.exp_().div_(n)
        d_h[rows] = q @ head
        d_head.addmm_(q.T, h[rows])
    _take_off_targets(h, head, y, n, d_h, d_head)
    return total


def _own_logits(h: Tensor, head: Tensor, y: Tensor) -> Tensor:
    """The logit of every row's own target: (R, 1)."""
    return (h * head[y]).sum(-1, keepdim=True)


def _take_off_targets(h: Tensor, head: Tensor, y: Tensor, n: int, d_h: Tensor, d_head: Tensor) -> None:
    """The one-hot's part of the gradient, in float32."""
    d_h.sub_(head[y], alpha=1 / n)
    d_head.index_add_(0, y, h, alpha=-1 / n)


def _blocks(head: Tensor) -> Iterator[tuple[int, Tensor]]:
    """Blocks of the head's rows with the index of their first."""
    for first in range(0, len(head), BLOCK):
        yield first, head[first : first + BLOCK]
