"""A scored table as records: what `neglogp score --json` and `--csv` print and the screen exports."""

import csv
import io
import json
from typing import NamedTuple

import msgspec

from core.information import to_bits
from core.messages import Candidate, Comparison, ModelInfo, Real, Table, compare, measured, real
from core.text import visible
from tui.tableview import lines

SCHEMA = 1
TEXT_WIDTH = 120  # cells of a line of plain text


class ScoredToken(msgspec.Struct, frozen=True, kw_only=True):
    """One token of the text and what the model said of it before it was there.

    The first has no figures, unless the text was read after `<|endoftext|>`.
    `rank` is 1-based; `entropy_nats` is of the whole prediction that was made of this token.
    """

    token: str
    token_id: int
    bytes: list[int]
    logprob: Real | None
    surprisal_nats: Real | None
    surprisal_bits: Real | None
    rank: int | None
    entropy_nats: Real | None


class ScoredText(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of the whole text, over its scored tokens; None where there are none.

    With `first_token` the first one is among them; the mean without it is of the others, read as they are.
    """

    tokens: int
    scored: int
    first_token: bool
    mean_surprisal_nats: Real | None
    mean_without_first_nats: Real | None
    perplexity: Real | None
    bits_per_byte: Real | None


class ScoredBy(msgspec.Struct, frozen=True, kw_only=True):
    """The model: the name it was asked for by, the folder its weights were loaded from, its shape."""

    name: str
    folder: str | None
    parameters: int
    context: int
    vocab_size: int


class ScoredSpan(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of the text between two places at which both models cut it: its bytes, the tokens of the
    first model in it (each from, up to), and the sums of their surprisals."""

    bytes: tuple[int, int]
    tokens: tuple[int, int]
    surprisal_nats_a: Real | None
    surprisal_nats_b: Real | None
    difference_nats: Real | None


class ScoredBeside(msgspec.Struct, frozen=True, kw_only=True):
    """A second model, B, beside the first one: the means are over the spans that both have scored."""

    model: ScoredBy
    summary: ScoredText
    mean_surprisal_nats_a: Real | None
    mean_surprisal_nats_b: Real | None
    difference_nats: Real | None
    spans: list[ScoredSpan]


class Rival(NamedTuple):
    """A second model's table of the same text."""

    table: Table
    by: ScoredBy

    def against(self, table: Table) -> Comparison:
        """The first model's table, A, held against this one, B."""
        return compare(table, self.table)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What `neglogp score --json` prints."""

    schema: int = SCHEMA
    model: ScoredBy
    summary: ScoredText
    tokens: list[ScoredToken]
    compare: ScoredBeside | msgspec.UnsetType = msgspec.UNSET


def scored_by(info: ModelInfo, *, name: str, folder: str | None) -> ScoredBy:
    """What is told of a model that was asked for by this name."""
    return ScoredBy(
        name=name,
        folder=folder,
        parameters=info.parameters,
        context=info.context,
        vocab_size=info.vocab_size,
    )


def report(table: Table, by: ScoredBy, rival: Rival | None = None) -> Report:
    """A scored text as `neglogp score --json` tells it."""
    return Report(
        model=by,
        summary=_summary(table),
        tokens=rows(table),
        compare=msgspec.UNSET if rival is None else _beside(table, rival),
    )


def _summary(table: Table) -> ScoredText:
    return ScoredText(
        tokens=len(table.text_tokens),
        scored=table.summary.scored,
        first_token=table.first_token,
        mean_surprisal_nats=table.summary.mean,
        mean_without_first_nats=table.summary.without_first,
        perplexity=table.summary.perplexity,
        bits_per_byte=table.summary.bits_per_byte,
    )


def _beside(table: Table, rival: Rival) -> ScoredBeside:
    comparison = rival.against(table)
    return ScoredBeside(
        model=rival.by,
        summary=_summary(rival.table),
        mean_surprisal_nats_a=measured(comparison.mean_a),
        mean_surprisal_nats_b=measured(comparison.mean_b),
        difference_nats=measured(comparison.difference),
        spans=[
            ScoredSpan(
                bytes=(span.start, span.end),
                tokens=(span.tokens_a.start, span.tokens_a.stop),
                surprisal_nats_a=measured(span.a),
                surprisal_nats_b=measured(span.b),
                difference_nats=measured(span.difference),
            )
            for span in comparison.spans
        ],
    )


def rows(table: Table) -> list[ScoredToken]:
    """One row a token of the text: prediction i of the table is the one of token i + 1."""
    figures: list[tuple[Candidate | None, Real | None]] = [] if table.first_token else [(None, None)]
    figures += [(prediction.target, prediction.entropy) for prediction in table.predictions[:-1]]
    return [
        ScoredToken(
            token=token.piece.decode("utf-8", "replace"),
            token_id=token.token_id,
            bytes=list(token.piece),
            logprob=None if target is None else target.log_prob,
            surprisal_nats=None if target is None else real(target.surprisal),
            surprisal_bits=None if target is None else real(to_bits(target.surprisal)),
            rank=None if target is None else target.rank,
            entropy_nats=entropy,
        )
        for token, (target, entropy) in zip(table.text_tokens, figures, strict=True)
    ]


def as_json(made: Report) -> str:
    """One line of ASCII, so that no terminal or locale stands in the way; a figure not finite is a string."""
    return json.dumps(msgspec.to_builtins(made), allow_nan=False)


def as_csv(table: Table, rival: Rival | None = None, *, printable: bool) -> bytes:
    """The same columns in UTF-8; a figure that is missing is empty, `bytes` are numbers with spaces between.

    A rival has two more, in the line of the last token of each span. `printable` shows the tokens as the
    table does, for a terminal, which would obey their control characters.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    comparison = None if rival is None else rival.against(table)
    more = () if comparison is None else ("surprisal_nats_b", "difference_nats")
    writer.writerow((*ScoredToken.__struct_fields__, *more))
    for position, (row, token) in enumerate(zip(rows(table), table.text_tokens, strict=True)):
        shown = visible(token.piece) if printable else row.token
        cells = msgspec.structs.asdict(row) | {"token": shown, "bytes": " ".join(map(str, row.bytes))}
        if comparison is not None:
            span = comparison.by_row.get(position - 1)
            cells["surprisal_nats_b"] = None if span is None else measured(span.b)
            cells["difference_nats"] = None if span is None else measured(span.difference)
        writer.writerow(cells.values())
    return text.getvalue().encode()


def as_text(table: Table) -> str:
    """The table in columns, as the screen shows it."""
    return "".join(line.plain.rstrip() + "\n" for line in lines(table, TEXT_WIDTH))
