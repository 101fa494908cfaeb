"""The certainty lab: sure targets in an unsure world, and a tiny model that learns p from them."""

from collections.abc import Callable
from functools import partial
from pathlib import PurePath
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Resize
from textual.message import Message

from core import messages as m
from tui.labs import certainty_lines as lines
from tui.labs.certainty import KINDS, CertaintyState, Kind
from tui.labs.certainty_words import says
from tui.screens.lab import Around, LabScreen
from tui.widgets.curve_view import CurveView
from tui.widgets.figures import Figures
from tui.widgets.rows import Rows
from tui.widgets.words import Words

_ROOMY = (100, 28)  # columns and rows from which on every position has a bar of its own
_TIGHT = 14  # rows below which the chart has the place of some lines


def _key(keys: str, action: str, label: str, name: str, tooltip: str) -> Binding:
    return Binding(keys, action, label, id=f"certainty.{name}", tooltip=tooltip)


class _Fitting(Vertical):
    """Leaves out what there is no room for; beside the tour there is less of it."""

    def on_resize(self, event: Resize) -> None:
        width, height = event.size
        self.set_class(width < _ROOMY[0] or height < _ROOMY[1], "-compact")
        self.set_class(height < _TIGHT, "-tight")


class CertaintyLab(LabScreen):
    """Shows a `CertaintyState`; what is trained, the engine trains, aside of the person's model and run."""

    HEADING = "Certainty: every target is sure, the world is not"
    CSS_PATH: ClassVar[list[str | PurePath]] = ["lab.tcss", "certainty_lab.tcss"]
    KEY_LINES = 2
    AUTO_FOCUS = "#certainty-rows"
    BINDINGS: ClassVar[list[BindingType]] = [
        _key("space", "train", "Train", "train", "Train with one-hot targets, then with soft ones; or stop"),
        _key("1", "train('one-hot')", "One-hot", "one_hot", "Train with one-hot targets alone"),
        _key("2", "train('soft')", "Soft", "soft", "Train with soft targets alone"),
        _key("plus,equals_sign,right", "count(1)", "More", "more", "One sentence more with this ending"),
        _key("minus,left", "count(-1)", "Fewer", "fewer", "One sentence fewer with this ending"),
        _key("a", "add", "Add", "add", "One more ending"),
        _key("d,delete", "remove", "Remove", "remove", "Remove this ending"),
    ]

    class Heard(Message):
        """The engine has told how far a training is."""

        def __init__(self, request: m.Certainty, learning: m.Learning) -> None:
            super().__init__()
            self.request = request
            self.learning = learning

    def __init__(self, around: Around) -> None:
        super().__init__(around)
        self.lab = CertaintyState()

    def body(self) -> ComposeResult:
        with _Fitting(id="certainty"):
            yield Words(id="certainty-corpus")
            yield Rows(id="certainty-rows")
            with Horizontal(id="certainty-figures"):
                with Vertical(id="certainty-left"):
                    yield Figures(id="certainty-losses")
                    yield Figures(id="certainty-why")
                yield Figures(id="certainty-positions")
            yield Words(id="certainty-position-line")
            yield Figures(id="certainty-legend")
            yield CurveView(id="certainty-chart")

    def show(self) -> None:
        lab, unit = self.lab, self.unit
        self.says(*says(lab, unit))
        self.query_one("#certainty-corpus", Words).say(*(f" {words}" for words in lines.corpus(lab, unit)))
        self.query_one(Rows).say(
            lines.columns(), lines.rows(lab), foot=lines.others(lab), bar_title=lines.bar_heading(lab)
        )
        self.query_one("#certainty-losses", Figures).say(lambda width: lines.losses(lab, unit))
        self.query_one("#certainty-why", Figures).say(lines.why)
        self.query_one("#certainty-positions", Figures).say(lambda width: lines.positions(lab, unit))
        told = lines.position_line(lab, unit)
        self.query_one("#certainty-position-line", Words).say(*(f" {words}" for words in told))
        self.query_one("#certainty-legend", Figures).say(lambda width: lines.legend(lab, width))
        chart = lines.chart(lab, unit)
        self.query_one(CurveView).say(
            chart.lines,
            chart.x,
            chart.y,
            under=chart.under,
            rules=chart.rules,
            marks=chart.marks,
            x_name="step",
        )

    def set_up(self, name: str) -> None:
        match name:
            case "start":
                self.action_start_over()
            case "one-hot" | "soft":
                self.action_start_over()
                self.action_train(name)
            case _:
                raise ValueError(f"the certainty lab has no state {name!r}; it has start, one-hot, soft")

    def action_start_over(self) -> None:
        self._change(self.lab.start_over)
        self.query_one(Rows).select(0)

    # --------------------------------------------------------------------------------------------- training

    def action_train(self, kind: Kind | None = None) -> None:
        """Train with one kind of target, or with both in turn; where it trains already, stop."""
        if self.lab.training is not None:
            self.around.stop()
        else:
            self.run_worker(self._train(KINDS if kind is None else (kind,)), group="certainty")

    async def _train(self, kinds: tuple[Kind, ...]) -> None:
        for kind in kinds:
            request = self.lab.begin(kind)
            self.show()
            learned = await self.around.learn(request, partial(self._tell, request))
            whole = self.lab.ended(request, learned)
            self.show()
            if not whole:
                break

    def _tell(self, request: m.Certainty, learning: m.Learning) -> None:
        self.post_message(self.Heard(request, learning))

    @on(Heard)
    def _heard(self, event: Heard) -> None:
        self.lab.heard(event.request, event.learning)
        self.show()

    def on_unmount(self) -> None:
        if self.lab.training is not None:
            self.around.stop()

    # ---------------------------------------------------------------------------------------- the sentences

    @on(Rows.Chosen)
    def _chosen(self, event: Rows.Chosen) -> None:
        index = event.row
        ending = self.lab.endings[index]
        bring_back = self.lab.remember()
        self.edit(
            "word and count:",
            f"{ending.word} {ending.count}",
            lambda typed: self._change(lambda: self.lab.put(index, typed)),
            lambda: self._change(bring_back),
        )

    def action_count(self, by: int) -> None:
        self._at_cursor(lambda index: self.lab.count(index, by))

    def action_remove(self) -> None:
        self._at_cursor(self.lab.remove)

    def action_add(self) -> None:
        self._at_cursor(lambda index: self.lab.add())
        self.query_one(Rows).select(len(self.lab.endings) - 1)

    def _at_cursor(self, do: Callable[[int], None]) -> None:
        try:
            self._change(lambda: do(self.query_one(Rows).cursor))
        except ValueError as error:
            self.refuse(str(error))

    def _change(self, do: Callable[[], object]) -> None:
        """Change the sentences. What is being learned of others is given up."""
        going = self.lab.training
        try:
            do()
        finally:
            if going is not None and self.lab.training is not going:
                self.around.stop()
        self.show()
