"""The keys that work now, each of them also there to click."""

from rich.segment import Segment
from textual.events import Click
from textual.screen import Screen
from textual.strip import Strip

from tui import cells, theme
from tui.bindings import shown_bindings
from tui.widgets.lines import LineView, strip


class KeyBar(LineView):
    """The screen's keys and those of the widget with the focus. (Textual's Footer is a widget a key: it took
    a tenth of the time to the first frame.)"""

    def __init__(self, *, id: str, lines: int = 1) -> None:
        super().__init__(id=id)
        self._most_lines = lines
        self._shown: list[tuple[int, int, int, str]] = []  # line, first cell, last cell + 1, key

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_updated)

    def on_click(self, event: Click) -> None:
        for line, start, end, key in self._shown:
            if event.y == line and start <= event.x < end:
                self.app.simulate_key(key)

    def _bindings_updated(self, screen: Screen[object]) -> None:
        if screen is self.screen:
            self._build()

    def _lines_for(self, width: int) -> list[Strip]:
        lines: list[list[Segment]] = [[]]
        self._shown = []
        at = 0
        for binding in shown_bindings(self.screen):
            key, label = f" {self.app.get_key_display(binding)}", f" {binding.description} "
            size = cells.cell_len(key + label)
            if at + size > width:
                if len(lines) == self._most_lines:
                    break
                lines.append([])
                at = 0
            lines[-1] += [Segment(key, theme.LIT), Segment(label, theme.PLAIN)]
            self._shown.append((len(lines) - 1, at, at + size, binding.key))
            at += size
        return [strip(*segments) for segments in lines]
