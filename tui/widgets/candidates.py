"""What could come next after one prefix: the most probable tokens, the target among them or below them."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from core.messages import Candidate, Prediction
from core.text import visible
from tui import cells, formats, theme
from tui.formats import Unit
from tui.ramp import foreground
from tui.widgets.lines import strip
from tui.widgets.token_list import LEAST_FULL_BAR, TokenList, line_with_bar

_GAP = 3  # cells between two lists, in which the target's mark stands
_MARK = 3  # cells at the end of a line, for the target's mark at least


class Opposed(NamedTuple):
    """What another model B says of the same place: p by token id as far as it is known, and its best."""

    p: Mapping[int, float]
    best: Sequence[Candidate]


class CandidateList(TokenList):
    """Shows a `Prediction`, or what was found of it."""

    pinned = 1  # the headings

    unit: reactive[Unit] = reactive(Unit.NATS)

    class Listed(Message):
        """Other candidates are shown, or the same ones of another prediction."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.prediction: Prediction | None = None
        self.found: Sequence[Candidate] | None = None
        self.drawn: Mapping[int, float | None] | None = None
        self.opposed: Opposed | None = None
        self._own: frozenset[int] = frozenset()

    def set_prediction(self, prediction: Prediction | None, opposed: Opposed | None = None) -> None:
        """Show the candidates of a prediction, beside those of another model where that is compared with."""
        self.prediction = prediction
        self.opposed = opposed
        self._build()
        self.post_message(self.Listed())

    def set_found(self, found: Sequence[Candidate] | None) -> None:
        """Show the tokens a search has found instead, or the candidates again."""
        self.found = found
        self.cursor = 0
        self._build()
        self.post_message(self.Listed())

    def set_drawn(self, drawn: Mapping[int, float | None] | None) -> None:
        """Show in a column with which p tokens are drawn after the sampling controls: None for one that is
        cut, nothing for one not there. Without `drawn` there is no such column."""
        if drawn != self.drawn:
            self.drawn = drawn
            self._build()

    def set_opposed(self, opposed: Opposed | None) -> None:
        """More is known of what another model says of the same place."""
        self.opposed = opposed
        self._build()

    def set_own(self, token_ids: frozenset[int]) -> None:
        """Mark the tokens of a target of the person's own."""
        if token_ids != self._own:
            self._own = token_ids
            self._build()

    @property
    def candidates(self) -> list[Candidate]:
        """What the lines stand for, top to bottom: best first, the target at the latest where one need not
        scroll for it."""
        if self.found is not None:
            return list(self.found)
        if self.prediction is None:
            return []
        target = self.prediction.target
        if target is None:
            return list(self.prediction.top)
        top = self.prediction.top
        others = [c for c in top if c.token_id != target.token_id]
        place = next((i for i, c in enumerate(top) if c.token_id == target.token_id), len(top))
        place = min(place, max(1, self.scrollable_content_region.height - 1 - self.pinned))
        return [*others[:place], target, *others[place:]]

    def watch_unit(self) -> None:
        self._build()

    def _lines_for(self, width: int) -> list[Strip]:
        target = self.prediction.target if self.prediction else None
        candidates = self.candidates
        self._keep_cursor()
        # Bars compare within one list; a list in which nothing is likely has short ones.
        full = max([LEAST_FULL_BAR, *(c.probability for c in candidates)])
        columns = _Columns.fitting(width, drawn=self.drawn is not None, opposed=self.opposed is not None)
        lines = [
            self._line(
                row,
                candidate,
                columns,
                width,
                full,
                is_target=target is not None and candidate.token_id == target.token_id,
                selected=self.has_focus and row == self.cursor,
            )
            for row, candidate in enumerate(candidates)
        ]
        if self.found is not None and not lines:
            lines = [strip(Segment(cells.left("no token holds that", width), theme.DIM))]
        return [self._header(columns, width), *lines]

    def _header(self, columns: "_Columns", width: int) -> Strip:
        opposed = self.opposed is not None
        words = [f"{'rank':>7} ", cells.left("token", columns.piece)]
        words += [cells.right("p A" if opposed else "p", columns.p), cells.right("p B", columns.p_b)]
        words += [cells.right("p drawn", columns.drawn), cells.right(self.unit.value, columns.nats)]
        if columns.best:
            lead = "B’s best" if columns.best > 8 else "B best"
            words += [" " * _GAP, cells.left(lead, columns.best), cells.right("p B", columns.best_p)]
        return strip(Segment(cells.left("".join(words), width), theme.DIM))

    def _line(
        self,
        row: int,
        candidate: Candidate,
        columns: "_Columns",
        width: int,
        full: float,
        *,
        is_target: bool,
        selected: bool,
    ) -> Strip:
        """Rank, token, probabilities, surprisal, and a bar with the target's mark in what is left.

        What the sampling controls cut is pale. Of two models' p the larger one stands out.
        """
        p_drawn = self.drawn.get(candidate.token_id, math.nan) if self.drawn is not None else math.nan
        p_b = self.opposed.p.get(candidate.token_id) if self.opposed is not None else None
        cut = p_drawn is None
        plain, strong = (theme.GHOST, theme.GHOST) if cut else (theme.PLAIN, theme.STRONG)
        ground = Style(bgcolor=theme.SELECTED) if selected else Style()
        name = theme.TARGET if is_target else plain
        p = cells.right(formats.probability(candidate.probability), columns.p)
        of_a, of_b = (plain, plain)
        if p_b is not None:
            of_a, of_b = (strong, plain) if candidate.probability > p_b else (plain, strong)
        nats = cells.right(formats.information(candidate.surprisal, self.unit), columns.nats)
        segments = [
            Segment("▸" if selected else " ", theme.LIT + ground),
            Segment(cells.right(f"{candidate.rank:,}", 6), theme.DIM + ground),
            Segment(theme.OWN if candidate.token_id in self._own else " ", theme.TARGET + ground),
            Segment(cells.left(visible(candidate.piece), columns.piece), name + ground),
            Segment(p, of_a + ground),
            Segment(
                cells.right(formats.probability(p_b) if p_b is not None else "", columns.p_b), of_b + ground
            ),
            Segment(cells.right(_p_drawn(p_drawn), columns.drawn), strong + ground),
            Segment(nats if columns.nats else "", (strong if self.drawn is None else plain) + ground),
        ]
        if self.opposed is not None:
            segments.append(Segment(" ◀ " if is_target else " " * _GAP, theme.TARGET + ground))
            segments += self._best_of_b(self.opposed.best, row, columns, ground)
            used = sum(segment.cell_length for segment in segments)
            return strip(*segments, Segment(" " * max(0, width - used), ground))
        segments.append(Segment(" ", ground))
        shade = theme.GHOST if cut else Style(color=foreground(candidate.surprisal).rich_color)
        share = candidate.probability / full
        return line_with_bar(segments, width, share, shade, ground, is_target=is_target)

    def _best_of_b(
        self, best: Sequence[Candidate], row: int, columns: "_Columns", ground: Style
    ) -> list[Segment]:
        """The candidate that B has in this place of its own list."""
        if not columns.best or row >= len(best):
            return []
        candidate, target = best[row], self.prediction.target if self.prediction else None
        is_target = target is not None and candidate.token_id == target.token_id
        p = formats.probability(candidate.probability)
        return [
            Segment(
                cells.left(visible(candidate.piece), columns.best),
                (theme.TARGET if is_target else theme.PLAIN) + ground,
            ),
            Segment(cells.right(p, columns.best_p), theme.DIM + ground),
        ]


class _Columns(NamedTuple):
    """The widths of the columns, in cells; 0 for one that is not there."""

    piece: int
    p: int
    p_b: int = 0
    drawn: int = 0
    nats: int = 0
    best: int = 0
    best_p: int = 0

    @classmethod
    def fitting(cls, width: int, *, drawn: bool, opposed: bool) -> "_Columns":
        """What a line so wide has room for. With `drawn` first the bar gives way, then the surprisal.

        With another model's figures it is bar, surprisal and `drawn`, then that model's own list.
        """
        piece = min(16, max(8, width // 4))
        if opposed:
            room = width - 8 - 2 * 8 - _GAP
            if room >= 2 * 14 + 9:
                return cls(min(20, (room - 9) // 2), 8, 8, best=min(20, (room - 9) // 2), best_p=9)
            if room >= 2 * 7:
                return cls(room - room // 2, 8, 8, best=room // 2)
            return cls(max(6, min(16, room)), 8, 8)
        if not drawn:
            return cls(piece, 9, nats=7)
        with_nats = cls(piece, 9, drawn=9, nats=7)
        if width >= 8 + sum(with_nats) + _MARK:
            return with_nats
        return cls(min(piece, 8 + max(0, width - 34)), 8, drawn=8)


def _p_drawn(p: float | None) -> str:
    if p is None:
        return "–"
    return "" if math.isnan(p) else formats.probability(p)
