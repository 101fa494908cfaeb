"""The table: one row a prefix, with the token that really follows and what the model thought of it."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.events import Click
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from core.messages import Comparison, Prediction, Table, Weighed
from core.text import visible
from tui.formats import Unit
from tui.widgets.lines import LazyLines, LineView
from tui.widgets.prefix_columns import Columns, prefix

Own = Mapping[tuple[int, ...], Weighed]
"""Targets of the person's own by the ids of the prefix they are to follow."""


class PrefixTable(LineView, can_focus=True):
    """Shows a `Table`. The cursor is on one prediction; it stays on the open row until it is moved away."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "row up", show=False, id="table.up", tooltip="The row above"),
        Binding("down,j", "move(1)", "row down", show=False, id="table.down", tooltip="The row below"),
        Binding("pageup", "move(-10)", "up 10", show=False, id="table.page_up", tooltip="Ten rows up"),
        Binding("pagedown", "move(10)", "down 10", show=False, id="table.page_down", tooltip="Ten rows down"),
        Binding("home,g", "edge(0)", "first row", show=False, id="table.first", tooltip="The first row"),
        Binding(
            "end,G", "edge(1)", "last row", show=False, id="table.last", tooltip="The open row at the end"
        ),
        Binding(
            "enter", "to_candidates", "candidates", show=False, id="table.enter", tooltip="To the candidates"
        ),
    ]

    pinned = 1  # the headings

    unit: reactive[Unit] = reactive(Unit.NATS)
    ids: reactive[bool] = reactive(False)

    class Selected(Message):
        """The cursor is on another prediction, or its prediction is a new one."""

        def __init__(self, position: int) -> None:
            super().__init__()
            self.position = position

    class Entered(Message):
        """Enter on a row: on to its candidates."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.table: Table | None = None
        self.comparison: Comparison | None = None
        self.cursor: int = 0
        self.follows_end = True
        self._own: Own = {}

    # --------------------------------------------------------------------------------------------- the data

    def set_table(self, table: Table, comparison: Comparison | None = None) -> None:
        """Show a table, the cursor kept on its prefix, or at the open row if it was there.

        With a comparison its columns take the place of others, also while nothing is in them yet.
        """
        if self.table is not None:  # there may be a row 0 now, or none any more
            self.cursor = max(0, self.cursor + table.first_token - self.table.first_token)
        self.table = table
        self.comparison = comparison
        last = max(0, len(table.predictions) - 1)
        self.cursor = last if self.follows_end else min(self.cursor, last)
        self._build()
        if self.follows_end:
            self.show_line(self.cursor + 1)
        self.post_message(self.Selected(self.cursor))

    def set_own(self, own: Own) -> None:
        """Show targets of the person's own in place of what follows these prefixes."""
        if own != self._own:
            self._own = own
            self._build()

    def clear(self) -> None:
        """Nothing to show."""
        self.table = self.comparison = None
        self.follows_end = True
        self.show([])

    @property
    def selected(self) -> Prediction | None:
        """The prediction under the cursor."""
        if self.table is None or not self.table.predictions:
            return None
        return self.table.predictions[self.cursor]

    def select(self, position: int) -> None:
        """Put the cursor on a prediction, as far as there are any."""
        if self.table is None or not self.table.predictions:
            return
        last = len(self.table.predictions) - 1
        position = max(0, min(last, position))
        self.follows_end = position == last
        if position != self.cursor:
            self.cursor = position
            self._build()
            self.show_line(position + 1)
            self.post_message(self.Selected(position))

    def action_move(self, rows: int) -> None:
        self.select(self.cursor + rows)

    def action_edge(self, end: int) -> None:
        self.select(10**9 if end else 0)

    def action_to_candidates(self) -> None:
        self.post_message(self.Entered())

    def on_click(self, event: Click) -> None:
        row = self.line_at(event.y) - self.pinned
        if self.table is not None and 0 <= row < len(self.table.predictions):
            self.select(row)

    def watch_unit(self) -> None:
        self._build()

    def watch_ids(self) -> None:
        self._build()

    def watch_has_focus(self, has_focus: bool) -> None:
        # Not on_focus: that runs before the widget knows that it has the focus.
        super().watch_has_focus(has_focus)
        self._build()

    # -------------------------------------------------------------------------------------------- the lines

    def _lines_for(self, width: int) -> Sequence[Strip]:
        table, comparison = self.table, self.comparison
        if table is None:
            return []
        columns = Columns(width, self.unit, table, ids=self.ids, comparing=comparison is not None)
        pieces = [visible(token.piece) for token in table.tokens]
        if self.ids:
            pieces = [f"{piece}:{token.token_id}" for piece, token in zip(pieces, table.tokens, strict=True)]
        window = table.window_starts[1] if len(table.window_starts) > 1 else len(pieces)
        cursor, focused = self.cursor, self.has_focus
        ids = tuple(token.token_id for token in table.tokens) if self._own else ()

        def line(y: int) -> Strip:
            if y == 0:
                return columns.header(table.moved_from)
            position = y - 1
            return columns.row(
                table.number(position),
                prefix(
                    pieces,
                    position - position % window,
                    position,
                    columns.prefix,
                    first_token=table.first_token,
                ),
                pieces[position + 1] if position + 1 < len(pieces) else None,
                table.predictions[position],
                comparison.by_row.get(position) if comparison is not None else None,
                self._own.get(ids[: position + 1]),
                selected=position == cursor,
                focused=focused,
                border=position in table.window_starts and position > 0,
            )

        return LazyLines(1 + len(table.predictions), line)
