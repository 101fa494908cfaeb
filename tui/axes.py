"""Axes: ranges that seldom move, round ticks, and series thinned so that every spike survives."""

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import NamedTuple

DRAWABLE = 1e100  # beyond it, differences of floats overflow; false for NaN and infinity as well


class Range(NamedTuple):
    """What an axis spans; low < high."""

    low: float
    high: float

    @property
    def span(self) -> float:
        return self.high - self.low


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
    drawable = [value for value in values if abs(value) <= DRAWABLE]
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
