"""Snapshots of a run under a byte budget: the newest lie dense, older ones thin out."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from core.snapshot import Snapshot as Snapshot
from core.snapshot import least_missed
from core.snapshot_files import SnapshotFiles
from core.snapshot_memory import SnapshotMemory

_BREATH_BYTES = 2**22  # copied at least between two looks at who waits; most tensors are tiny
_SNAPSHOT_SHARE = 0.05  # of the training time may go into snapshots
# Bytes written for each second of training, so that neither disk nor processor notice. A model of width 128
# is written every 5 seconds: as long as the budget has room, that is the longest way to any step.
_WRITE_RATE = 16 * 2**20
_WRITE_SECONDS = 1.0  # of training at least from one to the next


class History:
    """Snapshots by step. The one kept last and the nearest before it stay, whatever the budget says.

    The budget is of memory, in bytes, and 0 keeps none. What goes first is what lies closest to its
    neighbours for its distance from the step kept last, so what stays lies the sparser the farther from
    there. Beside that a run with a folder has some of them on disk.
    """

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._snapshots: dict[int, Snapshot] = {}
        self._files: SnapshotFiles | None = None
        self._steps_trained = 0
        self._seconds_training = 0.0
        self._seconds_snapshots = 0.0
        # What is dropped for a snapshot is what it is then written to.
        self._memory = SnapshotMemory(spares=1 if budget > 0 else 0)

    @property
    def steps(self) -> list[int]:
        """The steps that are held in memory, ascending."""
        return sorted(self._snapshots)

    @property
    def n_bytes(self) -> int:
        return sum(snapshot.n_bytes for snapshot in self._snapshots.values())

    @property
    def keeps(self) -> bool:
        """Whether a snapshot is worth taking."""
        return self._budget > 0

    def trained(self, seconds: float) -> None:
        """A step took so long."""
        self._steps_trained += 1
        self._seconds_training += seconds

    @property
    def due(self) -> bool:
        """Whether a snapshot can be afforded."""
        return self.keeps and self._seconds_snapshots <= _SNAPSHOT_SHARE * self._seconds_training

    @contextmanager
    def paid(self) -> Iterator[None]:
        """Within this block time is spent on a snapshot."""
        began = time.perf_counter()
        yield
        self._seconds_snapshots += time.perf_counter() - began

    def copied(self, live: Snapshot, between: Callable[[], None]) -> Snapshot:
        """A copy of what is there now, `between` called on the way. Raises MemoryError."""
        tensors = live.tensors
        copies = self._memory.room(tensors)
        unseen = 0
        for name, copy in copies.items():
            copy.copy_(tensors[name])
            unseen += copy.nbytes
            if unseen >= _BREATH_BYTES:
                between()
                unseen = 0
        return Snapshot(live.step, copies)

    def keep(self, snapshot: Snapshot) -> None:
        """Add a snapshot, and drop as many others as the budget asks for."""
        self.make_room(snapshot.step, snapshot.n_bytes)
        self._snapshots[snapshot.step] = snapshot
        if self._files is not None and self._steps_trained:
            self._files.offer(snapshot, self._spacing(snapshot.n_bytes))

    def write_to(self, files: SnapshotFiles) -> None:
        """Have some of the snapshots in files, too, from now on."""
        self._files = files

    def drop_after(self, step: int) -> None:
        """Forget the snapshots of later steps, in memory and on disk: they are of another future."""
        for held in [held for held in self._snapshots if held > step]:
            del self._snapshots[held]
        if self._files is not None:
            self._files.wait()
            for held in [held for held in self._files.steps if held > step]:
                self._files.drop(held)

    def make_room(self, step: int, n_bytes: int) -> None:
        """Drop what the budget asks for where a snapshot of so many bytes is about to be taken at `step`.

        Of a large model a third one, held for as long as it takes to drop another, may be too much.
        """
        self._snapshots.pop(step, None)
        while self.n_bytes + n_bytes > self._budget and len(self._snapshots) > 1:
            del self._snapshots[least_missed(self._snapshots, step)]

    def nearest(self, step: int, *, after: int = -1) -> Snapshot | None:
        """The latest snapshot at or before `step` that lies after `after`, from memory or from disk.

        None where there is none, and a run has to start from where it is, or from step 0.
        """
        on_disk = self._files.steps if self._files is not None else []
        for held in sorted({*self._snapshots, *on_disk}, reverse=True):
            if after < held <= step:
                found = self._snapshots.get(held) or (self._files.load(held) if self._files else None)
                if found is not None:
                    return found
        return None

    def _spacing(self, n_bytes: int) -> int:
        """In steps, between two snapshots of so many bytes on disk."""
        seconds = max(_WRITE_SECONDS, n_bytes / _WRITE_RATE)
        return max(1, math.ceil(seconds * self._steps_trained / max(self._seconds_training, 1e-9)))
