"""The surprise lab: why -log p, and not 1 - p. Curves over p, dice that add or do not, and one in N."""

from collections.abc import Sequence
from functools import partial
from pathlib import PurePath
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.events import DescendantFocus, Resize
from textual.reactive import reactive

from tui import theme
from tui.axes import Range
from tui.formats import Unit
from tui.labs import surprise
from tui.labs.probability import complement, counted, figure, one_in, probability, written
from tui.labs.surprise import LANDMARKS, Surprise
from tui.plotting import Line, Mark
from tui.screens import surprise_lines as lines
from tui.screens.dialog import Line as Field
from tui.screens.lab import NARROW, Around, LabScreen
from tui.widgets.figures import Figures
from tui.widgets.pane import Pane
from tui.widgets.probability_curves import ProbabilityCurves
from tui.widgets.rows import Column, Row, Rows
from tui.widgets.tabs import PaneTabs

PARTS = (("curves", "1 curves"), ("dice", "2 dice"), ("one-in", "3 one in N"))
_SET_UPS = {"curves": "curves", "dice": "dice", "one in N": "one-in"}
_LOW = 34  # rows; with fewer there is one part at a time
_TOP = {Unit.NATS: 7.0, Unit.BITS: 10.0}  # of the curves: one in a thousand still has its place
_SAYS = {
    "curves": (
        "From nearly sure to even to one in 1,000: 1 − p jumps twice alike, −log p first a little, then far.",
        "From sure to even to one in 1,000: 1 − p jumps twice alike, −log p does not.",
    ),
    "dice": (
        "Independent events: their probabilities multiply, so their −log p add up. Their 1 − p do not.",
        "Of independent events p multiplies, so −log p adds up; 1 − p does not.",
    ),
    "one-in": (
        "One of N equally likely surprises by ln N: each time N is ten times as many, by as much more again.",
        "One of N equally likely surprises by ln N, which grows by factors.",
    ),
}


class Dice(Rows):
    """The numbers of dice there may be; Enter is for their faces."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Faces", id="dice.faces", tooltip="Type how many faces a die has")
    ]


class Cases(Rows):
    """Known N and one's own; Enter types that."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Type N", id="cases.type", tooltip="Type an N, to see −log of one in N")
    ]


class SurpriseLab(LabScreen):
    """Three parts: side by side, or one at a time where they do not fit."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["lab.tcss", "surprise_lab.tcss"]
    AUTO_FOCUS = "#curves"
    HEADING = "Surprise: why −log p, and not 1 − p"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "next_part(1)", "Next part", id="surprise.next", tooltip="Curves, dice, one in N"),
        Binding("shift+tab", "next_part(-1)", show=False, id="surprise.before", tooltip="The part before"),
        *(
            Binding(label[0], f"part({name!r})", show=False, id=f"surprise.{name}",
                    tooltip=f"To the part: {label[2:]}")
            for name, label in PARTS
        ),
        Binding("space", "roll", "Roll", id="surprise.roll", tooltip="Roll the dice"),
    ]  # fmt: skip

    part: reactive[str] = reactive("curves", init=False)

    def __init__(self, around: Around) -> None:
        super().__init__(around)
        self.state = Surprise()
        self.add_class("-curves")

    def body(self) -> ComposeResult:
        yield PaneTabs(PARTS, id="surprise-tabs")
        with Horizontal(id="parts"):
            drawn = Container(ProbabilityCurves(id="curves"), Figures(id="landmarks"), id="drawn")
            yield Pane("1 curves over p", Figures(id="values"), drawn, id="curves-pane")
            with Vertical(id="events"):
                yield Pane("", Dice(id="dice"), Figures(id="sums"), id="dice-pane")
                yield Pane("3 one in N", Cases(id="one-in"), Figures(id="case"), id="one-in-pane")

    @classmethod
    def all_bindings(cls) -> tuple[Sequence[BindingType], ...]:
        own = ProbabilityCurves.BINDINGS, Dice.BINDINGS, Cases.BINDINGS
        return cls.BINDINGS, *own, *super().all_bindings()[1:]

    def set_up(self, name: str) -> None:
        if name not in _SET_UPS:
            raise ValueError(f"the surprise lab has no {name!r}; it has {', '.join(_SET_UPS)}")
        self.action_start_over()
        self.action_part(_SET_UPS[name])

    def action_start_over(self) -> None:
        self.state = Surprise()
        self._rows("one-in").select(0)
        self.show()

    def _rows(self, name: str) -> Rows:
        return self.query_one(f"#{name}", Rows)

    # --------------------------------------------------------------------------------------------- the parts

    def action_part(self, name: str) -> None:
        self.part = name
        self.query_one(f"#{name}").focus()

    def action_next_part(self, by: int) -> None:
        names = [name for name, _ in PARTS]
        self.action_part(names[(names.index(self.part) + by) % len(names)])

    @on(PaneTabs.Asked)
    def _tab_asked(self, event: PaneTabs.Asked) -> None:
        self.action_part(event.name)

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        if event.widget.id in dict(PARTS):
            self.part = event.widget.id

    def watch_part(self, before: str, after: str) -> None:
        self.remove_class(f"-{before}")
        self.add_class(f"-{after}")
        self.query_one(PaneTabs).set_active(after)
        self.says(*_SAYS[after])
        self.refresh_bindings()

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.width < NARROW or event.size.height < _LOW, "-tabs")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("part", "next_part") and isinstance(self.focused, Field):
            return False  # the line that is typed into is of the part it began in
        if action == "roll" and self.part != "dice":
            return False
        return super().check_action(action, parameters)

    # ----------------------------------------------------------------------------------------- what is done

    def action_step(self, by: int) -> None:
        self._put(surprise.stepped(self.state.p, by))

    def action_leap(self, by: int) -> None:
        self._put(surprise.leapt(self.state.p, by))

    def action_landmark(self, by: int) -> None:
        self._put(surprise.landmark(self.state.p, by))

    def action_put(self, p: int) -> None:
        self._put(float(p))

    def _put(self, p: float) -> None:
        self.state.p = p
        self.show()

    @on(ProbabilityCurves.Pointed)
    def _pointed(self, event: ProbabilityCurves.Pointed) -> None:
        self._put(round(event.x, 2))

    @on(Figures.Picked, "#landmarks")
    def _landmark_picked(self, event: Figures.Picked) -> None:
        if 1 <= event.line <= len(LANDMARKS):
            self._put(LANDMARKS[event.line - 1])

    def action_type_p(self) -> None:
        before = self.state.p

        def take(text: str) -> None:
            self.state.p = probability(text)

        self.edit("p, also 1/6", written(before), take, partial(self._put, before))

    @on(Rows.Selected, "#dice")
    def _n_chosen(self, event: Rows.Selected) -> None:
        self.state.n = event.rows.cursor + 1
        self.show()

    @on(Rows.Chosen, "#dice")
    def _type_faces(self) -> None:
        before = self.state.faces

        def undo() -> None:
            self.state.faces = before

        self.edit("faces of a die", str(before), self.state.set_faces, undo)

    def action_roll(self) -> None:
        self.state.roll()
        self.show()

    @on(Rows.Selected, "#one-in")
    def _case_chosen(self) -> None:
        self.show()

    @on(Rows.Chosen, "#one-in")
    def _type_n(self, event: Rows.Chosen) -> None:
        before = self.state.one_in
        start, _ = self.state.cases[event.row]

        def take(text: str) -> None:
            self.state.one_in = one_in(text)
            self._rows("one-in").select(0)

        def undo() -> None:
            self.state.one_in = before

        self.edit("N of one in N", f"{start:g}" if start < 1e5 else written(start), take, undo)

    # ----------------------------------------------------------------------------------------- what is shown

    def show(self) -> None:
        state, unit = self.state, self.unit
        of = surprise.measured(state.p)
        self.says(*_SAYS[self.part])
        self._show_curves(of)
        self.query_one("#values", Figures).say(partial(lines.values, of, unit))
        self.query_one("#landmarks", Figures).say(partial(lines.landmarks, state.p, unit))
        self._show_dice()
        self._show_cases()

    def _show_curves(self, of: surprise.Measured) -> None:
        x, sure, log = surprise.curves()
        nats, top = self.unit.per_nat, _TOP[self.unit]
        at = [
            (of.surprisal * nats, lines.LOG, lines.LOG_COLOUR),
            (of.one_minus_p, lines.SURE, lines.SURE_COLOUR),
        ]
        self.query_one("#curves", ProbabilityCurves).say(
            [Line(x, [value * nats for value in log], lines.LOG_COLOUR), Line(x, sure, lines.SURE_COLOUR)],
            Range(0.0, 1.0),
            Range(0.0, top),
            x_name="p",
            x_step=0.05,
            marks=[Mark(of.p, min(y, top), glyph if y <= top else "▲", colour) for y, glyph, colour in at],
            upright=of.p,
        )

    def _show_dice(self) -> None:
        state, unit = self.state, self.unit
        faces = counted(state.faces)
        kind = "coins" if state.faces == 2 else "dice"
        self.query_one("#dice-pane", Pane).title = f"2 {kind}: n independent events, each p = 1/{faces}"
        columns = [Column(title=title, width=width) for title, width in (
            ("n", 2), ("p", 11), ("1 − p", 10), ("Σ 1 − p", 7), (f"−log p {unit.value}", 11),
            (f"Σ {unit.value}", 7))]  # fmt: skip
        events = state.events()
        rows = [
            Row(
                texts=(
                    str(each.n),
                    written(each.all.p),
                    complement(each.all.p, each.all.one_minus_p),
                    figure(each.added_one_minus_p),
                    figure(each.all.surprisal * unit.per_nat),
                    figure(each.added_surprisal * unit.per_nat),
                ),
                style=theme.PLAIN if each.n <= state.n else theme.DIM,
            )
            for each in events
        ]
        self._rows("dice").say(columns, rows)
        self._rows("dice").select(state.n - 1)
        chosen = partial(lines.sums, events[state.n - 1], state.faces, state.rolled, unit)
        self.query_one("#sums", Figures).say(chosen)

    def _show_cases(self) -> None:
        unit, cases = self.unit, self.state.cases
        columns = [Column(title="N", width=11), Column(title="p = 1/N", width=11),
                   Column(title=f"−log p {unit.value}", width=11),
                   Column(title="such as", width=18, figures=False)]  # fmt: skip
        of = [surprise.measured(1 / n) for n, _ in cases]
        rows = [
            Row(texts=(counted(n), written(each.p), figure(each.surprisal * unit.per_nat), what))
            for (n, what), each in zip(cases, of, strict=True)
        ]
        table = self._rows("one-in")
        table.say(columns, rows)
        chosen = partial(lines.one_in, cases[table.cursor][0], of[table.cursor], unit)
        self.query_one("#case", Figures).say(chosen)
