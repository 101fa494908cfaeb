"""One line of plain words, of which there are a longer and a shorter wording."""

from rich.segment import Segment
from textual.strip import Strip

from tui import cells
from tui.widgets.lines import LineView, strip


class Words(LineView):
    """Shows the first of several wordings that fits, so that no figure is ever cut off in the middle."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._wordings: tuple[str, ...] = ()

    def say(self, *wordings: str) -> None:
        """The wordings, the longest first, safe for a terminal; none for an empty line."""
        self._wordings = wordings
        self._build()

    def _lines_for(self, width: int) -> list[Strip]:
        fitting = [words for words in self._wordings if cells.cell_len(words) <= width]
        shown = fitting[:1] or [cells.left(words, width) for words in self._wordings[-1:]]
        return [strip(Segment(words)) for words in shown]
