"""What the tables and the charts of the logits lab show of its state."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tui import cells, formats, theme
from tui.axes import Range, step_range, thin, widen
from tui.formats import Unit
from tui.labs import logits_words as words
from tui.labs.logits import LOSSES, Logits
from tui.plotting import Line, Mark
from tui.widgets.figures import Make
from tui.widgets.lines import strip
from tui.widgets.rows import Column, Row

BAR = 16  # cells that the columns of the tokens leave to the bars
_NAME = (6, 14)  # cells of the names, at least and at most
_LABEL = 17  # cells of the name of a figure that is worked out
_DRAWN = 100  # columns, of each of which a long curve's highest and lowest points are drawn
_CURVES = (("●", theme.ACCENT), ("○", theme.WORSE), ("◆", theme.BETTER))  # of each loss


class Table(NamedTuple):
    """What `Rows.say` takes."""

    columns: Sequence[Column]
    rows: Sequence[Row]
    foot: Sequence[str] = ()


class Chart(NamedTuple):
    """What `CurveView.say` takes."""

    lines: Sequence[Line]
    x: Range
    y: Range
    marks: Sequence[Mark]


def tokens(state: Logits) -> Table:
    """A row a token: its logit, its probability, what it is in the target, the gradient of the chosen loss.

    Where there is room for them the gradients of the others come after that.
    """
    longest = max(map(cells.cell_len, state.names))
    order = [state.loss, *(loss for loss in range(len(LOSSES)) if loss != state.loss)]
    titles = [f"∇ {LOSSES[loss].short}" for loss in order]
    gradients = [state.gradient(loss) for loss in order]
    columns = (
        Column(title="token", width=max(_NAME[0], min(_NAME[1], longest)), figures=False),
        Column(title="logit", width=8),
        Column(title="softmax", width=7),
        Column(title="one-hot", width=7),
        *(Column(title=title, width=max(8, cells.cell_len(title))) for title in titles),
    )
    rows = [
        Row(
            texts=(
                name,
                formats.fitted(state.logits[i], 3),
                words.probability(state.q[i]),
                f"{state.one_hot[i]:.0f}",
                *(formats.fitted(gradient[i], 4) for gradient in gradients),
            ),
            share=state.q[i],
            mark=theme.TARGET_MARK if i == state.target else "",
            style=theme.TARGET if i == state.target else theme.PLAIN,
            bar_style=theme.LIT if i == state.target else theme.DIM,
        )
        for i, name in enumerate(state.names)
    ]
    sums = [formats.number(math.fsum(values), 4) for values in (state.q, *gradients)]
    return Table(columns, rows, ("sum", "", sums[0], "1", *sums[1:]))


def losses(state: Logits, unit: Unit) -> Table:
    """A row a loss: its value at these logits, its gradient at the target's, what its own nudges did."""
    columns = (
        Column(title="  loss", width=17, figures=False),
        Column(title="here", width=12),
        Column(title="∇ target", width=8),
        Column(title="nudges", width=6),
        Column(title="p then", width=6),
    )
    rows = []
    for i, (loss, (glyph, colour)) in enumerate(zip(LOSSES, _CURVES, strict=True)):
        texts = (
            f"{glyph} {loss.name}",
            words.figure(state.value(i), i, unit),
            formats.fitted(state.gradient(i)[state.target], 4),
            f"{len(state.nudges[i]):,}",
            words.probability(state.curve(i)[-1].p),
        )
        rows.append(Row(texts=texts, style=Style(color=colour)))
    return Table(columns, rows)


def worked(state: Logits, row: int, unit: Unit) -> Make:
    """The lines that work a row's figures out."""
    figures = words.worked(state, row, unit)

    def lines(width: int) -> list[Strip]:
        return [
            strip(
                Segment(cells.left(name, _LABEL), theme.DIM),
                Segment(_fitting(wordings, max(0, width - _LABEL)), theme.PLAIN),
            )
            for name, *wordings in figures
        ]

    return lines


def _fitting(wordings: Sequence[str], width: int) -> str:
    return next(
        (words for words in wordings if cells.cell_len(words) <= width), cells.left(wordings[-1], width)
    )


def p_curves(state: Logits) -> Chart:
    """The target's probability over the nudges under each loss."""
    curves = [[point.p for point in state.curve(loss)] for loss in range(len(LOSSES))]
    x = _nudges(state)
    lines = [_line(values, x, colour) for values, (_, colour) in zip(curves, _CURVES, strict=True)]
    marks = [_end(values, *look) for values, look in zip(curves, _CURVES, strict=True)]
    return Chart(lines, x, Range(0.0, 1.0), marks)


def loss_curve(state: Logits, unit: Unit) -> Chart:
    """The chosen loss over its own nudges, -log p in the unit."""
    look, per = _CURVES[state.loss], unit.per_nat if LOSSES[state.loss].in_nats else 1.0
    values = [point.loss * per for point in state.curve(state.loss)]
    x = _nudges(state)
    return Chart([_line(values, x, look[1])], x, widen(None, [0.0, *values]), [_end(values, *look)])


def _nudges(state: Logits) -> Range:
    return step_range(max(map(len, state.nudges)), 0)


def _end(values: Sequence[float], glyph: str, colour: str) -> Mark:
    return Mark(len(values) - 1, values[-1], glyph, colour)


def _line(values: Sequence[float], x: Range, colour: str) -> Line:
    drawable = [(float(i), value) for i, value in enumerate(values) if math.isfinite(value)]
    at, kept = thin([i for i, _ in drawable], [value for _, value in drawable], x, _DRAWN)
    return Line(at, kept, colour)
