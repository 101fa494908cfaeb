"""One series of a chart: values by step, with their running average."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import isfinite

AVERAGED = 20  # steps: the longest span of the exponential average, whose newest value weighs 2 / (span + 1)
_SHARE = 0.1  # of the values so far is the span before that: a longer one lags behind a young curve


class Series:
    """One loss over the steps, in nats, oldest first. What is not finite is remembered but not drawn."""

    def __init__(self, name: str, short: str, glyph: str, colour: str, faint: str) -> None:
        self.names = (f"{name} ", f"{short} ", "")  # the longest there is room for
        self.glyph, self.colour, self.faint = glyph, colour, faint
        self.clear()

    def clear(self) -> None:
        self.steps, self.values = array("q"), array("d")
        self.broken: dict[int, float] = {}  # step -> inf or NaN
        self._averages = array("d")

    def put(self, step: int, value: float) -> None:
        """Set the value at a step; most often the next one."""
        i = bisect_left(self.steps, step)
        known = i < len(self.steps) and self.steps[i] == step
        if known and self.values[i] == value:
            return
        del self._averages[i:]
        self.broken.pop(step, None)
        if known:
            del self.steps[i], self.values[i]
        if isfinite(value):
            self.steps.insert(i, step)
            self.values.insert(i, value)
        else:
            self.broken[step] = value

    def averages(self) -> Sequence[float]:
        """After each step, an exponential average whose span is a tenth of the values so far, 20 at most."""
        mean = self._averages
        for i in range(len(mean), len(self.values)):
            share = 2 / (min(AVERAGED, max(1.0, _SHARE * (i + 1))) + 1)
            mean.append(self.values[i] if i == 0 else mean[i - 1] + share * (self.values[i] - mean[i - 1]))
        return mean

    def latest(self, step: int) -> tuple[int, float] | None:
        """The newest measurement up to a step: at which step it was made, and its value, finite or not."""
        i = bisect_right(self.steps, step)
        found = [(self.steps[i - 1], self.values[i - 1])] if i else []
        found += [(at, value) for at, value in self.broken.items() if at <= step]
        return max(found, key=lambda each: each[0], default=None)
