"""The tour: its stops set up on the screen for real, its words on every screen that is no dialog."""

from collections import deque
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from textual import on
from textual.screen import Screen
from textual.worker import Worker

from core.messages import Open, Pause, Rewind, Run
from tui.actions.dissecting import Dissecting
from tui.actions.labs import Labs
from tui.formats import Unit
from tui.news import StateChanged, TableChanged

if TYPE_CHECKING:
    from tui.tour.runs import Runs
    from tui.tour.stop import Instruction
    from tui.tour.walk import Walk

# What belongs to the tour alone is imported where it begins: the first frame does not wait for it.


class Touring(Dissecting, Labs):
    """What begins the tour, what goes through it, and what its stops do to the screen.

    What a stop sets up is done in order, each as soon as it can be: a row once the prompt has its table, a
    run once the engine has answered, and nothing of it above a dialog that the person has opened meanwhile.
    """

    walk: "Walk | None" = None
    """The one that is taken; None while none is."""

    _runs: "Runs | None" = None
    _to_do: "deque[Instruction]" = deque()  # replaced as a whole before it is changed
    _asking = False  # the engine, for another run or step

    def action_tour(self) -> None:
        """Begin the tour, or go on with it; while it is on, set its stop up again."""
        from tui.tour.walk import Walk

        self.take(self.walk or Walk.resumed())

    def take(self, walk: "Walk") -> None:
        """Take this walk, from the stop that it is at."""
        from tui.tour.runs import Runs

        self._runs = self._runs or Runs()
        self.walk = walk
        self._arrive()
        self._put_panel(self.app.screen)

    def go(self, way: str) -> None:
        """On, back, turn (to the answer or the words again) or leave."""
        walk = self.walk
        if walk is None:
            return
        if way == "turn":
            walk.turn()
            self.tell()
        elif way == "leave":
            self._end(
                f"The tour goes on at stop {walk.number}: Tour in ctrl+p, or neglogp tour."
                if walk.kept
                else "The tour is left. Its place could not be written down: it will begin anew."
            )
        elif way == "back":
            if walk.back():
                self._arrive()
        elif walk.on():
            self._arrive()
        else:
            self._end("That was the tour. The labs are in ctrl+l, and Tour in ctrl+p begins it again.")

    def _end(self, words: str) -> None:
        from tui.tour.stop import TheirModel
        from tui.widgets.tour_panel import TourPanel

        self.walk = None
        for screen in self.app.screen_stack:
            screen.remove_class("-touring")
            screen.query(TourPanel).remove()
        self.say(words)
        self._to_do = deque([TheirModel()])
        self._proceed()

    # ------------------------------------------------------------------------------------------- the panel

    def on_screen_suspend(self) -> None:
        top = self.app.screen
        top.call_after_refresh(self._put_panel, top)

    def _put_panel(self, screen: Screen[Any]) -> None:
        """Have the words on a screen, too; a dialog has none."""
        from tui.widgets.tour_panel import TourPanel

        if self.walk is None or screen.is_modal or not screen.is_attached or screen.query(TourPanel):
            return
        screen.add_class("-touring")
        screen.mount(TourPanel(), before=screen.query("#status, #keybar").first())
        self.tell()

    @on(TableChanged)
    @on(StateChanged)
    def _news(self) -> None:
        self.tell()
        self._proceed()

    def tell(self) -> None:
        """Say in all panels what there is to be said now."""
        if self.walk is None:
            return
        from tui.widgets.tour_panel import TourPanel

        told = self.walk.told(self.live.table, self.unit)
        for screen in self.app.screen_stack:
            for panel in screen.query(TourPanel):
                panel.say(told)

    # --------------------------------------------------------------------------------------- what is set up

    def _arrive(self) -> None:
        """Set up the stop that the walk is at, whatever the person has turned on meanwhile."""
        assert self.walk is not None
        self.tell()
        self._close_others()
        self.look_at(None)
        self.unit = Unit.NATS
        self.first_token = self.beside = self.table.ids = False
        self.table_shown()
        self._to_do = deque(self.walk.stop.instructions)
        self._proceed()

    def _close_others(self) -> None:
        while (top := self.app.screen) is not self:
            if self._anatomy is not None and top is self._anatomy:
                self._anatomy.action_close()  # which breaks off what is still replayed for it
            else:
                top.dismiss(None)

    def on_screen_resume(self) -> None:
        self._proceed()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        self._proceed()  # a talk in a dialog may be over

    def _proceed(self) -> None:
        """Do what is left to do, as far as it can be done now."""
        while self._to_do and self.app.screen is self and self._can(self._to_do[0]):
            self._do(self._to_do.popleft())

    def _can(self, instruction: "Instruction") -> bool:
        from tui.tour.stop import Batch, FreshModel, Row, Steps, TheirModel

        match instruction:
            case Row():
                table = self.table.table
                return table is not None and self.is_of_prompt(table)
            case Batch():
                return self.live.state is not None and not self._asking and not self.is_talking
            case FreshModel():
                return self.live.state is not None and not self._asking
            case TheirModel() | Steps():
                return not self._asking
        return True

    def _do(self, instruction: "Instruction") -> None:
        from tui.tour.stop import Batch, FreshModel, Lab, Pane, Prompt, Row, Steps, TheirModel

        match instruction:
            case Prompt(text):
                if self.prompt.text != text:
                    self.prompt.set_text(text)
            case Row(position):
                self.table.select(10**9 if position is None else position)
            case Pane(name):
                self.action_tab(name)
            case Batch():
                self.action_anatomy()
            case Lab(name, set_up):
                self.run_worker(self._open_lab(name, set_up), group="tour")
            case TheirModel() if self._runs is not None and self.live.state is not None:
                self._put_on(self._runs.theirs(self.live.opening, self.live.state))
            case FreshModel() if self._runs is not None and self.live.state is not None:
                self._put_on(self._runs.ours(self.live.opening, self.live.state))
            case Steps(n) if self._runs is not None and self._runs.is_ours(self.live.opening):
                self._talk_with_engine(self._stand_at(n))

    async def _open_lab(self, name: str, set_up: str) -> None:
        screen = self.lab_screen(name)
        await self.app.push_screen(screen)
        screen.set_up(set_up)

    def _put_on(self, opening: Open | None) -> None:
        if opening is not None:
            self._talk_with_engine(self.live.carry_out(opening))

    async def _stand_at(self, step: int) -> None:
        """Take the run to a step, forwards or back."""
        await self.live.carry_out(Pause())
        state = self.live.state
        if state is not None and state.step < step:
            await self.live.carry_out(Run(steps=step - state.step))
        elif state is not None and state.step > step:
            await self.live.carry_out(Rewind(step=step))

    def _talk_with_engine(self, talk: Coroutine[Any, Any, None]) -> None:
        self._asking = True
        self.run_worker(self._until_answered(talk), group="tour")

    async def _until_answered(self, talk: Coroutine[Any, Any, None]) -> None:
        await talk
        self._asking = False
        self._proceed()
