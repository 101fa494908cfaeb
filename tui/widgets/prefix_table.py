"""The table: one row a prefix, with the token that really follows and what the model thought of it."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from core.messages import Prediction, Real, Table, Weighed
from core.text import visible
from tui import cells, formats, ramp, theme
from tui.formats import Unit
from tui.widgets.lines import LazyLines, LineView, strip

_P, _NATS, _MOVED, _RANK, _GUESS = 8, 7, 7, 7, 11  # cells of the columns, the gap before each included
_LEAST_PREFIX = 8
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
        self.cursor: int = 0
        self.follows_end = True
        self._own: Own = {}

    # --------------------------------------------------------------------------------------------- the data

    def set_table(self, table: Table) -> None:
        """Show a table, the cursor kept where it was, or at the open row if it was there."""
        self.table = table
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
        self.table = None
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
        table = self.table
        if table is None:
            return []
        columns = _Columns(width, self.unit, table, ids=self.ids)
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
                position,
                _prefix(pieces, position - position % window, position, columns.prefix),
                pieces[position + 1] if position + 1 < len(pieces) else None,
                table.predictions[position],
                self._own.get(ids[: position + 1]),
                selected=position == cursor,
                focused=focused,
                border=position in table.window_starts and position > 0,
            )

        return LazyLines(1 + len(table.predictions), line)


class _Columns:
    """The columns at a width of the table, and the cells in them. The least needed ones give way first."""

    def __init__(self, width: int, unit: Unit, table: Table, *, ids: bool) -> None:
        self.unit = unit
        self.width = width
        self.index = max(2, len(str(len(table.tokens))))
        self.target = (10 if width < 100 else 14) + (6 if ids else 0)
        rest = width - (1 + self.index + 1) - (1 + self.target) - _P - _NATS
        room = rest - 1 - _LEAST_PREFIX
        self.rank, room = (_RANK, room - _RANK) if room >= _RANK else (0, room)
        self.entropy, room = (_NATS, room - _NATS) if room >= _NATS else (0, room)
        self.guess, room = (_GUESS, room - _GUESS) if room >= _GUESS else (0, room)
        self.moved, room = (_MOVED, room - _MOVED) if room >= _MOVED else (0, room)
        if self.guess and room > 20:
            self.guess += 6
            room -= 6
        self.prefix = _LEAST_PREFIX + max(0, room)

    def header(self, moved_from: int | None) -> Strip:
        since = "change" if moved_from is None else f"vs {moved_from:,}"
        parts = [
            " " + cells.right("#", self.index),
            " " + cells.left("prefix", self.prefix),
            " " + cells.left("→ target", self.target),
            cells.right("p", _P),
            cells.right("−log p", _NATS),
            cells.right(since if len(since) < _MOVED else "change", self.moved),
            cells.right("rank", self.rank),
            cells.right("H(q)", self.entropy),
            cells.left("   guess", self.guess),
        ]
        return strip(Segment(cells.left("".join(parts), self.width), theme.DIM))

    def row(
        self,
        position: int,
        prefix: str,
        target_piece: str | None,
        prediction: Prediction,
        own: Weighed | None,
        *,
        selected: bool,
        focused: bool,
        border: bool,
    ) -> Strip:
        target = prediction.target if own is None else own.single
        nats = own.cross_entropy if own is not None else target.surprisal if target is not None else None
        ground = Style(bgcolor=theme.SELECTED) if selected else Style()
        mark = "▸" if selected and focused else "›" if selected else "┄" if border else " "
        best = prediction.top[0] if prediction.top else None
        right = best is not None and target is not None and best.token_id == target.token_id
        guess = (" ✓ " if right else "   ") + (visible(best.piece) if best else "")
        moved = formats.change(prediction.moved if own is None else None, self.unit)
        segments = [
            Segment(mark, theme.LIT + ground),
            Segment(cells.right(str(position + 1), self.index), theme.DIM + ground),
            Segment(" " + cells.tail(prefix, self.prefix) + " ", theme.PLAIN + ground),
            *(self._target(target_piece, nats, ground) if own is None else self._own(own, ground)),
            Segment(
                cells.right(formats.probability(target.probability) if target else "", _P),
                theme.PLAIN + ground,
            ),
            Segment(
                cells.right(formats.information(nats, self.unit) if nats is not None else "", _NATS),
                theme.STRONG + ground,
            ),
            Segment(cells.right(moved, self.moved), _moved_style(moved) + ground),
            Segment(cells.right(f"{target.rank:,}" if target else "", self.rank), theme.DIM + ground),
            Segment(
                cells.right(formats.information(prediction.entropy, self.unit), self.entropy),
                theme.PLAIN + ground,
            ),
            Segment(cells.left(guess, self.guess), (theme.GOOD if right else theme.DIM) + ground),
        ]
        used = sum(segment.cell_length for segment in segments)
        return strip(*segments, Segment(" " * max(0, self.width - used), ground))

    def _target(self, piece: str | None, nats: Real | None, ground: Style, taken: int = 0) -> list[Segment]:
        """The token as a chip in the colour of its surprisal, as wide as its text, `taken` cells off."""
        room = self.target - taken
        if piece is None or nats is None:
            return [Segment(cells.left(" ?", room), theme.DIM + ground)]
        text = cells.left(piece, min(cells.cell_len(piece), room - 1))
        rest = room - 1 - cells.cell_len(text)
        chip = Segment(f" {text} "[: None if rest else -1], ramp.chip(float(nats)))
        return [chip, Segment(" " * max(0, rest - 1), ground)]

    def _own(self, own: Weighed, ground: Style) -> list[Segment]:
        """A target of the person's own, marked; of a mix the largest part and how many others there are."""
        first = max(own.targets, key=lambda each: float(each.share))
        piece, others = visible(first.candidate.piece), len(own.targets) - 1
        more = f" +{others}" if others else ""
        room = self.target - cells.cell_len(theme.OWN + more) - 1
        named = cells.left(piece, min(cells.cell_len(piece), room)) + more
        return [
            Segment(theme.OWN, theme.TARGET + ground),
            *self._target(named, own.cross_entropy, ground, cells.cell_len(theme.OWN)),
        ]


def _prefix(pieces: Sequence[str], start: int, position: int, width: int) -> str:
    """The tokens from `start` to `position` as far as they fit, the first ones left out as a whole."""
    first = position
    used = cells.cell_len(pieces[position])
    while first > start and used + cells.cell_len(pieces[first - 1]) <= width - (first - 1 > start):
        first -= 1
        used += cells.cell_len(pieces[first])
    return ("…" if first > start else "") + "".join(pieces[first : position + 1]).replace("␣", " ").lstrip(
        " "
    )


def _moved_style(moved: str) -> Style:
    return {"▲": theme.BAD, "▼": theme.GOOD}.get(moved[:1], theme.GHOST)
