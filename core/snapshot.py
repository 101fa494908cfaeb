"""What a run goes back to, and which of many such things is missed least."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from torch import Tensor

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
