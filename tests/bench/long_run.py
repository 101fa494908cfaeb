"""What a late step of a run costs against an early one, in time and memory.

`python -m tests.bench.long_run [--steps N] [--rounds N]` takes a run of a model of width 8 to step N as the
engine does, watching a prompt and writing everything down, then lets it take turns with a young run. 2,000
steps by default; 10,000 is the claim. Of the memory that came on, `snapshots_mib` is what is held for going
back, which has a budget of its own.
"""

import contextlib
import os
import tempfile
import time
from pathlib import Path

from core import messages as m
from core.checkpoint import save_model
from core.models.gpt2 import Config, Model
from core.recorder import Recorder
from core.session import Session
from tests.bench.contest import (
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
from tests.bench.ours import prepare_process

MIB = 2**20
YOUNG = 10  # steps
TURN = 20  # steps: each has the same share of validations in it
PROMPT = "The fat cat sat on the mat"
SHAPE = Config(n_embd=8, n_layer=1, n_head=2, n_positions=16)
TRAINING = m.Training(batch=2, context=16, steps=1_000_000, evaluate_every=20)


def run(folder: str) -> Work:
    """A session at step 10, its events thrown away and its run written below `folder`; work by the step."""
    os.environ["NEGLOGP_RUNS"] = str(Path(folder, "runs"))
    prepare_process()
    session = Session(
        emit=lambda event: None, between=lambda: None, interrupted=lambda: False, recorder=Recorder()
    )
    session.open(m.Open(model=str(Path(folder, "tiny")), training=TRAINING))
    session.score(m.Score(text=PROMPT))

    def work(steps: float) -> Record:
        session.run(m.Run(steps=int(steps) + 1))  # the last one ends the run and shows more: not timed
        began = time.perf_counter()
        for _ in range(int(steps)):
            session.advance()
        seconds = time.perf_counter() - began
        session.advance()
        at = session.at
        return {
            "seconds": seconds,
            "step": at.trainer.step_count,
            "mib": resident() / MIB,
            "snapshots_mib": at.trainer.history.n_bytes / MIB,
        }

    work(YOUNG - 1)
    return work


def resident() -> int:
    """The memory this process holds, in bytes; 0 where the system does not tell."""
    with contextlib.suppress(OSError):
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    return 0


def main() -> None:
    words = options(__doc__)
    words.add_argument("--steps", type=int, default=at_length(2000, 60))
    words.add_argument("--rounds", type=int, default=at_length(9, 2))
    given = words.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = Model(SHAPE)
        model.initialise(1)
        Path(folder, "tiny").mkdir()
        save_model(model, model.to_hf(), Path(folder, "tiny"))
        with contenders({"late": (run, (folder,)), "early": (run, (folder,))}) as them:
            young = them["late"].ask(0)
            old = them["late"].ask(given.steps - young["step"] - 1)
            came, spin = taking_turns(them, given.rounds, TURN)
    times = compared(each(came["early"], "seconds"), each(came["late"], "seconds"), TURN)
    times["early_ms"], times["late_ms"] = times.pop("ours_ms"), times.pop("peer_ms")
    report(
        {
            "name": "long_run",
            "steps": old["step"],
            **times,
            "early_mib": round(young["mib"]),
            "late_mib": round(old["mib"]),
            "snapshots_mib": round(old["snapshots_mib"] - young["snapshots_mib"]),
            "spin": spin,
        }
    )


if __name__ == "__main__":
    main()
