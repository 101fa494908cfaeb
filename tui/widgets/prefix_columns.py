"""The columns of the prefix table, and the cells in them."""

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from core.messages import Prediction, Real, Span, Table, Weighed
from core.text import spaced, visible
from tui import cells, formats, ramp, theme
from tui.formats import Unit
from tui.widgets.lines import strip

_P, _NATS, _MOVED, _RANK, _GUESS, _DELTA = (
    8,
    7,
    7,
    7,
    11,
    8,
)  # cells of the columns, the gap before each included
_LEAST_PREFIX = 8


class Columns:
    """The columns at a width of the table, and the cells in them. The least needed ones give way first."""

    def __init__(self, width: int, unit: Unit, table: Table, *, ids: bool, comparing: bool) -> None:
        self.unit = unit
        self.width = width
        self.index = max(2, len(str(len(table.tokens))))
        self.target = (10 if width < 100 else 14) + (6 if ids else 0)
        self.comparing = comparing
        self.b, self.delta = (_NATS, _DELTA) if comparing else (0, 0)
        rest = width - (1 + self.index + 1) - (1 + self.target) - _NATS - self.b - self.delta
        room = rest - 1 - _LEAST_PREFIX
        self.p, room = (_P, room - _P) if room >= _P or not comparing else (0, room)
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
        of_target = "A" if self.comparing else "−log p"
        parts = [
            " " + cells.right("#", self.index),
            " " + cells.left("prefix", self.prefix),
            " " + cells.left("→ target", self.target),
            cells.right("p", self.p),
            cells.right(of_target, _NATS),
            cells.right("B", self.b),
            cells.right("Δ A−B", self.delta),
            cells.right(since if len(since) < _MOVED else "change", self.moved),
            cells.right("rank", self.rank),
            cells.right("H(q)", self.entropy),
            cells.left("   guess", self.guess),
        ]
        return strip(Segment(cells.left("".join(parts), self.width), theme.DIM))

    def row(
        self,
        number: int,
        prefix: tuple[str, str],
        target_piece: str | None,
        prediction: Prediction,
        span: Span | None,
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
        span = span if own is None else None  # B was asked for what really follows
        b = formats.information(span.b, self.unit) if span else ""
        delta = formats.difference(span.difference, self.unit) if span else ""
        segments = [
            Segment(mark, theme.LIT + ground),
            Segment(cells.right(str(number), self.index), theme.DIM + ground),
            *self._prefix(*prefix, ground),
            *(self._target(target_piece, nats, ground) if own is None else self._own(own, ground)),
            Segment(
                cells.right(formats.probability(target.probability) if target else "", self.p),
                theme.PLAIN + ground,
            ),
            Segment(
                cells.right(formats.information(nats, self.unit) if nats is not None else "", _NATS),
                theme.STRONG + ground,
            ),
            Segment(cells.right(b, self.b), theme.PLAIN + ground),
            Segment(cells.right(delta, self.delta), _moved_style(delta) + ground),
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

    def _prefix(self, start: str, prefix: str, ground: Style) -> list[Segment]:
        """The tokens before the target, behind what stands for the start of all."""
        room = self.prefix - cells.cell_len(start)
        return [
            Segment(" ", ground),
            Segment(start, ramp.chip(None) + theme.DIM),
            Segment(f"{cells.tail(prefix, room)} ", theme.PLAIN + ground),
        ]

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


def prefix(
    pieces: Sequence[str], start: int, position: int, width: int, *, first_token: bool
) -> tuple[str, str]:
    """The tokens from `start` to `position` as far as they fit, the first ones left out as a whole.

    With `first_token` the very first is none of the text, which never gives way to it: it is handed out by
    itself, and only where there is room for it.
    """
    if first_token and position == 0:
        return cells.left(pieces[0], min(cells.cell_len(pieces[0]), width)), ""
    own = first_token and start == 0
    start += own
    first = position
    used = cells.cell_len(pieces[position])
    while first > start and used + cells.cell_len(pieces[first - 1]) <= width - (first - 1 > start):
        first -= 1
        used += cells.cell_len(pieces[first])
    text = spaced("".join(pieces[first : position + 1]))
    if own and first == start and used + cells.cell_len(pieces[0]) <= width:
        return pieces[0], text
    return "", ("…" if first > start else "") + text.lstrip(" ")


def _moved_style(moved: str) -> Style:
    """More surprised than before, or than another model, or less so."""
    return {"▲": theme.BAD, "+": theme.BAD, "▼": theme.GOOD, "−": theme.GOOD}.get(moved[:1], theme.GHOST)
