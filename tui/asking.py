"""What is asked about the model without moving the run; what comes of it goes to the screen as a message."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from textual.widget import Widget

from core import messages as m
from tui.engine import EngineDied, EngineError
from tui.latest import Latest
from tui.news import (
    Audited,
    CellInspected,
    ControlsApplied,
    ModelCompared,
    ModelExpected,
    Said,
    StepDissected,
    TableRecalled,
    TableRetraced,
    TargetWeighed,
    TextLookedUp,
)

Answer = TypeVar("Answer")


class Asking:
    """The questions of a conversation. `screen` gets the answers."""

    state: m.State | None

    def __init__(self, screen: Widget) -> None:
        self._screen = screen
        self._tasks: set[asyncio.Task[Any]] = set()
        self._controlling = Latest(self._control, self._spawn)
        self._looking_up = Latest(self._look_up, self._spawn)
        self._recalling = Latest(self._recall, self._spawn)
        self._auditing = Latest(self._audit, self._spawn)
        self._comparing = Latest(self._compare, self._spawn)
        self._expecting = Latest(self._expect, self._spawn)
        self._inspecting = Latest(self._inspect, self._spawn)
        self._weighing = Latest(self._weigh, self._spawn)
        self._learners: list[Callable[[m.Learning], None]] = []  # of what is not answered yet, oldest first

    @property
    def alive(self) -> bool:
        """Whether there is an engine to be asked."""
        raise NotImplementedError

    async def _ask(self, request: m.Request[m.Result]) -> m.Result:
        """The answer to a request. Raises EngineError, EngineDied."""
        raise NotImplementedError

    def _learn(self, state: m.State) -> None:
        """Where the session stands."""
        raise NotImplementedError

    async def find(self, position: int, query: str) -> m.Candidates | None:
        """Tokens that hold what was typed; None where that could not be found out."""
        try:
            return await self._ask(m.Find(position=position, query=query))
        except (EngineError, EngineDied):
            return None

    async def predict(self, request: m.Predict) -> m.Predicted | None:
        """What comes next in any text; None where that could not be found out, which is said."""
        try:
            return await self._ask(request)
        except EngineError as error:
            self._say(str(error), error=True)
        except EngineDied:
            pass  # on_end has told of it
        return None

    async def learn(self, request: m.Certainty, heard: Callable[[m.Learning], None]) -> m.Learned | str:
        """Have a tiny model trained; `heard` is told how far it is. A sentence where it came to nothing."""
        # A task of its own: who has asked may go, and what is told until the answer is still this request's.
        return await asyncio.shield(self._spawn(self._learn_aside(request, heard)))

    async def _learn_aside(
        self, request: m.Certainty, heard: Callable[[m.Learning], None]
    ) -> m.Learned | str:
        self._learners.append(heard)
        try:
            return await self._ask(request)
        except EngineError as error:
            return str(error)
        except EngineDied:
            return "The engine has ended, and the training with it."
        finally:
            self._learners.remove(heard)

    def _tell_learner(self, learning: m.Learning) -> None:
        """Hand on what is told of the training that was asked for first."""
        if self._learners:
            self._learners[0](learning)

    def stop(self) -> None:
        """Break off what takes long; where there is no engine, nothing does."""
        self._spawn(self._stop())

    async def _stop(self) -> None:
        with suppress(EngineError, EngineDied):
            await self._ask(m.Stop())

    def look_up(self, request: m.World) -> None:
        """Look up what the training text says beside a prediction: it comes as TextLookedUp."""
        self._looking_up.wish(request)

    async def _look_up(self, request: m.World) -> None:
        with suppress(EngineError, EngineDied):
            self._screen.post_message(TextLookedUp(request, await self._ask(request)))

    def recall(self, request: m.Recall) -> None:
        """Look back at a text: what it was comes as TableRecalled."""
        self._recalling.wish(request)

    async def _recall(self, request: m.Recall) -> None:
        table = None
        try:
            table = await self._ask(request)
        except EngineError as error:
            self._say(str(error), error=False)
        except EngineDied:
            pass
        self._screen.post_message(TableRecalled(request, table))

    def control(self, request: m.Control) -> None:
        """Look at a prediction through the sampling controls: it comes as ControlsApplied."""
        self._controlling.wish(request)

    async def _control(self, request: m.Control) -> None:
        with suppress(EngineError, EngineDied):
            self._screen.post_message(ControlsApplied(request, await self._ask(request)))

    def dissect(self, request: m.Dissect) -> None:
        """Take a step apart: it comes as StepDissected."""
        self._spawn(self._dissect(request))

    async def _dissect(self, request: m.Dissect) -> None:
        dissected = await self._replayed(request)
        self._screen.post_message(StepDissected(request, dissected))

    def retrace(self, request: m.Retrace) -> None:
        """Have the run replayed to a step at which a text was not recorded: it comes as TableRetraced."""
        self._spawn(self._retrace(request))

    async def _retrace(self, request: m.Retrace) -> None:
        table = await self._replayed(request)
        self._screen.post_message(TableRetraced(request, table))

    async def _replayed(self, request: m.Request[m.Result]) -> m.Result | None:
        """The answer to what replays the run aside; None where it came to nothing, which is said."""
        try:
            return await self._ask(request)
        except EngineError as error:
            # A person knows what they stopped, and the newer prompt is on its way.
            if error.kind not in ("stopped", "superseded") or not self.alive:
                self._say(str(error), error=True)
        except EngineDied:
            pass  # on_end has told of it
        finally:
            if self.state is not None:
                self._learn(self.state)  # which ends what was told of a replay
        return None

    def inspect(self, request: m.Inspect) -> None:
        """Look at one prediction of the step that was taken apart: it comes as CellInspected."""
        self._inspecting.wish(request)

    async def _inspect(self, request: m.Inspect) -> None:
        with suppress(EngineError, EngineDied):
            self._screen.post_message(CellInspected(await self._ask(request)))

    def compare(self, request: m.Compare) -> None:
        """Ask the pinned model for a text: it comes as ModelCompared."""
        self._comparing.wish(request)

    async def _compare(self, request: m.Compare) -> None:
        try:
            self._screen.post_message(ModelCompared(await self._ask(request)))
        except EngineError as error:
            # A newer prompt is asked for by itself, and a model let go meanwhile has nothing to say.
            if error.kind not in ("superseded", "bad_request"):
                self._say(str(error), error=True)
        except EngineDied:
            pass  # on_end has told of it

    def expect(self, text: str, request: m.Expect) -> None:
        """Ask the pinned model for tokens in a text that it was asked for: it comes as ModelExpected."""
        self._expecting.wish((text, request))

    async def _expect(self, wish: tuple[str, m.Expect]) -> None:
        text, request = wish
        with suppress(EngineError, EngineDied):
            self._screen.post_message(ModelExpected(text, request, await self._ask(request)))

    def audit(self, request: m.Audit) -> None:
        """Have a row's arithmetic done: it comes as Audited."""
        self._auditing.wish(request)

    async def _audit(self, request: m.Audit) -> None:
        try:
            self._screen.post_message(Audited(await self._ask(request)))
        except EngineError as error:
            self._say(str(error), error=True)
        except EngineDied:
            pass  # on_end has told of it

    def weigh(self, requests: Sequence[m.Weigh]) -> None:
        """Hold targets against predictions of the watched text: each comes as TargetWeighed."""
        self._weighing.wish(requests)

    async def _weigh(self, requests: Sequence[m.Weigh]) -> None:
        with suppress(EngineError, EngineDied):
            for request in requests:
                self._screen.post_message(TargetWeighed(request, await self._ask(request)))

    async def interpret(self, position: int, typed: str) -> m.Interpreted:
        """What is meant by a target that was typed, or why that cannot be said."""
        try:
            return await self._ask(m.Interpret(position=position, typed=typed))
        except (EngineError, EngineDied) as error:
            return m.Interpreted(fault=str(error) or "the engine has ended")

    def _say(self, text: str, *, error: bool = False) -> None:
        self._screen.post_message(Said(text, error=error))

    def _spawn(self, work: Coroutine[Any, Any, Answer]) -> asyncio.Task[Answer]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
