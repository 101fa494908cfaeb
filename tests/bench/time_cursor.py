"""From a key that moves the cursor over time to the screen that shows the prompt as it was there.

`python -m tests.bench.time_cursor [--steps N] [--moves N]` trains a run of N steps of a model of width 8 as
the engine does, the prompt kept, opens it on a terminal of 120 x 40 and moves the cursor from random steps to
their neighbours. It prints one JSON line: milliseconds from the key to the last byte of the picture, first at
rest and then while the run goes on (there to the bytes that bring the step, as a picture is never the last).
"""

import os
import random
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

from core import messages as m
from core.checkpoint import save_model
from core.models.gpt2 import Model
from core.recorder import Recorder
from core.session import Session
from tests.bench.contest import Record, at_length, options, report
from tests.bench.first_frame import COLUMNS, PROMPT, ROOT, ROWS
from tests.bench.long_run import SHAPE, TRAINING
from tests.bench.ours import prepare_process
from tests.bench.spin import spin
from tests.e2e.terminal import Terminal

QUIET = 0.25  # seconds without a byte, after which a picture is whole


def recorded_run(folder: Path, steps: int) -> None:
    """A run called "long" whose prompt was recorded at every step."""
    model = Model(SHAPE)
    model.initialise(1)
    (folder / "tiny").mkdir()
    save_model(model, model.to_hf(), folder / "tiny")
    session = Session(
        emit=lambda event: None,
        between=lambda: None,
        interrupted=lambda: False,
        recorder=Recorder(folder=folder / "runs" / "long"),
    )
    session.open(m.Open(model=str(folder / "tiny"), training=TRAINING))
    session.keep(m.Keep(text=PROMPT))
    session.run(m.Run(steps=steps))
    while session.running:
        session.advance()
    session.close()


def moved(terminal: Terminal, step: int, *, at_rest: bool) -> float:
    """The milliseconds that a move to the step before takes."""
    shown = re.compile(rf"as it was at step {step - 1:,} ")
    first = len(terminal.chunks)
    began = time.monotonic()
    terminal.send("[")
    terminal.wait_for(shown)
    if at_rest:
        written = -1
        while written != (written := terminal.written()):
            time.sleep(QUIET)
        return (terminal.chunks[-1].at - began) * 1000
    text = ""
    for chunk in terminal.chunks[first:]:
        text += chunk.data.decode(errors="replace")
        if f"{step - 1:,} " in text:
            return (chunk.at - began) * 1000
    raise AssertionError(terminal.describe(f"step {step - 1} was never written"))


def moves(terminal: Terminal, draws: random.Random, steps: int, n: int, *, at_rest: bool) -> list[float]:
    found = []
    for _ in range(n):
        step = draws.randint(2, steps - 1)
        terminal.send("M", str(step), "enter")
        terminal.wait_for(re.compile(rf"as it was at step {step:,} "))
        time.sleep(QUIET)
        found.append(moved(terminal, step, at_rest=at_rest))
    return found


def figures(name: str, found: list[float]) -> Record:
    high = statistics.quantiles(found, n=20)[-1] if len(found) > 1 else found[0]
    return {f"{name}_ms": round(statistics.median(found), 1), f"{name}_p95_ms": round(high, 1)}


def main() -> None:
    words = options(__doc__)
    words.add_argument("--steps", type=int, default=at_length(10_000, 60))
    words.add_argument("--moves", type=int, default=at_length(40, 3))
    given = words.parse_args()
    prepare_process()
    spun = spin()
    draws = random.Random(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["NEGLOGP_RUNS"] = str(folder / "runs")
        recorded_run(folder, given.steps)
        command = [sys.executable, "-P", "-m", "tui", "--model", "long"]
        env = {"PYTHONPATH": str(ROOT), "NEGLOGP_RUNS": str(folder / "runs")}
        with Terminal(command, home=folder / "home", columns=COLUMNS, rows=ROWS, env=env) as terminal:
            terminal.wait_for(f"step {given.steps:,}/", timeout=60)
            terminal.send("escape")
            time.sleep(QUIET)  # or it is taken for the beginning of another key
            rest = moves(terminal, draws, given.steps, given.moves, at_rest=True)
            terminal.send("f3")
            terminal.wait_for("running")
            training = moves(terminal, draws, given.steps, given.moves, at_rest=False)
            terminal.send("ctrl+q")
            terminal.wait_for_exit()
    report(
        {
            "name": "time_cursor",
            "steps": given.steps,
            **figures("at_rest", rest),
            **figures("training", training),
            "runs": given.moves,
            "spin": round(spun, 4),
        }
    )


if __name__ == "__main__":
    main()
