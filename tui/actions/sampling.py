"""What a person does with the sampling controls, and what they leave of the prediction in sight."""

from functools import partial

from textual import on

from core.messages import Control
from tui import formats
from tui.actions.base import Exploring
from tui.controls import Controls
from tui.news import ControlsApplied
from tui.widgets.candidates import CandidateList
from tui.widgets.words import Words


class Sampling(Exploring):
    """The actions of the sampling controls."""

    _looked_at: tuple[str, int, Controls] | None = None  # the prediction in sight, and through what

    def action_sampling(self) -> None:
        self.ask(self._set_controls)

    async def _set_controls(self) -> None:
        from tui.screens.sampling import SamplingScreen  # the first frame does not wait for it

        before = self.controls
        # What is tried is seen at once in the candidates beside the dialog.
        screen = SamplingScreen(before, tried=partial(setattr, self, "controls"))
        decided = await self.app.push_screen_wait(screen)
        self.controls = before if decided is None else decided

    def watch_controls(self) -> None:
        words = self.query_one("#controls", Words)
        words.say(*self.controls.wordings)
        words.set_class(bool(self.controls.wordings), "-shown")
        self.look_through_controls()

    @on(CandidateList.Listed)
    def look_through_controls(self) -> None:
        """Ask what the controls leave of the candidates in sight, where they change anything."""
        table = self.table.table
        if table is not None and not self.is_of_prompt(table):
            return  # these candidates are of the open row alone: the table they stand in is on its way
        token_ids = tuple(candidate.token_id for candidate in self.candidates.candidates)
        left = self.query_one("#remaining", Words)
        past = (
            self.looking_at is not None
        )  # the model that the controls would be applied to is the present one
        if past or not self.controls.change_predictions or table is None or not token_ids:
            self._looked_at = None
            self.candidates.set_drawn(None)
            left.remove_class("-shown")
            return
        looked_at = (table.text, self.table.cursor, self.controls)
        if looked_at != self._looked_at:  # else the same place at another step, whose figures stay till then
            self.candidates.set_drawn({})
            left.say()
            left.add_class("-shown")
        self._looked_at = looked_at
        self.live.control(
            Control(position=self.table.cursor, sampling=self.controls.sampling, token_ids=token_ids)
        )

    @on(ControlsApplied)
    def _controls_applied(self, event: ControlsApplied) -> None:
        request, seen = event.request, event.controlled
        if self._looked_at is None:
            return
        _, position, controls = self._looked_at
        if (request.position, request.sampling) != (position, controls.sampling):
            return  # a newer answer is on its way
        self.candidates.set_drawn(dict(zip(request.token_ids, seen.probabilities, strict=True)))
        state = self.live.state
        entropy = f"H {formats.amount(seen.entropy, self.unit)}"
        tokens = "token" if seen.left == 1 else "tokens"
        wordings = [f"{seen.left:,} {tokens} left · {entropy}"]
        if state is not None:
            wordings.insert(0, f"{seen.left:,} of {state.model.vocab_size:,} tokens left · {entropy}")
        self.query_one("#remaining", Words).say(*wordings)
