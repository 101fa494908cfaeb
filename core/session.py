"""The session: it owns tokenizer, model, text and run, and has one method per request."""

from collections.abc import Callable

from core import messages as m
from core.continuing import after_the_controls, continuation
from core.hub import Hub
from core.looking import Looking
from core.opening import SNAPSHOT_BYTES, Means, Opened, configured, opened, restarted
from core.recorder import Recorder
from core.texts import Texts
from core.tokenizer import gpt2
from core.trainer import Diverged
from core.wire import measured


class Session:
    """Everything one person works on. One thread may touch it.

    `emit` takes events. `between` is called where a session in the middle of a step can serve a small
    request; `interrupted` says whether what takes long should be broken off, `overtaken` whether a newer
    text waits to be scored. Of `snapshot_bytes` of memory the way back is made; with 0 it starts at step 0.
    """

    def __init__(
        self,
        *,
        emit: Callable[[m.AnyEvent], None],
        between: Callable[[], None],
        interrupted: Callable[[], bool],
        overtaken: Callable[[], bool] = lambda: False,
        recorder: Recorder,
        snapshot_bytes: int = SNAPSHOT_BYTES,
    ) -> None:
        self._emit = emit
        self._between = between
        self._interrupted = interrupted
        self._recorder = recorder
        self._tokenizer = gpt2()
        self._means = Means(
            texts=Texts(self._tokenizer, tell=emit, interrupted=interrupted),
            hub=Hub(emit, interrupted),
            between=between,
            snapshot_bytes=snapshot_bytes,
        )
        self._opened: Opened | None = None
        self._looking = Looking(self._tokenizer, emit=lambda event: self._emit(event), overtaken=overtaken)
        self._until: int | None = None  # the step to pause at; None while paused
        self._counting = False  # whether a number of steps was asked for, to which more can be added
        self._goal = 0
        self._warning: str | None = None

    # --------------------------------------------------------------------------------------- a model, a run

    def open(self, request: m.Open) -> m.State:
        """Load a model and set up a run on it; where it names a run, that run goes on where it stood."""
        self._take(opened(request, self._means))
        saved = self.at.saved
        if saved is not None:
            self._recorder.resume(self.at)
            self._go_to(saved.position, what="going on where the run stood")
        return self.status()

    def configure(self, request: m.Configure) -> m.State:
        """A new run with another configuration. Whatever is wrong with it leaves everything as it was."""
        self._take(configured(self.at, request.training, self._means))
        self._show_watch()
        return self.status()

    def reset(self, request: m.Reset) -> m.State:
        """Back to the start: a new run from the weights this one started from."""
        self._take(restarted(self.at, self._means))
        self._show_watch()
        return self.status()

    def upload(self, request: m.Upload) -> m.Stored:
        """Take in one piece of a training text; with the last one it can be trained on."""
        text = self._means.texts.receive(request.name, request.text, first=request.first, last=request.last)
        return m.Stored(name=request.name, tokens=len(text.ids) if text else 0)

    @property
    def at(self) -> Opened:
        """What is open. Raises ValueError before anything is."""
        if self._opened is None:
            raise ValueError("no model is open yet")
        return self._opened

    def status(self, request: m.Status | None = None) -> m.State:
        """Where the session stands."""
        at = self.at
        return m.State(
            model=at.model_info,
            text=at.text_info,
            training=at.training,
            step=at.trainer.step_count,
            goal=self._goal,
            running=self.running,
            run=self._recorder.name,
            references=at.references,
            warning=self._warning or self._recorder.warning,
        )

    def history(self, request: m.History) -> m.Curve:
        """The steps known, also those ahead after a rewind, with the watched text's mean where measured."""
        results = self.at.results
        steps = sorted(step for step in results if step >= request.since)
        return m.Curve(results=tuple(self._looking.watch.joined(results[step]) for step in steps))

    def close(self) -> None:
        """Save the run where it stands."""
        self._recorder.close(self._opened)

    def _take(self, at: Opened) -> None:
        self._recorder.close(self._opened)
        self._opened = at
        self._until = None
        self._goal = max(at.training.steps, at.saved.position if at.saved else 0)
        self._warning = at.warning
        self._looking.begin(at.model)

    # --------------------------------------------------------------------------------------------- looking

    def score(self, request: m.Score) -> m.Table:
        """Score a text and watch it from now on. Raises Overtaken where a newer one waits."""
        return self._looking.score(request, self.at.trainer.step_count)

    def find(self, request: m.Find) -> m.Candidates:
        """Tokens that hold what was typed, as seen after a position of the watched text."""
        return self._looking.find(request)

    def control(self, request: m.Control) -> m.Controlled:
        """A prediction of the watched text as the sampling controls leave it."""
        return after_the_controls(self._looking.logits_at(request.position), request)

    def generate(self, request: m.Generate) -> m.Generated:
        """Continue a text, telling how far it is; a stop leaves what there is."""
        return continuation(
            self.at.model, self._tokenizer, request, grown=self._grown, interrupted=self._interrupted
        )

    def _grown(self, event: m.Continued) -> None:
        self._emit(event)
        self._between()

    def _show_watch(self) -> None:
        self._looking.show(self.at.trainer.step_count)

    def _measure_watch(self) -> None:
        self._looking.measure(self.at.trainer.step_count)

    # -------------------------------------------------------------------------------------------- training

    @property
    def running(self) -> bool:
        return self._until is not None

    def run(self, request: m.Run) -> m.State:
        """Start to train: `advance` does the steps. Raises ValueError at the end of the schedule.

        Asked for a number of steps while such a number is being done, it adds them to it.
        """
        step = self.at.trainer.step_count
        if request.steps is None and step >= self._goal:
            raise ValueError(f"all {self._goal:,} steps are done: extend the run to go on")
        if request.steps is not None and request.steps < 1:
            raise ValueError(f"steps is {request.steps}; it must be at least 1")
        if request.steps is None:
            self._until = self._goal
        elif self._until is not None and self._counting:
            self._until += request.steps
        else:
            self._until = step + request.steps
        self._counting = request.steps is not None
        self._goal = max(self._goal, self._until)
        self._warning = None
        return self.status()

    def pause(self, request: m.Pause) -> m.State:
        """Stay at the present step."""
        self._until = None
        return self.status()

    def extend(self, request: m.Extend) -> m.State:
        """More steps after the schedule."""
        if request.steps < 1:
            raise ValueError(f"steps is {request.steps}; it must be at least 1")
        self._goal = max(self._goal, self.at.trainer.step_count) + request.steps
        return self.status()

    def advance(self) -> None:
        """One step of the run that goes on: done, written down, told. A loss that is not finite pauses it."""
        at = self.at
        self._recorder.begin(at)
        if at.trainer.step_count == 0 and 0 not in at.results:
            self._before_the_first_step()
        try:
            result = at.trainer.step()
        except Diverged as error:
            self.halt(str(error))
            return
        self._looking.pace.trained(result.seconds)
        self._acknowledge(result)
        last = self._until is not None and result.step >= self._until
        if last:
            self._until = None
        if last or self._looking.pace.may_measure:
            self._measure_watch()
        self._emit(m.Stepped(results=(self._looking.watch.joined(result),), state=self.status()))
        if last or self._looking.pace.may_show:
            self._show_watch()

    def halt(self, reason: str) -> None:
        """Pause and tell why."""
        self._until = None
        self._warning = reason
        self._emit(m.Changed(state=self.status()))

    def _before_the_first_step(self) -> None:
        """The line of step 0: what the model is like before any update."""
        at = self.at
        self._measure_watch()
        training, validation = map(measured, at.trainer.evaluate())
        start = m.StepResult(step=0, evaluation=training, validation=validation)
        self._acknowledge(start)
        self._emit(m.Stepped(results=(self._looking.watch.joined(start),), state=self.status()))

    def _acknowledge(self, result: m.StepResult) -> None:
        """Write a step down."""
        self._check_retraced(result)
        self.at.results[result.step] = result
        self._recorder.step(self.at, result)

    def _check_retraced(self, result: m.StepResult) -> None:
        """Say so where a step that is done again comes out otherwise than before."""
        known = self.at.results.get(result.step)
        if known is not None and known.loss != result.loss:
            self._warning = (
                f"step {result.step} came out otherwise than before, with a loss of {result.loss} and not "
                f"{known.loss}: the run has left its own curve"
            )

    def rewind(self, request: m.Rewind) -> m.State:
        """Go to an earlier step, or forward again to one once reached. The run pauses there.

        Raises ValueError for a step that was never reached.
        """
        furthest = max(self.at.results, default=0)
        if not 0 <= request.step <= furthest:
            raise ValueError(f"step {request.step} is not there yet: choose one from 0 to {furthest}")
        self._until = None
        self._warning = None
        self._go_to(request.step, what="going back")
        stood = self.at.results.get(self.at.trainer.step_count)
        if stood is not None:
            self._recorder.step(self.at, stood)
        return self.status()

    def stop(self, request: m.Stop) -> m.State:
        """What takes long has seen the request and ended by now."""
        return self.status()

    def _go_to(self, step: int, *, what: str) -> None:
        """Replay to a step, telling how far it is; a stop leaves the run at the step it has come to."""
        self._measure_watch()
        first: int | None = None
        try:
            for result in self.at.trainer.replay(step):
                first = result.step - 1 if first is None else first
                self._check_retraced(result)
                self.at.results.setdefault(result.step, result)
                if result.step < step:
                    self._emit(m.Progress(what=what, done=result.step - first, total=step - first))
                    self._between()
                    if self._interrupted():
                        break
        except Diverged as error:
            self._warning = str(error)
        self._measure_watch()
        self._show_watch()
