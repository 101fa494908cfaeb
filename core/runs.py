"""A run that is being written: its record, a line for every step, and checkpoints that appear whole."""

import math
import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path

import msgspec
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from core.checkpoint import PARTIAL, appearing, save_model, sync, vanish, write_json
from core.history import Snapshot
from core.interventions import Line, Withdrawn
from core.line_file import LineFile
from core.messages import SampleText, StepResult
from core.models.gpt2 import Model
from core.tensor_file import write

# One statement for all names of a module; sorted, each would have one of its own.
# isort: off
from core.run_folder import (
    AUTOMATIC as AUTOMATIC,
    FUTURE as FUTURE,
    Parent as Parent,
    SNAPSHOTS as SNAPSHOTS,
    RunError as RunError,
    RunRecord as RunRecord,
    Saved as Saved,
    automatic_name as automatic_name,
    checkpoints as checkpoints,
    locked,
    newest_checkpoint as newest_checkpoint,
    read as read,
    read_future as read_future,
    read_record as read_record,
    run_path as run_path,
    runs_folder as runs_folder,
    standing_checkpoint as standing_checkpoint,
)

# isort: on

_KEPT_AUTOMATIC = 5


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
        self._metrics = LineFile(folder / "metrics.jsonl")
        self._samples = LineFile(folder / "samples.jsonl")
        self._interventions = LineFile(folder / "interventions.jsonl")
        self._synced = 0.0
        self._saving: threading.Thread | None = None
        self._validations: dict[int, float] = {}
        self.storage_error: str | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"the run folder {folder} cannot be written: {error.strerror}") from error
        self._lock = locked(folder)
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
            self._metrics.append(result)
            if time.monotonic() - self._synced > 1.0:  # power loss may cost a second, a kill nothing
                self._metrics.sync()
                self._synced = time.monotonic()
        except OSError as error:
            raise RunError(f"step {result.step} could not be written: {error.strerror}") from error
        self._note_validation(result)

    def append_sample(self, sample: SampleText) -> None:
        """Write a sample text's line. Raises RunError."""
        try:
            self._samples.append(sample)
        except OSError as error:
            raise RunError(
                f"the text of step {sample.step} could not be written: {error.strerror}"
            ) from error

    def intervene(self, line: Line) -> None:
        """Write down what is about to be done to the run; it is on the disk once this returns.

        Raises RunError.
        """
        try:
            self._interventions.append(line)
            self._interventions.sync()
        except OSError as error:
            raise RunError(f"step {line.step} could not be written: {error.strerror}") from error

    def withdraw(self, line: Withdrawn) -> None:
        """Write down that a step was taken back, whose checkpoint goes first. Raises RunError."""
        self.wait()
        for step, folder in checkpoints(self.folder):
            if step >= line.step:
                vanish(folder)
        self.intervene(line)
        self.append(StepResult(step=line.step, kind="withdrawn"))
        self._validations = {step: nats for step, nats in self._validations.items() if step < line.step}

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
                write(beside / "optimizer.safetensors", snapshot.moments, {})
                if snapshot.recipe:
                    write(beside / "recipe.safetensors", snapshot.recipe, {})
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
            with suppress(OSError):  # it only takes up room
                vanish(others[step])

    def wait(self, timeout: float | None = None) -> None:
        """Wait for a checkpoint that is being written."""
        if self._saving is not None:
            self._saving.join(timeout)

    def close(self) -> None:
        self.wait()
        for file in (self._metrics, self._samples, self._interventions):
            file.close()
        self._lock.close()


def _last_measured(validations: dict[int, float], step: int) -> float:
    at = max((measured for measured in validations if measured <= step), default=None)
    return math.inf if at is None else validations[at]


def drop_old_automatic_runs() -> None:
    """Of the runs nobody named, the newest few stay, without their snapshots, which are what takes the room.

    One that is being written stays in any case as it is.
    """
    folders = sorted(f for f in runs_folder().glob(f"{AUTOMATIC}*") if f.is_dir())
    for folder in folders:
        try:
            run = Run(folder, keep=1)
        except RunError:
            continue
        stays = folder in folders[-_KEPT_AUTOMATIC:]
        shutil.rmtree(folder / SNAPSHOTS if stays else folder, ignore_errors=True)
        run.close()
