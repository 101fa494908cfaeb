"""The logits lab: tokens with logits, their softmax, three losses of it and steps down their gradients."""

from collections.abc import Callable
from pathlib import PurePath
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical

from core.messages import Predict, Table
from tui import cells
from tui.labs import logits_words as words
from tui.labs.logits import LOSSES, Logits, example, of_model
from tui.labs.typed import number
from tui.screens import logits_shown as shown
from tui.screens.lab import Around, LabScreen
from tui.screens.numbers import written
from tui.widgets.curve_view import CurveView
from tui.widgets.dials import Dial, Dials
from tui.widgets.figures import Figures
from tui.widgets.pane import Pane
from tui.widgets.rows import Rows

NUDGE = 0.1  # of a logit, by an arrow


class LogitsLab(LabScreen):
    """Shows a `Logits`."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["lab.tcss", "logits_lab.tcss"]
    HEADING = "Logits lab: from scores to p, to a loss, to the push that it gives each score"
    KEY_LINES = 2
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "nudge", "Nudge", id="logits.nudge", tooltip="One step down the loss's gradient"),
        Binding("l", "loss", "Loss", id="logits.loss", tooltip="On to the next loss, and to its nudges"),
        Binding("left", f"by(-{NUDGE})", f"−{NUDGE}", id="logits.less", tooltip=f"The logit less {NUDGE}"),
        Binding("right", f"by({NUDGE})", f"+{NUDGE}", id="logits.more", tooltip=f"The logit plus {NUDGE}"),
        Binding("t", "target", "Target", id="logits.target", tooltip="Make the row the target"),
        Binding("e", "name", "Name", id="logits.name", tooltip="Edit the row's name"),
        Binding("plus", "add", "Row", key_display="+", id="logits.add", tooltip="One more token below"),
        Binding("minus", "remove", "Row", key_display="-", id="logits.remove", tooltip="Remove the row"),
        Binding("backspace", "take_back", "Take back", id="logits.back", tooltip="One nudge back"),
        Binding("a", "nudge_all", show=False, id="logits.all", tooltip="A nudge under each of the losses"),
        Binding("m", "model", show=False, id="logits.model", tooltip="The model's candidates at the prompt"),
        Binding("T", "temperature", show=False, id="logits.temperature", tooltip="Edit the temperature"),
        Binding("R", "rate", show=False, id="logits.rate", tooltip="Edit the learning rate of the nudges"),
    ]

    def __init__(self, around: Around) -> None:
        super().__init__(around)
        self.state = self._began = example()
        self._about: tuple[str, ...] = ()  # where it began, in words

    def body(self) -> ComposeResult:
        tokens, losses = Rows(id="logits-rows"), Rows(id="logits-losses")
        tokens.cursor = self.state.target
        losses.can_focus = False  # the keys are those of the tokens
        with Vertical(id="logits-left"):
            yield tokens
            with Horizontal(id="logits-measures"):
                yield losses
                yield Dials(id="logits-dials")
            yield Pane("", Figures(id="logits-worked"), id="worked-pane")
        with Container(id="logits-right"):
            yield Pane("", CurveView(id="p-curves"), id="p-pane")
            yield Pane("", CurveView(id="loss-curve"), id="loss-pane")

    @property
    def tokens(self) -> Rows:
        return self.query_one("#logits-rows", Rows)

    @property
    def row(self) -> int:
        """The one under the cursor."""
        return self.tokens.cursor

    def set_up(self, name: str) -> None:
        if name == "start":
            self._begin(example(), ())
        elif name == "model":
            self.action_model()
        else:
            raise ValueError(f"the logits lab has no {name!r} to set up; it has 'start' and 'model'")

    # ------------------------------------------------------------------------------------------- what is done

    def action_start_over(self) -> None:
        self._begin(self._began, self._about)

    def _begin(self, state: Logits, about: tuple[str, ...]) -> None:
        self.workers.cancel_group(self, "model")
        self._began, self._about = state, about
        self.tokens.cursor = state.target
        self._put(state)

    def _put(self, state: Logits) -> None:
        """A state by any other way than the line: what is typed there is kept and over."""
        self.state = state
        if self._editing is None:
            self.show()
        else:
            self._end_editing()

    def action_nudge(self) -> None:
        self._put(self.state.nudged(self.state.loss))

    def action_nudge_all(self) -> None:
        self._put(self.state.nudged(*range(len(LOSSES))))

    def action_take_back(self) -> None:
        try:
            self._put(self.state.taken_back())
        except ValueError as error:
            self.refuse(str(error))

    def action_loss(self) -> None:
        self._put(self.state.with_loss(self.state.loss + 1))

    @on(Rows.Selected, "#logits-losses")
    def _loss_clicked(self, event: Rows.Selected) -> None:
        self._put(self.state.with_loss(event.row))

    def action_by(self, by: float) -> None:
        logit = round(self.state.logits[self.row] + by, 9)  # 10.4, not 10.399999999999999
        self._put(self.state.with_logit(self.row, logit))

    def action_target(self) -> None:
        self._put(self.state.with_target(self.row))

    def action_add(self) -> None:
        try:
            self._put(self.state.with_row(self.row))
        except ValueError as error:
            self.refuse(str(error))
        else:
            self.tokens.select(self.row + 1)

    def action_remove(self) -> None:
        try:
            self._put(self.state.without_row(self.row))
        except ValueError as error:
            self.refuse(str(error))

    @on(Rows.Chosen, "#logits-rows")
    def _edit_logit(self, event: Rows.Chosen) -> None:
        row = event.row

        def take(text: str) -> None:
            self.state = self.state.with_logit(row, number("logit", text))

        self._edit(f"logit of {self._short(row)}", written(self.state.logits[row]), take)

    def action_name(self) -> None:
        row = self.row

        def take(text: str) -> None:
            self.state = self.state.with_name(row, text)

        self._edit("name", self.state.names[row], take)

    def action_temperature(self) -> None:
        def take(text: str) -> None:
            self.state = self.state.with_temperature(number("temperature", text))

        self._edit("temperature", written(self.state.temperature), take)

    def action_rate(self) -> None:
        def take(text: str) -> None:
            self.state = self.state.with_rate(number("learning rate", text))

        self._edit("learning rate", written(self.state.rate), take)

    def _edit(self, label: str, value: str, take: Callable[[str], None]) -> None:
        before = self.state

        def undo() -> None:
            self.state = before

        self.edit(label, value, take, undo)

    # ----------------------------------------------------------------------------------------- the live model

    def action_model(self) -> None:
        table = self.around.table
        if table is None or not table.tokens:
            self.refuse("There is no prompt the model could be asked about: Esc, / and type one.")
        else:
            self.run_worker(self._fill(table, self.around.position), group="model", exclusive=True)

    async def _fill(self, table: Table, position: int) -> None:
        self.says("Asking the model …")
        found = await self.around.predict(
            Predict(text=table.text, position=position, first_token=table.first_token, top_k=8)
        )
        follows = table.tokens[position + 1] if position + 1 < len(table.tokens) else None
        try:
            if found is not None:
                state = of_model(found, follows)
                self._begin(state, words.filled(found, table, position, state))
                return
        except ValueError as error:
            self.refuse(str(error))
        self.show()

    # ------------------------------------------------------------------------------------------- how it looks

    def show(self) -> None:
        state = self.state
        about = self._about if state == self._began else ()
        self.says(*(about or words.sentences(state, self.unit)))
        self._show_tables(state)
        self._show_worked()
        self._show_curves(state)

    def _show_tables(self, state: Logits) -> None:
        tokens, losses = shown.tokens(state), shown.losses(state, self.unit)
        self.tokens.say(tokens.columns, tokens.rows, foot=tokens.foot, bar=shown.BAR)
        table = self.query_one("#logits-losses", Rows)
        table.cursor = state.loss
        table.say(losses.columns, losses.rows)
        self.query_one(Dials).say(
            (
                Dial("T", "temperature", f"{state.temperature:g}"),
                Dial("R", "learning rate", f"{state.rate:g}"),
                Dial("a", "nudge all three"),
                Dial("m", "the model's logits"),
            )
        )

    @on(Rows.Selected, "#logits-rows")
    def _show_worked(self) -> None:
        self.query_one("#worked-pane", Pane).title = f"{self._short(self.row)}, worked out"
        self.query_one("#logits-worked", Figures).say(shown.worked(self.state, self.row, self.unit))

    def _show_curves(self, state: Logits) -> None:
        p, loss = shown.p_curves(state), shown.loss_curve(state, self.unit)
        self.query_one("#p-pane", Pane).title = f"p({self._short(state.target)}) over the nudges"
        self.query_one("#p-curves", CurveView).say(p.lines, p.x, p.y, x_name="nudge", marks=p.marks)
        name, unit = LOSSES[state.loss].name, f", {self.unit.value}" if LOSSES[state.loss].in_nats else ""
        self.query_one("#loss-pane", Pane).title = f"{name}{unit}, over its nudges"
        self.query_one("#loss-curve", CurveView).say(
            loss.lines, loss.x, loss.y, x_name="nudge", marks=loss.marks
        )

    def _short(self, row: int) -> str:
        name = self.state.names[row]
        return cells.left(name, min(12, cells.cell_len(name))).rstrip()
