"""One prediction of a step, phase by phase, in lines as wide as asked for."""

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from core.messages import Inspected, Logit
from core.text import visible
from tui import cells, formats, theme
from tui.anatomy.parts import PLACES, fact, fine, plain, sentence
from tui.formats import Unit
from tui.ramp import chip, foreground
from tui.widgets.lines import strip

_P = 9  # cells of a probability, of a logit
_ERROR = 13  # of p − one-hot


def read(prefix: str, target: Strip, column: int, context: int, width: int) -> list[Strip]:
    """Batch: what is read and what is to come."""
    label = 10
    return [
        strip(
            Segment(cells.left("read", label), theme.DIM),
            Segment(cells.tail(prefix, width - label).rstrip(), theme.PLAIN),
        ),
        strip(Segment(cells.left("to come", label), theme.DIM), *target),
        strip(
            Segment(cells.left("place", label), theme.DIM),
            Segment(f"{column + 1:,} of {context:,}", theme.PLAIN),
        ),
        strip(),
        *sentence("The model sees what is underlined, and has to say what comes next.", width),
    ]


def softmax(cell: Inspected, width: int) -> list[Strip]:
    """Forward: the most probable tokens, from logit to p."""
    room = max(0, width - _token(width) - 2 * _P - 2)
    full = max(each.probability for each in cell.listed)

    def line(each: Logit) -> Strip:
        bar = formats.bar(each.probability / max(full, 1e-30), room)
        return strip(
            *_name(each, cell, width),
            Segment(cells.right(plain(each.logit), _P), theme.PLAIN),
            Segment(cells.right(formats.probability(each.probability), _P), theme.STRONG),
            Segment("  " + bar, Style(color=foreground(0.0 - float(each.log_prob)).rich_color)),
        )

    return [
        _header(width, ("logit", _P), ("p", _P)),
        *map(line, cell.listed),
        strip(
            Segment(cells.left(f"{cell.others:,} more", _token(width) + _P), theme.DIM),
            Segment(cells.right(formats.probability(cell.others_probability), _P), theme.DIM),
        ),
        strip(Segment(f"p = exp(logit − logsumexp {plain(cell.logsumexp)})", theme.DIM)),
    ]


def arithmetic(cell: Inspected, width: int) -> list[Strip]:
    """Loss: from the target's logit to its surprisal, each figure from those before it."""
    target, nats = cell.target, cell.surprisal
    return [
        fact(width, "logit of the target", plain(target.logit), more=visible(target.piece)),
        fact(width, "− logsumexp of all", plain(cell.logsumexp)),
        fact(width, "= log p", plain(target.log_prob), "nats"),
        fact(width, "p", formats.probability(target.probability), more=f"rank {target.rank:,}"),
        fact(width, "−log p", plain(nats), "nats", style=chip(nats) + Style(bold=True)),
        fact(width, "", formats.information(nats, Unit.BITS, PLACES), "bits"),
        fact(width, f"÷ {cell.predictions:,}, its share", fine(cell.share), "nats"),
    ]


def gradient(cell: Inspected, width: int) -> list[Strip]:
    """Backward: p − one-hot at the cell's logits, and over N."""
    places = PLACES - 1 + len(str(cell.predictions))  # as many figures of the one as of the other
    size = places + 4
    errors = max(0, width - _token(width) - size)
    errors = min(errors, _ERROR) if errors >= 9 else 0

    def figures(error: float, over: float, style: Style) -> list[Segment]:
        return [
            Segment(cells.right(plain(error), errors), style),
            Segment(cells.right(formats.number(over, places), size), style + Style(bold=True)),
        ]

    def line(each: Logit) -> Strip:
        error = float(each.error)
        style = theme.GOOD if error < 0 else theme.PLAIN
        return strip(*_name(each, cell, width), *figures(error, float(each.gradient), style))

    more = Segment(cells.left(f"{cell.others:,} more", _token(width)), theme.DIM)
    all_of_it = Segment(cells.left("sum", _token(width)), theme.DIM)
    return [
        _header(width, ("p − one-hot", errors), (f"÷ {cell.predictions:,}", size)),
        *map(line, cell.listed),
        strip(more, *figures(cell.others_probability, cell.others_gradient, theme.PLAIN)),
        strip(all_of_it, *figures(cell.error_sum, cell.gradient_sum, theme.LIT)),
    ]


def _name(each: Logit, cell: Inspected, width: int) -> list[Segment]:
    """The token, the target marked and in the colour of its surprisal."""
    room = _token(width)
    if each.token_id != cell.target.token_id:
        return [Segment(cells.left("  " + visible(each.piece), room), theme.PLAIN)]
    text = cells.left(visible(each.piece), min(room - 3, cells.cell_len(visible(each.piece))))
    rest = " " * (room - 2 - cells.cell_len(text))
    return [Segment("▸ ", theme.LIT), Segment(text, chip(cell.surprisal)), Segment(rest)]


def _token(width: int) -> int:
    """Cells for a token's name beside its figures."""
    return min(18, max(10, width - 27))


def _header(width: int, *columns: tuple[str, int]) -> Strip:
    words = cells.left("  token", _token(width)) + "".join(cells.right(word, size) for word, size in columns)
    return strip(Segment(cells.left(words, width), theme.DIM))
