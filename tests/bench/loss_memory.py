"""The peak memory of a loss and its gradients, the head's own gradient excepted, ours against the plain way.

`python -m tests.bench.loss_memory [--rows N] [--width D] [--rounds N]`. Each measurement is a process of its
own; the plain way needs 6 GB at 8,192 rows of 50,257 logits.
"""

import resource
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from tests.bench.contest import Contender, Record, Work, at_length, options, ratios, report
from tests.bench.ours import loss_and_gradients, precisions
from tests.bench.spin import spin

V = 50257
MIB = 2**20
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def ours(width: str, dtype: str) -> Work:
    # Not set up as the engine is: memory that was freed and kept would not count when it is used again.
    precision = next(known for known in precisions() if known == dtype)
    return measured(int(width), lambda h, w, y: loss_and_gradients(h, w, y, precision))


def plain(width: str) -> Work:
    return measured(int(width), lambda h, w, y: functional.cross_entropy(h @ w.T, y).backward())


def measured(width: int, compute: Callable[[Tensor, Tensor, Tensor], object]) -> Work:
    """Work by the row: how far the process's memory went above where it stood with weights and inputs."""
    generator = torch.Generator().manual_seed(1)
    head = (torch.randn(V, width, generator=generator) * 0.02).requires_grad_()

    def work(rows: float) -> Record:
        hidden = torch.randn(int(rows), width, generator=generator).requires_grad_()
        targets = torch.randint(V, (int(rows),), generator=generator)
        head.grad = None
        forget_peak()
        before = peak()
        compute(hidden, head, targets)
        assert head.grad is not None and hidden.grad is not None
        return {"mib": (peak() - before - head.grad.nbytes) / MIB}

    work(8)  # what libraries load on first use is not of the loss
    return work


def forget_peak() -> None:
    """Let the kernel count the highest resident memory from now on, where it lets us."""
    try:
        _CLEAR.write_text("5")
    except OSError:
        print("the peak could not be reset: it is counted from the process's start", file=sys.stderr)


def peak() -> int:
    """The highest resident memory so far, in bytes."""
    try:
        lines = _STATUS.read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024


def main() -> None:
    words = options(__doc__)
    words.add_argument("--rows", type=int, default=at_length(8192, 512))
    words.add_argument("--width", type=int, default=768)
    words.add_argument("--rounds", type=int, default=at_length(2, 1))
    given = words.parse_args()
    width, spins = str(given.width), []
    came: dict[str, list[float]] = {name: [] for name in [*precisions(), "plain"]}
    for _ in range(given.rounds):
        spins.append(spin())
        for name, mib in came.items():
            with Contender(plain, width) if name == "plain" else Contender(ours, width, name) as fresh:
                mib.append(float(fresh.ask(given.rows)["mib"]))
    for dtype in precisions():
        report(
            {
                "name": "loss_memory",
                "rows": given.rows,
                "width": given.width,
                "peer": "plain",
                "ours": dtype,
                **ratios(came[dtype], came["plain"]),
                "ours_mib": round(statistics.median(came[dtype])),
                "peer_mib": round(statistics.median(came["plain"])),
                "spin": round(statistics.median(spins), 4),
            }
        )


if __name__ == "__main__":
    main()
