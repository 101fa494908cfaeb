"""A target p of the person's own beside the prediction q, and the gradient q − p: a line for each token."""

import math

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from core.messages import Pull, Weighed
from core.text import visible
from tui import cells, formats, ramp, theme
from tui.widgets.lines import LineView, strip

_FIGURE = 8  # cells of a probability, of the gradient
_TOKEN = 16  # cells at most
_LOW = 4  # lines, below which there is no room for the headings


class GradientRows(LineView):
    """Shows the largest rows of a `Weighed` gradient, as many as fit, and the sum of all the rest."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._weighed: Weighed | None = None

    def set_weighed(self, weighed: Weighed | None) -> None:
        self._weighed = weighed
        self._build()

    def _lines_for(self, width: int) -> list[Strip]:
        weighed, height = self._weighed, self.size.height
        if weighed is None:
            return []
        heading = [_header(width, "q − p")] if height >= _LOW else []
        shown = weighed.rows[: max(1, height - 1 - len(heading))]
        return [*heading, *(_row(each, width) for each in shown), _rest(weighed, len(shown), width)]


def target_lines(weighed: Weighed, width: int) -> list[Strip]:
    """The tokens of the target, each a chip in the colour of its surprisal, with p, q and rank."""

    def line(each: Pull) -> Strip:
        token = each.candidate
        piece = visible(token.piece)
        text = cells.left(piece, min(cells.cell_len(piece), _token(width) - 2))
        return strip(
            Segment(f" {text} ", ramp.chip(token.surprisal)),
            Segment(" " * (_token(width) - 1 - cells.cell_len(text))),
            *_probabilities(each),
            Segment(cells.right(f"{token.rank:,}", _FIGURE), theme.DIM),
        )

    return [_header(width, "rank"), *map(line, weighed.targets)]


def _header(width: int, last: str) -> Strip:
    words = cells.left(" token", _token(width) + 1) + "".join(
        cells.right(word, _FIGURE) for word in ("p yours", "q model", last)
    )
    return strip(Segment(cells.left(words, width), theme.DIM))


def _row(each: Pull, width: int) -> Strip:
    """A token that is a part of the target is marked; one whose logit is to rise is lit."""
    of_target = float(each.share) > 0
    return strip(
        Segment(theme.OWN if of_target else " ", theme.TARGET),
        Segment(
            cells.left(visible(each.candidate.piece), _token(width)),
            theme.TARGET if of_target else theme.PLAIN,
        ),
        *_probabilities(each),
        _gradient(float(each.gradient), bold=True),
    )


def _rest(weighed: Weighed, shown: int, width: int) -> Strip:
    count, share, probability, gradient = weighed.rest(shown)
    words = f" … {count:,} more"
    if cells.cell_len(words) > _token(width) + 1:
        words = " … others"
    return strip(
        Segment(cells.left(words, _token(width) + 1), theme.DIM),
        Segment(cells.right(formats.probability(share) if share > 1e-12 else "0", _FIGURE), theme.DIM),
        Segment(cells.right(formats.probability(max(0.0, probability)), _FIGURE), theme.DIM),
        _gradient(gradient, bold=False),
    )


def _probabilities(each: Pull) -> list[Segment]:
    share = float(each.share)
    return [
        Segment(cells.right(formats.probability(share) if share else "0", _FIGURE), _lit(share)),
        Segment(cells.right(formats.probability(each.candidate.probability), _FIGURE), theme.PLAIN),
    ]


def _lit(share: float) -> Style:
    return theme.STRONG if share else theme.DIM


def _gradient(value: float, *, bold: bool) -> Segment:
    shown = formats.number(value) if math.isnan(value) else f"{value:+.4f}".replace("-", "−")
    style = theme.GOOD if value < 0 else theme.PLAIN if bold else theme.DIM
    return Segment(cells.right(shown, _FIGURE), style + Style(bold=bold))


def _token(width: int) -> int:
    """Cells for a token's name beside its mark and three figures."""
    return max(6, min(_TOKEN, width - 1 - 3 * _FIGURE))
