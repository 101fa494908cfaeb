"""Lines of figures that another makes for the width there is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual.events import Click
from textual.message import Message
from textual.strip import Strip

from tui.widgets.lines import LineView

Make = Callable[[int], Sequence[Strip]]


class Figures(LineView):
    """Shows what `say` was given."""

    @dataclass
    class Picked(Message):
        """A line was clicked."""

        figures: "Figures"
        line: int

        @property
        def control(self) -> "Figures":
            return self.figures

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._make: Make = lambda width: []

    def say(self, make: Make) -> None:
        """Show the lines that `make` gives for a width."""
        self._make = make
        self._build()

    def on_click(self, event: Click) -> None:
        line = self.line_at(event.y)
        if line < len(self.lines):
            self.post_message(self.Picked(self, line))

    def _lines_for(self, width: int) -> Sequence[Strip]:
        return self._make(width)
