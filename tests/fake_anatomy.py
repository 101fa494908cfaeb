"""A step taken apart as it could be, for the fake engine: made up, but every number fits the others."""

import math
from collections.abc import Sequence

from core import messages as m
from core.anatomy_records import MOST_CELLS
from core.tokenizer import Tokenizer

LOGSUMEXP = 9.0  # of every cell


def dissected(
    tokenizer: Tokenizer,
    ids: Sequence[int],
    training: m.Training,
    step: int,
    *,
    layers: int,
    before: float,
    after: float,
) -> m.Dissected:
    """The step that takes the mean surprisal of its batch from `before` to `after`; ids (n,) of the text."""
    b, n = training.batch, training.context
    r, c = min(b, max(1, MOST_CELLS // n)), min(n, MOST_CELLS)
    surprisals = [[before + _noise(step, row, column) for column in range(c)] for row in range(r)]
    excess = math.fsum(map(math.fsum, surprisals)) / (r * c) - before
    rows = []
    for row, nats in enumerate(surprisals):
        first = ((step - 1) * b + row) * n % (len(ids) - n)
        exact = [each - excess for each in nats]
        rows.append(
            m.BatchRow(
                ids=tuple(ids[first : first + c + 1]),
                surprisals=tuple(exact),
                after=tuple(each + after - before for each in exact),
            )
        )
    names = ["wte", "wpe", *(f"blocks.{i}" for i in range(layers)), "ln_f"]
    parts = [
        m.Layer(
            name=name, parameters=1000, gradient=len(names) ** -0.5, update=0.01 * (i + 1), weights=2.0 + i
        )
        for i, name in enumerate(names)
    ]
    return m.Dissected(
        step=step,
        rows=tuple(rows),
        tokens=tuple(
            m.Token(token_id=i, piece=tokenizer.piece(i))
            for i in sorted({i for row in rows for i in row.ids})
        ),
        batch=b,
        context=n,
        width=128,
        vocabulary=tokenizer.n_vocab,
        loss=before,
        before=before,
        after=after,
        predicted=1.1 * (after - before),
        learning_rate=training.learning_rate,
        clip=training.clip,
        dropout=training.dropout,
        dtype="float32",
        layers=tuple(parts),
        whole=m.Layer(
            name="all",
            parameters=sum(part.parameters for part in parts),
            gradient=1.0,
            update=math.hypot(*(float(part.update) for part in parts)),
            weights=math.hypot(*(float(part.weights) for part in parts)),
        ),
    )


def inspected(tokenizer: Tokenizer, step: m.Dissected, row: int, column: int) -> m.Inspected:
    """One of its cells: beside the target five tokens that have most of what it leaves."""
    target = step.rows[row].ids[column + 1]
    p = math.exp(-float(step.rows[row].surprisals[column]))
    shares = {(target + 1 + i) % tokenizer.n_vocab: (1 - p) * 0.3 * 0.7**i for i in range(5)} | {target: p}
    best = sorted(shares, key=lambda i: -shares[i])[:5]

    def logit(token_id: int, rank: int) -> m.Logit:
        log_prob = math.log(shares[token_id])
        error = shares[token_id] - (token_id == target)
        return m.Logit(
            token_id=token_id,
            piece=tokenizer.piece(token_id),
            logit=LOGSUMEXP + log_prob,
            log_prob=log_prob,
            rank=rank,
            error=error,
            gradient=error / step.predictions,
        )

    rank = best.index(target) + 1 if target in best else 4321
    others = 1 - math.fsum(shares[i] for i in {*best, target})
    return m.Inspected(
        step=step.step,
        row=row,
        column=column,
        predictions=step.predictions,
        logsumexp=LOGSUMEXP,
        target=logit(target, rank),
        top=tuple(logit(token_id, place) for place, token_id in enumerate(best, 1)),
        others=tokenizer.n_vocab - len({*best, target}),
        others_probability=others,
        others_gradient=others / step.predictions,
    )


def _noise(step: int, row: int, column: int) -> float:
    return 1.5 * math.sin(12.9898 * (step + 1) + 78.233 * (row + 1) + 37.719 * (column + 1))
