"""Contenders in processes of their own that take turns, and the ratios their rounds come to."""

import argparse
import contextlib
import importlib
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from tests.bench.spin import spin

ROOT = Path(__file__).resolve().parents[2]
QUICK = "NEGLOGP_BENCH_QUICK"  # the environment's word for a smoke run
_SERVE = "import sys; from tests.bench import contest; contest.serve(*sys.argv[1:])"

Record = dict[str, Any]
Work = Callable[[float], Record]  # so much of it, and what it came to
Choice = TypeVar("Choice")


class Contender:
    """A process of its own that has been set up and works when asked.

    `setup(*words)` runs there and returns the work. What is process-wide, such as an allocator's settings,
    stays there.
    """

    def __init__(self, setup: Callable[..., Work], *words: str) -> None:
        command = [sys.executable, "-c", _SERVE, home(setup), setup.__name__, *words]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._words = " ".join((setup.__name__, *words))
        try:
            self._answer()  # that it is ready: the next one starts on a machine at rest
        except BaseException:
            self.close()
            raise

    def ask(self, amount: float = 1) -> Record:
        """Let it do so much work; what came of it. Raises RuntimeError where it has ended instead."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{amount}\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()  # type: ignore[union-attr]

    def __enter__(self) -> "Contender":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _answer(self) -> Record:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the contender {self._words!r} ended with status {self._process.wait()}")
        return json.loads(line)


def home(setup: Callable[..., Work]) -> str:
    """The name another process imports a function's module by, also where that is the one being run."""
    if setup.__module__ != "__main__":
        return setup.__module__
    spec = sys.modules["__main__"].__spec__
    assert spec is not None, "run it with python -m"
    return spec.name


def serve(module: str, setup: str, *words: str) -> None:
    """Be a contender: set up, then work for every amount on stdin and answer with a line of JSON."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # a library's stray print must not land among the answers
    work: Work = getattr(importlib.import_module(module), setup)(*words)
    print("{}", file=replies, flush=True)
    for line in sys.stdin:
        print(json.dumps(work(float(line))), file=replies, flush=True)


@contextlib.contextmanager
def contenders(
    setups: Mapping[str, tuple[Callable[..., Work], tuple[str, ...]]],
) -> Iterator[dict[str, Contender]]:
    """One contender for each name, started one after the other and ended together."""
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(Contender(setup, *words)) for name, (setup, words) in setups.items()}


def taking_turns(
    them: Mapping[str, Contender], rounds: int, amount: float = 1
) -> tuple[dict[str, list[Record]], float]:
    """What each came to in every round (A B C A B C ...), and the median spin before the rounds."""
    came: dict[str, list[Record]] = {name: [] for name in them}
    spins = []
    for _ in range(rounds):
        spins.append(spin())
        for name, contender in them.items():
            came[name].append(contender.ask(amount))
    return came, round(statistics.median(spins), 4)


def each(records: Iterable[Record], key: str) -> list[float]:
    """One figure of every round."""
    return [float(record[key]) for record in records]


def ratios(ours: Sequence[float], peer: Sequence[float]) -> Record:
    """How many times ours the peer's figures are, paired by round: median, quartiles and minimum.

    Raises ValueError for unequal numbers of rounds, or none.
    """
    paired = sorted(b / a for a, b in zip(ours, peer, strict=True))
    if not paired:
        raise ValueError("no rounds to compare")
    low, median, high = (
        statistics.quantiles(paired, n=4, method="inclusive") if len(paired) > 1 else paired * 3
    )
    return {
        "ratio": round(median, 3),
        "spread": [round(low, 3), round(high, 3)],
        "lowest": round(paired[0], 3),
        "runs": len(paired),
    }


def compared(ours: Sequence[float], peer: Sequence[float], units: float = 1) -> Record:
    """`ratios` of two lists of seconds with both medians in milliseconds, over the units of work in each."""
    return {
        **ratios(ours, peer),
        "ours_ms": round(statistics.median(ours) * 1000 / units, 2),
        "peer_ms": round(statistics.median(peer) * 1000 / units, 2),
    }


def at_length(full: Choice, quick: Choice) -> Choice:
    """The first, or the second in a smoke run."""
    return quick if os.environ.get(QUICK) else full


def options(doc: str | None) -> argparse.ArgumentParser:
    """The words of a bench, explained by its own docstring."""
    return argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)


def report(record: Record) -> None:
    """Print a record as its line of JSON."""
    print(json.dumps(record, ensure_ascii=False), flush=True)
