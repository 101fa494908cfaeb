"""The arithmetic of a row, an equation a line: a name, what the number is made from, and the number."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.segment import Segment
from textual.strip import Strip

from core.messages import Arithmetic, Token
from core.text import spaced, visible
from tui import cells, formats, ramp, theme
from tui.formats import Unit
from tui.widgets.lines import LineView, strip

_NAME, _VALUE, _UNIT = 12, 15, 5  # cells of the columns; what is left between the first two has the equation
_PLACES = 6
_CHIP = 16  # cells at most of a token
_QUOTED = 100  # tokens at most of the prefix
_OPEN = (
    "Nothing follows yet: these are the numbers of the first guess, and count in no mean.",
    "Nothing follows yet: the numbers are the first guess's, in no mean.",
    "Nothing follows yet: this is the first guess.",
)


class Equation(NamedTuple):
    """One line; of the wordings of what the value comes from the first that fits is shown."""

    name: str
    wordings: Sequence[str]
    value: str
    unit: str = ""


class Equations(LineView):
    """Shows an `Arithmetic`, each of its numbers with what it is made from."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._made: Arithmetic | None = None
        self._prefix: Sequence[Token] = ()
        self._number = 0

    def show_row(self, made: Arithmetic, prefix: Sequence[Token], number: int) -> None:
        """A row's numbers, the tokens that its prediction was made from, and which row of the table it is."""
        self._made = made
        self._prefix = prefix
        self._number = number
        self._build()

    def _lines_for(self, width: int) -> list[Strip]:
        made = self._made
        if made is None:
            return [strip(Segment(cells.left("working it out …", width), theme.DIM))]
        follows = made.others is not None
        blocks = [_of_the_row(made), _beside(made)]
        lines = [self._heading(made, width)]
        if follows:
            blocks.insert(1, _of_the_mean(made))
        else:
            lines.append(strip(Segment(_fitting(_OPEN, width), theme.LIT)))
        for block in blocks:
            lines += [strip(), *(_line(equation, width) for equation in block)]
        return lines

    def _heading(self, made: Arithmetic, width: int) -> Strip:
        """The prefix and what comes after it, as a chip in the colour of its surprisal, at which step."""
        lead, arrow = "after “", "” → " if made.others is not None else "” → ? "
        piece = visible(made.token.piece)
        chip = f" {cells.left(piece, min(cells.cell_len(piece), _CHIP))} "
        place = f"  row {self._number:,} · step {made.step:,}"
        room = width - sum(map(cells.cell_len, (lead, arrow, chip, place)))
        prefix = spaced("".join(visible(token.piece) for token in self._prefix[-_QUOTED:])).strip()
        quoted = cells.tail(prefix, max(1, min(room, cells.cell_len(prefix))))
        return strip(
            Segment(lead, theme.DIM),
            Segment(quoted, theme.PLAIN),
            Segment(arrow, theme.DIM),
            Segment(chip, ramp.chip(made.surprisal)),
            Segment(" " * (room - cells.cell_len(quoted)) + place, theme.DIM),
        )


def _of_the_row(made: Arithmetic) -> Iterator[Equation]:
    """From the logit to the bits."""
    logit, logsumexp = _number(float(made.logit)), _number(float(made.logsumexp))
    log_p, nats = _number(made.log_prob), _number(made.surprisal)
    piece, tokens = visible(made.token.piece), f"{made.vocab_size:,}"
    yield Equation("logit", (f"of {piece}, token {made.token.token_id}", f"of {piece}"), logit)
    yield Equation("logsumexp", (f"log Σ exp(logit) over {tokens} tokens", "log Σ exp(logit)"), logsumexp)
    yield _made_from("log p", "logit − logsumexp", f"{logit} − {_bracketed(logsumexp)}", log_p)
    yield _made_from("p", "exp(log p)", f"exp({log_p})", _probability(made.probability))
    yield _made_from("−log p", "surprisal", f"−{_bracketed(log_p)}", nats, "nats")
    bits = formats.information(made.surprisal, Unit.BITS, _PLACES)
    yield _made_from("", "−log p / ln 2", f"{nats} / {formats.LN2:.{_PLACES}f}", bits, "bits")


def _of_the_mean(made: Arithmetic) -> Iterator[Equation]:
    """From the row to the loss of the whole text."""
    nats, total, mean = _number(made.surprisal), _number(made.total), _number(made.mean)
    others, n = _number(float(made.others or 0)), f"{made.scored:,}"
    yield _made_from("sum", "−log p + others", f"{nats} + {_bracketed(others)}", total, "nats")
    yield _made_from("  share", "−log p / sum", f"{nats} / {total}", _number(100 * made.share), "%")
    yield _made_from("mean = loss", "sum / rows", f"{total} / {n}", mean, "nats")
    yield _made_from("  of it", "−log p / rows", f"{nats} / {n}", _number(made.part), "nats")
    yield _made_from("perplexity", "exp(mean)", f"exp({mean})", _number(made.perplexity))


def _beside(made: Arithmetic) -> Iterator[Equation]:
    """What torch makes of the same logits, and what else there is to know of the prediction."""
    distance = f"{made.apart:.1e}" if math.isfinite(made.apart) else formats.number(made.apart)
    apart = f"{distance} nats from −log p" if made.apart else "exactly −log p"
    wordings = (f"F.cross_entropy(logits, target), {apart}", f"F.cross_entropy, {apart}", "F.cross_entropy")
    yield Equation("torch", wordings, _number(float(made.cross_entropy)), "nats")
    yield Equation("rank", (f"among {made.vocab_size:,} tokens",), f"{made.rank:,}")
    bits, choices = formats.information(made.entropy, Unit.BITS), formats.count(made.effective_choices)
    wordings = (
        f"−Σ q log q · {bits} bits · {choices} effective choices",
        f"−Σ q log q · {bits} bits · exp H {choices}",
        "−Σ q log q",
    )
    yield Equation("H(q)", wordings, _number(float(made.entropy)), "nats")


def _made_from(name: str, symbols: str, numbers: str, value: str, unit: str = "") -> Equation:
    return Equation(name, (f"{symbols} = {numbers}", numbers, symbols), value, unit)


def _line(equation: Equation, width: int) -> Strip:
    lit = equation.name == "−log p"
    room = max(0, width - _NAME - _VALUE - _UNIT)
    return strip(
        Segment(cells.left(equation.name, _NAME), theme.LIT if lit else theme.DIM),
        Segment(cells.left(_fitting(equation.wordings, room), room), theme.PLAIN),
        Segment(cells.right(equation.value, _VALUE), theme.TARGET if lit else theme.STRONG),
        Segment(cells.left(f" {equation.unit}", _UNIT), theme.DIM),
    )


def _fitting(wordings: Sequence[str], width: int) -> str:
    return next((words for words in wordings if cells.cell_len(words) <= width), wordings[-1])


def _number(value: float) -> str:
    """Six places, or six digits and an exponent of what is very large."""
    shown = f"{value:.{_PLACES}e}" if 1e7 <= abs(value) < math.inf else formats.number(value, _PLACES)
    return shown.replace("-", "−", 1)


def _probability(p: float) -> str:
    """Six places, or six digits of what is very small."""
    return f"{p:.5e}" if 0 < p < 1e-3 else formats.number(p, _PLACES)


def _bracketed(number: str) -> str:
    return f"({number})" if number.startswith("−") else number
