"""A run's folder: what it started from, every step's figures, and checkpoints that appear whole."""

import fcntl
import math
import os
import re
import shutil
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

import msgspec
import platformdirs
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from core.checkpoint import PARTIAL, appearing, save_model, sync, write_json
from core.history import Snapshot
from core.messages import StepResult, Training
from core.models.gpt2 import Model

AUTOMATIC = "explore-"  # how a run is called that nobody named
_KEPT_AUTOMATIC = 5
_CHECKPOINT = re.compile(r"checkpoint-(\d+)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class RunError(ValueError):
    """A run folder that cannot be used as asked; the message says why and what to do."""


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """run.json: everything a run is a function of, and the conditions of bit-exactness."""

    start: dict[str, str | int]
    training: Training
    text_sha256: str
    conditions: dict[str, str | int]
    schema: int = 1


@dataclass(frozen=True, kw_only=True)
class Saved:
    """What a run folder holds: the record, its steps in order, and where it stood."""

    folder: Path
    record: RunRecord
    results: list[StepResult]
    position: int


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
    try:
        record = msgspec.json.decode((folder / "run.json").read_bytes(), type=RunRecord)
    except FileNotFoundError:
        raise RunError(f"{folder} is no run: it holds no run.json") from None
    except (OSError, msgspec.DecodeError) as error:
        raise RunError(f"{folder / 'run.json'} cannot be read: {error}") from error
    results, position = _read_metrics(folder / "metrics.jsonl")
    return Saved(folder=folder, record=record, results=results, position=position)


def _read_metrics(file: Path) -> tuple[list[StepResult], int]:
    """Every step once, its last line counting, ascending; and the step of the last line. No torn tail."""
    by_step: dict[int, StepResult] = {}
    position = 0
    decoder = msgspec.json.Decoder(StepResult)
    try:
        lines = file.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return [], 0
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


def read_optimizer(checkpoint: Path) -> dict[str, Tensor]:
    """The optimizer's moments of a checkpoint, by parameter. Raises RunError."""
    file = checkpoint / "optimizer.safetensors"
    try:
        return load_file(file)
    except (OSError, SafetensorError) as error:
        raise RunError(f"{file} cannot be loaded: {error}") from error


def read_recipe(checkpoint: Path) -> dict[str, Tensor]:
    """What else a checkpoint's run goes by: nothing for most of them. Raises RunError."""
    file = checkpoint / "recipe.safetensors"
    try:
        return load_file(file) if file.exists() else {}
    except (OSError, SafetensorError) as error:
        raise RunError(f"{file} cannot be loaded: {error}") from error


class Run:
    """A run folder that is being written. One writer: it is locked as long as this object is open."""

    def __init__(self, folder: Path, *, keep: int) -> None:
        self.folder = folder
        self.keep = keep
        self._metrics: IO[bytes] | None = None
        self._synced = 0.0
        self._saving: threading.Thread | None = None
        self._validations: dict[int, float] = {}
        self.storage_error: str | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(folder / "lock")
        except BlockingIOError:
            raise RunError(f"the run {folder} is being written by another process") from None
        except OSError as error:
            raise RunError(f"the run folder {folder} cannot be written: {error.strerror}") from error
        for left in folder.glob(PARTIAL):  # by a writer that was killed
            shutil.rmtree(left, ignore_errors=True)

    @classmethod
    def create(cls, folder: Path, record: RunRecord, *, keep: int) -> "Run":
        """A new run. Raises RunError where one stands already."""
        if (folder / "run.json").exists():
            raise RunError(f"there is a run in {folder} already: choose another name, or go on with --resume")
        run = cls(folder, keep=keep)
        run._write_record(record)
        return run

    @classmethod
    def resume(cls, saved: Saved, *, keep: int) -> "Run":
        """Go on writing a run. Raises RunError where another process does."""
        run = cls(saved.folder, keep=keep)
        for result in saved.results:
            run._note_validation(result)
        return run

    @property
    def name(self) -> str:
        """What the run is opened by: its name, or its path where it lies elsewhere."""
        folder = self.folder.absolute()
        return folder.name if folder.parent == runs_folder().absolute() else str(folder)

    def _write_record(self, record: RunRecord) -> None:
        try:
            write_json(self.folder / "run.json", msgspec.to_builtins(record))
        except OSError as error:
            raise RunError(f"the run folder {self.folder} cannot be written: {error.strerror}") from error

    def append(self, result: StepResult) -> None:
        """Write a step's line. Once this returns, the step is acknowledged. Raises RunError."""
        try:
            if self._metrics is None:
                self._metrics = _open_after_last_line(self.folder / "metrics.jsonl")
            self._metrics.write(msgspec.json.encode(result) + b"\n")
            self._metrics.flush()
            if time.monotonic() - self._synced > 1.0:  # power loss may cost a second, a kill nothing
                os.fsync(self._metrics.fileno())
                self._synced = time.monotonic()
        except OSError as error:
            raise RunError(f"step {result.step} could not be written: {error.strerror}") from error
        self._note_validation(result)

    def _note_validation(self, result: StepResult) -> None:
        if result.validation is not None:
            self._validations[result.step] = float(result.validation)

    def save(self, model: Model, snapshot: Snapshot) -> None:
        """Write a checkpoint of a snapshot in the background; a save under way is awaited first."""
        self.wait()
        tensors = model.hf_layout(snapshot.parameters)
        work = (model, tensors, snapshot, dict(self._validations))
        self._saving = threading.Thread(target=self._save, args=work, name="checkpoint", daemon=True)
        self._saving.start()

    def _save(
        self, model: Model, tensors: dict[str, Tensor], snapshot: Snapshot, validations: dict[int, float]
    ) -> None:
        target = self.folder / f"checkpoint-{snapshot.step}"
        try:
            with appearing(target) as beside:
                save_model(model, tensors, beside)
                save_file(snapshot.moments, beside / "optimizer.safetensors")
                if snapshot.recipe:
                    save_file(snapshot.recipe, beside / "recipe.safetensors")
                    sync(beside / "recipe.safetensors")
                write_json(beside / "trainer.json", {"step": snapshot.step})
                sync(beside / "optimizer.safetensors")
            self._thin(snapshot.step, validations)
            self.storage_error = None
        except (OSError, SafetensorError) as error:
            self.storage_error = f"checkpoint {snapshot.step} could not be written: {error}"

    def _thin(self, newest: int, validations: dict[int, float]) -> None:
        """Of the checkpoints the one just written stays, the latest others, and the best by validation.

        A checkpoint counts by what was last measured up to its step. With `keep` 1 only the newest stays.
        """
        others = {step: folder for step, folder in checkpoints(self.folder) if step != newest}
        staying = set(sorted(others)[len(others) - (self.keep - 1) :])
        if self.keep > 1:
            staying.add(min([newest, *others], key=lambda step: (_last_measured(validations, step), -step)))
        for step in others.keys() - staying:
            shutil.rmtree(others[step], ignore_errors=True)

    def wait(self, timeout: float | None = None) -> None:
        """Wait for a checkpoint that is being written."""
        if self._saving is not None:
            self._saving.join(timeout)

    def close(self) -> None:
        self.wait()
        if self._metrics is not None:
            self._metrics.close()
        self._lock.close()


def _last_measured(validations: dict[int, float], step: int) -> float:
    at = max((measured for measured in validations if measured <= step), default=None)
    return math.inf if at is None else validations[at]


def _locked(file: Path) -> IO[str]:
    """The file, open and locked until it is closed. Raises BlockingIOError where another has the lock."""
    handle = file.open("a")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        raise
    return handle


def _open_after_last_line(file: Path) -> IO[bytes]:
    """Append to a file of lines; a torn last line, left by a kill, was never acknowledged and is cut off."""
    handle = file.open("a+b")
    handle.seek(0)
    handle.truncate(handle.read().rfind(b"\n") + 1)
    return handle


def drop_old_automatic_runs() -> None:
    """Of the runs nobody named, the newest few stay; one that is being written stays in any case."""
    folders = sorted(f for f in runs_folder().glob(f"{AUTOMATIC}*") if f.is_dir())
    for folder in folders[:-_KEPT_AUTOMATIC]:
        try:
            run = Run(folder, keep=1)
        except RunError:
            continue
        shutil.rmtree(folder, ignore_errors=True)
        run.close()
