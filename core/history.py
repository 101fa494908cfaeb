"""Snapshots of a run under a byte budget: the newest lie dense, older ones thin out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from torch import Tensor

from core.snapshot_memory import SnapshotMemory

_BREATH_BYTES = 2**22  # copied at least between two looks at who waits; most tensors are tiny
PARTS = ("parameters", "moments", "recipe")


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Everything a run needs to go on from `step`: copies of the parameters and of the optimizer's moments.

    `recipe` is what else its batches and masks depend on: nothing where they are addressed by step.
    """

    step: int
    parameters: dict[str, Tensor]
    moments: dict[str, Tensor]
    recipe: dict[str, Tensor] = field(default_factory=dict)

    @cached_property
    def n_bytes(self) -> int:
        return sum(tensor.nbytes for tensor in self.tensors.values())

    @property
    def tensors(self) -> dict[str, Tensor]:
        """All of them, by "parameters/NAME", "moments/NAME" and "recipe/NAME"."""
        return {f"{part}/{name}": each for part in PARTS for name, each in getattr(self, part).items()}

    @classmethod
    def of(cls, step: int, tensors: Mapping[str, Tensor]) -> "Snapshot":
        """The inverse of `tensors`. Raises ValueError for a name of another kind."""
        parts: dict[str, dict[str, Tensor]] = {part: {} for part in PARTS}
        for key, tensor in tensors.items():
            part, _, name = key.partition("/")
            if part not in parts:
                raise ValueError(f"a snapshot has no {key!r}")
            parts[part][name] = tensor
        return cls(step=step, **parts)


class History:
    """Snapshots by step. The one kept last and the nearest before it stay, whatever the budget says.

    The budget is in bytes, and 0 keeps none. What goes first is what lies closest to its neighbours for its
    distance from the step kept last, so what stays lies the sparser the farther from there.
    """

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._snapshots: dict[int, Snapshot] = {}
        # What is dropped for a snapshot is what it is then written to.
        self._memory = SnapshotMemory(spares=1 if budget > 0 else 0)

    @property
    def steps(self) -> list[int]:
        """The steps that are held, ascending."""
        return sorted(self._snapshots)

    @property
    def n_bytes(self) -> int:
        return sum(snapshot.n_bytes for snapshot in self._snapshots.values())

    @property
    def keeps(self) -> bool:
        """Whether a snapshot is worth taking."""
        return self._budget > 0

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
        return Snapshot.of(live.step, copies)

    def keep(self, snapshot: Snapshot) -> None:
        """Add a snapshot, and drop as many others as the budget asks for."""
        self.make_room(snapshot.step, snapshot.n_bytes)
        self._snapshots[snapshot.step] = snapshot

    def make_room(self, step: int, n_bytes: int) -> None:
        """Drop what the budget asks for where a snapshot of so many bytes is about to be taken at `step`.

        Of a large model a third one, held for as long as it takes to drop another, may be too much.
        """
        self._snapshots.pop(step, None)
        while self.n_bytes + n_bytes > self._budget and len(self._snapshots) > 1:
            del self._snapshots[self._least_missed(step)]

    def drop_after(self, step: int) -> None:
        """Forget the snapshots of later steps: they are of another future."""
        self._snapshots = {held: snapshot for held, snapshot in self._snapshots.items() if held <= step}

    def nearest(self, step: int) -> Snapshot | None:
        """The latest snapshot at or before `step`; None where the run has to start from step 0."""
        at_or_before = [held for held in self._snapshots if held <= step]
        return self._snapshots[max(at_or_before)] if at_or_before else None

    def _least_missed(self, newest: int) -> int:
        """The snapshot without which the longest replay, for its distance from `newest`, grows least."""
        steps = sorted([*self._snapshots, newest])
        before = dict(zip(steps, [0, *steps], strict=False))
        after = dict(zip(steps, [*steps[1:], steps[-1] + 1], strict=True))
        # the one before the newest is what "back one step" asks for
        candidates = [step for step in steps if step not in (newest, before[newest])]
        return min(candidates, key=lambda s: ((after[s] - before[s]) / abs(newest - s), s))
