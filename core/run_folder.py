"""A run's folder as it is found: name, record, steps and checkpoints, and the lock of its writer."""

import fcntl
import hashlib
import os
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

import msgspec
import platformdirs

from core.messages import StepResult, Training

AUTOMATIC = "explore-"  # how a run is called that nobody named
SNAPSHOTS = "snapshots"  # the folder in a run's that they lie in
_CHECKPOINT = re.compile(r"checkpoint-(\d+)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

# All that a writer puts into a run's folder: only a folder with nothing else in it is deleted as a run.
_OWN = re.compile(
    r"run\.json|metrics\.jsonl|interventions\.jsonl|recording\..+|snapshots|lock|checkpoint-\d+|\..+\.partial"
)


class RunError(ValueError):
    """A run folder that cannot be used as asked; the message says why and what to do."""


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """run.json: everything a run is a function of, and the conditions of bit-exactness."""

    start: dict[str, str | int]
    training: Training
    text_sha256: str
    conditions: dict[str, str | int]
    schema: int = 1

    @property
    def identity(self) -> str:
        """What tells this run from any other: a hash of all it is a function of."""
        made_of = [self.start, self.training, self.text_sha256]
        return hashlib.sha256(msgspec.json.encode(made_of, order="sorted")).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Saved:
    """What a run folder holds: the record, its steps in order, and where it stood."""

    folder: Path
    record: RunRecord
    results: list[StepResult]
    position: int

    @property
    def goal(self) -> int:
        """The step it trains to by itself."""
        return max(self.record.training.steps, self.position)

    @property
    def done(self) -> list[StepResult]:
        """The steps up to where it stands."""
        return [result for result in self.results if result.step <= self.position]

    @property
    def furthest(self) -> int:
        """The last step that was ever done: beyond where it stands, if it went back."""
        return self.results[-1].step if self.results else 0


def runs_folder() -> Path:
    """NEGLOGP_RUNS, or the data folder's place for runs."""
    chosen = os.environ.get("NEGLOGP_RUNS")
    return Path(chosen) if chosen else platformdirs.user_data_path("neglogp", appauthor=False) / "runs"


def run_path(name: str) -> Path:
    """The folder of a run: a name with a slash in it is a path. Raises RunError for an impossible name."""
    if "/" in name:
        return Path(name).expanduser()
    if not _NAME.fullmatch(name):
        raise RunError(
            f"{name!r} is no name for a run: use letters, digits, dots, dashes and underscores, or a path"
        )
    return runs_folder() / name


def automatic_name() -> str:
    """A name for a run that nobody named; in order of time, and another one for every run."""
    return AUTOMATIC + datetime.now().strftime("%Y%m%d-%H%M%S-%f")


def read(folder: Path) -> Saved:
    """A run folder as it was left. Raises RunError."""
    record = read_record(folder)
    results, position = _read_metrics(folder / "metrics.jsonl")
    return Saved(folder=folder, record=record, results=results, position=position)


def read_record(folder: Path) -> RunRecord:
    """What the run in a folder is made from. Raises RunError."""
    file = folder / "run.json"
    try:
        if not file.is_file():  # to read a pipe would wait for ever
            raise RunError(f"{folder} is no run: it holds no run.json")
        return msgspec.json.decode(file.read_bytes(), type=RunRecord)
    except OSError as error:
        raise RunError(f"{file} cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RunError(f"{file} cannot be read: {error}") from error


def _read_metrics(file: Path) -> tuple[list[StepResult], int]:
    """Every step once, its last line counting, ascending; and the step of the last line. No torn tail.

    Raises RunError.
    """
    by_step: dict[int, StepResult] = {}
    position = 0
    decoder = msgspec.json.Decoder(StepResult)
    try:
        lines = file.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return [], 0
    except OSError as error:
        raise RunError(f"{file} cannot be read: {error.strerror}") from error
    for line in lines:
        try:
            result = decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        by_step[result.step] = result
        position = result.step
    return [by_step[step] for step in sorted(by_step)], position


def checkpoints(folder: Path) -> list[tuple[int, Path]]:
    """The complete checkpoints of a run, oldest first."""
    found = []
    for entry in folder.glob("checkpoint-*"):
        match = _CHECKPOINT.fullmatch(entry.name)
        if match and entry.is_dir():
            found.append((int(match[1]), entry))
    return sorted(found)


def newest_checkpoint(folder: Path) -> Path:
    """The folder of the newest checkpoint. Raises RunError where there is none."""
    found = checkpoints(folder)
    if not found:
        raise RunError(f"the run {folder} has no checkpoint yet")
    return found[-1][1]


def standing_checkpoint(folder: Path) -> Path:
    """The folder of the last checkpoint up to where a run stands. Raises RunError."""
    position = read(folder).position
    reached = [checkpoint for step, checkpoint in checkpoints(folder) if step <= position]
    if not reached:
        raise RunError(
            f"the run {folder} has no checkpoint yet: it gets one every minute it trains, and at its end"
        )
    return reached[-1]


def foreign(folder: Path) -> list[str]:
    """The names of what a run's folder holds that no run has put there. Raises RunError."""
    try:
        return sorted(name for name in os.listdir(folder) if not _OWN.fullmatch(name))
    except OSError as error:
        raise RunError(f"{folder} cannot be read: {error.strerror}") from error


def locked(folder: Path) -> IO[str]:
    """A run's lock, which is held until it is closed. Raises RunError where another process has it."""
    try:
        # Were it a link, the file could be made anywhere.
        descriptor = os.open(folder / "lock", os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise RunError(f"the run folder {folder} cannot be written: {error.strerror}") from error
    handle = os.fdopen(descriptor, "w")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        handle.close()
        if isinstance(error, BlockingIOError):
            raise RunError(f"the run {folder} is being written by another process") from None
        raise RunError(f"the run folder {folder} cannot be locked: {error.strerror}") from error
    return handle
