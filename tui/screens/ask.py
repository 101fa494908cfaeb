"""A dialog that asks for one whole number between two."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tui.screens.dialog import CheckedScreen, Line, Notice
from tui.screens.numbers import whole_number


class AskScreen(CheckedScreen[int | None]):
    """Asks for a whole number from `low` to `high`; None when it is called off."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "accept", "OK", priority=True, id="ask.accept", tooltip="Take the number"),
    ]

    def __init__(
        self,
        heading: str,
        question: str,
        *,
        low: int,
        high: int,
        value: int | None = None,
        accept: str = "OK",
    ) -> None:
        super().__init__(heading, accept=accept)
        self._question = question
        self._low = low
        self._high = high
        self._start = "" if value is None else str(value)

    def body(self) -> ComposeResult:
        yield Notice(self._question, id="question")
        yield Line(self._start, id="number", max_length=24)
        yield Notice(self._range(), id="error")

    def _range(self) -> str:
        return f"from {self._low:,} to {self._high:,}"

    def check(self) -> int | None:
        """The number that stands there, or None once its fault is shown."""
        field, notice = self.query_one("#number", Line), self.query_one("#error", Notice)
        try:
            number: int | None = whole_number("the number", field.value)
            if number is not None and not self._low <= number <= self._high:
                raise ValueError(
                    f"{number:,} is out of range; it must lie between {self._low:,} and {self._high:,}"
                )
        except ValueError as error:
            number = None
            empty = not field.value.strip()
            notice.say(self._range() if empty else str(error), wrong=not empty)
        else:
            notice.say(self._range())
        field.set_class(notice.wrong, "-wrong")
        self.query_one("#accept").set_class(number is None, "-barred")
        return number
