"""What a person does to a run, which is from then on a part of what the run is a function of."""

from collections.abc import Iterable

from core.close_records import WHOLE_WITHIN, Share
from core.training import Training
from core.wire import Message, require


class OnRow(Message, frozen=True, kw_only=True):
    """The update that `step` counts as its last, made on one prediction in place of that step's batch.

    The loss is the cross entropy H(p, q) of the target mix p and the prediction q after the tokens of
    `prefix`. Raises ValueError where one of them is none, or the learning rate out of range.
    """

    step: int
    prefix: tuple[int, ...]
    target: tuple[Share, ...]
    learning_rate: float

    def __post_init__(self) -> None:
        require("step", self.step, 1, 2**63 - 1)
        require("learning rate", self.learning_rate, 1e-9, 10)
        if not self.prefix:
            raise ValueError("there is nothing to predict from: the prefix needs at least one token")
        shares = [float(each.share) for each in self.target]
        if not all(share > 0 for share in shares):
            raise ValueError("a share of the target is not above 0: leave that token out")
        if not abs(sum(shares) - 1) <= WHOLE_WITHIN:
            raise ValueError(f"the shares of the target add up to {sum(shares):g}; they must add up to 1")


class Settings(Message, frozen=True, kw_only=True):
    """From the update that `step` counts as its last on, the run has another configuration."""

    step: int
    training: Training

    def __post_init__(self) -> None:
        require("step", self.step, 1, 2**63 - 1)


class Withdrawn(Message, frozen=True, kw_only=True):
    """The last step was taken back, which was an `OnRow`: from now on it was never made."""

    step: int


Intervention = OnRow | Settings
Line = Intervention | Withdrawn


class Interventions:
    """What was done to a run by step, read and written as lines in the order in which it was done."""

    def __init__(self, lines: Iterable[Line] = ()) -> None:
        self._rows: dict[int, OnRow] = {}
        self._settings: dict[int, Settings] = {}
        for line in lines:
            self.add(line)

    def add(self, line: Line) -> None:
        """What is done now."""
        match line:
            case OnRow():
                self._rows[line.step] = line
            case Settings():
                self._settings[line.step] = line
            case Withdrawn():
                self._rows.pop(line.step, None)

    def on_row(self, step: int) -> OnRow | None:
        """The row that `step` is made on; None where it is made on a batch."""
        return self._rows.get(step)

    def training(self, step: int, start: Training) -> Training:
        """The configuration that `step` is made with, of a run that began with `start`."""
        changed = max((at for at in self._settings if at <= step), default=None)
        return start if changed is None else self._settings[changed].training

    def up_to(self, step: int) -> list[Intervention]:
        """Those of a run that goes its own way after `step`, with the configuration the next step has."""
        settings = [each for at, each in self._settings.items() if at <= step + 1]
        rows = [each for at, each in self._rows.items() if at <= step]
        return sorted([*settings, *rows], key=lambda each: each.step)
