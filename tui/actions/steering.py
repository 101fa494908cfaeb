"""What a person does with the run: step, run, pause, go back, reset, change it, restart its engine."""

import msgspec

from core.messages import (
    TINY,
    TRIGRAMS,
    Allow,
    Configure,
    Extend,
    Open,
    Pause,
    Reset,
    Rewind,
    Run,
    Training,
    Trigrams,
)
from core.text import safe
from tui.actions.sample_texts import SampleTexts
from tui.widgets.loss_chart import LossChart

# The dialogs are imported where they are opened: the first frame does not wait for them.

_SEEDS = 2**63


class Steering(SampleTexts):
    """The run's actions."""

    def action_step(self) -> None:
        self.live.send(Run(steps=1))

    def action_run_pause(self) -> None:
        state = self.live.state
        if state is not None and state.running:
            self.live.send(Pause())
        elif state is not None and state.step >= state.goal:
            self.action_extend()
        else:
            self.live.send(Run())

    def action_back(self) -> None:
        step = self.live.heading_for
        if step == 0:
            self.refuse("This is step 0: there is nothing before it.")
        elif step is not None:
            self.live.send(Rewind(step=step - 1))

    def action_go_to(self) -> None:
        if self.has_steps():
            self.ask(self._go_to)

    async def _go_to(self) -> None:
        from tui.screens.ask import AskScreen

        now = self.live.state.step if self.live.state else None
        step = await self.app.push_screen_wait(
            AskScreen("Go to a step", "The run pauses there; the steps after it are kept.", low=0,
                      high=self.furthest, value=now, accept="Go")
        )  # fmt: skip
        if step is not None:
            self.go_to(step)

    def go_to(self, step: int) -> None:
        self.live.send(Rewind(step=step))

    def action_extend(self) -> None:
        self.ask(self._extend)

    async def _extend(self) -> None:
        from tui.screens.ask import AskScreen

        steps = await self.app.push_screen_wait(
            AskScreen("Extend the run", "How many more steps, at the last learning rate of the schedule?",
                      low=1, high=1_000_000, value=100, accept="Extend")
        )  # fmt: skip
        if steps is not None:
            self.live.send(Extend(steps=steps), Run())

    def action_room(self) -> None:
        if self.live.state is not None:
            self.ask(self._room)

    async def _room(self) -> None:
        from tui.screens.ask import AskScreen

        state = self.live.state
        gigabytes = await self.app.push_screen_wait(
            AskScreen("Disk for going back", "How many GB may a run's snapshots take up? 0 is none.",
                      low=0, high=1_000_000, value=round(state.snapshot_gb) if state else 0, accept="Apply")
        )  # fmt: skip
        if gigabytes is not None:
            self.live.send(Allow(snapshot_gb=gigabytes))

    def action_reset(self) -> None:
        if not self.live.alive:
            self._restart()
        else:
            self.ask(self._reset)

    async def _reset(self) -> None:
        from tui.screens.confirm import ConfirmScreen

        state = self.live.state
        lost = (
            f"The {self.furthest:,} steps done leave the chart." if self.furthest else "No step is done yet."
        )
        if state is not None and state.run is not None:
            lost += f" They stay on disk as the run {state.run}."
        question = "Back to the weights this run started from?"
        if await self.app.push_screen_wait(ConfirmScreen(question, safe(lost), accept="Reset")):
            self.live.send(Reset())

    def _restart(self) -> None:
        self.run_worker(self.live.restart(), group="engine")

    def action_fresh(self) -> None:
        """A freshly initialised model: in place of a loaded one, or of a fresh one with the next seed."""
        state = self.live.state
        if state is None:
            return
        if not state.model.fresh:
            self.live.send(Open(training=Training(text=state.training.text)))
            return
        training = msgspec.structs.replace(state.training, seed=(state.training.seed + 1) % _SEEDS)
        self.live.send(Configure(training=training))

    def action_tiny(self) -> None:
        """The trained model that comes with the program, as it came."""
        state = self.live.state
        if state is not None:
            training = msgspec.structs.replace(Training.for_model(TINY), text=state.training.text)
            self.live.send(Open(model=TINY, training=training))

    def action_trigrams(self) -> None:
        state = self.live.state
        if state is None:
            self.refuse("No model is open yet: a moment.")
        elif any(line.name == TRIGRAMS for line in state.references):
            self.say("The trigram line is on the loss chart already.")
        else:
            self.say("Counting the text's trigrams: the line is on the loss chart once that is done.")
            self.live.send(Trigrams())

    def action_describe(self) -> None:
        self.say(self.query_one(LossChart).describe())

    def offer_restart(self, words: str) -> None:
        """The engine has ended: say so, with the end of its log, and offer to start it again."""
        # Whatever dialog is open stays so, below this one.
        self.run_worker(self._offer_restart(words), group="restart")

    async def _offer_restart(self, words: str) -> None:
        from tui.screens.confirm import ConfirmScreen

        state = self.live.state
        stood = f"The run stood at step {state.step:,} and goes on from there." if state and state.run else ""
        log = "\n".join(safe(line) for line in words.splitlines()[-6:]) or "It left no word in its log."
        question = "The engine has ended. Start it again?"
        if await self.app.push_screen_wait(
            ConfirmScreen(question, f"{log}\n\n{stood}", accept="Start again")
        ):
            self._restart()
