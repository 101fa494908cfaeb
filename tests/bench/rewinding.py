"""How long it takes to go to any step of a long run, from memory, from disk, or by replaying.

`python -m tests.bench.rewinding [SIZE] [--steps N] [--visits N]` trains a run of N steps as the engine does,
everything written down, opens it again as after a restart, and goes to random steps of it. It prints one JSON
line: the median and the worst time in seconds, and the longest way in steps. With `--runs FOLDER` the run is
left there, and one that lies there already is gone on with: training takes long, and need not be alone.
"""

import os
import random
import statistics
import tempfile
import time
from pathlib import Path

from core import messages as m
from core.recorder import Recorder
from core.session import Session
from tests.bench import trainees
from tests.bench.contest import at_length, options, report
from tests.bench.ours import prepare_process
from tests.bench.spin import spin


def session(events: list[m.AnyEvent]) -> Session:
    """A session that tells into `events`."""
    return Session(emit=events.append, between=lambda: None, interrupted=lambda: False, recorder=Recorder())


def main() -> None:
    words = options(__doc__)
    words.add_argument("size", nargs="?", default="d128", help=", ".join(trainees.SIZES))
    words.add_argument("--steps", type=int, default=at_length(10_000, 30))
    words.add_argument("--visits", type=int, default=at_length(40, 3))
    words.add_argument("--runs", type=Path, help="where the run is left")
    given = words.parse_args()
    prepare_process()
    spun = spin()
    events: list[m.AnyEvent] = []
    with tempfile.TemporaryDirectory() as folder:
        kept = given.runs or Path(folder)
        os.environ["NEGLOGP_RUNS"] = str(kept)
        known = list(kept.iterdir()) if kept.exists() else []
        first = session(events)
        if known:
            first.open(m.Open(model=known[0].name))
        else:
            first.open(m.Open(training=trainees.SIZES[given.size]))
        left = given.steps - first.status().step
        if left > 0:
            first.run(m.Run(steps=left))
        while first.running:
            first.advance()
            events.clear()
        first.close()
        (run,) = kept.iterdir()
        second = session(events)
        second.open(m.Open(model=run.name))
        seconds, ways = [], []
        draw = random.Random(1)
        for _ in range(given.visits):
            step = draw.randint(1, given.steps)
            events.clear()
            began = time.perf_counter()
            second.rewind(m.Rewind(step=step))
            seconds.append(time.perf_counter() - began)
            ways.append(max((event.total for event in events if isinstance(event, m.Progress)), default=0))
        on_disk = sum(file.stat().st_size for file in run.rglob("*") if file.is_file())
        second.close()
    report(
        {
            "name": "rewinding",
            "size": given.size,
            "steps": given.steps,
            "median_s": round(statistics.median(seconds), 2),
            "worst_s": round(max(seconds), 2),
            "longest_way": max(ways),
            "disk_mb": round(on_disk / 1e6),
            "runs": len(seconds),
            "spin": round(spun, 4),
        }
    )


if __name__ == "__main__":
    main()
