"""Kill trainings at random moments, resume them, and hold each against one that nobody disturbed.

    python -m tests.faults.kill [--kills N] [--steps N] [--seed N]

Half of the kills hit `neglogp train`, half an engine driven over its pipe. Each is a SIGKILL at one of three
moments: as the process starts, in the midst of training, or while a checkpoint is being written, of which
there are many here. A run is resumed until it is done, then another one is begun. It prints one JSON line;
the exit code is 1 where `faults` has any of these:

    a step that was on file, or that an event had told of, is missing or another one after the kill
    at the end, a line of metrics.jsonl (but for its seconds) or a byte of the last checkpoint differs

The processes are forked from this one, which has loaded everything and computed nothing.
"""

import argparse
import contextlib
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import msgspec
import torch

from core import engine, recorder, runs
from core import messages as m
from core.checkpoint import save_model
from core.models.gpt2 import Config
from tests.core import tiny
from tui.cli import neglogp

CHECKPOINT_SECONDS = 0.05
POLL_SECONDS = 0.001
MOMENTS = {"start": 1.5, "training": 1.0, "checkpoint": 0.01}  # seconds at most from there to the kill
SETTINGS = m.Training(batch=2, context=16, warmup=2, dropout=0.1, evaluate_every=10)


def forked(work: Callable[[], None], *, stdin: int, stdout: int, log: Path) -> int:
    """A process of its own that does this with these descriptors; its number."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        os.setsid()
        os.dup2(stdin, 0)
        os.dup2(stdout, 1)
        os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
        os.closerange(3, 256)
        torch.set_num_threads(1)
        recorder.CHECKPOINT_SECONDS = CHECKPOINT_SECONDS
        work()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    finally:
        os._exit(status)


class Killer:
    """Kills a process once, at a moment of its work in a run's folder."""

    def __init__(self, pid: int, moment: str, delay: float, folder: Callable[[], Path | None]) -> None:
        self._pid, self._moment, self._delay, self._folder = pid, moment, delay, folder
        self._over = threading.Event()
        self._before = self._size()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _size(self) -> int:
        folder = self._folder()
        file = folder / "metrics.jsonl" if folder else None
        return file.stat().st_size if file and file.exists() else 0

    def _is_there(self) -> bool:
        folder = self._folder()
        match self._moment:
            case "training":
                return self._size() > self._before
            case "checkpoint":
                return folder is not None and any(folder.glob(".checkpoint-*.partial"))
        return True

    def _work(self) -> None:
        while not self._is_there():
            if self._over.wait(POLL_SECONDS):
                return
        if not self._over.wait(self._delay):
            os.kill(self._pid, signal.SIGKILL)

    def end(self) -> bool:
        """Wait for the process; whether it was killed. Raises RuntimeError where it failed by itself."""
        _, status = os.waitpid(self._pid, 0)
        self._over.set()
        self._thread.join()
        code = os.waitstatus_to_exitcode(status)
        if code not in (0, -signal.SIGKILL):
            raise RuntimeError(f"the process ended with {code}")
        return code == -signal.SIGKILL


@dataclass
class Known:
    """What must be there of a run from now on: its steps, each as it was first seen."""

    folder: Path | None = None
    steps: dict[int, m.StepResult] = field(default_factory=dict)

    def check(self) -> Iterator[str]:
        """What is missing or changed on file, and then all that is on file is known."""
        begun = self.resumable
        on_file = {r.step: _timeless(r) for r in runs.read(begun).results} if begun else {}
        for step, result in self.steps.items():
            if step not in on_file:
                yield f"step {step} is missing"
            elif on_file[step] != result:
                yield f"step {step} was {result} and is {on_file[step]}"
        self.steps |= on_file

    @property
    def resumable(self) -> Path | None:
        """Its folder, where there is a run to go on with."""
        return self.folder if self.folder and (self.folder / "run.json").exists() else None


def _timeless(result: m.StepResult) -> m.StepResult:
    """A step without what differs from one time to the next, or is not on file."""
    return msgspec.structs.replace(result, seconds=0.0, prompt=None)


class Train:
    """`neglogp train` in a folder of its own."""

    def __init__(self, home: Path, steps: int) -> None:
        self._home, self._steps, self._number = home, steps, 0

    def begin(self) -> Known:
        self._number += 1
        return Known(folder=self._home / f"trained-{self._number}")

    def go_on(self, known: Known, moment: str | None, delay: float) -> bool:
        """Begin or resume a run and let it be killed; whether it was."""
        words = ["train", "--resume", str(known.folder)]
        if known.resumable is None:
            words = ["train", "story", "--model", str(self._home / "tiny"), "--out", str(known.folder)]
            words += ["--steps", str(self._steps)]
            for name in ("batch", "context", "warmup", "dropout", "evaluate_every"):
                words += ["--" + name.replace("_", "-"), str(getattr(SETTINGS, name))]
        elif len(known.steps) > self._steps:
            return False  # the kill came between its last step and its end
        nothing = os.open(os.devnull, os.O_RDWR)
        pid = forked(lambda: neglogp(words), stdin=nothing, stdout=nothing, log=self._home / "log")
        os.close(nothing)
        return Killer(pid, moment or "never", delay, lambda: known.folder).end() if moment else _ended(pid)


class Pipe:
    """An engine, driven over its pipe as the screen does; every step it tells of is known from then on."""

    def __init__(self, home: Path, steps: int) -> None:
        self._home, self._steps = home, steps

    def begin(self) -> Known:
        return Known()

    def go_on(self, known: Known, moment: str | None, delay: float) -> bool:
        there = set(_runs(self._home))
        requests, to_engine = os.pipe()
        from_engine, replies = os.pipe()
        os.set_inheritable(to_engine, False)
        pid = forked(engine.main, stdin=requests, stdout=replies, log=self._home / "log")
        os.close(requests)
        os.close(replies)

        def folder() -> Path | None:
            if known.folder is None:
                known.folder = next(iter(set(_runs(self._home)) - there), None)
            return known.folder

        killer = Killer(pid, moment, delay, folder) if moment else None
        with (
            contextlib.suppress(BrokenPipeError),
            os.fdopen(to_engine, "wb") as out,
            os.fdopen(from_engine, "rb") as lines,
        ):
            self._talk(known, out, lines)
        folder()
        return killer.end() if killer else _ended(pid)

    def _talk(self, known: Known, out: IO[bytes], lines: IO[bytes]) -> None:
        def ask(*requests: m.AnyRequest) -> None:
            for number, request in enumerate(requests, 1):
                out.write(m.encode(m.Call(id=number, request=request)))
            out.flush()

        out.write(m.encode(m.Hello(protocol=m.PROTOCOL, version="")))
        if known.resumable is None:
            ask(m.Open(model=str(self._home / "tiny"), training=self._training), m.Run())
        else:
            ask(m.Open(model=str(known.folder)), m.Run())
        for line in lines:
            message = m.decode_from_engine(line)
            if isinstance(message, m.Failure) and "steps are done" not in message.message:
                raise RuntimeError(message.message)
            if isinstance(message, m.Failure):
                return
            if isinstance(message, m.Event) and isinstance(message.event, m.Stepped):
                told = {result.step: _timeless(result) for result in message.event.results}
                for step in told.keys() - known.steps.keys():
                    known.steps[step] = told[step]
                if not message.event.state.running and message.event.state.step >= self._steps:
                    return

    @property
    def _training(self) -> m.Training:
        return msgspec.structs.replace(SETTINGS, steps=self._steps)


def _runs(home: Path) -> list[Path]:
    return sorted((home / "runs").glob("explore-*"))


def _ended(pid: int) -> bool:
    _, status = os.waitpid(pid, 0)
    if code := os.waitstatus_to_exitcode(status):
        raise RuntimeError(f"the process ended with {code}")
    return False


def _left(known: Known, steps: int) -> dict[str, bytes]:
    """The files of the last checkpoint of a run."""
    assert known.folder is not None
    folder = known.folder / f"checkpoint-{steps}"
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())} if folder.exists() else {}


def sweep(
    driver: Train | Pipe, kills: int, steps: int, draws: random.Random
) -> tuple[Counter[str], int, list[str]]:
    """So many kills of runs of one kind: how many at which moment, how many runs, and what was wrong."""
    whole = driver.begin()
    driver.go_on(whole, None, 0.0)
    faults = list(whole.check())
    expected, files = dict(whole.steps), _left(whole, steps)
    assert len(expected) == steps + 1 and files
    done: Counter[str] = Counter()
    ends = 0
    while done.total() < kills:
        known = driver.begin()
        killed = True
        while killed:
            # In turn: of a few kills, too, each of the moments has its share.
            moment = list(MOMENTS)[done.total() % len(MOMENTS)] if done.total() < kills else None
            killed = driver.go_on(known, moment, draws.random() * MOMENTS.get(moment or "", 0.0))
            done.update([moment] if killed and moment else [])
            faults += [f"{type(driver).__name__}, killed at {moment}: {fault}" for fault in known.check()]
        ends += 1
        if known.steps != expected:
            wrong = [step for step in expected if known.steps.get(step) != expected[step]]
            faults.append(f"{type(driver).__name__}: the curve differs at the steps {wrong[:5]}")
        left = _left(known, steps)
        if left != files:
            wrong_files = [name for name in files if left.get(name) != files[name]]
            faults.append(f"{type(driver).__name__}: the last checkpoint differs: {', '.join(wrong_files)}")
    return done, ends, faults


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--kills", type=int, default=16)
    words.add_argument("--steps", type=int, default=200)
    words.add_argument("--seed", type=int, default=0)
    given = words.parse_args()
    draws = random.Random(given.seed)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="neglogp-kill-") as folder:
        home = Path(folder)
        os.environ |= {"NEGLOGP_RUNS": str(home / "runs"), "XDG_CACHE_HOME": str(home / "cache")}
        nothing = os.open(os.devnull, os.O_RDWR)
        _ended(forked(lambda: _make(home / "tiny"), stdin=nothing, stdout=nothing, log=home / "log"))
        moments: Counter[str] = Counter()
        ends, faults = 0, []
        try:
            for driver, kills in ((Train(home, given.steps), given.kills // 2),
                                  (Pipe(home, given.steps), given.kills - given.kills // 2)):  # fmt: skip
                done, ended, wrong = sweep(driver, kills, given.steps, draws)
                moments += done
                ends += ended
                faults += wrong
        except RuntimeError:
            sys.stderr.write((home / "log").read_text("utf-8", "replace")[-3000:])
            raise
    seconds = round(time.monotonic() - began, 1)
    record = {"name": "kill", "kills": dict(moments), "runs": ends, "steps": given.steps, "seconds": seconds}
    print(json.dumps({**record, "faults": faults}))
    sys.exit(bool(faults))


def _make(folder: Path) -> None:
    model = tiny.model(Config(n_embd=8, n_layer=1, n_head=2, n_positions=16))
    folder.mkdir()
    save_model(model, model.to_hf(), folder)


if __name__ == "__main__":
    main()
