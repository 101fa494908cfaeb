"""Looking back in time: a cursor on the loss chart shows the prompt as it was at any step of the run."""

from textual import on
from textual.timer import Timer

from core.messages import Recall, Retrace, Stop, Table
from tui.actions.base import Exploring
from tui.news import StateChanged, TableRecalled, TableRetraced
from tui.widgets.loss_chart import LossChart

RESTED = 0.4  # seconds that the cursor has to rest: a key held down replays nothing


class LookingBack(Exploring):
    """The time cursor's actions. Nothing of the run is moved by looking; Enter on the chart goes there.

    What was recorded is there at once. To another step the run is replayed once the cursor rests, unless it
    trains, and until then the nearest recorded one is shown.
    """

    _resting: Timer | None = None
    _retracing: Retrace | None = None
    _failed: Retrace | None = None

    def action_look(self, by: int) -> None:
        """Look so many steps further, or back."""
        state = self.live.state
        if not self.has_steps() or state is None:
            return
        now = state.step if self.looking_at is None else self.looking_at
        self.look_at(min(max(0, now + by), self.furthest))

    def action_look_edge(self, last: int) -> None:
        """Look at the first step, or at the last one the run has reached."""
        if self.furthest:
            self.look_at(self.furthest if last else 0)

    def action_look_to(self) -> None:
        if self.has_steps():
            self.ask(self._look_to)

    async def _look_to(self) -> None:
        from tui.screens.ask import AskScreen

        step = await self.app.push_screen_wait(
            AskScreen("Look at a step", "The prompt is shown as it was there; the run stays where it is.",
                      low=0, high=self.furthest, value=self.looking_at, accept="Look")
        )  # fmt: skip
        if step is not None:
            self.look_at(step)

    def action_look_now(self) -> None:
        self.look_at(None)

    def action_go_there(self) -> None:
        """Take the run to the step that is looked at."""
        if self.looking_at is not None:
            step = self.looking_at
            self.look_at(None)
            self.go_to(step)

    def go_to(self, step: int) -> None:
        """Take the run to a step."""
        raise NotImplementedError

    def look_at(self, step: int | None) -> None:
        """Show the prompt as it was at a step; the present one, or None, ends the look back."""
        state = self.live.state
        if state is not None and step == state.step and not state.running:
            step = None
        self._leave_off()
        before, self.looking_at = self.looking_at, step
        self.query_one(LossChart).looked_at = step
        if step is not None:
            self.recall_again()
        elif before is not None:
            self.show_present()

    def recall_again(self) -> None:
        """Ask for what is looked at: it, or what it is compared with, may be another now."""
        if self.looking_at is not None and self.prompt.text:
            self.live.recall(self._recall(self.looking_at))

    def _recall(self, step: int) -> Recall:
        return Recall(text=self.prompt.text, step=step, first_token=self.first_token)

    def show_present(self) -> None:
        """Show the prompt as the model sees it now."""
        table = self.live.table
        if table is not None and self.is_of_prompt(table):
            self.show_table(table)
        self.table_shown()

    @on(TableRecalled)
    def _table_recalled(self, event: TableRecalled) -> None:
        if event.request != self._recall(self.looking_at or 0):
            return  # of another step by now, or of another prompt
        if self.looking_at is not None and event.table is not None:
            self._show_past(event.table)
        elif self.looking_at is not None:
            self.look_at(None)

    def _show_past(self, table: Table) -> None:
        self.show_table(table)
        self._retrace_once_rested()
        self.table_shown()

    # ------------------------------------------------------------------------------ what was not recorded

    def past_title(self) -> str | None:
        """What the table shows of the past; None while it shows the present."""
        table, step = self.table.table, self.looking_at
        if step is None or table is None:
            return None
        if table.step == step:
            return f"as it was at step {step:,}"
        if self._retracing is not None:
            return f"at step {table.step:,}, replaying to {step:,}: esc stops"
        return f"as it was at step {table.step:,}, the nearest recorded to {step:,}"

    def _retrace_once_rested(self) -> None:
        table, state = self.table.table, self.live.state
        waits = self._resting is not None or self._retracing is not None
        if waits or self.looking_at is None or table is None or state is None or state.running:
            return
        if table.step != self.looking_at and self._retrace_to(self.looking_at) != self._failed:
            self._resting = self.set_timer(RESTED, self._retrace)

    def _retrace_to(self, step: int) -> Retrace:
        return Retrace(text=self.prompt.text, step=step, first_token=self.first_token)

    def _retrace(self) -> None:
        self._resting = None
        if self.looking_at is not None:
            self._retracing = self._retrace_to(self.looking_at)
            self.live.retrace(self._retracing)
            self.table_shown()

    def _leave_off(self) -> None:
        """Another step is looked at, or none: the one before need not be reached any more."""
        self._failed = None
        if self._resting is not None:
            self._resting.stop()
            self._resting = None
        if self._retracing is not None:
            self._retracing = None
            self.live.send(Stop())

    @on(TableRetraced)
    def _table_retraced(self, event: TableRetraced) -> None:
        if event.request != self._retracing:
            return  # another step is looked at by now
        self._retracing = None
        if event.table is None:
            self._failed = event.request
            self.table_shown()
        elif event.request == self._retrace_to(self.looking_at or 0):
            self._show_past(event.table)

    @on(StateChanged)
    def _run_rests(self, event: StateChanged) -> None:
        if not event.state.running:
            self._retrace_once_rested()
