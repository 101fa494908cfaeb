"""What the surprise lab says in lines: both measures of a p, the landmarks, what adds, one in N."""

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tui import cells, theme
from tui.formats import Unit
from tui.labs.probability import complement, counted, figure, odds, slope, written
from tui.labs.surprise import LANDMARKS, Measured, Together, jumps, measured
from tui.widgets.lines import strip

SURE, LOG = "○", "●"  # the marks of 1 − p and of −log p
SURE_COLOUR, LOG_COLOUR = "#6fb7e9", "#e8b04b"
_LABEL, _VALUE = 11, 14  # cells of a measure's name and of its value
_P, _MEASURE = 12, 10  # cells of the columns of the landmarks
_ADDED = 37  # cells of a sum


def values(of: Measured, unit: Unit, width: int) -> list[Strip]:
    """p, and of each measure its value and its slope there."""
    nats, name = unit.per_nat, unit.value
    told = f"p = {written(of.p)} · {odds(of.p)}"
    if of.p == 0:
        told += ": if it comes all the same, −log p is ∞"
    over_p = "−1/p" if unit is Unit.NATS else f"−{nats:.3f}/p"
    return [
        strip(Segment(cells.left(told, width), theme.STRONG)),
        _value(SURE, SURE_COLOUR, "1 − p", complement(of.p, of.one_minus_p), "slope −1 everywhere", width),
        _value(
            LOG,
            LOG_COLOUR,
            "−log p",
            f"{figure(of.surprisal * nats)} {name}",
            f"slope {over_p} = {slope(of.slope_of_surprisal * nats)} {name}",
            width,
        ),
    ]


def _value(mark: str, colour: str, label: str, value: str, more: str, width: int) -> Strip:
    return strip(
        Segment(f"{mark} ", Style(color=colour)),
        Segment(cells.left(label, _LABEL - 2), theme.PLAIN),
        Segment(cells.left(value, _VALUE), theme.TARGET),
        Segment(cells.left(more, max(0, width - _LABEL - _VALUE)), theme.DIM),
    )


def landmarks(p: float, unit: Unit, width: int) -> list[Strip]:
    """Both measures of some p, the one at hand marked, and how far they jump between three of them."""
    nats = unit.per_nat
    lines = [_row("", "p", "1 − p", f"−log p {unit.value}", width, heading=True)]
    for each in map(measured, LANDMARKS):
        texts = written(each.p), complement(each.p, each.one_minus_p), figure(each.surprisal * nats)
        lines.append(_row("›" if each.p == p else "", *texts, width))
    lines.append(_row("", "from → to", "jump", f"jump {unit.value}", width, heading=True))
    for jump in jumps():
        way = f"{written(jump.start)} → {written(jump.end)}"
        lines.append(_row("", way, figure(jump.one_minus_p), figure(jump.surprisal * nats), width))
    return lines


def _row(mark: str, p: str, sure: str, log: str, width: int, *, heading: bool = False) -> Strip:
    text = cells.left(p, _P) + cells.right(sure, _MEASURE) + cells.right(log, _MEASURE + 2)
    style = theme.DIM if heading else theme.STRONG if mark else theme.PLAIN
    return strip(Segment(cells.left(mark, 2), theme.LIT), Segment(cells.left(text, max(0, width - 2)), style))


def sums(of: Together, faces: int, rolled: Sequence[int], unit: Unit, width: int) -> list[Strip]:
    """n events together: what they add up to one by one, and what they are; and the dice that lie there."""
    nats, name = unit.per_nat, unit.value
    dice = "one die" if of.n == 1 else f"{of.n} dice"
    power = f"1/{counted(faces)}" if of.n == 1 else f"(1/{counted(faces)})^{of.n}"
    single, added, all_of = (
        figure(x * nats) for x in (of.single.surprisal, of.added_surprisal, of.all.surprisal)
    )
    thrown = "space rolls them, enter gives them other faces" if not rolled else (
        f"rolled {' '.join(map(counted, rolled))}: in this order as rare, {all_of} {name}"
    )  # fmt: skip
    return [
        _line(f"a certain face on {dice}: p = {power}, {odds(of.all.p)}", width),
        _line("added one by one, and of all together:", width, dim=True),
        _sum("1 − p", of, complement(of.single.p, of.single.one_minus_p), figure(of.added_one_minus_p),
             complement(of.all.p, of.all.one_minus_p), "", adds=of.one_minus_p_adds, width=width),
        _sum("−log p", of, single, added, all_of, f" {name}",
             adds=of.surprisal_adds, width=width),
        _line(thrown, width, dim=not rolled),
    ]  # fmt: skip


def _sum(
    label: str, of: Together, single: str, added: str, all_of: str, unit: str, *, adds: bool, width: int
) -> Strip:
    one_by_one = single if of.n == 1 else f"{single} + {single}" if of.n == 2 else f"{of.n} × {single}"
    total = "" if of.n == 1 else f" = {added}"
    text = f"{one_by_one}{total} {'=' if adds else '≠'} {all_of}{unit}"
    verdict = "one alone" if of.n == 1 else "adds" if adds else "does not add"
    style = theme.PLAIN if of.n == 1 else theme.GOOD if adds else theme.BAD
    return strip(
        Segment(cells.left(label, 8), theme.PLAIN),
        Segment(cells.left(text, max(_ADDED, cells.cell_len(text) + 1)), theme.STRONG),
        Segment(cells.left(verdict, max(0, min(12, width - 8 - _ADDED))), style),
    )


def one_in(n: float, of: Measured, unit: Unit, width: int) -> list[Strip]:
    """One in N, on the way to its surprisal."""
    shown, name = counted(n), "ln" if unit is Unit.NATS else "log₂"
    told = f"{figure(of.surprisal * unit.per_nat)} {unit.value}"
    long = f"one in {shown}: −log 1/{shown} = {name} {shown} = {told}"
    return [_line(long if cells.cell_len(long) <= width else f"{name} {shown} = {told}", width)]


def _line(text: str, width: int, *, dim: bool = False) -> Strip:
    return strip(Segment(cells.left(text, width), theme.DIM if dim else theme.PLAIN))
