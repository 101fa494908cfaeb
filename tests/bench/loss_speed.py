"""The time of a loss and its gradients: ours against the plain way and torch's own chunked one.

`python -m tests.bench.loss_speed [--widths D ...] [--rows N ...] [--rounds N]` prints one JSON line for each
peer, width, number of rows and precision of ours. torch's own is measured in few rounds of few rows: it is
slow on a CPU.
"""

import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional

from tests.bench.contest import (
    Contender,
    Record,
    Work,
    at_length,
    compared,
    contenders,
    each,
    options,
    report,
    taking_turns,
)
from tests.bench.ours import loss_and_gradients, precisions, prepare_process

V = 50257
OWN_ROWS, OWN_ROUNDS = 512, 2
TURN = 0.6  # seconds of work at least, by a first guess of its pace


def ours(width: str, dtype: str) -> Work:
    prepare_process()
    precision = next(known for known in precisions() if known == dtype)
    return timed(int(width), lambda h, w, y: loss_and_gradients(h, w, y, precision))


def plain(width: str) -> Work:
    return timed(int(width), lambda h, w, y: functional.cross_entropy(h @ w.T, y).backward())


def torch_own(width: str) -> Work:
    own: Callable[[Tensor, Tensor, Tensor], Tensor] = functional.linear_cross_entropy
    return timed(int(width), lambda h, w, y: own(h, w, y).backward())


def timed(width: int, compute: Callable[[Tensor, Tensor, Tensor], object]) -> Work:
    """Work by the row: the seconds of one loss with its gradients, the mean of as many as fill a turn."""
    generator = torch.Generator().manual_seed(1)
    head = (torch.randn(V, width, generator=generator) * 0.02).requires_grad_()

    def once(rows: int) -> float:
        hidden = torch.randn(rows, width, generator=generator).requires_grad_()
        targets = torch.randint(V, (rows,), generator=generator)
        head.grad = None
        began = time.perf_counter()
        compute(hidden, head, targets)
        return time.perf_counter() - began

    def work(rows: float) -> Record:
        once(int(rows))  # the allocator and the caches meet this size
        times = [once(int(rows))]
        while sum(times) < at_length(TURN, 0):
            times.append(once(int(rows)))
        return {"seconds": sum(times) / len(times)}

    work(64)
    return work


def results(width: int, all_rows: list[int], rounds: int) -> Iterator[Record]:
    setups: dict[str, tuple[Callable[..., Work], tuple[str, ...]]] = {
        dtype: (ours, (str(width), dtype)) for dtype in precisions()
    }
    setups["plain"] = plain, (str(width),)
    if hasattr(functional, "linear_cross_entropy"):
        setups["torch_own"] = torch_own, (str(width),)
    with contenders(setups) as them:
        others = {name: one for name, one in them.items() if name != "torch_own"}
        for rows in all_rows:
            yield from against("plain", others, width, rows, rounds)
        if "torch_own" in them and OWN_ROWS in all_rows:
            others["torch_own"] = them["torch_own"]
            del others["plain"]
            yield from against("torch_own", others, width, OWN_ROWS, min(rounds, OWN_ROUNDS))


def against(peer: str, them: dict[str, Contender], width: int, rows: int, rounds: int) -> Iterator[Record]:
    came, spin = taking_turns(them, rounds, rows)
    for dtype in precisions():
        yield {
            "name": "loss_speed",
            "width": width,
            "rows": rows,
            "peer": peer,
            "ours": dtype,
            **compared(each(came[dtype], "seconds"), each(came[peer], "seconds")),
            "spin": spin,
        }


def main() -> None:
    words = options(__doc__)
    words.add_argument("--widths", type=int, nargs="+", default=at_length([128, 768], [128]))
    words.add_argument("--rows", type=int, nargs="+", default=at_length([512, 2048], [512]))
    words.add_argument("--rounds", type=int, default=at_length(5, 1))
    given = words.parse_args()
    for width in given.widths:
        for record in results(width, given.rows, given.rounds):
            report(record)


if __name__ == "__main__":
    main()
