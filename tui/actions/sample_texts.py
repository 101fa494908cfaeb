"""The texts that the model writes at steps of its run: the one of the step in sight, and how often."""

from textual import on

from core.messages import SampleEvery
from tui.actions.looking_back import LookingBack
from tui.news import StateChanged, TextsSampled
from tui.widgets.sample_line import SampleLine

_MOST = 1_000_000


class SampleTexts(LookingBack):
    """The sample line beside the curve, and what a person does about it."""

    @on(StateChanged)
    def show_sample(self) -> None:
        """Show the sample of the step in sight: the one that is looked at, or the present one."""
        state = self.live.state
        if state is not None:
            step = state.step if self.looking_at is None else self.looking_at
            self.query_one(SampleLine).show_at(step)

    @on(TextsSampled)
    def _texts_sampled(self, event: TextsSampled) -> None:
        self.query_one(SampleLine).take(event.samples, anew=event.anew)

    def look_at(self, step: int | None) -> None:
        super().look_at(step)
        self.show_sample()

    def action_sample_every(self) -> None:
        self.ask(self._sample_every)

    async def _sample_every(self) -> None:
        from tui.screens.ask import AskScreen  # the first frame does not wait for it

        steps = await self.app.push_screen_wait(
            AskScreen("Sample texts", "After every how many steps is the prompt to be continued? 0: never.",
                      low=0, high=_MOST, value=self.live.sampling.steps)
        )  # fmt: skip
        if steps is not None:
            self.live.send(SampleEvery(steps=steps, prompt=self.prompt.text or None))
