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

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from core.linear import linear
from core.products import Products

BLOCK = 4096  # of the vocabulary: rows x block float32 logits stay within the caches
ROWS = 512  # predictions at a time: their exponentials over 50,257 tokens take 49 MiB in bfloat16
LEAN_ROWS = 256  # of more than ROWS predictions, where memory counts; it costs a tenth of the speed
LEAN_ROWS_FLOAT32 = 64  # the same where the exponentials are kept in float32
STABLE_ROWS = 64  # predictions at a time where the exponentials overflow


def loss_and_gradients(
    hidden: Tensor,
    head: Tensor,
    targets: Tensor,
    d_head: Tensor,
    precision: Products,
    *,
    total: int,
    bias: Tensor | None = None,
    between: Callable[[], None] = lambda: None,
) -> tuple[Tensor, Tensor]:
    """The summed surprisal over `total`, in nats, and its gradient at the hidden states: (), (N, D).

    hidden (N, D), head (V, D), targets (N,); the head's gradient is added to d_head (V, D). `bias` (V,) is
    added to the logits. `total` is N, or how many predictions the whole batch has of which these are a part.
    `between` is called after every block. Memory beside the gradients is O(ROWS x V), whatever N. A logit
    more than 88 nats above its target's overflows exp: such rows are computed with the maximum taken off
    instead, in float32.
    """
    store = torch.bfloat16 if precision == "bfloat16" else hidden.dtype
    loss = torch.zeros((), dtype=torch.float64)
    d_hidden = torch.empty_like(hidden)
    for rows in _groups(len(targets), store):
        args = hidden[rows], head, bias, targets[rows], total
        group = _group(*args, store, d_hidden[rows], d_head, between)
        if not torch.isfinite(group):
            group = _stable_group(*args, d_hidden[rows], d_head, between)
        loss += group
    return (loss / total).to(hidden.dtype), d_hidden


def surprisals(hidden: Tensor, head: Tensor, targets: Tensor, bias: Tensor | None = None) -> Tensor:
    """-log q at the targets without keeping any logits: (N, D), (V, D), (N,) -> (N,) float64, in nats.

    `bias` (V,) is added to the logits.
    """
    found = []
    for rows in _groups(len(targets), hidden.dtype):
        h, y = hidden[rows], targets[rows]
        own = _own_logits(h, head, y, bias)  # (R, 1)
        s = h.new_zeros(len(h))  # (R,)
        for first, w in _blocks(head):
            added = None if bias is None else bias[first : first + len(w)]
            s += linear(h, w, added).sub_(own).exp_().sum(-1)
        if not torch.isfinite(s).all():
            logits = h @ head.T if bias is None else torch.addmm(bias, h, head.T)  # (R, V)
            found.append((torch.logsumexp(logits, -1) - own.squeeze(-1)).double())
        else:
            found.append(torch.log(s).double())
    return torch.cat(found) if found else torch.zeros(0, dtype=torch.float64)


def _group(
    h: Tensor,
    head: Tensor,
    bias: Tensor | None,
    y: Tensor,
    n: int,
    store: torch.dtype,
    d_h: Tensor,
    d_head: Tensor,
    between: Callable[[], None],
) -> Tensor:
    """The summed loss of R rows; their gradients over n are written to d_h and added to d_head.

    Nothing is added where the loss is not finite.
    """
    own = _own_logits(h, head, y, bias)  # (R, 1)
    s = h.new_zeros(len(h))  # (R,)
    kept: list[Tensor] = []
    for first, w in _blocks(head):
        logits = h @ w.T  # (R, block)
        if bias is not None:
            logits += bias[first : first + len(w)]
        e = logits.sub_(own).exp_()
        s += e.sum(-1)
        kept.append(e.to(store))
        between()
    loss = torch.log(s).sum(dtype=torch.float64)
    if not torch.isfinite(loss):
        return loss
    scale = (1 / (s * n)).unsqueeze(-1)  # (R, 1)
    scaled = (h * scale).to(store)
    d_h.zero_()
    for (first, w), e in zip(_blocks(head), kept, strict=True):
        d_head[first : first + len(w)] += e.T @ scaled
        d_h += e @ w.to(store)
        between()
    d_h *= scale
    _take_off_targets(h, head, y, n, d_h, d_head)
    return loss


def _stable_group(
    h: Tensor,
    head: Tensor,
    bias: Tensor | None,
    y: Tensor,
    n: int,
    d_h: Tensor,
    d_head: Tensor,
    between: Callable[[], None],
) -> Tensor:
    """As `_group`, by few rows at a time with a true softmax: never overflows."""
    total = torch.zeros((), dtype=torch.float64)
    for first in range(0, len(y), STABLE_ROWS):
        rows = slice(first, first + STABLE_ROWS)
        logits = h[rows] @ head.T if bias is None else torch.addmm(bias, h[rows], head.T)  # (r, V)
        log_q = torch.log_softmax(logits, -1)
        total -= log_q.gather(-1, y[rows].unsqueeze(-1)).sum(dtype=torch.float64)
        q = log_q.exp_().div_(n)
        d_h[rows] = q @ head
        d_head.addmm_(q.T, h[rows])
        between()
    _take_off_targets(h, head, y, n, d_h, d_head)
    return total


def _own_logits(h: Tensor, head: Tensor, y: Tensor, bias: Tensor | None = None) -> Tensor:
    """The logit of every row's own target: (R, 1)."""
    own = (h * head[y]).sum(-1, keepdim=True)
    return own if bias is None else own + bias[y].unsqueeze(-1)


def _take_off_targets(h: Tensor, head: Tensor, y: Tensor, n: int, d_h: Tensor, d_head: Tensor) -> None:
    """The one-hot's part of the gradient, in float32."""
    d_h.sub_(head[y], alpha=1 / n)
    d_head.index_add_(0, y, h, alpha=-1 / n)


def _groups(n: int, store: torch.dtype) -> Iterator[slice]:
    """The predictions that are computed together, by what their exponentials are kept in."""
    lean = LEAN_ROWS if store == torch.bfloat16 else LEAN_ROWS_FLOAT32
    rows = ROWS if n <= ROWS else lean
    for first in range(0, n, rows):
        yield slice(first, first + rows)


def _blocks(head: Tensor) -> Iterator[tuple[int, Tensor]]:
    """Blocks of the head's rows with the index of their first."""
    for first in range(0, len(head), BLOCK):
        yield first, head[first : first + BLOCK]
