"""Curves drawn into lines of cells, with axes at round numbers. The only file that knows plotext.

plotext rasters the curves in braille, 2 x 4 dots a cell; the axes, rules and marks around and upon them
are set here, where their places are decided by what the curves leave free.
"""

import math
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from core.text import safe
from tui.axes import DRAWABLE, Range, nice_ticks, tick_labels

AXIS = "#5b6270"
TICK = "#8b93a1"
RULE = "#4d5461"
RULE_NAME = "#8f97a3"
UPRIGHT = "#d7dce2"

_SGR = re.compile("\x1b\\[([0-9;]*m)")  # plotext writes 38;2;r;g;b to colour and 0 to reset


class Line(NamedTuple):
    """A curve: its points, oldest first, joined, in a colour like "#6fb7e9"."""

    x: Sequence[float]
    y: Sequence[float]
    colour: str


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


class Cell(NamedTuple):
    """One cell; the colour "" is the default one."""

    text: str
    colour: str


_BLANK = Cell(" ", "")


# ------------------------------------------------------------------------------------------------- ranges


def _canvas(
    lines: Sequence[Line], under: Sequence[Line], width: int, height: int, x: Range, y: Range
) -> list[list[Cell]]:
    """The curves in braille: `height` rows of `width` cells.

    A cell has one colour. Where curves share cells they take turns from column to column, so that none
    hides another; those `under` show where no other curve is, later ones over earlier ones.
    """
    canvas = [[_BLANK] * width for _ in range(height)]
    for row, column, cell in _raster(under, width, height, x, y):
        canvas[row][column] = cell
    owners: dict[tuple[int, int], list[Cell]] = {}
    for line in lines:
        for row, column, cell in _raster([line], width, height, x, y):
            owners.setdefault((row, column), []).append(cell)
    for (row, column), cells in owners.items():
        canvas[row][column] = cells[column % len(cells)]
    return canvas


def _raster(
    lines: Sequence[Line], width: int, height: int, x: Range, y: Range
) -> Iterator[tuple[int, int, Cell]]:
    """Row, column and content of the cells that the curves touch."""
    curves = [(line.colour, points) for line in lines if (points := _drawable(line, x, y))]
    if not curves:
        return
    # Late: importing plotext takes 30 ms, and the first frame holds no chart.
    import plotext  # type: ignore[import-untyped]

    # plotext's time goes with the size of its canvas: it gets only the part that the curves touch, with
    # limits that leave every dot where it would be on the whole one.
    spots = [point for _, points in curves for point in points]
    left, right = (_column(find(at for at, _ in spots), x, width) for find in (min, max))
    bottom, top = (_row(find(value for _, value in spots), y, height) for find in (min, max))
    dot_x, dot_y = x.span / (2 * width - 1), y.span / (4 * height - 1)
    plotext.clear_figure()  # one figure is shared by the whole process
    plotext.limit_size(False, False)  # else it is cut to the size of the terminal it believes to be in
    plotext.plot_size(right - left + 1, bottom - top + 1)
    plotext.frame(False)
    plotext.xfrequency(0)
    plotext.yfrequency(0)
    plotext.canvas_color("default")
    plotext.axes_color("default")
    plotext.xlim(x.low + 2 * left * dot_x, x.low + (2 * right + 1) * dot_x)
    plotext.ylim(y.low + 4 * (height - 1 - bottom) * dot_y, y.low + (4 * (height - 1 - top) + 3) * dot_y)
    for colour, points in curves:
        rgb = tuple(bytes.fromhex(colour[1:]))
        plotext.plot(*map(list, zip(*points, strict=True)), marker="braille", color=rgb)
    for row, text in enumerate(plotext.build().split("\n"), top):
        yield from ((row, left + column, cell) for column, cell in _coloured(text))


def _drawable(line: Line, x: Range, y: Range) -> list[tuple[float, float]]:
    """The points plotext can take: finite, and no farther out than a range's span, as it walks every dot."""
    low, high = y.low - y.span, y.high + y.span
    return [
        (at, min(max(value, low), high))
        for at, value in zip(line.x, line.y, strict=True)
        if x.low <= at <= x.high and abs(value) <= DRAWABLE
    ]


def _coloured(row: str) -> Iterator[tuple[int, Cell]]:
    """Column and content of the coloured cells in a row of plotext's canvas."""
    column, colour = 0, ""
    for part in _SGR.split(row):
        if part.endswith("m"):
            colour = "#" + bytes(map(int, part[5:-1].split(";"))).hex() if ";" in part else ""
        else:
            if colour:
                yield from ((column + i, Cell(character, colour)) for i, character in enumerate(part))
            column += len(part)


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
) -> list[Strip]:
    """A chart of `height` lines of `width` cells: curves over rules, marks on top, axes left and below.

    Curves `under` give way to the others. `upright` is an x with a vertical line. Labels of the x axis lie at
    least `x_step` apart, as steps are whole; `x_name` stands left of its labels. At least 12 x 4 cells; it
    need not hold any points.
    """
    rows = height - 2
    y_ticks, y_labels = _y_ticks(y, rows)
    left = _gutter(y_labels, x_name)
    columns = width - left

    canvas = _canvas(lines, under, columns, rows, x, y)
    at = None if upright is None or not x.low <= upright <= x.high else _column(upright, x, columns)
    if at is not None:
        for line in canvas:
            line[at] = Cell("┊", UPRIGHT) if line[at] == _BLANK else line[at]
    for rule in rules:
        if not math.isnan(rule.y):
            _rule(canvas, rule, y)
    _set_marks(canvas, marks, x, y)

    gutter = [[*_text(" " * (left - 1), TICK), Cell("│", AXIS)] for _ in range(rows)]
    for tick, label in zip(y_ticks, y_labels, strict=True):
        gutter[_row(tick, y, rows)] = [*_text(label.rjust(left - 1), TICK), Cell("┤", AXIS)]
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


def _column(value: float, x: Range, columns: int) -> int:
    """The column a value falls in, by the dots that plotext would give it: two a cell."""
    return min(2 * columns - 1, max(0, math.floor(0.5 + (2 * columns - 1) * (value - x.low) / x.span))) // 2


def _row(value: float, y: Range, rows: int) -> int:
    """The row a value falls in, counted from the top, by the dots plotext would give it: four a cell."""
    dot = min(4 * rows - 1, max(0, math.floor(0.5 + (4 * rows - 1) * (value - y.low) / y.span)))
    return rows - 1 - dot // 4


def _x_axis(x: Range, columns: int, upright: int | None, least_step: float) -> tuple[list[Cell], list[Cell]]:
    """The line below the canvas and the labels below that."""
    line = [Cell("─", AXIS)] * columns
    labels = [_BLANK] * columns
    ticks = nice_ticks(x.low, x.high, max(2, columns // 9), least_step=least_step)
    free = 0
    for tick, label in zip(ticks, tick_labels(ticks), strict=True):
        place = _column(tick, x, columns)
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
            row, column = _row(mark.y, y, len(canvas)), _column(mark.x, x, len(canvas[0]))
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
    row = canvas[0 if above else -1 if below else _row(rule.y, y, len(canvas))]
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
