"""Looking back in time: a cursor on the loss chart shows the prompt as it was at any step of the run."""

from textual import on

from core.messages import Recall
from tui.actions.base import Exploring
from tui.news import TableRecalled
from tui.widgets.loss_chart import LossChart


class LookingBack(Exploring):
    """The time cursor's actions. Nothing of the run is moved by looking; Enter on the chart goes there."""

    def action_look(self, by: int) -> None:
        """Look so many steps further, or back."""
        state = self.live.state
        if self.furthest == 0 or state is None:
            self.refuse("No step has been trained yet: F2 trains one, F3 goes on.")
            return
        now = state.step if self.looking_at is None else self.looking_at
        self.look_at(min(max(0, now + by), self.furthest))

    def action_look_edge(self, last: int) -> None:
        """Look at the first step, or at the last one the run has reached."""
        if self.furthest:
            self.look_at(self.furthest if last else 0)

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
            self.show_table(event.table)
            self.table_shown()
        elif self.looking_at is not None:
            self.look_at(None)
