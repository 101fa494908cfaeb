"""What the screen pays for a long run: its memory, and a picture of the loss, late against early.

`python -m tests.bench.long_curve [--steps N] [--rounds N]` tells the explore screen of a run's steps as the
engine does, on a terminal of 120 x 40, and prints one JSON line: the process's memory with 10 steps known and
with N (10,000 by default), and how long a picture takes with each, the median of the rounds.
"""

import asyncio
import math
import statistics
import time
from collections.abc import Iterator

from core import messages as m
from tests.bench.contest import at_length, options, report
from tests.bench.long_run import MIB, YOUNG, resident
from tests.bench.spin import spin
from tests.tui.exploring import Exploration, exploring
from tui.news import StepsDone

TOLD_TOGETHER = 12  # steps in one event: those of 0.2 s at 60 a second
VALIDATED = 20  # steps between two validation losses


def results(first: int, last: int) -> Iterator[m.StepResult]:
    """The lines of a run whose losses fall and are never the same."""
    for step in range(first, last + 1):
        nats = 3 + 8 * math.exp(-step / 2000) + math.sin(step) / 10
        validation = m.real(nats + 0.1) if step % VALIDATED == 0 else None
        yield m.StepResult(step=step, loss=m.real(nats), validation=validation, prompt=m.real(nats - 0.5))


async def tell(exploration: Exploration, first: int, last: int) -> None:
    """Let the screen know of some steps."""
    for start in range(first, last + 1, TOLD_TOGETHER):
        some = tuple(results(start, min(start + TOLD_TOGETHER - 1, last)))
        exploration.screen.post_message(StepsDone(some, anew=False))
        await exploration.settled()


def picture_ms(exploration: Exploration, rounds: int) -> float:
    """The median time of drawing the chart anew."""
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        exploration.chart._redraw()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1000


async def measured(steps: int, rounds: int) -> dict[str, float]:
    async with exploring() as exploration:
        await tell(exploration, 1, YOUNG)
        picture_ms(exploration, rounds)  # what is made once is made
        early, early_ms = resident(), picture_ms(exploration, rounds)
        await tell(exploration, YOUNG + 1, steps)
        late_ms = picture_ms(exploration, rounds)
        return {
            "early_mib": round(early / MIB, 1),
            "late_mib": round(resident() / MIB, 1),
            "early_ms": round(early_ms, 2),
            "late_ms": round(late_ms, 2),
        }


def main() -> None:
    words = options(__doc__)
    words.add_argument("--steps", type=int, default=at_length(10_000, 200))
    words.add_argument("--rounds", type=int, default=at_length(50, 5))
    given = words.parse_args()
    figures = asyncio.run(measured(given.steps, given.rounds))
    report({"name": "long_curve", "steps": given.steps, **figures, "spin": round(spin(), 4)})


if __name__ == "__main__":
    main()
