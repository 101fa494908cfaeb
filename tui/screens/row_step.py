"""A dialog that asks for the size of a step on one row: its learning rate."""

from pathlib import PurePath
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tui.screens.dialog import CheckedScreen, Line, Notice, row
from tui.screens.numbers import number, written

LOW, HIGH = 1e-9, 10.0
_ABOUT = (
    "One step of the optimizer on this row alone makes what follows likelier here, and moves every other row "
    "too: the table shows which ones pay for it."
)


class RowStepScreen(CheckedScreen[float | None]):
    """Asks for a learning rate; None when it is called off. `words` name the row, safe for a terminal."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["dialog.tcss", "row_step.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "accept", "Train", priority=True, id="row.accept", tooltip="Make the step"),
    ]

    def __init__(self, words: str, rate: float, scheduled: float) -> None:
        super().__init__("Train on this row", accept="Train")
        self._words = words
        self._rate = rate
        self._about = f"the run's next step has {scheduled:.1e}"

    def body(self) -> ComposeResult:
        yield Notice(self._words, id="row-words")
        yield Notice(_ABOUT, id="row-about")
        yield row("learning rate", Line(written(self._rate), id="rate", max_length=24))
        yield Notice(self._about, id="error")

    def check(self) -> float | None:
        """The rate that stands there, or None once its fault is shown."""
        field, notice = self.query_one("#rate", Line), self.query_one("#error", Notice)
        try:
            rate: float | None = number("learning rate", field.value)
            if rate is not None and not LOW <= rate <= HIGH:
                raise ValueError(f"learning rate is {rate:g}; it must lie between {LOW:g} and {HIGH:g}")
        except ValueError as error:
            rate = None
            notice.say(str(error), wrong=True)
        else:
            notice.say(self._about)
        field.set_class(rate is None, "-wrong")
        self.query_one("#accept").set_class(rate is None, "-barred")
        return rate
