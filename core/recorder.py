"""What of a session is written down: a run folder from its first step on, with checkpoints on the way."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from core import runs
from core.branching import child_folder, write_child
from core.interventions import Line, Withdrawn
from core.messages import SampleText, StepResult
from core.opening import Opened
from core.snapshot_files import SnapshotFiles, link_up_to

CHECKPOINT_SECONDS = 60.0
SNAPSHOT_GB = 10.0  # of disk for going back; 10^9 bytes each


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
        self._snapshots: SnapshotFiles | None = None
        self.snapshot_gb = SNAPSHOT_GB

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
        snapshots = self._snapshots.warning if self._snapshots else None
        return self._failure or (self._run.storage_error if self._run else None) or snapshots

    def resume(self, at: Opened) -> None:
        """Go on writing the folder a run was opened from."""
        assert at.saved is not None
        try:
            self._run = runs.Run.resume(at.saved, keep=self._keep(at.saved.folder.name))
            self._write_snapshots(at)
            at.trainer.history.drop_after(at.saved.furthest)  # a power loss took the lines of those steps
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
            self._write_snapshots(at)
        except runs.RunError as error:
            self._fail(error)
        self._saved_at = self._clock()

    def allow(self, snapshot_gb: float) -> None:
        """Let snapshots on disk take up so much from now on."""
        self.snapshot_gb = snapshot_gb
        if self._snapshots is not None:
            self._snapshots.allow(self._snapshot_bytes)

    @property
    def _snapshot_bytes(self) -> int:
        return int(self.snapshot_gb * 10**9)

    def _write_snapshots(self, at: Opened) -> None:
        if self._run is not None and at.trainer.history.keeps:
            self._snapshots = SnapshotFiles(
                self._run.folder / runs.SNAPSHOTS,
                run=runs.read_record(self._run.folder).identity,
                like=dict(at.model.named_parameters()),
                budget=self._snapshot_bytes,
            )
            at.trainer.history.write_to(self._snapshots)

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

    def branch(self, at: Opened, future: Sequence[StepResult]) -> None:
        """Go on in a new run's folder, which has the steps up to where the run stands from this one's.

        The `future` it leaves is kept beside them until it is dropped.
        """
        if self._run is None:
            return
        step, parent = at.trainer.step_count, self._run
        record = msgspec.structs.replace(at.record(), parent=runs.Parent(name=parent.name, step=step))
        folder = self._folder or child_folder(parent.folder, step)
        self.close(at)
        try:
            done = [at.results[each] for each in sorted(at.results) if each <= step]
            samples = [at.samples[each] for each in sorted(at.samples) if each <= step]
            write_child(folder, record, done, samples, at.trainer.interventions.up_to(step), future)
            self._run = runs.Run.resume(runs.read(folder), keep=self._keep(folder.name))
            if at.trainer.history.keeps:
                link_up_to(step, parent.folder / runs.SNAPSHOTS, folder / runs.SNAPSHOTS)
            runs.drop_old_automatic_runs()  # which may take those of the parent
            self._write_snapshots(at)
        except runs.RunError as error:
            self._fail(error)
        self.save(at)

    def drop_future(self) -> None:
        """Forget the future that the run left."""
        if self._run is not None:
            with suppress(OSError):  # then it is there again when the run is opened
                (self._run.folder / runs.FUTURE).unlink(missing_ok=True)

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
        self._end_snapshots()
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

    def _end_snapshots(self) -> None:
        if self._snapshots is not None:
            self._snapshots.close()  # before the folder's lock is let go
            self._snapshots = None

    @staticmethod
    def _keep(name: str) -> int:
        return 1 if name.startswith(runs.AUTOMATIC) else 2

    def _fail(self, error: runs.RunError) -> None:
        if self._strict:
            raise error
        self._failure = f"{error}. The run goes on, but is not written down."
        self._end_snapshots()
        if self._run is not None:
            self._run.close()
            self._run = None
