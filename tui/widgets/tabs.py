"""One line of tabs that choose which pane is seen where there is room for one only."""

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual.events import Click
from textual.message import Message
from textual.strip import Strip

from tui import cells, theme
from tui.widgets.lines import LineView, strip

TABS = (("table", "1 prefixes"), ("candidates", "2 next token"), ("chart", "3 loss"))


class PaneTabs(LineView):
    """The tabs; a click on one asks for it."""

    class Asked(Message):
        """A tab was clicked."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, tabs: Sequence[tuple[str, str]] = TABS, *, id: str) -> None:
        """The tabs as names and labels, the first one active."""
        super().__init__(id=id)
        self._tabs = tabs
        self._active = tabs[0][0]

    def set_active(self, name: str) -> None:
        self._active = name
        self._build()

    def on_click(self, event: Click) -> None:
        start = 1
        for name, label in self._tabs:
            end = start + cells.cell_len(label) + 3
            if start <= event.x < end:
                self.post_message(self.Asked(name))
            start = end

    def _lines_for(self, width: int) -> list[Strip]:
        segments = [Segment(" ")]
        for name, label in self._tabs:
            active = name == self._active
            style = Style(color=theme.ACCENT, bold=True, underline=True) if active else theme.DIM
            segments += [Segment("▸" if active else " ", theme.LIT), Segment(label, style), Segment("  ")]
        return [strip(*segments)]
