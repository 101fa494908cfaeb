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

_MARK = 3  # cells at the end of a line, for the target's mark at least


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
        self._own: frozenset[int] = frozenset()

    def set_prediction(self, prediction: Prediction | None) -> None:
        """Show the candidates of a prediction."""
        self.prediction = prediction
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
        lines = [
            self._line(
                candidate,
                width,
                full,
                is_target=target is not None and candidate.token_id == target.token_id,
                selected=self.has_focus and row == self.cursor,
            )
            for row, candidate in enumerate(candidates)
        ]
        if self.found is not None and not lines:
            lines = [strip(Segment(cells.left("no token holds that", width), theme.DIM))]
        return [self._header(width), *lines]

    def _header(self, width: int) -> Strip:
        columns = _Columns.fitting(width, drawn=self.drawn is not None)
        words = [f"{'rank':>7} ", cells.left("token", columns.piece), cells.right("p", columns.p)]
        words += [cells.right("p drawn", columns.drawn), cells.right(self.unit.value, columns.nats)]
        return strip(Segment(cells.left("".join(words), width), theme.DIM))

    def _line(
        self, candidate: Candidate, width: int, full: float, *, is_target: bool, selected: bool
    ) -> Strip:
        """Rank, token, probabilities, surprisal, and a bar with the target's mark in what is left.

        What the sampling controls cut is pale.
        """
        columns = _Columns.fitting(width, drawn=self.drawn is not None)
        p_drawn = self.drawn.get(candidate.token_id, math.nan) if self.drawn is not None else math.nan
        cut = p_drawn is None
        plain, strong = (theme.GHOST, theme.GHOST) if cut else (theme.PLAIN, theme.STRONG)
        ground = Style(bgcolor=theme.SELECTED) if selected else Style()
        name = theme.TARGET if is_target else plain
        p = cells.right(formats.probability(candidate.probability), columns.p)
        nats = cells.right(formats.information(candidate.surprisal, self.unit), columns.nats)
        segments = [
            Segment("▸" if selected else " ", theme.LIT + ground),
            Segment(cells.right(f"{candidate.rank:,}", 6), theme.DIM + ground),
            Segment(theme.OWN if candidate.token_id in self._own else " ", theme.TARGET + ground),
            Segment(cells.left(visible(candidate.piece), columns.piece), name + ground),
            Segment(p, plain + ground),
            Segment(cells.right(_p_drawn(p_drawn), columns.drawn), strong + ground),
            Segment(nats if columns.nats else "", (strong if self.drawn is None else plain) + ground),
            Segment(" ", ground),
        ]
        shade = theme.GHOST if cut else Style(color=foreground(candidate.surprisal).rich_color)
        share = candidate.probability / full
        return line_with_bar(segments, width, share, shade, ground, is_target=is_target)


class _Columns(NamedTuple):
    """The widths of the columns, in cells; 0 for one that is not there."""

    piece: int
    p: int
    drawn: int
    nats: int

    @classmethod
    def fitting(cls, width: int, *, drawn: bool) -> "_Columns":
        """What a line so wide has room for. With `drawn` first the bar gives way, then the surprisal."""
        piece = min(16, max(8, width // 4))
        if not drawn:
            return cls(piece, 9, 0, 7)
        with_nats = cls(piece, 9, 9, 7)
        if width >= 8 + sum(with_nats) + _MARK:
            return with_nats
        return cls(min(piece, 8 + max(0, width - 34)), 8, 8, 0)


def _p_drawn(p: float | None) -> str:
    if p is None:
        return "–"
    return "" if math.isnan(p) else formats.probability(p)
