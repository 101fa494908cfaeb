"""A run's curve in words: a short table of its steps and one sentence."""

from collections.abc import Sequence

from core.messages import Real, StepResult
from tui.formats import Unit, information

_MOST = 20  # rows


def told(results: Sequence[StepResult]) -> str:
    """The curve of a run, its steps ascending; losses in nats."""
    prompt = any(result.prompt is not None for result in results)
    rows = [("step", "training", "validation") + (("prompt",) if prompt else ())]
    for result in picked(results):
        row = (f"{result.step:,}", _nats(result.loss), _nats(result.validation))
        rows.append(row + ((_nats(result.prompt),) if prompt else ()))
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
        "training": [(r.step, r.loss) for r in results if r.loss is not None],
        "validation": [(r.step, r.validation) for r in results if r.validation is not None],
        "prompt": [(r.step, r.prompt) for r in results if r.prompt is not None],
    }
    return "; ".join(f"{name} loss {_course(points)}" for name, points in kinds.items() if points)


def _course(points: Sequence[tuple[int, Real]]) -> str:
    (first_step, first), (last_step, last) = points[0], points[-1]
    best_step, best = min(points, key=lambda point: float(point[1]))
    if first_step == last_step:
        return f"{_nats(first)} at step {first_step:,}"
    return (
        f"{_nats(first)} at step {first_step:,}, {_nats(last)} at step {last_step:,}, "
        f"lowest {_nats(best)} at step {best_step:,}"
    )


def _nats(loss: Real | None) -> str:
    return information(loss, Unit.NATS, 3)
