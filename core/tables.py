"""What a scored text's table says beside its rows: their mean, and how far they lie from another table's."""

from collections.abc import Sequence

import msgspec

from core import information
from core.messages import Prediction, Summary, Table, Token, real


def summary(
    tokens: Sequence[Token], predictions: Sequence[Prediction], *, first_token: bool = False
) -> Summary:
    """The mean surprisal in nats of the scored tokens, its exp, and their bits for each UTF-8 byte.

    With `first_token` the first of them is that of the text's first token.
    """
    surprisals = [p.target.surprisal for p in predictions if p.target is not None]
    if not surprisals:
        return Summary(scored=0, mean=None, perplexity=None, bits_per_byte=None)
    total = information.total(surprisals)
    mean = total / len(surprisals)
    others = surprisals[1:] if first_token else []
    return Summary(
        scored=len(surprisals),
        mean=real(mean),
        perplexity=real(information.perplexity(mean)),
        bits_per_byte=real(information.bits_per_byte(total, sum(len(token.piece) for token in tokens[1:]))),
        without_first=real(information.total(others) / len(others)) if others else None,
    )


def moved(predictions: Sequence[Prediction], before: Sequence[float]) -> tuple[Prediction, ...]:
    """The rows of a table with how far each target's surprisal lies from what is given for it, in nats."""
    rows = [
        msgspec.structs.replace(prediction, moved=real(prediction.target.surprisal - nats))
        for prediction, nats in zip(predictions, before, strict=False)
        if prediction.target is not None
    ]
    return (*rows, *predictions[len(rows) :])  # the open row has no target


def against(table: Table, other: Table) -> Table:
    """A table whose rows are compared with those of another one of the same text."""
    before = [p.target.surprisal for p in other.predictions if p.target is not None]
    return msgspec.structs.replace(table, predictions=moved(table.predictions, before), moved_from=other.step)
