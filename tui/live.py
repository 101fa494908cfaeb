"""What the screen knows of the engine, kept current: it asks, waits, and posts what changed to the screen."""

import asyncio
from collections.abc import Callable, Sequence

from textual.widget import Widget

from core import messages as m
from tui.asking import Asking
from tui.engine import Engine, EngineDied, EngineError, Line
from tui.news import (
    EngineLost,
    OpenRowGlimpsed,
    StateChanged,
    StepsDone,
    TableChanged,
    TextContinued,
    TextIndexed,
    TextsSampled,
    WorkGoesOn,
)

# After these, other steps are known than before, or others are told of.
_OTHER_STEPS = (
    m.Configure, m.Reset, m.Rewind, m.TrainOnRow, m.ChangeSettings, m.DropFuture, m.Open
)  # fmt: skip

# A table takes 440 kB for 200 tokens: on a slow line more of them on their way would come ever later.
SAMPLE_EVERY = 50  # steps, until a person says otherwise
UNANSWERED = 2  # texts at most that are sent to be scored: one that is, and one that overtakes it


class Live(Asking):
    """The conversation with one engine after the other. What it learns goes to `screen` as a message."""

    def __init__(
        self, screen: Widget, line: Callable[[], Line], opening: m.Open, pinning: m.Pin | None = None
    ) -> None:
        super().__init__(screen)
        self._line = line
        self._opening = opening
        self._pinning = pinning  # what can be pinned again in another engine: a model that has a name
        self._engine: Engine | None = None
        self._wanted: m.Score | None = None
        self._scored: m.Score | None = None  # what was last sent
        self._scoring = 0  # how many of those sent are not answered yet
        self.state: m.State | None = None
        self.table: m.Table | None = None
        self.sampling = m.SampleEvery(steps=SAMPLE_EVERY)
        self._continuing: list[m.Generate] = []  # asked for and not answered yet, oldest first
        self._rewinding: m.Rewind | None = None  # the last one, until it is answered

    # ------------------------------------------------------------------------------------ the engine's life

    @property
    def alive(self) -> bool:
        return self._engine is not None

    @property
    def opening(self) -> m.Open:
        """What the model at hand was opened with."""
        return self._opening

    @property
    def heading_for(self) -> int | None:
        """The step to which the run was last sent, or where it stands once it is there."""
        if self._rewinding is not None:
            return self._rewinding.step
        return self.state.step if self.state is not None else None

    async def start(self) -> None:
        """Start an engine and open the model. What fails is said on the screen."""
        engine = Engine(self._line(), self._happened, self._ended)
        self._engine = engine
        try:
            await engine.start()
            await self._open(engine)
        except EngineError as error:
            self._say(str(error), error=True)
            await self._open_instead(engine)
        except EngineDied as error:
            self._ended(str(error))

    async def _open(self, engine: Engine) -> None:
        self._learn(await engine.ask(self._opening))
        await engine.ask(self.sampling)
        await self._all_steps()
        self._score_wanted(again=True)
        if self._pinning is not None:  # behind the prompt, whose first answer does not wait for it
            self.send(self._pinning)

    async def _open_instead(self, engine: Engine) -> None:
        """The model asked for is not to be had: a fresh one leaves the person with something to work on."""
        if self._opening == m.Open():
            return
        self._opening = m.Open()
        try:
            await self._open(engine)
            self._say("A fresh model is open instead.")
        except (EngineError, EngineDied) as error:
            self._say(str(error), error=True)

    async def restart(self) -> None:
        """Start the engine again, on the run that was going on, if one was."""
        await self.close()
        if self.state is not None and self.state.pinned is not None and self._pinning is None:
            self._say("The pinned model was in the engine's memory alone and has gone with it.")
        if self.state is not None and self.state.run is not None:
            self._opening = m.Open(model=self.state.run, training=self.state.training)
        elif self.state is not None:
            self._opening = m.Open(model=self._opening.model, training=self.state.training)
        await self.start()

    async def close(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.close()

    def _ended(self, words: str) -> None:
        if self._engine is not None:
            self._engine = None
            self._screen.post_message(EngineLost(words))

    # ------------------------------------------------------------------------------------------ what happens

    def _happened(self, event: m.AnyEvent) -> None:
        match event:
            case m.Stepped(results=results, state=state):
                self._learn(state)
                self._screen.post_message(StepsDone(results, anew=False))
            case m.Sampled(samples=samples):
                self._screen.post_message(TextsSampled(samples, anew=False))
            case m.Changed(state=state):
                self._learn(state)
            case m.Rescored(table=table):
                if self._wants(table.text, first_token=table.first_token):
                    self._show(table)
            case m.Glimpsed(text=text, first_token=first_token, prediction=prediction):
                known = self.table is not None and self.table.text == text
                if not known and self._wants(text, first_token=first_token):
                    self._screen.post_message(OpenRowGlimpsed(text, prediction))
            case m.Continued(generated=generated):
                if self._continuing:
                    self._screen.post_message(TextContinued(self._continuing[0], generated))
            case m.Learning():
                self._tell_learner(event)
            case m.Indexed():
                self._screen.post_message(TextIndexed(event))
            case m.Progress():
                self._screen.post_message(WorkGoesOn(event))

    def _learn(self, state: m.State) -> None:
        self.state = state
        self._screen.post_message(StateChanged(state))

    def _show(self, table: m.Table) -> None:
        self.table = table
        self._screen.post_message(TableChanged(table))

    # ----------------------------------------------------------------------------------------------- scoring

    def watch(self, wanted: m.Score) -> None:
        """Score this text: at once, also where an older one is being scored, which it overtakes."""
        self._wanted = wanted
        self._score_wanted()

    def _wants(self, text: str, *, first_token: bool) -> bool:
        wanted = self._wanted
        return wanted is not None and (wanted.text, wanted.first_token) == (text, first_token)

    def _score_wanted(self, *, again: bool = False) -> None:
        if again:
            self.table = self._scored = None
        if self._engine is None or self._wanted is None or self._wanted == self._scored:
            return
        if self._scoring < UNANSWERED:
            self._scoring += 1
            self._scored = self._wanted
            self._spawn(self._score(self._engine, self._wanted))

    async def _score(self, engine: Engine, wanted: m.Score) -> None:
        try:
            self._show(await engine.ask(wanted))
        except EngineError as error:
            if error.kind != "superseded":
                self._say(str(error), error=True)
        except EngineDied:
            pass  # on_end has told of it
        finally:
            self._scoring -= 1
            self._score_wanted()

    # ---------------------------------------------------------------------------------------------- training

    def send(self, *requests: m.Request[m.State]) -> None:
        """Ask for what answers with a state, without waiting for it; the next one only if that is granted."""
        self._begin(requests)

    async def carry_out(self, *requests: m.Request[m.State]) -> None:
        """The same, waiting for it; it goes on where who waits is not there any more."""
        await asyncio.shield(self._begin(requests))

    def _begin(self, requests: Sequence[m.Request[m.State]]) -> asyncio.Task[None]:
        for request in requests:
            if isinstance(request, m.Rewind):
                self._rewinding = request
        return self._spawn(self._send(requests))

    async def _send(self, requests: Sequence[m.Request[m.State]]) -> None:
        try:
            for request in requests:
                self._learn(await self._ask(request))
                if isinstance(request, m.SampleEvery):
                    self.sampling = request
                if isinstance(request, m.Pin | m.Unpin):
                    self._pinning = request if isinstance(request, m.Pin) and request.model else None
                if isinstance(request, m.Open):
                    self._opening = request
                    self._score_wanted(again=True)
                if isinstance(request, _OTHER_STEPS):
                    await self._all_steps()
        except EngineError as error:
            self._say(str(error), error=True)
        except EngineDied:
            pass  # on_end has told of it
        finally:
            if any(request is self._rewinding for request in requests):
                self._rewinding = None

    async def _all_steps(self) -> None:
        curve = await self._ask(m.History())
        self._screen.post_message(StepsDone(curve.results, anew=True, ghost=curve.ghost))
        self._screen.post_message(TextsSampled(curve.samples, anew=True))

    async def train_on(self, name: str, text: str, training: m.Training) -> None:
        """Hand a text over in pieces, then start a run on it."""
        try:
            for start in range(0, max(1, len(text)), m.UPLOAD_CHUNK):
                end = start + m.UPLOAD_CHUNK
                piece = m.Upload(name=name, text=text[start:end], first=start == 0, last=end >= len(text))
                await self._ask(piece)
                if len(text) > m.UPLOAD_CHUNK:
                    progress = m.Progress(
                        what="handing the text over", done=min(end, len(text)), total=len(text)
                    )
                    self._screen.post_message(WorkGoesOn(progress))
        except EngineError as error:
            self._say(str(error), error=True)
        except EngineDied:
            pass
        else:
            await self._send([m.Configure(training=training)])

    async def continue_text(self, request: m.Generate) -> None:
        """Have a text continued; what it brings comes as TextContinued, the last one `done` or None."""
        self._continuing.append(request)
        generated = None
        try:
            generated = await self._ask(request)
        except EngineError as error:
            self._say(str(error), error=True)
        except EngineDied:
            pass
        finally:
            self._continuing.remove(request)
            self._screen.post_message(TextContinued(request, generated))

    async def _ask(self, request: m.Request[m.Result]) -> m.Result:
        if self._engine is None:
            raise EngineError("stopped", "The engine is not running: ctrl+r starts it again.")
        return await self._engine.ask(request)
