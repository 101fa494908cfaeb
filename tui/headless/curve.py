"""A run's curve in words: a short table of its steps and one sentence."""

from collections.abc import Callable, Sequence

from core import information
from core.messages import Real, StepResult
from tui import formats
from tui.formats import Unit

_MOST = 20  # rows
_LOSSES: dict[str, Callable[[StepResult], Real | None]] = {
    "training": lambda result: result.loss if result.kind is None else None,  # of batches, not of a row
    "evaluation": lambda result: result.evaluation,  # of training batches, without dropout
    "validation": lambda result: result.validation,
    "prompt": lambda result: result.prompt,
}
_ALWAYS = ("training", "validation")


def told(results: Sequence[StepResult]) -> str:
    """The curve of a run, its steps ascending; losses in nats."""
    shown = [
        (name, of)
        for name, of in _LOSSES.items()
        if name in _ALWAYS or any(of(result) is not None for result in results)
    ]
    rows = [["step", *(name for name, _ in shown)]]
    rows += [[f"{result.step:,}", *(_nats(of(result)) for _, of in shown)] for result in picked(results)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["   ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(["loss in nats", *lines, "", sentence(results)])


def picked(results: Sequence[StepResult]) -> list[StepResult]:
    """At most twenty steps, spread over those with a validation loss where there are any, and the last."""
    rows = [result for result in results if result.validation is not None] or list(results)
    if rows[-1] is not results[-1]:
        rows.append(results[-1])
    if len(rows) <= _MOST:
        return rows
    return [rows[round(i * (len(rows) - 1) / (_MOST - 1))] for i in range(_MOST)]


def sentence(results: Sequence[StepResult]) -> str:
    """The first, the last and the lowest of each loss there is."""
    kinds = {
        name: [(result.step, loss) for result in results if (loss := of(result)) is not None]
        for name, of in _LOSSES.items()
    }
    return "; ".join(f"{name} loss {_course(points)}" for name, points in kinds.items() if points)


def _course(points: Sequence[tuple[int, Real]]) -> str:
    (first_step, first), (last_step, last) = points[0], points[-1]
    best_step, best = min(points, key=lambda point: float(point[1]))
    if first_step == last_step:
        return f"{_told(first)} at step {first_step:,}"
    return (
        f"{_nats(first)} at step {first_step:,}, {_told(last)} at step {last_step:,}, "
        f"lowest {_told(best)} at step {best_step:,}"
    )


def _told(loss: Real) -> str:
    """A mean loss and the perplexity it is."""
    return f"{_nats(loss)} (perplexity {formats.count(information.perplexity(float(loss)))})"


def _nats(loss: Real | None) -> str:
    return formats.information(loss, Unit.NATS, 3)
