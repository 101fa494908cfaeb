"""Training as something that steps: forwards one update at a time, and backwards exactly."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from core.anatomy import Anatomy, compared, look
from core.history import History, Snapshot
from core.interventions import Interventions, Line, OnRow
from core.messages import StepResult, Training, real
from core.models.gpt2 import Model
from core.optimizer import Optimizer
from core.passes import Passes
from core.products import chosen
from core.recipe import Evaluation, Recipe
from core.wire import measured

_DENSE = 8  # steps before a rewind's target that are kept on the way, so that the next step back is at hand


class Diverged(ArithmeticError):
    """The loss of a batch or its gradient is not finite; the update was not made."""

    def __init__(self, what: str, step: int, value: float) -> None:
        self.step = step
        super().__init__(
            f"the {what} of step {step} is {value}, so that step was not made; "
            "start a new run with a lower learning rate"
        )


class Trainer:
    """A run: a pure function of (start, recipe, training, interventions).

    It owns the model's parameters while it lives.

    `restart(model)` writes the weights of step 0 into the model; `between` is called every now and then
    within a step, outside its precision and its gradients, and may use the model for reading.
    """

    def __init__(
        self,
        model: Model,
        recipe: Recipe,
        training: Training,
        *,
        restart: Callable[[Model], None],
        history: History,
        between: Callable[[], None],
    ) -> None:
        self.model = model
        self.recipe = recipe
        self.training = training
        self.step_count = 0
        self.history = history
        self.interventions = Interventions()
        self._began_with = training
        self.precision = chosen(training.dtype)
        self.passes = Passes(model, self.precision, between)
        self._restart = restart
        self._optimizer = Optimizer(recipe.groups(model))

    # ------------------------------------------------------------------------------------------- forwards

    def step(self) -> StepResult:
        """One optimizer update on the batch of the present step, or on the row that takes its place.

        Raises Diverged and then changes nothing.
        """
        began = time.perf_counter()
        row = self.interventions.on_row(self.step_count + 1)
        rate = self.recipe.learning_rate(self.step_count) if row is None else row.learning_rate
        drawn = self.recipe.state()
        try:
            loss, norm = self._gradients(row)
            self._optimizer.update(rate, norm=norm, clip=self.training.clip)
        except BaseException:
            self.recipe.restore(drawn)  # a step that was not made has drawn nothing either
            raise
        finally:
            self._optimizer.zero_grad()  # nothing of a step that failed goes into the next
        self.step_count += 1
        evaluated = self.recipe.evaluation(self.step_count, self._total) or Evaluation(None, None)
        seconds = time.perf_counter() - began
        self.history.trained(seconds)
        if self.history.due:
            with self.history.paid():
                self._keep_snapshot()
        result = StepResult(
            step=self.step_count,
            loss=real(loss),
            evaluation=measured(evaluated.training),
            validation=measured(evaluated.validation),
            learning_rate=rate,
            gradient_norm=real(norm),
            tokens=self.training.batch * self.training.context if row is None else 1,
            seconds=seconds,
            kind=None if row is None else "row",
        )
        self._settle(self.step_count)
        return result

    def follow(self, interventions: Interventions) -> None:
        """From now on these are what was done to the run, which stands where they lead."""
        self.interventions = interventions
        self._settle(self.step_count)

    def intervene(self, line: Line) -> None:
        """What is done to the run now, at the step where it stands, or taken back."""
        self.interventions.add(line)
        self._settle(self.step_count)

    def _settle(self, step: int) -> None:
        """Have the configuration that the step after this one is made with."""
        training = self.interventions.training(step + 1, self._began_with)
        if training == self.training:
            return
        self.recipe, self.training = self.recipe.configured(training), training
        moments = self._optimizer.moments(dict(self.model.named_parameters()))
        self._optimizer = Optimizer(self.recipe.groups(self.model))
        self._remember(moments)

    def anatomy(self) -> Anatomy:
        """The next step, taken apart; the run stays where it is, to the last bit. Raises Diverged."""
        rate = self.recipe.learning_rate(self.step_count)
        with self.aside() as start:
            before = look(self.model, self.recipe, start)
            loss, norm = self._gradients(None)
            gradients = {n: p.grad.clone() for n, p in self.model.named_parameters() if p.grad is not None}
            self._optimizer.update(rate, norm=norm, clip=self.training.clip)  # which may clip them in place
            update = compared(start.parameters, gradients, dict(self.model.named_parameters()))
            after = look(self.model, self.recipe, start)
        return Anatomy(
            step=start.step + 1, loss=loss, learning_rate=rate, training=self.training, dtype=self.precision,
            before=before, after=after, update=update,
        )  # fmt: skip

    @contextmanager
    def aside(self) -> Iterator[Snapshot]:
        """Within this block the run may go anywhere, and nobody is served; then it stands where it stood."""
        start = self.shared_snapshot()
        with self.passes.unserved():
            try:
                yield start
            finally:
                self._optimizer.zero_grad()
                self.restore(start)

    def _gradients(self, row: OnRow | None) -> tuple[float, float]:
        """The loss of the present step's batch, or of a row, and the norm of its gradients, which are then in
        place. Raises Diverged.
        """
        if row is None:
            loss = self.passes.gradients(self.recipe, self.step_count)
        else:
            self.recipe.leave_out(self.step_count)
            loss = self.passes.row_gradients(row)
        norm = self._optimizer.gradient_norm()
        for what, value in (("loss", loss), ("gradient", norm)):
            if not math.isfinite(value):
                raise Diverged(what, self.step_count + 1, value)
        return loss, norm

    def evaluate(self) -> Evaluation:
        """How good the model is as it stands; nothing of the run is moved by asking."""
        return self.recipe.overview(self._total)

    def _total(self, inputs: Tensor, targets: Tensor) -> float:
        return self.passes.total(self.recipe, inputs, targets)

    # ------------------------------------------------------------------------------------------ backwards

    def replay(self, step: int) -> Iterator[StepResult]:
        """Go to `step` by the nearest snapshot and the steps from there, which are yielded as they are done.

        Breaking off leaves the run at the step reached, a valid one. Raises ValueError for a negative step.
        """
        if step < 0:
            raise ValueError(f"step {step} does not exist; the first is 0")
        nearest = self.history.nearest(step, after=self.step_count if self.step_count <= step else -1)
        if nearest is not None:
            self.restore(nearest)
        elif self.step_count > step:
            self.restart()
        while self.step_count < step:
            result = self.step()
            if self.history.keeps and step - self.step_count < _DENSE:
                self._keep_snapshot()
            yield result

    def rewind(self, step: int) -> None:
        """Go to `step` exactly: parameters, optimizer and all later batches and masks."""
        for _ in self.replay(step):
            pass

    def restart(self) -> None:
        """Back to the weights the run started from."""
        self._restart(self.model)
        self._settle(0)
        self._optimizer = Optimizer(self.recipe.groups(self.model))
        self.step_count = 0

    def snapshot(self) -> Snapshot:
        """A copy of all that the next step depends on."""
        parameters = dict(self.model.named_parameters())
        live = Snapshot.of(
            self.step_count,
            parameters={name: parameter.detach() for name, parameter in parameters.items()},
            moments=self._optimizer.moments(parameters),
            recipe=self.recipe.state(),
        )
        # Copying 124M parameters and their moments takes longer than a person waits.
        return self.history.copied(live, between=self.passes.breathe)

    def shared_snapshot(self) -> Snapshot:
        """A snapshot of the present step, the one of the history where that holds any: no second copy."""
        same = self.history.nearest(self.step_count, after=self.step_count - 1)
        if same is not None:
            return same
        return self._keep_snapshot() if self.history.keeps else self.snapshot()

    def restore(self, snapshot: Snapshot) -> None:
        """The inverse of `snapshot`; the snapshot stays as it is (it is copied, never aliased).

        Raises ValueError for one of another recipe, KeyError or RuntimeError for one of another model.
        """
        self._settle(snapshot.step)
        self.recipe.restore(snapshot.recipe)
        self._optimizer = Optimizer(self.recipe.groups(self.model))
        parameters = snapshot.parameters
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                parameter.copy_(parameters[name])
        self._remember({key: value.clone() for key, value in snapshot.moments.items()})
        self.step_count = snapshot.step

    def _remember(self, moments: dict[str, Tensor]) -> None:
        """Have a new optimizer go on with these moments, which are its own from now on."""
        kinds: dict[str, dict[str, Tensor]] = {}
        for key, value in moments.items():
            name, _, kind = key.rpartition(".")
            kinds.setdefault(name, {})[kind] = value
        for name, parameter in self.model.named_parameters():
            self._optimizer.restore(parameter, kinds.get(name, {}))

    def _keep_snapshot(self) -> Snapshot:
        n_bytes = 3 * sum(p.nbytes for p in self.model.parameters())  # AdamW has two moments of each
        self.history.make_room(self.step_count, n_bytes)
        taken = self.snapshot()
        self.history.keep(taken)
        return taken
