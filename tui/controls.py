"""The sampling controls as a person sets them, in words."""

from dataclasses import dataclass

from core.messages import SampleConfig
from tui.screens.numbers import written

AS_IT_IS = SampleConfig()


@dataclass(frozen=True, kw_only=True)
class Controls:
    """How the model writes on. Without a `seed` every draw is another one."""

    sampling: SampleConfig = AS_IT_IS
    seed: int | None = None

    @property
    def change_predictions(self) -> bool:
        """Whether tokens are drawn from anything but the predictions as they are."""
        return self.sampling != AS_IT_IS

    @property
    def wordings(self) -> tuple[str, ...]:
        """What is not as it is by itself, the longer wording first; nothing where all is."""
        sampling = self.sampling
        limits = []
        if sampling.top_k is not None:
            limits.append(f"top-k {sampling.top_k:,}")
        if sampling.top_p is not None:
            limits.append(f"top-p {written(sampling.top_p)}")
        seed = [] if self.seed is None else [f"seed {self.seed}"]
        if sampling.temperature == 0:  # nothing else matters then, not even the seed
            return ("drawn greedily: the most probable token", "greedy: the most probable token")
        if sampling.temperature == 1:
            parts = [*limits, *seed]
            return ("drawn with " + " · ".join(parts), " · ".join(parts)) if parts else ()
        heat = written(sampling.temperature)
        return (
            " · ".join([f"drawn at temperature {heat}", *limits, *seed]),
            " · ".join([f"T {heat}", *limits, *seed]),
        )
