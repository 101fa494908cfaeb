"""The batch of a step: its rows of tokens one below the other, each token tinted by its surprisal."""

from bisect import bisect_right
from collections.abc import Mapping
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from core.messages import BatchRow, Dissected
from core.text import visible
from tui import cells, ramp, theme
from tui.widgets.lines import LineView, strip

_CURSOR = Style(color=theme.GROUND, bgcolor=theme.ACCENT, bold=True)
_CURSOR_ELSEWHERE = Style(color=theme.INK, bgcolor=theme.SELECTED, bold=True)
_READ = Style(underline=True)  # what the chosen token is predicted from


class _Laid(NamedTuple):
    """A row of the batch as laid out: its lines, and line, first cell, last cell + 1 of each token."""

    made_from: object
    lines: list[Strip]
    places: list[tuple[int, int, int]]


class BatchGrid(LineView, can_focus=True):
    """Shows the rows; the cursor is on one predicted token, so on none that begins a row."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "right,l", "move(0, 1)", "Token", key_display="←→↑↓", id="cell.right", tooltip="The token after"
        ),
        Binding("left,h", "move(0, -1)", "before", show=False, id="cell.left", tooltip="The token before"),
        Binding("down,j", "move(1, 0)", "below", show=False, id="cell.down", tooltip="The row below"),
        Binding("up,k", "move(-1, 0)", "above", show=False, id="cell.up", tooltip="The row above"),
        Binding(
            "pagedown", "move(10, 0)", "down 10", show=False, id="cell.page_down", tooltip="Ten rows down"
        ),
        Binding("pageup", "move(-10, 0)", "up 10", show=False, id="cell.page_up", tooltip="Ten rows up"),
        Binding("home,g", "edge(0)", "first", show=False, id="cell.first", tooltip="The row's first token"),
        Binding("end,G", "edge(1)", "last", show=False, id="cell.last", tooltip="The row's last token"),
    ]

    after: reactive[bool] = reactive(False)
    """Whether the tints are those after the update."""

    class Chosen(Message):
        """The cursor is on another token."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.row = 0
        self.column = 0  # of the predictions: the token is the one after it in the row's ids
        self._rows: tuple[BatchRow, ...] = ()
        self._pieces: Mapping[int, str] = {}
        self._laid: dict[int, _Laid] = {}
        self._starts: list[int] = []  # the first line of each row

    def set_step(self, step: Dissected) -> None:
        """Show the batch of a step, the cursor kept where it was as far as there is such a place."""
        self._rows = step.rows
        self._pieces = {token.token_id: visible(token.piece) for token in step.tokens}
        self._laid = {}
        self._put(self.row, self.column)

    @property
    def prefix(self) -> str:
        """What the chosen token is predicted from, as it is shown."""
        ids = self._rows[self.row].ids[: self.column + 1] if self._rows else ()
        return "".join(self._pieces[token_id] for token_id in ids)

    @property
    def chosen(self) -> BatchRow | None:
        """The row the cursor is in."""
        return self._rows[self.row] if self._rows else None

    def action_move(self, rows: int, columns: int) -> None:
        self._put(self.row + rows, self.column + columns)

    def action_edge(self, end: int) -> None:
        self._put(self.row, 10**9 if end else 0)

    def on_click(self, event: Click) -> None:
        y = event.y + self.scroll_offset.y
        row = bisect_right(self._starts, y) - 1
        if row < 0:
            return
        for position, (line, start, end) in enumerate(self._laid[row].places):
            if line == y - self._starts[row] and start <= event.x < end:
                self._put(row, max(0, position - 1))

    def watch_after(self) -> None:
        self._build()

    def watch_has_focus(self, has_focus: bool) -> None:
        # Not on_focus: that runs before the widget knows that it has the focus.
        super().watch_has_focus(has_focus)
        self._build()

    def _put(self, row: int, column: int) -> None:
        if not self._rows:
            return
        self.row = max(0, min(row, len(self._rows) - 1))
        self.column = max(0, min(column, len(self._rows[self.row].surprisals) - 1))
        self._build()
        self.post_message(self.Chosen())

    def _build(self) -> None:
        super()._build()
        if self._starts:
            self.show_line(self._starts[self.row] + self._laid[self.row].places[self.column + 1][0])

    def _lines_for(self, width: int) -> list[Strip]:
        lines: list[Strip] = []
        self._starts = []
        for number, row in enumerate(self._rows):
            cursor = (self.column, self.has_focus) if number == self.row else None
            made_from = (width, self.after, cursor)
            if number not in self._laid or self._laid[number].made_from != made_from:
                self._laid[number] = self._lay(number, row, made_from)
            self._starts.append(len(lines))
            lines += self._laid[number].lines
        return lines

    def _lay(self, number: int, row: BatchRow, made_from: tuple[int, bool, tuple[int, bool] | None]) -> _Laid:
        width, after, cursor = made_from
        gutter = len(str(len(self._rows))) + 1
        nats = (None, *map(float, row.after if after else row.surprisals))
        lines = [[Segment(cells.right(str(number + 1), gutter - 1) + " ", theme.DIM)]]
        places = []
        at = gutter
        for position, (token_id, surprisal) in enumerate(zip(row.ids, nats, strict=True)):
            text = self._pieces[token_id]
            if cells.cell_len(text) > width - gutter:
                text = cells.left(text, width - gutter)
            size = cells.cell_len(text)
            if at > gutter and at + size > width:
                lines.append([Segment(" " * gutter)])
                at = gutter
            places.append((len(lines) - 1, at, at + size))
            lines[-1].append(Segment(text, _style(surprisal, position, cursor)))
            at += size
        return _Laid(made_from, [strip(*segments) for segments in lines], places)


def _style(nats: float | None, position: int, cursor: tuple[int, bool] | None) -> Style:
    style = Style(color=theme.MUTED)
    if nats is not None:
        style = ramp.chip(nats)
    if cursor is None:
        return style
    column, focused = cursor
    if position == column + 1:
        return _CURSOR if focused else _CURSOR_ELSEWHERE
    return style + _READ if position <= column else style
