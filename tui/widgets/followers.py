"""What followed in the training text, p, beside what the model expects, q: a line for each token."""

import textwrap
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from core.messages import Candidate, Followed
from core.text import safe, visible
from tui import cells, formats, theme
from tui.ramp import foreground
from tui.widgets.lines import strip
from tui.widgets.token_list import LEAST_FULL_BAR, TokenList, line_with_bar

_LOW = 9  # lines, below which there is no room for the other lengths of the context
_LABEL = 13  # cells
_SHORTEST = 4  # cells of a context, below which it is left out
_FIGURE = 9  # cells of a probability


class FollowerList(TokenList):
    """Shows a `Followed`: what p is estimated from, and the tokens that followed, the most frequent first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "lengthen(-1)", "shorter context", show=False, id="beside.shorter",
                tooltip="Estimate p from one token of context less"),
        Binding("right", "lengthen(1)", "context", key_display="←→", id="beside.longer",
                tooltip="Estimate p from a longer or a shorter context"),
    ]  # fmt: skip

    class LengthAsked(Message):
        """Another length of the context is to be looked up."""

        def __init__(self, length: int) -> None:
            super().__init__()
            self.length = length

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.followed: Followed | None = None
        self._after = ""
        self._target: int | None = None
        self._words = ""
        self._share: float | None = None

    def set_followed(self, followed: Followed, context: str, target: int | None) -> None:
        """Show what followed on `context`, the tokens that p is estimated from; `target` follows here."""
        self.followed, self._after, self._target = followed, context, target
        self._build()

    def say(self, words: str = "", share: float | None = None) -> None:
        """Show a sentence instead, and how much of something is done as a bar; or nothing at all."""
        self.followed = None
        self._words, self._share = words, share
        self._build()

    @property
    def candidates(self) -> list[Candidate]:
        """The tokens that followed, the most frequent first."""
        return [follower.candidate for follower in self.followed.followers] if self.followed else []

    def action_lengthen(self, tokens: int) -> None:
        followed = self.followed
        if followed is not None:
            length = max(1, min(len(followed.counts), followed.length + tokens))
            if length != followed.length:
                self.post_message(self.LengthAsked(length))

    # -------------------------------------------------------------------------------------------- the lines

    def _lines_for(self, width: int) -> list[Strip]:
        followed = self.followed
        if followed is None:
            self.pinned = 0
            return self._sentence(width)
        self._keep_cursor()
        lengths = _lengths(followed, width) if self.size.height >= _LOW else []
        heading = [self._estimate(followed, width), *lengths, self._header(width)]
        self.pinned = len(heading)
        shares = followed.shares
        full = max([LEAST_FULL_BAR, *shares])
        lines = [
            self._line(candidate, share, width, full, selected=self.has_focus and row == self.cursor)
            for row, (candidate, share) in enumerate(zip(self.candidates, shares, strict=True))
        ]
        more, share = followed.rest
        if more:
            columns = _Columns.fitting(width)
            words = cells.left(f" … {more:,} more", columns.piece + 1)
            lines.append(
                strip(Segment(words + cells.right(formats.probability(share), columns.p), theme.DIM))
            )
        return [*heading, *lines]

    def _sentence(self, width: int) -> list[Strip]:
        lines = [cells.left(line, width) for line in textwrap.wrap(safe(self._words), width)]
        shown = [strip(Segment(line, theme.DIM)) for line in lines]
        if self._share is not None:
            shown.append(strip(Segment(cells.left(formats.bar(self._share, width), width), theme.LIT)))
        return shown

    def _estimate(self, followed: Followed, width: int) -> Strip:
        """In how many places p is counted, and as much of the context and the text's name as fits."""
        number = f"p: estimate from {followed.n:,}"
        room = width - cells.cell_len(f"{number} × “”")
        name = f" in {safe(followed.text)}"
        context = cells.tail(self._after, min(room, cells.cell_len(self._after))) if room >= _SHORTEST else ""
        of = f" × “{context}”" if context else ""
        if cells.cell_len(self._after + name) <= room:
            of += name
        return strip(Segment(number, theme.STRONG), Segment(of, theme.DIM))

    def _header(self, width: int) -> Strip:
        columns = _Columns.fitting(width)
        words = [" ", cells.left("token", columns.piece)]
        words += [cells.right("p text", columns.p), cells.right("q model", columns.q)]
        return strip(Segment(cells.left("".join(words), width), theme.DIM))

    def _line(self, candidate: Candidate, share: float, width: int, full: float, *, selected: bool) -> Strip:
        """Token, p, q, and a bar of p, the hotter the more the model would be surprised by this token."""
        columns = _Columns.fitting(width)
        is_target = candidate.token_id == self._target
        ground = Style(bgcolor=theme.SELECTED) if selected else Style()
        segments = [
            Segment("▸" if selected else " ", theme.LIT + ground),
            Segment(
                cells.left(visible(candidate.piece), columns.piece),
                (theme.TARGET if is_target else theme.PLAIN) + ground,
            ),
            Segment(cells.right(formats.probability(share), columns.p), theme.STRONG + ground),
            Segment(cells.right(formats.probability(candidate.probability), columns.q), theme.PLAIN + ground),
            Segment(" ", ground),
        ]
        shade = Style(color=foreground(candidate.surprisal).rich_color)
        return line_with_bar(segments, width, share / full, shade, ground, is_target=is_target)


class _Columns(NamedTuple):
    """The widths of the columns, in cells."""

    piece: int
    p: int
    q: int

    @classmethod
    def fitting(cls, width: int) -> "_Columns":
        return cls(min(16, max(8, width // 4)), _FIGURE, _FIGURE)


def _lengths(followed: Followed, width: int) -> list[Strip]:
    """The lengths of the context over how often each was found, the one looked up lit and always in sight."""
    figures = [(f"{length}", f"{count:,}") for length, count in enumerate(followed.counts, start=1)]
    widths = [max(map(len, pair)) + 2 for pair in figures]
    room, first = width - _LABEL, 0
    while sum(widths[first : followed.length]) > room and first < followed.length - 1:
        first += 1
    last = first
    while last < len(figures) and sum(widths[first : last + 1]) <= room:
        last += 1
    return [
        strip(
            Segment(cells.left(label, _LABEL), theme.DIM),
            *(
                Segment(cells.right(figures[i][row], widths[i]), _style(i + 1 == followed.length))
                for i in range(first, last)
            ),
        )
        for row, label in enumerate(("last tokens", "times found"))
    ]


def _style(chosen: bool) -> Style:
    return theme.LIT + Style(bold=True) if chosen else theme.DIM
