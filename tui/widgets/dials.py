"""Settings with the keys that change them, each also there to click."""

from collections.abc import Sequence
from typing import NamedTuple

from rich.segment import Segment
from textual.events import Click
from textual.strip import Strip

from tui import cells, theme
from tui.widgets.lines import LineView, strip


class Dial(NamedTuple):
    """The key, what it changes or does, and what that stands at; all safe for a terminal."""

    key: str
    name: str
    value: str = ""


class Dials(LineView):
    """Shows a line for each of the dials of `say`; a click on one is its key."""

    DEFAULT_CSS = "Dials { height: auto; }"

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._dials: tuple[Dial, ...] = ()

    def say(self, dials: Sequence[Dial]) -> None:
        self._dials = tuple(dials)
        self._build()

    def on_click(self, event: Click) -> None:
        number = self.line_at(event.y)
        if 0 <= number < len(self._dials):
            self.app.simulate_key(self._dials[number].key)

    def _lines_for(self, width: int) -> list[Strip]:
        return [
            strip(
                Segment(f"{dial.key} ", theme.LIT),
                Segment(cells.left(dial.name, min(cells.cell_len(dial.name), max(0, width - 2))), theme.DIM),
                Segment(f" {dial.value}", theme.PLAIN),
            )
            for dial in self._dials
        ]
