"""The screen: prompt, prefix table, next token, loss. It routes what happens to the widgets."""

from collections.abc import Callable
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Resize
from textual.widget import Widget
from textual.widgets import Input, Static, TextArea

from core import messages as m
from core.text import safe
from tui.actions.auditing import Auditing
from tui.actions.beside import Beside
from tui.actions.comparing import Comparing
from tui.actions.diverging import Diverging
from tui.actions.filing import Filing
from tui.actions.retargeting import Retargeting
from tui.actions.sampling import Sampling
from tui.actions.touring import Touring
from tui.actions.training_on_row import TrainingOnRow
from tui.bindings import EXPLORE
from tui.engine import Line
from tui.formats import Unit
from tui.live import Live
from tui.news import EngineLost, Said, StateChanged, StepsDone, TableChanged, TextContinued, WorkGoesOn
from tui.screens.dialog import Line as Field
from tui.summary import wordings
from tui.widgets.candidates import CandidateList
from tui.widgets.followers import FollowerList
from tui.widgets.gradient import GradientRows
from tui.widgets.keybar import KeyBar
from tui.widgets.loss_chart import LossChart
from tui.widgets.pane import Pane
from tui.widgets.prefix_table import PrefixTable
from tui.widgets.prompt import PromptArea, TokenStrip
from tui.widgets.sample_line import SampleLine
from tui.widgets.status import StatusLine
from tui.widgets.tabs import PaneTabs
from tui.widgets.words import Words

FIRST_PROMPT = "The fat cat sat on the mat"
ONE_COLUMN = (100, 30)  # below this many columns or rows, tabs
HIGH = 20  # rows; with fewer, the chart has the place of the sample text
SMALLEST = (60, 15)


class ExploreScreen(
    Beside, Comparing, Retargeting, Auditing, Sampling, TrainingOnRow, Diverging, Filing, Touring
):
    """Everything at once. What a person does is in `tui.actions`; what is shown here is only handed on."""

    BINDINGS = EXPLORE
    AUTO_FOCUS = "#prompt"

    def __init__(self, line: Callable[[], Line], opening: m.Open, pinning: m.Pin | None = None) -> None:
        super().__init__()
        self.live = Live(self, line, opening, pinning)
        self.furthest = 0
        self.folder = Path.cwd()
        self._note: str | None = None
        self._last_focus: Widget | None = None

    def compose(self) -> ComposeResult:
        with Horizontal(id="panes"):
            with Vertical(id="left"):
                yield Pane(
                    "prompt", PromptArea(FIRST_PROMPT, id="prompt"), TokenStrip(id="tokens"), id="prompt-pane"
                )
                yield PaneTabs(id="tabs")
                yield Pane(
                    "prefix → next token · −log p and H(q) in nats",
                    PrefixTable(id="table"),
                    Static(id="note", markup=False),
                    Words(id="replaced"),
                    Words(id="summary"),
                    id="table-pane",
                )
            with Vertical(id="right"):
                yield Pane(
                    "next token",
                    Field("", id="find"),
                    CandidateList(id="candidates"),
                    FollowerList(id="followers"),
                    GradientRows(id="gradient"),
                    Words(id="entropy"),
                    Words(id="divergence"),
                    Words(id="terms"),
                    Words(id="controls"),
                    Words(id="remaining"),
                    id="candidates-pane",
                )
                yield Pane("loss", LossChart(id="chart"), SampleLine(id="sample"), id="chart-pane")
        yield StatusLine(id="status")
        yield KeyBar(id="keybar")
        yield Static(id="too-small", markup=False)

    def on_mount(self) -> None:
        self.query_one("#find", Field).placeholder = "part of a token"
        self.add_class("-show-table")
        self.query_one(StatusLine).say(" starting the engine …")
        # The first frame is painted before the engine's process is started beside it.
        self.call_after_refresh(self._start)

    def _start(self) -> None:
        self.read_prompt()
        self.run_worker(self.live.start(), group="engine", exit_on_error=True)

    # ------------------------------------------------------------------------------------- what is learnt

    @on(StateChanged)
    def _state_changed(self, event: StateChanged) -> None:
        state = event.state
        chart = self.query_one(LossChart)
        chart.references = state.references
        chart.goal = state.goal
        self.furthest = max(self.furthest, state.step)
        chart.cursor = state.step if state.step < self.furthest else None
        self.query_one(StatusLine).set_state(state)
        self.note_changed()
        self.offer_way_back(state)
        self.show_kept()

    @on(TableChanged)
    def _table_changed(self, event: TableChanged) -> None:
        if not self.is_of_prompt(event.table):
            return  # a newer prompt is on its way
        if event.table.tokens:
            if self.looking_at is None:
                self.show_table(event.table)
            else:
                self.recall_again()
            if event.table.summary.mean is not None:
                self.query_one(LossChart).put_prompt(event.table.step, float(event.table.summary.mean))
        else:
            self.table.clear()
            self.show_selected()
        self.table_shown()
        self.row_shown(event.table)

    @on(StepsDone)
    def _steps_done(self, event: StepsDone) -> None:
        self.steps_told(event.results, anew=event.anew)
        chart = self.query_one(LossChart)
        if event.anew:
            self.look_at(None)
            self.furthest = max((result.step for result in event.results), default=0)
            chart.replace(event.results, event.ghost)
        else:
            self.furthest = max(self.furthest, *(result.step for result in event.results))
            chart.add(event.results)
        state = self.live.state
        chart.cursor = state.step if state and state.step < self.furthest else None
        self.query_one(StatusLine).add(event.results, anew=event.anew)

    @on(WorkGoesOn)
    def _work_goes_on(self, event: WorkGoesOn) -> None:
        self.query_one(StatusLine).set_progress(event.progress)

    @on(TextContinued)
    def _text_continued(self, event: TextContinued) -> None:
        self.take_continuation(event.request, event.generated)

    @on(Said)
    def _said(self, event: Said) -> None:
        if event.error and self.live.state is None:  # there is nothing else that could be shown
            self.query_one(StatusLine).say(" " + safe(event.text))
        self.notify(safe(event.text), severity="error" if event.error else "information", markup=False)

    @on(EngineLost)
    def _engine_lost(self, event: EngineLost) -> None:
        self.query_one(StatusLine).say(" the engine has ended: ctrl+r starts it again where the run stood")
        self.offer_restart(event.words)

    # -------------------------------------------------------------------------------------- what is chosen

    @on(TokenStrip.Picked)
    def _token_picked(self, event: TokenStrip.Picked) -> None:
        self.table.select(event.position)

    @on(PrefixTable.Entered)
    def _row_entered(self) -> None:
        self.action_tab("candidates")

    @on(CandidateList.Chosen)
    def _candidate_chosen(self, event: CandidateList.Chosen) -> None:
        self.put_into_prompt(event.candidate)

    @on(TextArea.Changed, "#prompt")
    def _prompt_edited(self) -> None:
        self.look_at(None)
        self.prompt_changed()

    @on(Input.Changed, "#find")
    def _find_typed(self, event: Input.Changed) -> None:
        self.search(event.value)

    @on(Input.Submitted, "#find")
    def _find_entered(self) -> None:
        self.query_one(CandidateList).focus()

    @on(PaneTabs.Asked)
    def _tab_asked(self, event: PaneTabs.Asked) -> None:
        self.action_tab(event.name)

    # ---------------------------------------------------------------------------------------- how it looks

    def watch_tab(self, before: str, after: str) -> None:
        self.remove_class(f"-show-{before}")
        self.add_class(f"-show-{after}")
        self.query_one(PaneTabs).set_active(after)

    def watch_unit(self, unit: Unit) -> None:
        self.table.unit = unit
        self.query_one(CandidateList).unit = unit
        self.query_one(LossChart).unit = unit
        self.query_one(StatusLine).set_unit(unit)
        self.show_selected()
        self.table_shown()
        self.note_changed()
        self.tell()

    def on_resize(self, event: Resize) -> None:
        size = event.size
        self._last_focus = self.focused or self._last_focus
        self.set_class(size.width < ONE_COLUMN[0] or size.height < ONE_COLUMN[1], "-one-column")
        too_small = size.width < SMALLEST[0] or size.height < SMALLEST[1]
        self.set_class(too_small, "-too-small")
        self.set_class(size.height < HIGH, "-low")
        if too_small:
            self.query_one("#too-small", Static).update(
                f"This terminal has {size.width} x {size.height} cells; neglogp needs at least "
                f"{SMALLEST[0]} x {SMALLEST[1]}. Make it larger, or press ctrl+q to leave."
            )
        else:
            # What had the focus keeps it, and so must be the pane that is seen where only one is.
            for name in ("table", "candidates", "chart"):
                if self._last_focus in list(self.query(f"#{name}-pane *")):
                    self.tab = name
            self.call_after_refresh(self._focus_again)

    def _focus_again(self) -> None:
        if self.focused is None:
            (self._last_focus or self.prompt).focus()

    def show_note(self, text: str | None) -> None:
        """One sentence above the foot of the table, or none."""
        if text != self._note:
            self._note = text
            note = self.query_one("#note", Static)
            note.set_class(bool(text), "-shown")
            note.update(Content(safe(text)) if text else "")

    def table_shown(self) -> None:
        self.query_one("#summary", Words).say(*self.mean_words(), *wordings(self.table.table, self.unit))
        self._show_shape()

    def _show_shape(self) -> None:
        table, state = self.table.table, self.live.state
        of = self.past_title() or "prefix → next token"
        title = self.pane_title() or f"{of} · −log p and H(q) in {self.unit.value}"
        if self.table.ids and table is not None and state is not None:
            n = len(table.tokens)
            title = (
                f"logits (1, {n}, {state.model.vocab_size}): {n} vectors, one a token · in {self.unit.value}"
            )
        self.query_one("#table-pane", Pane).title = title

    def action_units(self) -> None:
        self.unit = self.unit.other

    def action_ids(self) -> None:
        self.table.ids = not self.table.ids
        self._show_shape()

    async def on_unmount(self) -> None:
        await self.live.close()
