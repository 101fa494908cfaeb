"""The table for people, as the screen shows it, in lines of text."""

import shutil
from collections.abc import Iterator
from typing import NamedTuple

from rich.console import Console
from rich.style import Style
from rich.text import Text

from core.messages import Comparison, Prediction, Real, Span, Table
from core.text import safe, spaced, visible
from tui import cells, formats, ramp
from tui.formats import Unit

_DIM = Style(dim=True)
_TARGET = 14  # cells
_GUESS = 14  # cells
_PREFIX = 16  # cells, at least
_ALONE = {"p": 9, "nats": 7, "bits": 7, "rank": 8, "H nats": 8}  # the columns of figures, and their cells
_BESIDE = {"p": 9, "A nats": 8, "B nats": 8, "Δ nats": 9, "rank": 8}  # those beside another model
_PIPED = (100, 24)  # columns and lines where there is no terminal to ask


class Beside(NamedTuple):
    """A second model, B: its name, its perplexity, and the table's model, A, held against it."""

    name: str
    perplexity: Real | None
    comparison: Comparison


def show(table: Table, beside: Beside | None = None) -> None:
    """Print the table, coloured where it is a terminal that shows it."""
    console = Console(highlight=False)
    for line in lines(table, shutil.get_terminal_size(_PIPED).columns, beside):
        console.print(line, soft_wrap=True)


def lines(table: Table, width: int, beside: Beside | None = None) -> Iterator[Text]:
    """One line a prefix between a heading and the mean; the last prefix is the whole text.

    Beside another model bits and entropy give way to its surprisals and the differences.
    """
    number = max(2, len(str(len(table.tokens))))
    names = _ALONE if beside is None else _BESIDE
    rest = width - number - (3 + _TARGET) - sum(names.values())
    guess = rest - (2 + _GUESS) >= _PREFIX
    prefix = max(_PREFIX, rest - (2 + _GUESS if guess else 0))
    heading = (
        cells.right("#", number)
        + cells.left(" prefix", prefix + 1)
        + cells.left(" → target", _TARGET + 2)
        + "".join(cells.right(name, size) for name, size in names.items())
        + ("  guess" if guess else "")
    )
    yield Text(heading, _DIM)
    pieces = [visible(token.piece) for token in table.tokens]
    for at, prediction in enumerate(table.predictions):
        start = max(begin for begin in table.window_starts if begin <= at)
        own = table.first_token and start == 0  # its first token is none of the text
        first = max(start + own, at - prefix)
        before = spaced("".join(pieces[first : at + 1]))
        line = Text()  # without a style of its own, which would be that of every cell in it
        line.append(cells.right(str(table.number(at)), number), _DIM)
        # A window's first row is marked: what stands before it is out of the model's sight.
        line.append("┄" if at and at == start else " ", _DIM)
        if own and cells.cell_len(pieces[0] + before) <= prefix:  # the text never gives way to it
            line.append(pieces[0], _DIM)
            line.append(cells.left(before, prefix - cells.cell_len(pieces[0])), Style())
        else:
            line.append(cells.tail(before.lstrip(" ") if first == start + own else before, prefix), Style())
        line.append(" → ", _DIM)
        target = prediction.target
        piece = pieces[at + 1] if at + 1 < len(pieces) else "?"
        line.append(cells.left(piece, _TARGET), ramp.chip(target.surprisal) if target else _DIM)
        figures = (
            _figures(prediction) if beside is None else _beside(prediction, beside.comparison.by_row.get(at))
        )
        # The first of the columns stands a cell nearer, as the target's is as wide as its heading.
        for place, ((text, style), size) in enumerate(zip(figures, names.values(), strict=True)):
            line.append(cells.right(text, size - (place == 0)), style)
        if guess and prediction.top:
            line.append("  " + cells.left(visible(prediction.top[0].piece), _GUESS), _DIM)
        yield line
    yield Text(foot(table))
    if beside is not None:
        yield Text(_beside_foot(beside))


def _figures(prediction: Prediction) -> list[tuple[str, Style]]:
    """The texts of the columns of _ALONE."""
    target = prediction.target
    entropy = (formats.information(prediction.entropy, Unit.NATS), Style())
    if target is None:
        return [("", _DIM)] * (len(_ALONE) - 1) + [entropy]
    return [
        (formats.probability(target.probability), Style()),
        (formats.information(target.surprisal, Unit.NATS), Style(bold=True)),
        (formats.information(target.surprisal, Unit.BITS), Style()),
        (f"{target.rank:,}", _DIM),
        entropy,
    ]


def _beside(prediction: Prediction, span: Span | None) -> list[tuple[str, Style]]:
    """The texts of the columns of _BESIDE."""
    target = prediction.target
    if target is None:
        return [("", _DIM)] * len(_BESIDE)
    return [
        (formats.probability(target.probability), Style()),
        (formats.information(target.surprisal, Unit.NATS), Style(bold=True)),
        (formats.information(span.b, Unit.NATS) if span else "", Style()),
        (formats.difference(span.difference, Unit.NATS) if span else "", Style(bold=True)),
        (f"{target.rank:,}", _DIM),
    ]


def foot(table: Table) -> str:
    """The mean, which is the loss, and what it comes to; or why there is none."""
    summary = table.summary
    if summary.scored == 0:
        return "nothing is scored: the text is a single token"
    without = ""
    if summary.without_first is not None:
        without = f", {formats.information(summary.without_first, Unit.NATS, 4)} without row 0"
    return (
        f"mean −log p = {formats.information(summary.mean, Unit.NATS, 4)} nats = loss{without}"
        f" · perplexity {formats.count(summary.perplexity)}"
        f" · {formats.bits(summary.bits_per_byte)} bits/byte"
    )


def _beside_foot(beside: Beside) -> str:
    """Both means and how far they are apart; or that there is nothing both have scored."""
    comparison = beside.comparison
    if comparison.difference is None:
        return f"B = {safe(beside.name)}: there is nothing to compare"
    of = (
        "" if comparison.one_to_one else f", over {comparison.scored:,} spans of bytes at whose ends both cut"
    )
    a, b = (formats.information(mean, Unit.NATS, 4) for mean in (comparison.mean_a, comparison.mean_b))
    delta = formats.difference(comparison.difference, Unit.NATS, 4)
    return (
        f"A {a} · B {b} · Δ = A − B = {delta} nats{of} · B = {safe(beside.name)}, "
        f"perplexity {formats.count(beside.perplexity)}"
    )
