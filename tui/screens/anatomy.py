"""One step of the run taken apart: batch, forward, loss, backward, update, one after the other."""

from collections.abc import Callable
from functools import partial
from pathlib import PurePath
from typing import ClassVar

from rich.segment import Segment
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.events import Resize
from textual.reactive import reactive
from textual.screen import Screen

from core.messages import Dissect, Dissected, Inspect, Inspected, Progress, State
from core.text import spaced, visible
from tui import formats, ramp
from tui.anatomy import prediction, whole
from tui.widgets.batch_grid import BatchGrid
from tui.widgets.figures import Figures, Make
from tui.widgets.keybar import KeyBar
from tui.widgets.lines import strip
from tui.widgets.pane import Pane
from tui.widgets.phases import BACKWARD, BATCH, FORWARD, LOSS, PHASES, UPDATE, PhaseBar
from tui.widgets.words import Words

_ONE_COLUMN = 76  # cells, below which the figures stand one above the other


class AnatomyScreen(Screen[None]):
    """Shows the steps that `take` is given; `first` is asked for at once.

    What is asked for goes to `dissect` and `inspect`; `stop` breaks a replay off.
    """

    CSS_PATH: ClassVar[list[str | PurePath]] = ["anatomy.tcss"]
    AUTO_FOCUS = "#grid"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "phase(1)", "Next phase", id="anatomy.next", tooltip="On to the next phase"),
        Binding("backspace", "phase(-1)", "Phase back", id="anatomy.back", tooltip="Back to the last phase"),
        *(
            Binding(str(i + 1), f"to_phase({i})", show=False, id=f"anatomy.{name}", tooltip=f"Phase: {name}")
            for i, name in enumerate(PHASES)
        ),
        Binding("ctrl+down,J", "scroll(1)", show=False, id="anatomy.down", tooltip="Scroll the figures down"),
        Binding("ctrl+up,K", "scroll(-1)", show=False, id="anatomy.up", tooltip="Scroll the figures up"),
        Binding("p", "just_done", "Just done", id="anatomy.done", tooltip="Take the step just done apart"),
        Binding("n", "coming", "Next step", id="anatomy.coming", tooltip="Take the coming step apart"),
        Binding("f1,question_mark", "app.help", "Help", show=False, id="anatomy.help", tooltip="All keys"),
        Binding("escape,ctrl+o,q", "close", "Close", id="anatomy.close", tooltip="Back to the prompt"),
    ]  # fmt: skip

    phase: reactive[int] = reactive(BATCH, init=False)

    def __init__(
        self,
        state: State,
        first: Dissect,
        *,
        dissect: Callable[[Dissect], None],
        inspect: Callable[[Inspect], None],
        stop: Callable[[], None],
    ) -> None:
        super().__init__()
        self.state = state
        self._first = first
        self._dissect = dissect
        self._inspect = inspect
        self._stop = stop
        self._asked: Dissect | None = None  # what is not answered yet
        self.step: Dissected | None = None
        self.cell: Inspected | None = None

    def compose(self) -> ComposeResult:
        yield Words(id="anatomy-heading")
        yield PhaseBar(id="phases")
        yield Words(id="says")
        yield Pane("batch", BatchGrid(id="grid"), id="grid-pane")
        with Horizontal(id="figures"):
            yield Pane("", Figures(id="cell"), id="cell-pane")
            yield Pane("", Figures(id="whole"), id="whole-pane")
        yield KeyBar(id="keybar")

    def on_mount(self) -> None:
        self._ask(self._first)

    @property
    def grid(self) -> BatchGrid:
        return self.query_one(BatchGrid)

    # --------------------------------------------------------------------------------------- what it is told

    def take(self, request: Dissect, step: Dissected | None) -> None:
        """The answer to what was asked for, where it still is; None where it came to nothing."""
        if request is not self._asked:
            return
        self._asked = None
        if step is not None:
            self.step, self.cell = step, None
            self.grid.set_step(step)
        self._show()

    def take_cell(self, cell: Inspected) -> None:
        """The figures of one prediction, where it is the chosen one."""
        if self.step is not None and cell.step == self.step.step and self._is_chosen(cell):
            self.cell = cell
            self._show()

    def take_progress(self, progress: Progress) -> None:
        """How far the replay of a step is."""
        if self._asked is not None:
            self._heading.say(f" {progress.what} {progress.done:,}/{progress.total:,} …")

    # ------------------------------------------------------------------------------------------- what is done

    def action_phase(self, by: int) -> None:
        self.phase = max(BATCH, min(UPDATE, self.phase + by))

    def action_to_phase(self, phase: int) -> None:
        self.phase = phase

    @on(PhaseBar.Asked)
    def _phase_asked(self, event: PhaseBar.Asked) -> None:
        self.phase = event.phase

    def action_scroll(self, lines: int) -> None:
        """Scroll what of the figures is not in sight: on a low terminal, or of a model with many layers."""
        self.query_one("#figures").scroll_relative(y=lines, animate=False, immediate=True)

    def action_coming(self) -> None:
        self._ask(Dissect())

    def action_just_done(self) -> None:
        if self.state.step == 0:
            self.notify("No step is done yet.", severity="warning", markup=False)
        else:
            self._ask(Dissect(step=self.state.step))

    def action_close(self) -> None:
        if self._asked is not None:
            self._stop()
        self.dismiss()

    def _ask(self, request: Dissect) -> None:
        if self._asked is None:
            self._asked = request
            which = "the next step" if request.step is None else f"step {request.step:,}"
            self._heading.say(f" taking {which} apart …")
            self._dissect(request)

    @on(BatchGrid.Chosen)
    def _chosen(self) -> None:
        if self.step is None:
            return
        if self.cell is None or not self._is_chosen(self.cell):
            self.cell = None
            self._inspect(Inspect(step=self.step.step, row=self.grid.row, column=self.grid.column))
        self._show()

    def _is_chosen(self, cell: Inspected) -> bool:
        return (cell.row, cell.column) == (self.grid.row, self.grid.column)

    # ------------------------------------------------------------------------------------------- how it looks

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.width < _ONE_COLUMN, "-one-column")

    def watch_phase(self) -> None:
        self.query_one(PhaseBar).set_phase(self.phase)
        self.query_one("#figures").scroll_home(animate=False, immediate=True)
        self.grid.after = self.phase == UPDATE
        self._show()

    @property
    def _heading(self) -> Words:
        return self.query_one("#anatomy-heading", Words)

    def _show(self) -> None:
        step = self.step
        if step is None:
            if self._asked is None:
                self._heading.say(" The step could not be taken apart: n tries again.")
            return
        if self._asked is None:
            before, after = (formats.number(float(loss), 4) for loss in (step.before, step.after))
            which = self._which(step)
            self._heading.say(
                f" step {step.step:,}, {which} · loss {before} nats, {after} after its update",
                f" step {step.step:,}, {which} · loss {before} → {after} nats",
                f" step {step.step:,} · {before} → {after} nats",
            )
        self.query_one("#says", Words).say(*whole.sentences(self.phase, step))
        self._show_titles(step)
        self._show_figures(step)

    def _which(self, step: Dissected) -> str:
        if step.step == self.state.step + 1:
            return "which comes next"
        return "the one just done" if step.step == self.state.step else "done before"

    def _show_titles(self, step: Dissected) -> None:
        tint = "after the update" if self.phase == UPDATE else "before the update"
        grid, row = self.query_one("#grid-pane", Pane), self.grid
        part = f", the first {step.shown:,} tokens" if step.shown < step.predictions else ""
        grid.title = f"batch ({step.batch}, {step.context}){part} · tinted by −log p {tint}"
        cell = self.query_one("#cell-pane", Pane)
        if self.phase == UPDATE:
            cell.title = "one step down the gradient g"
        else:
            cell.quote(f"row {row.row + 1}, token {row.column + 1}, after ", spaced(row.prefix).strip())
        self.query_one("#whole-pane", Pane).title = (
            f"all {step.predictions:,} predictions",
            "shapes: (b, n, V) → (b·n, V)",
            "the loss",
            "gradient g: its norm, layer by layer",
            "update Δθ = θ₁ − θ₀, layer by layer",
        )[self.phase]

    def _show_figures(self, step: Dissected) -> None:
        all_of_it = (
            partial(whole.batch, step),
            partial(whole.shapes, step, self.state.model.vocab_size),
            partial(whole.mean, step),
            partial(whole.gradients, step),
            partial(whole.updates, step),
        )[self.phase]
        self.query_one("#whole", Figures).say(all_of_it)
        self.query_one("#cell", Figures).say(self._of_cell(step))

    def _of_cell(self, step: Dissected) -> Make:
        grid, cell = self.grid, self.cell
        row = step.rows[grid.row]
        if self.phase == UPDATE:
            return partial(whole.descent, step, row, grid.column)
        if self.phase == BATCH:
            piece = next(t.piece for t in step.tokens if t.token_id == row.ids[grid.column + 1])
            target = strip(Segment(visible(piece), ramp.chip(float(row.surprisals[grid.column]))))
            return partial(prediction.read, grid.prefix, target, grid.column, step.context)
        if cell is None:
            return lambda width: []  # figures of another cell are not shown
        return partial(
            {FORWARD: prediction.softmax, LOSS: prediction.arithmetic, BACKWARD: prediction.gradient}[
                self.phase
            ],
            cell,
        )
