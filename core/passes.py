"""A model's passes over batches, forwards and backwards, in parts between which others are served."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from core.chunked import loss_and_gradients, surprisals
from core.interventions import OnRow
from core.models.gpt2 import Model
from core.products import Products, body, exactly, products
from core.recipe import Recipe

MICRO_BATCH_TOKENS = 512  # computed between two looks at the inbox; a run is a function of it, too


class Passes:
    """What a run computes with its model, whose gradients are left in place.

    `between` is called every now and then, outside of a pass's precision and its gradients, and may use the
    model for reading.
    """

    def __init__(self, model: Model, precision: Products, between: Callable[[], None]) -> None:
        self.model = model
        self._precision = precision
        self._between = between
        self._is_between = False
        # Gradients of the vocabulary's size live on, as making them anew costs more than what goes into them.
        self._large_gradients = {p: torch.zeros_like(p) for p in (model.wte.weight, model.head)}

    @contextmanager
    def unserved(self) -> Iterator[None]:
        """Within this block nobody is served."""
        served, self._is_between = self._is_between, True
        try:
            yield
        finally:
            self._is_between = served

    def gradients(self, recipe: Recipe, step: int) -> float:
        """Gradients of a batch's mean surprisal, by micro-batches of whole rows; returns that mean."""
        with self._breathing():
            return self._accumulated(recipe, step)

    def _accumulated(self, recipe: Recipe, step: int) -> float:
        inputs, targets = recipe.batch(step)  # (b, n) each
        for parameter, gradient in self._large_gradients.items():
            parameter.grad = gradient.zero_()
        head, d_head, bias = self.model.head.detach(), self.model.head.grad, None
        assert d_head is not None
        sample = recipe.sample(step, targets)
        if sample is not None:
            targets = sample.places(targets)
            head, bias = head[sample.ids], sample.bias
            d_head = torch.zeros_like(head)
        loss = 0.0
        for first, ids, wanted in _micro_batches(recipe, inputs, targets):
            dropout = recipe.dropout(step, first, len(ids))
            with body(self._precision):
                hidden = self.model(ids, dropout=dropout)  # (r, n, D)
            with products(self._precision):
                part, d_hidden = loss_and_gradients(
                    hidden.detach().flatten(0, 1),  # (r n, D)
                    head,
                    wanted.flatten(),
                    d_head,
                    self._precision,
                    bias=bias,
                    total=targets.numel(),
                    between=self.breathe,
                )
            hidden.backward(d_hidden.view_as(hidden))
            loss += float(part)
        if sample is not None:
            self._large_gradients[self.model.head].index_add_(0, sample.ids, d_head)
        return loss

    def row_gradients(self, row: OnRow) -> float:
        """Gradients of the cross entropy H(p, q) of one prediction, in float32 and without dropout.

        Returns it, in nats. With p the target's shares and q the softmax of the logits, dH / dlogits = q - p.
        """
        for parameter, gradient in self._large_gradients.items():
            parameter.grad = gradient.zero_()
        targets = torch.tensor([each.token_id for each in row.target])
        shares = torch.tensor([float(each.share) for each in row.target], dtype=torch.float64)
        with self._breathing(), products("float32"):
            hidden = self.model(torch.tensor([row.prefix]))[:, -1]  # (1, D)
            h, head = hidden.detach(), self.model.head.detach()
            log_q = torch.log_softmax(h @ head.T, -1)  # (1, V)
            loss = -float(shares @ log_q[0, targets].double())
            d_logits = log_q.exp_()
            d_logits[0].index_add_(0, targets, shares.to(log_q.dtype), alpha=-1)
            self._large_gradients[self.model.head].addmm_(d_logits.T, h)
            hidden.backward(d_logits @ head)
        return loss

    @contextmanager
    def _breathing(self) -> Iterator[None]:
        """Within this block, who waits is served after every layer of the model, forwards and backwards."""

        def passed(module: object, arguments: object, x: Tensor) -> None:
            self.breathe()
            if x.requires_grad:
                x.register_hook(lambda gradient: self.breathe())  # type: ignore[no-untyped-call]

        handles = [block.register_forward_hook(passed) for block in self.model.blocks]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def breathe(self) -> None:
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

    def total(self, recipe: Recipe, inputs: Tensor, targets: Tensor) -> float:
        """The summed surprisal in nats over a batch (b, n), in float32 and without dropout."""
        total = 0.0
        with self._breathing(), torch.inference_mode():
            for _, ids, wanted in _micro_batches(recipe, inputs, targets):
                hidden = self.model(ids).flatten(0, 1)  # (r n, D)
                total += float(surprisals(hidden, self.model.head, wanted.flatten()).sum())
                self.breathe()
        return total


def _micro_batches(recipe: Recipe, inputs: Tensor, targets: Tensor) -> Iterator[tuple[int, Tensor, Tensor]]:
    """A batch's rows by and by: the number of the first, and inputs and targets (r, n) each."""
    rows = recipe.rows_at_once(MICRO_BATCH_TOKENS)
    for first in range(0, len(inputs), rows):
        yield first, inputs[first : first + rows], targets[first : first + rows]
