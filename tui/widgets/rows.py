"""A small table with a cursor: a name, some figures and a bar in each row."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.message import Message
from textual.strip import Strip

from tui import cells, formats, theme
from tui.widgets.lines import LineView, strip

_MARK = 2  # cells in front of every row: where the cursor is


@dataclass(frozen=True, kw_only=True)
class Column:
    """A heading, how many cells wide, and whether figures stand in it, to the right."""

    title: str
    width: int
    figures: bool = True


@dataclass(frozen=True, kw_only=True)
class Row:
    """A text for each column, safe for a terminal, a bar of `share` (0 to 1; None for none), a mark after it.

    A row is drawn in `style`, its bar in `bar_style`, with a stroke where a bar of `tick` would end.
    """

    texts: tuple[str, ...]
    share: float | None = None
    tick: float | None = None
    mark: str = ""
    style: Style = theme.PLAIN
    bar_style: Style = theme.LIT


class Rows(LineView, can_focus=True, inherit_bindings=False):  # left and right are for the labs
    """Shows the rows of `say` below a line of headings; the cursor is a caret, seen without colour too."""

    pinned = 1
    DEFAULT_CSS = "Rows { height: auto; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "up", show=False, id="rows.up", tooltip="The row above"),
        Binding("down,j", "move(1)", "down", show=False, id="rows.down", tooltip="The row below"),
        Binding("home,g", "move(-1000)", "first", show=False, id="rows.first", tooltip="The first row"),
        Binding("end,G", "move(1000)", "last", show=False, id="rows.last", tooltip="The last row"),
        Binding("enter", "choose", "Edit", id="rows.choose", tooltip="Edit the row"),
    ]  # fmt: skip

    @dataclass
    class Selected(Message):
        """The cursor is on another row."""

        rows: "Rows"
        row: int

        @property
        def control(self) -> "Rows":
            return self.rows

    @dataclass
    class Chosen(Message):
        """Enter, or a second click, on a row."""

        rows: "Rows"
        row: int

        @property
        def control(self) -> "Rows":
            return self.rows

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._columns: tuple[Column, ...] = ()
        self._rows: tuple[Row, ...] = ()
        self._foot: tuple[str, ...] = ()
        self._bar = 0
        self._bar_title = ""
        self.cursor = 0

    @property
    def rows(self) -> Sequence[Row]:
        return self._rows

    def say(
        self,
        columns: Sequence[Column],
        rows: Sequence[Row],
        *,
        foot: Sequence[str] = (),
        bar: int = 0,
        bar_title: str = "",
    ) -> None:
        """Show these rows; columns for which there is no room are left out from the right.

        `foot` are texts below the columns, such as sums, where the cursor never is; `bar` are the cells that
        columns leave to the bars and the marks, `bar_title` what stands above them.
        """
        self._columns, self._rows = tuple(columns), tuple(rows)
        self._foot, self._bar, self._bar_title = tuple(foot), bar, bar_title
        self.cursor = max(0, min(len(self._rows) - 1, self.cursor))
        self._build()

    def select(self, row: int) -> None:
        """Have the cursor on a row, or on the nearest there is."""
        row = max(0, min(len(self._rows) - 1, row))
        if row != self.cursor:
            self.cursor = row
            self._build()
            self.post_message(self.Selected(self, row))
        self.show_line(self.cursor + self.pinned)

    def action_move(self, rows: int) -> None:
        self.select(self.cursor + rows)

    def action_choose(self) -> None:
        if self._rows:
            self.post_message(self.Chosen(self, self.cursor))

    def on_click(self, event: Click) -> None:
        row = self.line_at(event.y) - self.pinned
        if 0 <= row < len(self._rows):
            if row == self.cursor and event.chain == 2:
                self.action_choose()
            self.select(row)

    def watch_has_focus(self, has_focus: bool) -> None:
        super().watch_has_focus(has_focus)
        self._build()

    def _lines_for(self, width: int) -> list[Strip]:
        columns = list(self._columns)
        while len(columns) > 1 and _MARK + sum(column.width + 1 for column in columns) + self._bar > width:
            columns.pop()
        room = max(0, width - _MARK - sum(column.width + 1 for column in columns))
        marks = max((cells.cell_len(row.mark) + 1 for row in self._rows if row.mark), default=0)
        marks = marks if marks <= room else 0
        most = max(0, room - marks - 1)  # cells of a bar: the same in all rows, that they can be compared
        lines = [_words(columns, [column.title for column in columns], width, self._bar_title)]
        for number, row in enumerate(self._rows):
            here = number == self.cursor
            ground = Style(bgcolor=theme.SELECTED) if here and self.has_focus else Style()
            before = ("› " if here else "  ") + _joined(columns, row.texts)
            segments = [
                Segment(before, (theme.STRONG if here else row.style) + ground),
                *_bar(row, most, ground),
                Segment(f" {row.mark}" if row.mark and marks else "", theme.TARGET + ground),
            ]
            used = sum(segment.cell_length for segment in segments)
            lines.append(strip(*segments, Segment(" " * max(0, width - used), ground)))
        if self._foot:
            lines.append(_words(columns, self._foot, width))
        return lines


def _bar(row: Row, width: int, ground: Style) -> list[Segment]:
    bar = formats.bar(row.share or 0.0, width)
    if row.tick is None or width == 0:
        return [Segment(bar, row.bar_style + ground)]
    at = min(width - 1, int(row.tick * width))
    parts = (bar[:at].ljust(at), row.bar_style), ("│", theme.STRONG), (bar[at + 1 :], row.bar_style)
    return [Segment(text, style + ground) for text, style in parts]


def _words(columns: Sequence[Column], texts: Sequence[str], width: int, after: str = "") -> Strip:
    return strip(Segment(cells.left(" " * _MARK + _joined(columns, texts) + after, width), theme.DIM))


def _joined(columns: Sequence[Column], texts: Sequence[str]) -> str:
    return "".join(_cell(column, text) + " " for column, text in zip(columns, texts, strict=False))


def _cell(column: Column, text: str) -> str:
    return cells.right(text, column.width) if column.figures else cells.left(text, column.width)
