"""Figures one below the other, each with a bar on the same scale, so that what adds up is seen to."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tui import cells, theme
from tui.widgets.lines import LineView, strip

NOTHING, SOLID, LIGHT = " ", "█", "░"
_STYLES = {NOTHING: theme.PLAIN, SOLID: theme.LIT, LIGHT: Style(color=theme.WORSE)}
_LEAST_BAR = 12  # cells, below which there is none


@dataclass(frozen=True, kw_only=True)
class Sum:
    """A name, a figure with its unit, a bar of pieces (a glyph and its part of the width), what it is."""

    name: str
    figure: str
    pieces: Sequence[tuple[str, float]]
    words: str = ""
    strong: bool = False


class Sums(LineView):
    """Shows the sums that `say` was given; texts are safe for a terminal."""

    DEFAULT_CSS = "Sums { height: auto; }"

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._sums: tuple[Sum, ...] = ()

    def say(self, sums: Sequence[Sum]) -> None:
        self._sums = tuple(sums)
        self._build()

    def _lines_for(self, width: int) -> list[Strip]:
        names = max((cells.cell_len(each.name) for each in self._sums), default=0)
        figures = max((cells.cell_len(each.figure) for each in self._sums), default=0)
        words = max((cells.cell_len(each.words) for each in self._sums), default=0)
        room = width - names - figures - words - 5
        if room < _LEAST_BAR:
            room, words = max(0, width - names - figures - 4), 0
        lines = []
        for each in self._sums:
            style = theme.STRONG if each.strong else theme.PLAIN
            head = f" {cells.left(each.name, names)} {cells.right(each.figure, figures)} "
            bar = _bar(each.pieces, room)
            used = sum(segment.cell_length for segment in bar)
            tail = [Segment(" " * (room - used + 1)), Segment(cells.left(each.words, words), theme.DIM)]
            lines.append(strip(Segment(head, style), *bar, *(tail if words else ())))
        return lines


def _bar(pieces: Sequence[tuple[str, float]], room: int) -> list[Segment]:
    """The pieces one behind the other, each ending where its part of the width does, on whole cells."""
    bar, end, at = [], 0.0, 0
    for glyph, part in pieces:
        end += part
        until = min(room, max(round(end * room), at + (part > 0 and glyph != NOTHING)))
        bar.append(Segment(glyph * (until - at), _STYLES[glyph]))
        at = max(at, until)
    return bar
