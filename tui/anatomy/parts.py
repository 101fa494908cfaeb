"""What the lines about a step are made of."""

from collections.abc import Iterator

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from core.messages import Real
from tui import cells, formats, theme
from tui.widgets.lines import strip

PLACES = 4  # of a logit, of a surprisal
_FINE = 6  # of a loss that is compared with another
_VALUE = 12  # cells of a figure
_LABEL = (15, 22)  # cells of its label, at least and at most


def plain(value: Real) -> str:
    return formats.number(float(value), PLACES)


def size(norm: Real) -> str:
    """A norm: to four places, or by its power of ten where those would be none."""
    return plain(norm) if float(norm) >= 1e-3 else f"{float(norm):.1e}"


def fine(value: Real) -> str:
    return formats.number(float(value), _FINE)


def fact(
    width: int, label: str, value: str, unit: str = "", more: str = "", *, style: Style = theme.PLAIN
) -> Strip:
    """A figure behind its name, what it is in, and more where there is room for that."""
    room = min(_LABEL[1], max(_LABEL[0], width - _VALUE - 6))
    after = f" {unit}".rstrip()
    if more and room + _VALUE + cells.cell_len(f"{after} {more}") <= width:
        after += f" {more}"
    return strip(
        Segment(cells.left(label, room), theme.DIM),
        Segment(" " * max(0, _VALUE - cells.cell_len(value))),
        Segment(value, style),
        Segment(after, theme.DIM),
    )


def sentence(text: str, width: int) -> Iterator[Strip]:
    """A sentence over as many lines as it takes."""
    line = ""
    for word in text.split(" "):
        if line and cells.cell_len(f"{line} {word}") > width:
            yield strip(Segment(line, theme.DIM))
            line = word
        else:
            line = f"{line} {word}" if line else word
    yield strip(Segment(cells.left(line, width), theme.DIM))
