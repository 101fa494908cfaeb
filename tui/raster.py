"""Curves as cells of braille, 2 x 4 dots each. The only file that knows plotext."""

import math
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tui.axes import DRAWABLE, Range

_SGR = re.compile("\x1b\\[([0-9;]*m)")  # plotext writes 38;2;r;g;b to colour and 0 to reset


class Line(NamedTuple):
    """A curve: its points, oldest first, joined, in a colour like "#6fb7e9"."""

    x: Sequence[float]
    y: Sequence[float]
    colour: str


class Cell(NamedTuple):
    """One cell; the colour "" is the default one."""

    text: str
    colour: str


BLANK = Cell(" ", "")


class Raster:
    """The curves as they were last drawn: where only rules, marks or the upright move, they stay."""

    def __init__(self) -> None:
        self._of: tuple[object, ...] | None = None
        self._canvas: list[list[Cell]] = []

    def canvas(
        self, lines: Sequence[Line], under: Sequence[Line], width: int, height: int, x: Range, y: Range
    ) -> list[list[Cell]]:
        """`height` rows of `width` cells, to be drawn upon."""
        asked = (list(lines), list(under), width, height, x, y)
        if asked != self._of:
            self._of, self._canvas = asked, _canvas(lines, under, width, height, x, y)
        return [list(row) for row in self._canvas]


def _canvas(
    lines: Sequence[Line], under: Sequence[Line], width: int, height: int, x: Range, y: Range
) -> list[list[Cell]]:
    """The curves in braille: `height` rows of `width` cells.

    A cell has one colour. Where curves share cells they take turns from column to column, so that none
    hides another; those `under` show where no other curve is, later ones over earlier ones.
    """
    canvas = [[BLANK] * width for _ in range(height)]
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
    left, right = (column_of(find(at for at, _ in spots), x, width) for find in (min, max))
    bottom, top = (row_of(find(value for _, value in spots), y, height) for find in (min, max))
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


def column_of(value: float, x: Range, columns: int) -> int:
    """The column a value falls in, by the dots that plotext would give it: two a cell."""
    return min(2 * columns - 1, max(0, math.floor(0.5 + (2 * columns - 1) * (value - x.low) / x.span))) // 2


def row_of(value: float, y: Range, rows: int) -> int:
    """The row a value falls in, counted from the top, by the dots plotext would give it: four a cell."""
    dot = min(4 * rows - 1, max(0, math.floor(0.5 + (4 * rows - 1) * (value - y.low) / y.span)))
    return rows - 1 - dot // 4
