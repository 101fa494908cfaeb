"""Charts: curves in lines of cells, with axes at round numbers.

The curves come as braille (tui/raster.py); the axes, rules and marks around and upon them are set here, where
their places are decided by what the curves leave free.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from core.text import safe
from tui.axes import Range, nice_ticks, tick_labels
from tui.raster import BLANK, Cell, column_of, row_of
from tui.raster import Line as Line
from tui.raster import Raster as Raster

AXIS = "#5b6270"
TICK = "#8b93a1"
RULE = "#4d5461"
RULE_NAME = "#8f97a3"
UPRIGHT = "#d7dce2"


class Rule(NamedTuple):
    """A dotted horizontal line at y, and upon it the first of its names for which the curves leave room."""

    y: float
    names: Sequence[str]
    colour: str = RULE
    name_colour: str = RULE_NAME


class Mark(NamedTuple):
    """One glyph at a point, over everything else."""

    x: float
    y: float
    glyph: str
    colour: str


# -------------------------------------------------------------------------------------------------- chart


def draw(
    lines: Sequence[Line],
    width: int,
    height: int,
    x: Range,
    y: Range,
    *,
    under: Sequence[Line] = (),
    x_name: str = "",
    rules: Sequence[Rule] = (),
    marks: Sequence[Mark] = (),
    upright: float | None = None,
    x_step: float = 1.0,
    raster: Raster | None = None,
) -> list[Strip]:
    """A chart of `height` lines of `width` cells: curves over rules, marks on top, axes left and below.

    Curves `under` give way to the others. `upright` is an x with a vertical line. Labels of the x axis lie at
    least `x_step` apart, as steps are whole; `x_name` stands left of its labels. At least 12 x 4 cells; it
    need not hold any points. With the `raster` of the last picture, curves that are the same are not drawn
    again.
    """
    rows = height - 2
    y_ticks, y_labels = _y_ticks(y, rows)
    left = _gutter(y_labels, x_name)
    columns = width - left

    canvas = (raster or Raster()).canvas(lines, under, columns, rows, x, y)
    at = None if upright is None or not x.low <= upright <= x.high else column_of(upright, x, columns)
    if at is not None:
        for line in canvas:
            line[at] = Cell("┊", UPRIGHT) if line[at] == BLANK else line[at]
    for rule in rules:
        if not math.isnan(rule.y):
            _rule(canvas, rule, y)
    _set_marks(canvas, marks, x, y)

    gutter = [[*_text(" " * (left - 1), TICK), Cell("│", AXIS)] for _ in range(rows)]
    for tick, label in zip(y_ticks, y_labels, strict=True):
        gutter[row_of(tick, y, rows)] = [*_text(label.rjust(left - 1), TICK), Cell("┤", AXIS)]
    foot, labels = _x_axis(x, columns, at, x_step)
    foot = [*_text(" " * (left - 1), TICK), Cell("└", AXIS), *foot]
    labels = [*_text(x_name.ljust(left), TICK), *labels]
    body = [edge + line for edge, line in zip(gutter, canvas, strict=True)]
    return [_strip(row) for row in [*body, foot, labels]]


def x_at(cell: int, width: int, height: int, x: Range, y: Range, *, x_name: str = "") -> float | None:
    """The x at a cell of a line of the chart that `draw` makes of the same; None left of its canvas."""
    left = _gutter(_y_ticks(y, height - 2)[1], x_name)
    return x.low + x.span * (cell - left) / (width - left - 1) if left <= cell < width else None


def _y_ticks(y: Range, rows: int) -> tuple[list[float], list[str]]:
    ticks = nice_ticks(y.low, y.high, max(3, rows * 2 // 5))
    return ticks, tick_labels(ticks)


def _gutter(y_labels: Sequence[str], x_name: str) -> int:
    """The cells left of the canvas, the axis included."""
    return max(len(label) for label in [x_name, *y_labels]) + 1


def _x_axis(x: Range, columns: int, upright: int | None, least_step: float) -> tuple[list[Cell], list[Cell]]:
    """The line below the canvas and the labels below that."""
    line = [Cell("─", AXIS)] * columns
    labels = [BLANK] * columns
    ticks = nice_ticks(x.low, x.high, max(2, columns // 9), least_step=least_step)
    free = 0
    for tick, label in zip(ticks, tick_labels(ticks), strict=True):
        place = column_of(tick, x, columns)
        line[place] = Cell("┬", AXIS)
        start = min(max(0, place - len(label) // 2), columns - len(label))
        if start >= free:
            labels[start : start + len(label)] = _text(label, TICK)
            free = start + len(label) + 1
    if upright is not None:
        line[upright] = Cell("┴", UPRIGHT)
    return line, labels


def _set_marks(canvas: list[list[Cell]], marks: Sequence[Mark], x: Range, y: Range) -> None:
    """Each mark in its cell, or beside those that were there before it, so that none hides another."""
    taken: set[tuple[int, int]] = set()
    for mark in marks:
        if x.low <= mark.x <= x.high and y.low <= mark.y <= y.high:
            row, column = row_of(mark.y, y, len(canvas)), column_of(mark.x, x, len(canvas[0]))
            step = -1 if column + len(marks) > len(canvas[0]) else 1
            while (row, column) in taken:
                column += step
            taken.add((row, column))
            canvas[row][column] = Cell(mark.glyph, mark.colour)


def _rule(canvas: list[list[Cell]], rule: Rule, y: Range) -> None:
    """Dots on the free cells of the rule's row, and its name as far right as there is room for it.

    Where another rule has its dots they stay. A rule outside the range is only named, at the edge it lies
    beyond, with an arrow.
    """
    above, below = rule.y > y.high, rule.y < y.low
    row = canvas[0 if above else -1 if below else row_of(rule.y, y, len(canvas))]
    free = [cell.text in " ┈" for cell in row]
    if not (above or below):
        row[:] = [Cell("┈", rule.colour) if cell.text == " " else cell for cell in row]
    for written in rule.names:
        name = _text(f" {'↑ ' if above else '↓ ' if below else ''}{written} ", rule.name_colour)
        for start in range(len(row) - len(name), -1, -1):
            if all(free[start : start + len(name)]):
                row[start : start + len(name)] = name
                return


# -------------------------------------------------------------------------------------------------- cells


def _text(text: str, colour: str) -> list[Cell]:
    """A text in cells: a wide character takes two, one of no width joins the cell before."""
    cells: list[Cell] = []
    for character in safe(text):
        width = cell_len(character)
        if width == 0 and cells:
            cells[-1] = Cell(cells[-1].text + character, colour)
        elif width:
            cells += [Cell(character, colour)] + [Cell("", colour)] * (width - 1)
    return cells


@lru_cache(maxsize=64)
def _style(colour: str) -> Style | None:
    return Style(color=colour) if colour else None


def _strip(cells: Sequence[Cell]) -> Strip:
    runs = [
        (colour, "".join(cell.text for cell in run))
        for colour, run in groupby(cells, lambda cell: cell.colour)
    ]
    return Strip([Segment(text, _style(colour)) for colour, text in runs], len(cells))
