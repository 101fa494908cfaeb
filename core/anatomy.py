"""A step of a training run, taken apart: its predictions, its gradients, its update, and what that did.

b rows, n tokens a row, N = b n predictions, of which the first r rows and c columns are looked at closely;
D embedding, V the tokens the loss goes over: the vocabulary, or the step's sample of it.

With g the gradient of the loss L at the weights before the step, and u the update, which is more than -g
times a rate (moments, clipping, decay), Taylor has L(w + u) = L(w) + g u + O(u^2): the first two are
compared with what L really became, on the same batch with the same dropout masks.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import torch
from torch import Tensor

from core import messages as m
from core.anatomy_records import MOST_CELLS
from core.chunked import surprisals
from core.history import Snapshot
from core.models.gpt2 import Model
from core.products import Products, exactly
from core.recipe import Recipe
from core.tokenizer import Tokenizer
from core.wire import real

TOP = 5  # the most probable tokens of a cell that are kept
_TOGETHER = 512  # tokens through the model at a time
_ROWS = 64  # of logits held at a time: 64 x 50,257 floats are 13 MB
_PIECE = 2**20  # weights that are compared at a time, in float64


class Cells(NamedTuple):
    """What is kept of the logits of k predictions."""

    target_logit: Tensor  # (k,)
    logsumexp: Tensor  # (k,)
    rank: Tensor  # (k,) int64, the target's
    top_ids: Tensor  # (k, TOP) int64
    top_logits: Tensor  # (k, TOP)
    others: Tensor  # (k,) float64, the probability of all that are neither at the top nor the target

    @property
    def surprisals(self) -> Tensor:
        """-log p of the targets: (k,) float64, in nats."""
        return (self.logsumexp.double() - self.target_logit.double()).clamp(min=0)


@dataclass(frozen=True, kw_only=True)
class Look:
    """A step's batch through the model with the step's dropout masks, in float32; `loss` is of all of it."""

    inputs: Tensor  # (b, n)
    targets: Tensor  # (b, n)
    vocabulary: int
    width: int
    loss: float
    shape: tuple[int, int]  # r, c
    cells: Cells  # k = r c


def look(model: Model, recipe: Recipe, start: Snapshot) -> Look:
    """The batch of the step that follows `start`; the recipe stands as it did there, before and after."""
    recipe.restore(start.recipe)
    inputs, targets = recipe.batch(start.step)  # (b, n) each
    b, n = targets.shape
    r, c = min(b, max(1, MOST_CELLS // n)), min(n, MOST_CELLS)
    sample = recipe.sample(start.step, targets)
    at_once = recipe.rows_at_once(_TOGETHER)
    total = 0.0
    parts: list[Cells] = []
    with exactly():
        head, bias = (model.head, None) if sample is None else (model.head[sample.ids], sample.bias)
        for first in range(0, b, at_once):
            ids, wanted = inputs[first : first + at_once], targets[first : first + at_once]
            if sample is not None:
                wanted = sample.places(wanted)
            hidden = model(ids, dropout=recipe.dropout(start.step, first, len(ids)))  # (at once, n, D)
            total += float(surprisals(hidden.flatten(0, 1), head, wanted.flatten(), bias).sum())
            shown = slice(0, max(0, r - first)), slice(0, c)
            parts += _cells(hidden[shown].flatten(0, 1), head, bias, wanted[shown].flatten())
    recipe.restore(start.recipe)
    cells = Cells(*(torch.cat(tensors) for tensors in zip(*parts, strict=True)))
    if sample is not None:
        cells = cells._replace(top_ids=sample.ids[cells.top_ids])
    return Look(
        inputs=inputs,
        targets=targets,
        vocabulary=len(head),
        width=head.shape[1],
        loss=total / targets.numel(),
        shape=(r, c),
        cells=cells,
    )


def _cells(hidden: Tensor, head: Tensor, bias: Tensor | None, targets: Tensor) -> list[Cells]:
    """The predictions of hidden states (k, D), whose logits (k, V) are let go again."""
    found = []
    for h, y in zip(torch.split(hidden, _ROWS), torch.split(targets, _ROWS), strict=True):
        logits = h @ head.T if bias is None else torch.addmm(bias, h, head.T)  # (rows, V)
        own = logits.gather(-1, y.unsqueeze(-1))  # (rows, 1)
        top = torch.topk(logits, min(TOP, logits.shape[-1]), dim=-1)
        logsumexp = torch.logsumexp(logits, -1, keepdim=True)
        rank = 1 + (logits > own).sum(-1)
        p = logits.sub_(logsumexp).exp_()
        others = p.scatter_(-1, top.indices, 0).scatter_(-1, y.unsqueeze(-1), 0).sum(-1, dtype=torch.float64)
        found.append(Cells(own.squeeze(-1), logsumexp.squeeze(-1), rank, top.indices, top.values, others))
    return found


@dataclass(frozen=True, kw_only=True)
class Update:
    """What a step did to the weights, layer by layer and as a whole; `predicted` is the sum of g u."""

    layers: tuple[m.Layer, ...]
    whole: m.Layer
    predicted: float


def compared(
    before: Mapping[str, Tensor], gradients: Mapping[str, Tensor], after: Mapping[str, Tensor]
) -> Update:
    """The weights by name before and after an update, and the gradients it was made from, unclipped."""
    predicted = 0.0
    layers = []
    whole = torch.zeros(3, dtype=torch.float64)
    count = 0
    for layer, names in groupby(before, _layer):
        squares = torch.zeros(3, dtype=torch.float64)  # of gradient, update, weights
        size = 0
        for name in names:
            tensors = (before[name], after[name].detach(), gradients[name])
            for old, new, g in zip(*(torch.split(t.flatten(), _PIECE) for t in tensors), strict=True):
                w, g = old.double(), g.double()
                u = new.double() - w
                predicted += float(g @ u)
                squares += torch.stack([g @ g, u @ u, w @ w])
            size += before[name].numel()
        layers.append(_norms(layer, size, squares))
        whole += squares
        count += size
    return Update(layers=tuple(layers), whole=_norms("all", count, whole), predicted=predicted)


def _layer(name: str) -> str:
    """blocks.3 of blocks.3.attention.qkv.weight, wte of wte.weight."""
    parts = name.split(".")
    return ".".join(parts[:2]) if parts[0] == "blocks" else parts[0]


def _norms(name: str, size: int, squares: Tensor) -> m.Layer:
    gradient, update, weights = (real(norm) for norm in squares.sqrt().tolist())
    return m.Layer(name=name, parameters=size, gradient=gradient, update=update, weights=weights)


@dataclass(frozen=True, kw_only=True)
class Anatomy:
    """One step: `loss` is what the run writes down for it, made in `dtype`; all else is in float32."""

    step: int
    loss: float
    learning_rate: float
    training: m.Training
    dtype: Products
    before: Look
    after: Look
    update: Update

    def record(self, tokenizer: Tokenizer) -> m.Dissected:
        """What is shown of it as a whole."""
        seen = self.before
        r, c = seen.shape
        b, n = seen.targets.shape
        ids = torch.cat([seen.inputs[:r, :c], seen.targets[:r, c - 1 : c]], dim=1)  # (r, c + 1)
        before, after = (look.cells.surprisals.view(r, c).tolist() for look in (seen, self.after))
        rows = list(zip(ids.tolist(), before, after, strict=True))
        return m.Dissected(
            step=self.step,
            rows=tuple(
                m.BatchRow(ids=tuple(row), surprisals=_rounded(nats), after=_rounded(nats_after))
                for row, nats, nats_after in rows
            ),
            tokens=tuple(
                m.Token(token_id=i, piece=tokenizer.piece(i))
                for i in sorted({i for row, _, _ in rows for i in row})
            ),
            batch=b,
            context=n,
            width=seen.width,
            vocabulary=seen.vocabulary,
            loss=real(self.loss),
            before=real(seen.loss),
            after=real(self.after.loss),
            predicted=real(self.update.predicted),
            learning_rate=self.learning_rate,
            clip=self.training.clip,
            dropout=self.training.dropout,
            dtype=self.dtype,
            layers=self.update.layers,
            whole=self.update.whole,
        )

    def cell(self, row: int, column: int, tokenizer: Tokenizer) -> m.Inspected:
        """One prediction before the update. Raises ValueError for one that is not kept."""
        seen = self.before
        r, c = seen.shape
        if not (0 <= row < r and 0 <= column < c):
            raise ValueError(f"row {row}, column {column} is outside the {r} x {c} predictions at hand")
        cells, at = seen.cells, row * c + column
        total = seen.targets.numel()
        target = int(seen.targets[row, column])
        logsumexp = float(cells.logsumexp[at])

        def logit(token_id: int, value: float, rank: int) -> m.Logit:
            log_prob = min(0.0, value - logsumexp)
            error = math.expm1(log_prob) if token_id == target else math.exp(log_prob)
            return m.Logit(
                token_id=token_id,
                piece=tokenizer.piece(token_id),
                logit=real(value),
                log_prob=real(log_prob),
                rank=rank,
                error=real(error),
                gradient=real(error / total),
            )

        top_ids, others = cells.top_ids[at].tolist(), float(cells.others[at])
        return m.Inspected(
            step=self.step,
            row=row,
            column=column,
            predictions=total,
            logsumexp=real(logsumexp),
            target=logit(target, float(cells.target_logit[at]), int(cells.rank[at])),
            top=tuple(map(logit, top_ids, cells.top_logits[at].tolist(), range(1, len(top_ids) + 1))),
            others=seen.vocabulary - len({*top_ids, target}),
            others_probability=others,
            others_gradient=others / total,
        )


def _rounded(nats: list[float]) -> tuple[m.Real, ...]:
    """To a millionth of a nat, which is what float32 has: shorter on the wire."""
    return tuple(real(round(each, 6)) for each in nats)
