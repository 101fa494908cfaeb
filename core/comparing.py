"""Two models' tables of one text held against each other, whatever tokens each of them cuts it into.

Surprisals add up over the tokens of a stretch of text: -log p(b | a) - log p(c | a b) = -log p(b c | a). So
where two tokenizers cut differently, what they have in common is the bytes between two places at which both
cut, and the sums over these. With one tokenizer every such span is one token. In nats.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from core import information
from core.records import Table


@dataclass(frozen=True, kw_only=True)
class Span:
    """The bytes `start` to `end` of a text, between two neighbouring places at which A and B both cut it.

    `tokens_a` and `tokens_b` are the tokens it consists of, `a` and `b` the sums of their surprisals. Both
    are None where one of the tokens is the first of its text and predicted from nothing.
    """

    start: int
    end: int
    tokens_a: range
    tokens_b: range
    a: float | None
    b: float | None

    @property
    def difference(self) -> float | None:
        """a - b: below 0 where A expected these bytes more than B did."""
        return None if self.a is None or self.b is None else self.a - self.b


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The table of a model A beside that of a model B.

    `mean_a` and `mean_b` are over the `scored` spans, so with one tokenizer they are the losses of the text.
    `by_row` has a span by the row of A whose target is its last token; `opposite` the position in B's table
    by the one in A's, wherever both have read the same bytes there.
    """

    spans: tuple[Span, ...]
    scored: int
    mean_a: float | None
    mean_b: float | None
    by_row: Mapping[int, Span]
    opposite: Mapping[int, int]

    @property
    def difference(self) -> float | None:
        """mean_a - mean_b."""
        return None if self.mean_a is None or self.mean_b is None else self.mean_a - self.mean_b

    @property
    def one_to_one(self) -> bool:
        """Whether every span is one token for both."""
        return all(len(span.tokens_a) == len(span.tokens_b) == 1 for span in self.spans)


def compare(a: Table, b: Table) -> Comparison:
    """Hold A's table against B's of the same text. Raises ValueError where the texts are not the same."""
    pieces_a, pieces_b = ([token.piece for token in table.text_tokens] for table in (a, b))
    if b"".join(pieces_a) != b"".join(pieces_b) or a.first_token != b.first_token:
        raise ValueError("two tables can be compared only where they are of the same text")
    surprisals_a, surprisals_b = _surprisals(a), _surprisals(b)
    own = int(a.first_token)  # `<|endoftext|>`, which is none of the text
    spans = []
    for (start, a0, b0), (end, a1, b1) in pairwise(_common(pieces_a, pieces_b)):
        # Without row 0 nothing is predicted of what comes before the first place that both cut.
        scored = a.first_token or start > 0
        spans.append(
            Span(
                start=start,
                end=end,
                tokens_a=range(a0, a1),
                tokens_b=range(b0, b1),
                a=information.total(surprisals_a[a0:a1]) if scored else None,
                b=information.total(surprisals_b[b0:b1]) if scored else None,
            )
        )
    sums_a = [span.a for span in spans if span.a is not None]
    sums_b = [span.b for span in spans if span.b is not None]
    return Comparison(
        spans=tuple(spans),
        scored=len(sums_a),
        mean_a=information.total(sums_a) / len(sums_a) if sums_a else None,
        mean_b=information.total(sums_b) / len(sums_b) if sums_b else None,
        by_row={span.tokens_a[-1] - 1 + own: span for span in spans if span.a is not None},
        opposite={span.tokens_a[-1] + own: span.tokens_b[-1] + own for span in spans}
        | ({0: 0} if own else {}),
    )


def _surprisals(table: Table) -> list[float]:
    """One a token of the text; of the first, where nothing is known of it, NaN."""
    targets = [prediction.target for prediction in table.predictions]
    known = [target.surprisal for target in targets if target is not None]
    return known if table.first_token else [float("nan"), *known]


def _common(a: Sequence[bytes], b: Sequence[bytes]) -> list[tuple[int, int, int]]:
    """The places at which both cut, in bytes, each with the number of tokens up to it in A and in B."""
    tokens_a, tokens_b = (
        {place: count for count, place in enumerate(accumulate(map(len, pieces), initial=0))}
        for pieces in (a, b)
    )
    return [(place, tokens_a[place], tokens_b[place]) for place in tokens_a if place in tokens_b]
