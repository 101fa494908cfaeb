"""What the screen offers when a loss is no finite number: the way back, and a lower learning rate."""

from core.messages import Divergence, State
from tui import formats
from tui.actions.steering import Steering


class Diverging(Steering):
    """A run that has diverged stands at the last step that could be made, and says how to go on."""

    _told: Divergence | None = None  # what the person was asked about

    def warning_of(self, state: State) -> str | None:
        """What is to be said of a state, with the keys that help."""
        if state.warning is None or state.diverged is None:
            return state.warning
        back = ", or go back (F4)" if state.step else ""
        return f"{state.warning} (F9){back}"

    def offer_way_back(self, state: State) -> None:
        """Once for every time: ask whether to go back to where the run was best."""
        if state.diverged == self._told:
            return
        self._told = state.diverged
        if (
            state.diverged is not None
            and state.diverged.best is not None
            and state.step > state.diverged.best
        ):
            self.run_worker(self._offer_way_back(state.diverged, state), group="diverged", exclusive=True)

    async def _offer_way_back(self, diverged: Divergence, state: State) -> None:
        from tui.screens.confirm import ConfirmScreen  # as in `Steering`

        assert diverged.best is not None and diverged.nats is not None
        lowest = formats.amount(diverged.nats, self.unit)
        about = (
            f"The loss or the gradient of step {diverged.step:,} is not finite: the run stays at step "
            f"{state.step:,}.\nIts validation loss was lowest at step {diverged.best:,}: {lowest}.\n\n"
            f"The same learning rate, {state.training.learning_rate:g}, leads here again: F9 starts a new "
            "run with a lower one."
        )
        question = f"This run has diverged. Go back to step {diverged.best:,}?"
        if await self.app.push_screen_wait(ConfirmScreen(question, about, accept="Go back")):
            self.go_to(diverged.best)
