"""The table for people, as the screen shows it, in lines of text."""

import shutil
from collections.abc import Iterator

from rich.console import Console
from rich.style import Style
from rich.text import Text

from core.messages import Prediction, Table
from core.text import spaced, visible
from tui import cells, formats, ramp
from tui.formats import Unit

_DIM = Style(dim=True)
_TARGET = 14  # cells
_GUESS = 14  # cells
_PREFIX = 16  # cells, at least
_PIPED = (100, 24)  # columns and lines where there is no terminal to ask


def show(table: Table) -> None:
    """Print the table, coloured where it is a terminal that shows it."""
    console = Console(highlight=False)
    for line in lines(table, shutil.get_terminal_size(_PIPED).columns):
        console.print(line, soft_wrap=True)


def lines(table: Table, width: int) -> Iterator[Text]:
    """One line a prefix between a heading and the mean; the last prefix is the whole text."""
    number = max(2, len(str(len(table.tokens))))
    rest = width - number - (3 + _TARGET) - 9 - 7 - 7 - 8 - 8
    guess = rest - (2 + _GUESS) >= _PREFIX
    prefix = max(_PREFIX, rest - (2 + _GUESS if guess else 0))
    heading = (
        cells.right("#", number)
        + cells.left(" prefix", prefix + 1)
        + cells.left(" → target", _TARGET + 2)
        + cells.right("p", 9)
        + cells.right("nats", 7)
        + cells.right("bits", 7)
        + cells.right("rank", 8)
        + cells.right("H nats", 8)
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
        yield _figures(line, prediction, pieces[at + 1] if at + 1 < len(pieces) else None, guess=guess)
    yield Text(foot(table))


def _figures(line: Text, prediction: Prediction, piece: str | None, *, guess: bool) -> Text:
    target = prediction.target
    if target is None or piece is None:
        line.append(cells.left("?", _TARGET) + " " * (8 + 7 + 7 + 8), _DIM)
    else:
        nats = target.surprisal
        chip = ramp.chip(nats)
        line.append(cells.left(piece, _TARGET), chip)
        line.append(cells.right(formats.probability(target.probability), 8), Style())
        line.append(cells.right(formats.information(nats, Unit.NATS), 7), Style(bold=True))
        line.append(cells.right(formats.information(nats, Unit.BITS), 7), Style())
        line.append(cells.right(f"{target.rank:,}", 8), _DIM)
    line.append(cells.right(formats.information(prediction.entropy, Unit.NATS), 8), Style())
    if guess and prediction.top:
        line.append("  " + cells.left(visible(prediction.top[0].piece), _GUESS), _DIM)
    return line


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
