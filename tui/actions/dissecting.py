"""What a person does to look inside a step of the run."""

from typing import TYPE_CHECKING

from textual import on

from core.messages import Dissect, Stop
from tui.actions.base import Exploring
from tui.news import CellInspected, StateChanged, StepDissected, WorkGoesOn

if TYPE_CHECKING:
    from tui.screens.anatomy import AnatomyScreen


class Dissecting(Exploring):
    """The anatomy's action, and what its screen is told as long as it is open."""

    _anatomy: "AnatomyScreen | None" = None

    def action_anatomy(self) -> None:
        if self.live.state is None or not self.live.alive:
            self.refuse("No model is open: there is no step to take apart.")
        else:
            self.ask(self._take_apart)

    async def _take_apart(self) -> None:
        from tui.screens.anatomy import AnatomyScreen  # the first frame does not wait for it

        assert self.live.state is not None  # or it would not have been asked for
        # What the chart's cursor shows is what that step has made of the model.
        step = None if self.looking_at is None else max(1, self.looking_at)
        self._anatomy = AnatomyScreen(
            self.live.state,
            Dissect(step=step),
            dissect=self.live.dissect,
            inspect=self.live.inspect,
            stop=lambda: self.live.send(Stop()),
        )
        await self.app.push_screen_wait(self._anatomy)
        self._anatomy = None

    @on(StepDissected)
    def _step_dissected(self, event: StepDissected) -> None:
        if self._anatomy is not None:
            self._anatomy.take(event.request, event.dissected)

    @on(CellInspected)
    def _cell_inspected(self, event: CellInspected) -> None:
        if self._anatomy is not None:
            self._anatomy.take_cell(event.inspected)

    @on(WorkGoesOn)
    def _replay_goes_on(self, event: WorkGoesOn) -> None:
        if self._anatomy is not None:
            self._anatomy.take_progress(event.progress)

    @on(StateChanged)
    def _run_stands_elsewhere(self, event: StateChanged) -> None:
        if self._anatomy is not None:
            self._anatomy.state = event.state
