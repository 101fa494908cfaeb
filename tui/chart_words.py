"""A curve in words."""

from bisect import bisect_right
from collections.abc import Sequence

from core import information
from tui import formats
from tui.formats import Unit
from tui.series import AVERAGED, Series


def sentence(
    name: str,
    series: Series,
    step: int,
    unit: Unit,
    *,
    smooth: Sequence[float] | None = None,
    over: int = AVERAGED,
) -> str:
    """Its value at a step, the first and the lowest one up to there, and which way it went last.

    Which way is seen over the last `over` values, of `smooth` if there is a smoother curve of the same
    length. Empty where there is no value yet.
    """
    latest = series.latest(step)
    if latest is None:
        return ""
    perplexity = formats.count(information.perplexity(latest[1]))
    value = f"{formats.amount(latest[1], unit)} (perplexity {perplexity})"
    told = [f"{name} {value} at step {latest[0]}"]
    end = bisect_right(series.steps, step)
    if end > 1:
        values = series.values[:end]
        low = min(values)
        told.append(f"{formats.information(values[0], unit)} at step {series.steps[0]}")
        told.append(f"lowest {formats.information(low, unit)} at step {series.steps[values.index(low)]}")
        going = series.values if smooth is None else smooth
        moved = going[end - 1] - going[max(0, end - 1 - over)]
        told.append("level" if abs(moved) < 0.01 else "rising" if moved > 0 else "falling")
    return ", ".join(told) + "."
