"""A session's part that trains, forwards and backwards."""

import math
from collections.abc import Iterator

from core import messages as m
from core.session.samples import Samples
from core.trainer import Diverged
from core.wire import measured

UNIFORM_WITHIN = 0.5  # nats that an untrained model's loss may lie from ln V


class Trains(Samples):
    """Running, pausing, going back."""

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
        self._warning = self._diverged = None
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
        """One step of the run that goes on. A loss that is not finite pauses it."""
        try:
            self._begin()
            self._make_step()
        except Diverged as error:
            self._take_in(error)
            self.halt(str(error))

    def _begin(self) -> None:
        """Have a folder, and the line of step 0 in it."""
        self._recorder.begin(self.at)
        if self.at.trainer.step_count == 0 and 0 not in self.at.results:
            self._before_the_first_step()

    def _make_step(self) -> None:
        """The next step: done, written down, told. Raises Diverged."""
        result = self.at.trainer.step()
        self._looking.pace.trained(result.seconds)
        self._acknowledge(result)
        last = self._until is None or result.step >= self._until
        if last:
            self._until = None
        self._looking.record(result.step)
        if last or self._looking.due:
            self._measure_watch()
        self._emit(m.Stepped(results=(self._looking.watch.joined(result),), state=self.status()))
        if last or self._looking.pace.may_show:
            self._show_watch()
        self._sample_if_due()

    def _take_in(self, error: Diverged) -> None:
        """Note which step diverged, and to which one a person may want to go back."""
        measured = [
            (r.validation, r.step) for r in self.at.results.values() if isinstance(r.validation, float)
        ]
        nats, best = min(((nats, step) for nats, step in measured if step < error.step), default=(None, None))
        self._diverged = m.Divergence(step=error.step, best=best, nats=nats)

    def halt(self, reason: str) -> None:
        """Pause and tell why."""
        self._until = None
        self._warning = reason
        self._emit(m.Changed(state=self.status()))

    def _before_the_first_step(self) -> None:
        """The line of step 0: what the model is like before any update."""
        at = self.at
        self._looking.record(0)
        self._measure_watch()
        training, validation = at.trainer.evaluate()
        self._check_initialisation(validation)
        start = m.StepResult(step=0, evaluation=measured(training), validation=measured(validation))
        self._acknowledge(start)
        self._emit(m.Stepped(results=(self._looking.watch.joined(start),), state=self.status()))
        self._sample_if_due()

    def _check_initialisation(self, nats: float | None) -> None:
        """Say so where a model that knows nothing yet is not as unsure as a uniform guess."""
        uniform = math.log(self.at.model.config.vocab_size)
        if self.at.source.fresh and nats is not None and not abs(nats - uniform) <= UNIFORM_WITHIN:
            self._warning = (
                f"a model that has learned nothing should be at ln V = {uniform:.2f} nats, and this one is "
                f"at {nats:.2f}: its weights are not drawn as they should be"
            )

    def _acknowledge(self, result: m.StepResult) -> None:
        """Write a step down."""
        self._check_retraced(result)
        self.at.results[result.step] = result
        self._recorder.step(self.at, result)
        self._looking.write_to(self._recorder.folder)  # none, where that could not be written

    def _check_retraced(self, result: m.StepResult) -> None:
        """Say so where a step that is done again comes out otherwise than before."""
        known = self.at.results.get(result.step)
        if known is not None and known.loss != result.loss:
            self._warning = (
                f"step {result.step} came out otherwise than before, with a loss of {result.loss} and not "
                f"{known.loss}: the run has left its own curve"
            )
            self.at.trainer.history.drop_after(result.step)  # what lies there is of the other one

    def rewind(self, request: m.Rewind) -> m.State:
        """Go to an earlier step, or forward again to one once reached. The run pauses there.

        Raises ValueError for a step that was never reached.
        """
        self._require_reached(request.step)
        self._until = None
        self._warning = self._diverged = None
        self._go_to(request.step, what="going back")
        stood = self.at.results.get(self.at.trainer.step_count)
        if stood is not None:
            self._recorder.step(self.at, stood)
        return self.status()

    def _require_reached(self, step: int) -> None:
        """Raise ValueError for a step that was never reached."""
        furthest = max(self.at.results, default=0)
        if not 0 <= step <= furthest:
            raise ValueError(f"step {step} is not there yet: choose one from 0 to {furthest}")

    def stop(self, request: m.Stop) -> m.State:
        """What takes long has seen the request and ended by now."""
        return self.status()

    def _replayed(self, step: int, *, what: str) -> Iterator[tuple[m.StepResult, m.Progress]]:
        """The steps of the trainer's way to a step, held against the curve, and how far that way it is."""
        first: int | None = None
        for result in self.at.trainer.replay(step):
            first = result.step - 1 if first is None else first
            self._check_retraced(result)
            yield result, m.Progress(what=what, done=result.step - first, total=step - first)

    def _go_to(self, step: int, *, what: str) -> None:
        """Replay to a step, telling how far it is; a stop leaves the run at the step it has come to."""
        self._measure_watch()
        try:
            for result, progress in self._replayed(step, what=what):
                self.at.results.setdefault(result.step, result)
                if result.step < step:
                    self._emit(progress)
                    self._between()
                    if self._interrupted():
                        break
        except Diverged as error:
            self._take_in(error)
            self._warning = str(error)
        self._measure_watch()
        self._show_watch()
