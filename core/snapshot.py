"""What a run goes back to, and which of many such things is missed least."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

PARTS = ("parameters", "moments", "recipe")


@dataclass(frozen=True)
class Snapshot:
    """Everything a run needs to go on from `step`: copies of the parameters and of the optimizer's moments.

    `tensors` has them by "parameters/NAME", "moments/NAME" and "recipe/NAME"; a recipe has some only where
    batches and masks depend on more than the step. Raises ValueError for a name of another kind.
    """

    step: int
    tensors: Mapping[str, Tensor]

    def __post_init__(self) -> None:
        for key in self.tensors:
            if key.partition("/")[0] not in PARTS:
                raise ValueError(f"a snapshot has no {key!r}")

    @classmethod
    def of(
        cls,
        step: int,
        *,
        parameters: Mapping[str, Tensor],
        moments: Mapping[str, Tensor],
        recipe: Mapping[str, Tensor] | None = None,
    ) -> "Snapshot":
        """A snapshot of these three, each by name."""
        named = zip(PARTS, (parameters, moments, recipe or {}), strict=True)
        return cls(step, {f"{part}/{name}": each for part, those in named for name, each in those.items()})

    @cached_property
    def n_bytes(self) -> int:
        return sum(tensor.nbytes for tensor in self.tensors.values())

    @property
    def parameters(self) -> dict[str, Tensor]:
        return self._part("parameters/")

    @property
    def moments(self) -> dict[str, Tensor]:
        return self._part("moments/")

    @property
    def recipe(self) -> dict[str, Tensor]:
        return self._part("recipe/")

    def _part(self, prefix: str) -> dict[str, Tensor]:
        return {key[len(prefix) :]: self.tensors[key] for key in self.tensors if key.startswith(prefix)}


def least_missed(held: Iterable[int], newest: int) -> int:
    """The step without whose snapshot the longest replay, for its distance from `newest`, grows least.

    Neither `newest` itself nor the one before it: that is what "back one step" asks for. There must be
    another.
    """
    steps = sorted({*held, newest})
    before = dict(zip(steps, [0, *steps], strict=False))
    after = dict(zip(steps, [*steps[1:], steps[-1] + 1], strict=True))
    candidates = [step for step in steps if step not in (newest, before[newest])]
    return min(candidates, key=lambda s: ((after[s] - before[s]) / abs(newest - s), s))
