"""Curves drawn into lines of cells, with axes at round numbers. The only file that knows plotext.

plotext rasters the curves in braille, 2 x 4 dots a cell; the axes, rules and marks around and upon them
are set here, where their places are decided by what the curves leave free.
"""

import math
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from core.text import safe

AXIS = "#5b6270"
TICK = "#8b93a1"
RULE = "#4d5461"
RULE_NAME = "#8f97a3"
UPRIGHT = "#d7dce2"

_DRAWABLE = 1e100  # beyond it, differences of floats overflow; false for NaN and infinity as well
_SGR = re.compile("\x1b\\[([0-9;]*m)")  # plotext writes 38;2;r;g;b to colour and 0 to reset


class Range(NamedTuple):
    """What an axis spans; low < high."""

    low: float
    high: float

    @property
    def span(self) -> float:
        return self.high - self.low


class Line(NamedTuple):
    """A curve: its points, oldest first, joined, in a colour like "#6fb7e9"."""

    x: Sequence[float]
    y: Sequence[float]
    colour: str


class Rule(NamedTuple):
    """A dotted horizontal line at y, and upon it the first of its names for which the curves leave room."""

    y: float
    names: Sequence[str]


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


def nice_step(rough: float) -> float:
    """The least of 1, 2, 5 times a power of ten that is not below `rough` (which is positive)."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))


def nice_ticks(low: float, high: float, most: int, least_step: float = 0.0) -> list[float]:
    """Round numbers in [low, high], evenly apart by 1, 2 or 5 times a power of ten, at most `most` (>= 1)."""
    step = max(nice_step((high - low) / most), least_step)
    while True:
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            # Rounded, as 3 * 0.1 is not 0.3; and 0.0, not -0.0.
            return [round(i * step, _places(step)) + 0.0 for i in range(first, last + 1)]
        step = nice_step(step * 1.5)


def tick_labels(ticks: Sequence[float]) -> list[str]:
    """Evenly spaced ticks as they are written: 0.25, 10.5, 300, 20k, 1.5M, all of one kind."""
    top = max(map(abs, ticks), default=0.0)
    if top >= 1e9:
        return [f"{tick:.3g}" for tick in ticks]
    size, suffix = (1e6, "M") if top >= 1e6 else (1e3, "k") if top >= 1e4 else (1.0, "")
    step = ticks[1] - ticks[0] if len(ticks) > 1 else top or 1.0
    return [f"{tick / size:.{_places(step / size)}f}{suffix}" if tick else "0" for tick in ticks]


def _places(step: float) -> int:
    return max(0, -math.floor(math.log10(step) + 1e-9))


def widen(present: Range | None, values: Iterable[float]) -> Range:
    """The present range if it holds all values, else a wider one with room to spare and round ends.

    Generous, so that an axis moves a few times in a run and not at every point; never below 0 unless a
    value is.
    """
    drawable = [value for value in values if abs(value) <= _DRAWABLE]
    if not drawable:
        return present or Range(0.0, 1.0)
    low, high = min(drawable), max(drawable)
    if present is not None:
        if present.low <= low and high <= present.high:
            return present
        low, high = min(low, present.low), max(high, present.high)
    floor = 0.0 if low >= 0 else -math.inf
    room = max((high - low) / 4, 0.04 * max(abs(low), abs(high)), 1e-3)
    # Room only where it was outgrown, and more of it below, as most curves fall.
    wide_low = low if present is not None and low == present.low else max(floor, low - room)
    wide_high = high if present is not None and high == present.high else high + room / 4
    step = nice_step((wide_high - wide_low) / 6)
    first, last = math.floor(wide_low / step + 1e-9), math.ceil(wide_high / step - 1e-9)
    return Range(round(first * step, _places(step)), round(last * step, _places(step)))


def step_range(last: int, goal: int) -> Range:
    """The steps to show: from 0 to 20, 50, 100, 200, 500, ..., or to the goal once that is in sight."""
    rung = max(20.0, nice_step(max(last, 1)))
    return Range(0.0, float(goal) if 0 < last <= goal <= 1.25 * rung else rung)


# ------------------------------------------------------------------------------------------------- curves


def thin(
    x: Sequence[float], y: Sequence[float], within: Range, columns: int
) -> tuple[list[float], list[float]]:
    """At most two points a column, the lowest and the highest there in their order, so that spikes survive.

    x ascends and y is finite. The columns divide `within` evenly and do not depend on the points, so that
    one more point changes one column.
    """
    xs: list[float] = []
    ys: list[float] = []
    start = bisect_left(x, within.low)
    for column in range(1, columns + 1):
        if column == columns:
            end = bisect_left(x, math.nextafter(within.high, math.inf), start)
        else:
            end = bisect_left(x, within.low + within.span * column / columns, start)
        if end - start <= 2:
            kept: Sequence[int] = range(start, end)
        else:
            part = y[start:end]
            kept = sorted({start + part.index(min(part)), start + part.index(max(part))})
        xs += [x[i] for i in kept]
        ys += [y[i] for i in kept]
        start = end
    return xs, ys


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
        if x.low <= at <= x.high and abs(value) <= _DRAWABLE
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
) -> list[Strip]:
    """A chart of `height` lines of `width` cells: curves over rules, marks on top, axes left and below.

    Curves `under` give way to the others. `upright` is an x with a vertical line. The x axis counts whole
    steps; `x_name` stands left of its labels. At least 12 x 4 cells; it need not hold any points.
    """
    rows = height - 2
    y_ticks = nice_ticks(y.low, y.high, max(3, rows * 2 // 5))
    y_labels = tick_labels(y_ticks)
    left = max(len(label) for label in [x_name, *y_labels]) + 1
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
    foot, labels = _x_axis(x, columns, at)
    foot = [*_text(" " * (left - 1), TICK), Cell("└", AXIS), *foot]
    labels = [*_text(x_name.ljust(left), TICK), *labels]
    body = [edge + line for edge, line in zip(gutter, canvas, strict=True)]
    return [_strip(row) for row in [*body, foot, labels]]


def _column(value: float, x: Range, columns: int) -> int:
    """The column a value falls in, by the dots that plotext would give it: two a cell."""
    return min(2 * columns - 1, max(0, math.floor(0.5 + (2 * columns - 1) * (value - x.low) / x.span))) // 2


def _row(value: float, y: Range, rows: int) -> int:
    """The row a value falls in, counted from the top, by the dots plotext would give it: four a cell."""
    dot = min(4 * rows - 1, max(0, math.floor(0.5 + (4 * rows - 1) * (value - y.low) / y.span)))
    return rows - 1 - dot // 4


def _x_axis(x: Range, columns: int, upright: int | None) -> tuple[list[Cell], list[Cell]]:
    """The line below the canvas and the labels below that."""
    line = [Cell("─", AXIS)] * columns
    labels = [_BLANK] * columns
    ticks = nice_ticks(x.low, x.high, max(2, columns // 9), least_step=1.0)
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

    A rule outside the range is only named, at the edge it lies beyond, with an arrow.
    """
    above, below = rule.y > y.high, rule.y < y.low
    row = canvas[0 if above else -1 if below else _row(rule.y, y, len(canvas))]
    free = [cell.text in " ┈" for cell in row]
    if not (above or below):
        row[:] = [Cell("┈", RULE) if empty else cell for cell, empty in zip(row, free, strict=True)]
    for written in rule.names:
        name = _text(f" {'↑ ' if above else '↓ ' if below else ''}{written} ", RULE_NAME)
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
