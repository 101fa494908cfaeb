"""What the certainty lab shows of its state: rows, lines of figures, curves."""

from collections.abc import Sequence
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from core import messages as m
from core.text import safe
from tui import cells, formats, theme
from tui.axes import Range
from tui.formats import Unit
from tui.labs.certainty import KINDS, CertaintyState, Course, Kind
from tui.labs.certainty_words import Wordings
from tui.plotting import Line, Mark, Rule
from tui.widgets.lines import strip
from tui.widgets.rows import Column, Row

NAMES = {kind: f"{number} {kind}" for number, kind in enumerate(KINDS, 1)}
_COLOURS = {"one-hot": "#6fb7e9", "soft": "#e8b04b"}
FAINT = "#2f4a63"  # of single batches
_ROOM = 1.4  # of the steps are drawn: the rules' names stand where no curve is
_LABEL = 15  # cells
_FIGURE = 11
_BAR = 20


def corpus(state: CertaintyState, unit: Unit) -> Wordings:
    """How many sentences there are, and over which words the loss is."""
    log = "ln" if unit is Unit.NATS else "log₂"
    knowing = f"{log} {state.n_words} = {formats.amount(state.ignorance, unit, 3)}"
    sentences = f"{state.total} sentences" if state.total > 1 else "1 sentence"
    return (
        f"{sentences}, a tiny model of its own for them. Its vocabulary is these {state.n_words} words, not "
        f"GPT-2's 50,257: knowing nothing costs {knowing}.",
        f"{sentences}. Vocabulary: these {state.n_words} words, not GPT-2's 50,257; knowing nothing costs "
        f"{knowing}.",
        f"{sentences}. Vocabulary: these {state.n_words} words, not 50,257; {knowing}.",
    )


# ------------------------------------------------------------------------------------------------ p and q


def columns() -> list[Column]:
    """The endings' columns."""
    return [
        Column(title=" ".join(m.BEGINNING) + cells.ELLIPSIS, width=23, figures=False),
        Column(title="count", width=6),
        Column(title="p", width=6),
        *(Column(title=f"q {kind}", width=len(kind) + 4) for kind in KINDS),
    ]


def rows(state: CertaintyState) -> list[Row]:
    """One an ending, with the q of the latest course as a bar and p as a stroke in it."""
    beliefs = [_belief(state, kind) for kind in KINDS]
    shown = None if state.latest is None else _belief(state, state.latest)
    bar_style = Style() if state.latest is None else Style(color=_COLOURS[state.latest])
    made = []
    for i, (ending, p) in enumerate(zip(state.endings, state.p, strict=True)):
        figures = [_share(None if belief is None else float(belief.q[i])) for belief in beliefs]
        made.append(
            Row(
                texts=(safe(ending.word), str(ending.count), _share(p), *figures),
                share=None if shown is None else float(shown.q[i]),
                tick=p,
                bar_style=bar_style,
            )
        )
    return made


def others(state: CertaintyState) -> tuple[str, ...]:
    """What is left to the words of the beginning, which no sentence ends with."""
    beliefs = [_belief(state, kind) for kind in KINDS]
    figures = [_share(None if belief is None else float(belief.others)) for belief in beliefs]
    return ("all others", "0", _share(0.0), *figures)


def bar_heading(state: CertaintyState) -> str:
    """What the bars are of."""
    return " │ p" if state.latest is None else f" █ q {state.latest}  │ p"


def _belief(state: CertaintyState, kind: Kind) -> m.Belief | None:
    course = state.courses.get(kind)
    return None if course is None else course.belief


def _share(p: float | None) -> str:
    return "–" if p is None else formats.number(p, 3)


# -------------------------------------------------------------------------------------------------- losses


def losses(state: CertaintyState, unit: Unit) -> list[Strip]:
    """The last position's loss and the mean of all: where they rest and where they are."""
    n = len(m.BEGINNING)
    head = "loss".ljust(_LABEL) + "rests at".rjust(_FIGURE + 3)
    head += "".join(name.rjust(_FIGURE) for name in NAMES.values())
    lines = [strip(Segment(f" {head}", theme.DIM))]
    for label, name, nats, of in (
        ("last position", "H(p)", state.entropy, "last_smoothed"),
        (f"mean of all {n}", f"H(p)/{n}", state.resting_mean, "mean_smoothed"),
    ):
        figures = [formats.information(_cost(state, kind, of), unit, 3).rjust(_FIGURE) for kind in KINDS]
        at = f"{name} {formats.information(nats, unit, 3)}".rjust(_FIGURE + 3)
        words = f" {label.ljust(_LABEL)}"
        parts = [
            Segment(words, theme.PLAIN),
            Segment(at, theme.STRONG),
            Segment("".join(figures), theme.PLAIN),
        ]
        lines.append(strip(*parts, Segment(f" {unit.value}", theme.DIM)))
    return lines


def why(width: int) -> list[Strip]:
    """Why the mean rests lower than the last position's loss."""
    n = len(m.BEGINNING)
    words = (
        f"Why the mean rests lower: {n - 1} of the {n} positions have one way on and become certain, so that "
        f"the last one's H(p) is all there is to share among {n}."
    )
    return [strip(Segment(f" {line}", theme.DIM)) for line in cells.wrapped(words, max(20, width - 4))]


def _cost(state: CertaintyState, kind: Kind, name: str) -> m.Real | None:
    course = state.courses.get(kind)
    value: m.Real | None = None if course is None or course.cost is None else getattr(course.cost, name)
    return value


class _Position(NamedTuple):
    words: str
    nats: float | None
    style: Style


def _positions(state: CertaintyState) -> list[_Position]:
    belief = None if state.latest is None else _belief(state, state.latest)
    nats = [None] * len(m.BEGINNING) if belief is None else [float(x) for x in belief.positions]
    after = [*m.BEGINNING[1:], "?"]
    styles = [theme.PLAIN] * len(m.BEGINNING[1:]) + [theme.STRONG]
    return [
        _Position(f"{a} → {b}", x, style)
        for a, b, x, style in zip(m.BEGINNING, after, nats, styles, strict=True)
    ]


def positions(state: CertaintyState, unit: Unit) -> list[Strip]:
    """The loss at each position of the sentences, as the bars' model has it, and why their mean is low."""
    ways = "1 way on each" + (f", the last has {state.ways}" if state.ways > 1 else "")
    head = f"{unit.value} by position, {state.latest or 'once trained'}: {ways}"
    lines = [strip(Segment(head, theme.DIM))]
    top = max(state.ignorance, *(position.nats or 0.0 for position in _positions(state)))
    for position in _positions(state):
        figure = formats.information(position.nats, unit, 3)
        bar = formats.bar((position.nats or 0.0) / top, _BAR)
        text = f"{position.words.ljust(10)}{figure.rjust(7)} "
        colour = theme.LIT if state.latest is None else Style(color=_COLOURS[state.latest])
        lines.append(strip(Segment(text, position.style), Segment(bar, colour)))
    return lines


def position_line(state: CertaintyState, unit: Unit) -> Wordings:
    """The same in one line."""
    told = [
        f"{word} {formats.information(position.nats, unit, 3)}"
        for word, position in zip([*m.BEGINNING[1:], "?"], _positions(state), strict=True)
    ]
    return (
        f"by position: {' + '.join(told)} {unit.value}, over {len(told)}",
        f"by position: {' '.join(told)} {unit.value}",
    )


# ------------------------------------------------------------------------------------------------- the chart


class Chart(NamedTuple):
    """What a `CurveView` takes."""

    lines: Sequence[Line]
    under: Sequence[Line]
    x: Range
    y: Range
    rules: Sequence[Rule]
    marks: Sequence[Mark]


def chart(state: CertaintyState, unit: Unit) -> Chart:
    """The losses over the steps: of the last position above, the mean of all below, with where each rests."""
    lines, under, marks = [], [], []
    for number, kind in enumerate(KINDS, 1):
        course = state.courses.get(kind)
        if course is None or not course.costs:
            continue
        colour = _COLOURS[kind]
        if kind == "one-hot":
            under.append(_line(course, "last", unit, FAINT))
        for name in ("last_smoothed", "mean_smoothed"):
            lines.append(_line(course, name, unit, colour))
            marks.append(Mark(lines[-1].x[-1], lines[-1].y[-1], str(number), colour))
    n = len(m.BEGINNING)
    steps = max((course.request.steps for course in state.courses.values()), default=STEPS)
    return Chart(
        lines=lines,
        under=under,
        x=Range(0.0, steps * _ROOM),
        y=Range(0.0, 1.1 * max(state.ignorance, state.entropy) * unit.per_nat),
        rules=[
            _rule("H(p)", state.entropy, unit),
            _rule(f"H(p)/{n}", state.resting_mean, unit),
        ],
        marks=marks,
    )


STEPS = m.Certainty(endings=CertaintyState().endings, targets="soft").steps  # of a default run


def _rule(name: str, nats: float, unit: Unit) -> Rule:
    figure = formats.information(nats, unit, 3)
    return Rule(nats * unit.per_nat, (f"{name} {figure} {unit.value}", f"{name} {figure}", name))


def _line(course: Course, name: str, unit: Unit, colour: str) -> Line:
    steps = [float(cost.step) for cost in course.costs]
    return Line(steps, [float(getattr(cost, name)) * unit.per_nat for cost in course.costs], colour)


def legend(state: CertaintyState, width: int) -> list[Strip]:
    """Which curve is which."""
    over = m.smoothed_over(state.endings)
    one, two = NAMES.values()
    wordings = (
        (one, f", mean of {over} batches (dim: each of {m.SENTENCES_A_STEP} sentences)   ", two,
         "   upper: last position, lower: mean of all positions"),
        (one, f", mean of {over} batches   ", two, "   upper: last position, lower: mean of all"),
        (one, " (dim: single batches)  ", two, "  upper: last position, lower: mean"),
    )  # fmt: skip
    fitting = [words for words in wordings if cells.cell_len("".join(words)) < width] or [wordings[-1]]
    styles = (Style(color=_COLOURS["one-hot"]), theme.DIM, Style(color=_COLOURS["soft"]), theme.DIM)
    parts = [Segment(text, style) for text, style in zip(fitting[0], styles, strict=True)]
    return [strip(Segment(" "), *parts)]
