"""Training as something that steps: forwards one update at a time, and backwards exactly."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from core.anatomy import Anatomy, compared, look
from core.chunked import loss_and_gradients, surprisals
from core.history import History, Snapshot
from core.messages import StepResult, Training, real
from core.models.gpt2 import Model
from core.optimizer import Optimizer
from core.products import body, chosen, exactly, products
from core.recipe import Evaluation, Recipe
from core.wire import measured

MICRO_BATCH_TOKENS = 512  # computed between two looks at the inbox; a run is a function of it, too
_DENSE = 8  # steps before a rewind's target that are kept on the way, so that the next step back is at hand


class Diverged(ArithmeticError):
    """The loss of a batch or its gradient is not finite; the update was not made."""

    def __init__(self, what: str, step: int, value: float) -> None:
        super().__init__(
            f"the {what} of step {step} is {value}, so that step was not made; "
            "start a new run with a lower learning rate"
        )


class Trainer:
    """A run: a pure function of (start, recipe, training). It owns the model's parameters while it lives.

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
        self.precision = chosen(training.dtype)
        self._restart = restart
        self._between = between
        self._is_between = False
        self._optimizer = Optimizer(recipe.groups(model))
        # Gradients of the vocabulary's size live on, as making them anew costs more than what goes into them.
        self._large_gradients = {p: torch.zeros_like(p) for p in (model.wte.weight, model.head)}

    # ------------------------------------------------------------------------------------------- forwards

    def step(self) -> StepResult:
        """One optimizer update on the batch of the present step. Raises Diverged and then changes nothing."""
        began = time.perf_counter()
        rate = self.recipe.learning_rate(self.step_count)
        drawn = self.recipe.state()
        try:
            loss, norm = self._gradients()
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
        return StepResult(
            step=self.step_count,
            loss=real(loss),
            evaluation=measured(evaluated.training),
            validation=measured(evaluated.validation),
            learning_rate=rate,
            gradient_norm=real(norm),
            tokens=self.training.batch * self.training.context,
            seconds=seconds,
        )

    def anatomy(self) -> Anatomy:
        """The next step, taken apart; the run stays where it is, to the last bit. Raises Diverged."""
        rate = self.recipe.learning_rate(self.step_count)
        with self.aside() as start:
            before = look(self.model, self.recipe, start)
            loss, norm = self._gradients()
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
        served, self._is_between = self._is_between, True
        try:
            yield start
        finally:
            self._optimizer.zero_grad()
            self.restore(start)
            self._is_between = served

    def _gradients(self) -> tuple[float, float]:
        """The present step's loss and the norm of its gradients, which are then in place. Raises Diverged."""
        with self._breathing():
            loss = self._accumulate_gradients()
        norm = self._optimizer.gradient_norm()
        for what, value in (("loss", loss), ("gradient", norm)):
            if not math.isfinite(value):
                raise Diverged(what, self.step_count + 1, value)
        return loss, norm

    def _accumulate_gradients(self) -> float:
        """Gradients of the batch's mean surprisal, by micro-batches of whole rows; returns that mean."""
        inputs, targets = self.recipe.batch(self.step_count)  # (b, n) each
        for parameter, gradient in self._large_gradients.items():
            parameter.grad = gradient.zero_()
        head, d_head, bias = self.model.head.detach(), self.model.head.grad, None
        assert d_head is not None
        sample = self.recipe.sample(self.step_count, targets)
        if sample is not None:
            targets = sample.places(targets)
            head, bias = head[sample.ids], sample.bias
            d_head = torch.zeros_like(head)
        loss = 0.0
        for first, ids, wanted in self._micro_batches(inputs, targets):
            dropout = self.recipe.dropout(self.step_count, first, len(ids))
            with body(self.precision):
                hidden = self.model(ids, dropout=dropout)  # (r, n, D)
            with products(self.precision):
                part, d_hidden = loss_and_gradients(
                    hidden.detach().flatten(0, 1),  # (r n, D)
                    head,
                    wanted.flatten(),
                    d_head,
                    self.precision,
                    bias=bias,
                    total=targets.numel(),
                    between=self._breathe,
                )
            hidden.backward(d_hidden.view_as(hidden))
            loss += float(part)
        if sample is not None:
            self._large_gradients[self.model.head].index_add_(0, sample.ids, d_head)
        return loss

    @contextmanager
    def _breathing(self) -> Iterator[None]:
        """Within this block, who waits is served after every layer of the model, forwards and backwards."""

        def passed(module: object, arguments: object, x: Tensor) -> None:
            self._breathe()
            if x.requires_grad:
                x.register_hook(lambda gradient: self._breathe())  # type: ignore[no-untyped-call]

        handles = [block.register_forward_hook(passed) for block in self.model.blocks]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _breathe(self) -> None:
        """Serve who waits, in float32 and without gradients.

        What is served runs through the same layers and does not come here.
        """
        if not self._is_between:
            self._is_between = True
            try:
                with exactly():
                    self._between()
            finally:
                self._is_between = False

    def _micro_batches(self, inputs: Tensor, targets: Tensor) -> Iterator[tuple[int, Tensor, Tensor]]:
        """A batch's rows by and by: the number of the first, and inputs and targets (r, n) each."""
        rows = self.recipe.rows_at_once(MICRO_BATCH_TOKENS)
        for first in range(0, len(inputs), rows):
            yield first, inputs[first : first + rows], targets[first : first + rows]

    def evaluate(self) -> Evaluation:
        """How good the model is as it stands; nothing of the run is moved by asking."""
        return self.recipe.overview(self._total)

    def _total(self, inputs: Tensor, targets: Tensor) -> float:
        """The summed surprisal in nats over a batch (b, n), in float32 and without dropout."""
        total = 0.0
        with self._breathing(), torch.inference_mode():
            for _, ids, wanted in self._micro_batches(inputs, targets):
                hidden = self.model(ids).flatten(0, 1)  # (r n, D)
                total += float(surprisals(hidden, self.model.head, wanted.flatten()).sum())
                self._breathe()
        return total

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
        self._optimizer = Optimizer(self.recipe.groups(self.model))
        self.step_count = 0

    def snapshot(self) -> Snapshot:
        """A copy of all that the next step depends on."""
        parameters = dict(self.model.named_parameters())
        live = Snapshot(
            step=self.step_count,
            parameters={name: parameter.detach() for name, parameter in parameters.items()},
            moments=self._optimizer.moments(parameters),
            recipe=self.recipe.state(),
        )
        # Copying 124M parameters and their moments takes longer than a person waits.
        return self.history.copied(live, between=self._breathe)

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
        self.recipe.restore(snapshot.recipe)
        self._optimizer = Optimizer(self.recipe.groups(self.model))
        moments: dict[str, dict[str, Tensor]] = {}
        for key, value in snapshot.moments.items():
            name, _, what = key.rpartition(".")
            moments.setdefault(name, {})[what] = value.clone()
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                parameter.copy_(snapshot.parameters[name])
                self._optimizer.restore(parameter, moments.get(name, {}))
        self.step_count = snapshot.step

    def _keep_snapshot(self) -> Snapshot:
        n_bytes = 3 * sum(p.nbytes for p in self.model.parameters())  # AdamW has two moments of each
        self.history.make_room(self.step_count, n_bytes)
        taken = self.snapshot()
        self.history.keep(taken)
        return taken
