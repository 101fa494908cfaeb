"""A run's folder as it is found: name, record, steps and checkpoints, and the lock of its writer."""

import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, TypeVar

import msgspec
import platformdirs

from core.interventions import Interventions, Line
from core.messages import SampleText, StepResult, Training

OfStep = TypeVar("OfStep", StepResult, SampleText)

AUTOMATIC = "explore-"  # how a run is called that nobody named
FUTURE = "future.jsonl"  # the steps of another run that this one went its own way from, to be looked at
SNAPSHOTS = "snapshots"  # the folder in a run's that they lie in
_CHECKPOINT = re.compile(r"checkpoint-(\d+)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

# All that a writer puts into a run's folder: only a folder with nothing else in it is deleted as a run.
_OWN = re.compile(
    r"run\.json|metrics\.jsonl|samples\.jsonl|interventions\.jsonl|future\.jsonl|recording\..+|snapshots|lock|checkpoint-\d+|\..+\.partial"
)


class RunError(ValueError):
    """A run folder that cannot be used as asked; the message says why and what to do."""


class Parent(msgspec.Struct, frozen=True, kw_only=True):
    """The run that another one went its own way from, and the step after which it did."""

    name: str
    step: int


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """run.json: what a run is a function of beside its interventions, and the conditions of bit-exactness."""

    start: dict[str, str | int]
    training: Training
    text_sha256: str
    conditions: dict[str, str | int]
    parent: Parent | None = None
    schema: int = 1

    @property
    def identity(self) -> str:
        """What tells this run from others: a hash of all it is a function of beside its interventions.

        A run that went its own way from another has the other's, and may have its files of the steps before.
        """
        made_of = [self.start, self.training, self.text_sha256]
        return hashlib.sha256(msgspec.json.encode(made_of, order="sorted")).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Saved:
    """What a run folder holds: the record, what was done to the run, its steps and sample texts in order, and
    where it stood."""

    folder: Path
    record: RunRecord
    interventions: Interventions
    results: list[StepResult]
    samples: list[SampleText]
    position: int

    @property
    def goal(self) -> int:
        """The step it trains to by itself."""
        return max(self.training.steps, self.position)

    @property
    def training(self) -> Training:
        """The configuration its next step has."""
        return self.interventions.training(self.position + 1, self.record.training)

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
    interventions = Interventions(_read_interventions(folder / "interventions.jsonl"))
    results, position = _read_metrics(folder / "metrics.jsonl")
    # A kill may have come between the line that takes a step back and the one for it among the metrics.
    results = [r for r in results if r.kind is None or interventions.on_row(r.step) is not None]
    last = results[-1].step if results else 0
    samples = {sample.step: sample for sample in _read_lines(folder / "samples.jsonl", SampleText)}
    return Saved(
        folder=folder,
        record=record,
        interventions=interventions,
        results=results,
        samples=[samples[step] for step in sorted(samples) if step <= last],
        position=min(position, last),
    )


def read_future(folder: Path) -> tuple[StepResult, ...]:
    """The steps that a run left behind on going its own way, unless they were dropped. Raises RunError."""
    return tuple(_read_lines(folder / FUTURE, StepResult))


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


def _whole_lines(file: Path) -> list[bytes]:
    """The lines of a file that may not be there, without a torn one at its end. Raises RunError."""
    try:
        return file.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunError(f"{file} cannot be read: {error.strerror}") from error


def _read_interventions(file: Path) -> Iterator[Line]:
    """Raises RunError, also for a line that is not understood: without it the run would be another."""
    decoder: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)
    for number, line in enumerate(_whole_lines(file), 1):
        try:
            yield decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise RunError(f"line {number} of {file} is not understood: {error}") from error


def _read_lines(file: Path, kind: type[OfStep]) -> Iterator[OfStep]:
    """The lines of a file as they were written, but those that are not understood. Raises RunError."""
    decoder = msgspec.json.Decoder(kind)
    for line in _whole_lines(file):
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            yield decoder.decode(line)


def _read_metrics(file: Path) -> tuple[list[StepResult], int]:
    """Every step once, its last line counting, ascending; and the step of the last line. No torn tail.

    Raises RunError.
    """
    by_step: dict[int, StepResult] = {}
    position = 0
    for result in _read_lines(file, StepResult):
        if result.kind == "withdrawn":
            by_step.pop(result.step, None)
            position = result.step - 1
        else:
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
