"""What a run's curves are drawn from: the losses by step, and those of the future the run has left."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from core.messages import StepResult
from tui import axes, plotting
from tui.series import Series

RAW, RAW_FAINT = "#6b562c", "#3d3420"
ROW = "#f0f3f6"  # of the glyph where a step was made on one row

Drawn = list[plotting.Line]


class Losses:
    """Training, validation and the prompt's loss over some steps, in nats."""

    def __init__(self) -> None:
        self.training = Series("train", "train", "●", "#e8b04b", "#66532f")
        self.validation = Series("validation", "val", "◆", "#6fb7e9", "#37556c")
        self.prompt = Series("this prompt", "prompt", "■", "#c58af9", "#5b4473")
        self.all = self.training, self.validation, self.prompt
        self.rows: list[int] = []  # the steps that were made on one row, ascending
        self.last = -1  # the last known step

    def put(self, results: Sequence[StepResult]) -> None:
        """Take in steps; one that was known is replaced."""
        for result in results:
            self.last = max(self.last, result.step)
            if result.kind == "row" and result.step not in self.rows:
                self.rows = sorted([*self.rows, result.step])
            # A row's loss is none of the batches' that the curve goes through.
            loss = result.loss if result.kind is None else None
            for series, value in zip(self.all, (loss, result.validation, result.prompt), strict=True):
                if value is not None:
                    series.put(result.step, float(value))

    def parts(self) -> Iterator[tuple[Sequence[int], Sequence[float], str, str]]:
        """What is drawn, each with its colour and its faint one."""
        training, validation, prompt = self.all
        yield training.steps, training.values, RAW, RAW_FAINT
        yield training.steps, training.averages(), training.colour, training.faint
        yield validation.steps, validation.values, validation.colour, validation.faint
        yield prompt.steps, prompt.values, prompt.colour, prompt.faint


class Curves(Losses):
    """A run's, and its `ghost`: the steps of a future it has left, in one series with those before."""

    def __init__(self, results: Sequence[StepResult] = (), ghost: Sequence[StepResult] = ()) -> None:
        super().__init__()
        self.put(results)
        self.ghost = Losses()
        self.left_at = ghost[0].step - 1 if ghost else 0
        if ghost:
            self.ghost.put([*(result for result in results if result.step <= self.left_at), *ghost])

    @property
    def end(self) -> int:
        """The last step there is anything to draw of."""
        return max(self.last, self.ghost.last)

    def lines(self, present: int, steps: axes.Range, width: int, per_nat: float) -> tuple[Drawn, Drawn]:
        """The curves up to the present step; and, to go under them, what is later, and single batches.

        What the run has left lies lowest of all, and of that no single batches are drawn.
        """
        lines: Drawn = []
        under: Drawn = []
        for xs, ys, colour, faint in self.ghost.parts():
            x, y = _thin(xs, ys, steps, width, per_nat)
            if colour != RAW and (later := _from(x, y, self.left_at, faint)):
                under.append(later)
        for xs, ys, colour, faint in self.parts():
            x, y = _thin(xs, ys, steps, width, per_nat)
            if later := _from(x, y, present, faint):
                under.append(later)
            i = bisect_right(x, present)
            (under if colour == RAW else lines).append(plotting.Line(x[:i], y[:i], colour))
        return lines, under

    def row_marks(self, present: int, per_nat: float) -> Iterator[plotting.Mark]:
        """Where steps were made on one row: upon the prompt's curve, or the training's in its place."""
        for step in self.rows:
            point = self.prompt.latest(step) or self.training.latest(step)
            if point is not None and step <= present:
                yield plotting.Mark(step, point[1] * per_nat, "▴", ROW)


def _thin(
    xs: Sequence[int], ys: Sequence[float], steps: axes.Range, width: int, per_nat: float
) -> tuple[Sequence[float], list[float]]:
    x, nats = axes.thin(xs, ys, steps, 2 * width)
    return x, [value * per_nat for value in nats]


def _from(x: Sequence[float], y: Sequence[float], step: int, colour: str) -> plotting.Line | None:
    """What comes after a step, joined to what was there before; None where nothing comes."""
    i = bisect_right(x, step)
    return plotting.Line(x[max(0, i - 1) :], y[max(0, i - 1) :], colour) if i < len(x) else None
