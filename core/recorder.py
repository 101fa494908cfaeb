"""What of a session is written down: a run folder from its first step on, with checkpoints on the way."""

import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from core import runs
from core.branching import child_folder, write_child
from core.interventions import Line, Withdrawn
from core.messages import SampleText, StepResult
from core.opening import Opened

CHECKPOINT_SECONDS = 60.0


class Recorder:
    """Writes the run of a session into `folder`, or into one with an automatic name where that is None.

    A folder that cannot be written does not stop a person from training on the screen: the reason is kept
    in `warning` and the run goes on unwritten. `strict` raises instead, for runs whose folder is the point.
    """

    def __init__(
        self,
        *,
        folder: Path | None = None,
        strict: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._strict = strict
        self._clock = clock
        self._run: runs.Run | None = None
        self._saved_at = 0.0
        self._saved_step = -1
        self._failure: str | None = None

    @property
    def name(self) -> str | None:
        return self._run.name if self._run else None

    @property
    def folder(self) -> Path | None:
        """Where the run is written."""
        return self._run.folder if self._run else None

    @property
    def warning(self) -> str | None:
        """Why something could not be written, if so."""
        return self._failure or (self._run.storage_error if self._run else None)

    def resume(self, at: Opened) -> None:
        """Go on writing the folder a run was opened from."""
        assert at.saved is not None
        try:
            self._run = runs.Run.resume(at.saved, keep=self._keep(at.saved.folder.name))
        except runs.RunError as error:
            self._fail(error)
        self._saved_at = self._clock()
        self._saved_step = at.trainer.step_count

    def begin(self, at: Opened) -> None:
        """Make the run's folder, if there is none yet."""
        if self._run is not None or self._failure:
            return
        folder = self._folder or runs.runs_folder() / runs.automatic_name()
        try:
            self._run = runs.Run.create(folder, at.record(), keep=self._keep(folder.name))
            runs.drop_old_automatic_runs()
        except runs.RunError as error:
            self._fail(error)
        self._saved_at = self._clock()

    def step(self, at: Opened, result: StepResult) -> None:
        """Acknowledge a step: its line is on file when this returns."""
        if self._run is None:
            return
        try:
            self._run.append(result)
        except runs.RunError as error:
            self._fail(error)
            return
        if self._clock() - self._saved_at >= CHECKPOINT_SECONDS:
            self.save(at)

    def sample(self, sample: SampleText) -> None:
        """Write down what the model wrote at a step."""
        if self._run is None:
            return
        try:
            self._run.append_sample(sample)
        except runs.RunError as error:
            self._fail(error)

    def intervene(self, at: Opened, line: Line) -> None:
        """What is about to be done to the run is on file when this returns."""
        if self._run is None:
            return
        try:
            if isinstance(line, Withdrawn):
                self._run.withdraw(line)
                self._saved_step = -1
            else:
                self._run.intervene(line)
        except runs.RunError as error:
            self._fail(error)

    def branch(self, at: Opened) -> None:
        """Go on in a new run's folder, which has the steps up to where the run stands from this one's."""
        if self._run is None:
            return
        step, parent = at.trainer.step_count, self._run
        record = msgspec.structs.replace(at.record(), parent=runs.Parent(name=parent.name, step=step))
        folder = self._folder or child_folder(parent.folder, step)
        self.close(at)
        try:
            done = [at.results[each] for each in sorted(at.results) if each <= step]
            samples = [at.samples[each] for each in sorted(at.samples) if each <= step]
            write_child(folder, record, done, samples, at.trainer.interventions.up_to(step))
            self._run = runs.Run.resume(runs.read(folder), keep=self._keep(folder.name))
            runs.drop_old_automatic_runs()
        except runs.RunError as error:
            self._fail(error)
        self.save(at)

    def save(self, at: Opened) -> None:
        """A checkpoint of the present step, in the background; none where it stands already."""
        if self._run is None or at.trainer.step_count == self._saved_step:
            return
        self._run.save(at.model, at.trainer.shared_snapshot())
        self._saved_at = self._clock()
        self._saved_step = at.trainer.step_count

    def close(self, at: Opened | None = None) -> None:
        """Save what is not saved yet and let go of the folder. Raises RunError where strict and not saved."""
        run, failed = self._run, None
        if run is not None:
            if at is not None:
                self.save(at)
            run.close()
            failed = run.storage_error
        self._run = None
        self._failure = None
        self._saved_step = -1
        if failed and self._strict:
            raise runs.RunError(failed)

    @staticmethod
    def _keep(name: str) -> int:
        return 1 if name.startswith(runs.AUTOMATIC) else 2

    def _fail(self, error: runs.RunError) -> None:
        if self._strict:
            raise error
        self._failure = f"{error}. The run goes on, but is not written down."
        if self._run is not None:
            self._run.close()
            self._run = None
