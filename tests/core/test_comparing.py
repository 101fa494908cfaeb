"""Two tables of one text, cut into tokens in different ways, compared by the bytes they have in common."""

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.comparing import Comparison, compare
from core.messages import Candidate, Prediction, Summary, Table, Token, real
from core.tokenizer import gpt2


def table(pieces: Sequence[bytes], nats: Sequence[float]) -> Table:
    """A text cut into these pieces; `nats` are the surprisals of all but the first."""
    assert len(nats) == max(0, len(pieces) - 1)
    targets = [
        Candidate(token_id=i, piece=piece, log_prob=real(-surprisal), rank=1)
        for i, (piece, surprisal) in enumerate(zip(pieces[1:], nats, strict=True))
    ]
    rows = [*targets, None] if pieces else []
    return Table(
        text=b"".join(pieces).decode("utf-8", "replace"),
        tokens=tuple(Token(token_id=i, piece=piece) for i, piece in enumerate(pieces)),
        predictions=tuple(Prediction(entropy=1.0, top=(), target=target) for target in rows),
        window_starts=(0,),
        summary=Summary(scored=len(nats), mean=None, perplexity=None, bits_per_byte=None),
        step=0,
    )


def test_with_one_tokenizer_every_token_is_a_span() -> None:
    pieces = [gpt2().piece(i) for i in gpt2().encode("The fat cat sat")]
    told = compare(table(pieces, [1.0, 2.0, 4.0]), table(pieces, [1.5, 1.0, 4.0]))
    assert told.one_to_one and told.scored == 3
    assert [(span.start, span.end) for span in told.spans] == [(0, 3), (3, 7), (7, 11), (11, 15)]
    assert [(span.a, span.b) for span in told.spans] == [(None, None), (1.0, 1.5), (2.0, 1.0), (4.0, 4.0)]
    assert [span.difference for span in told.spans] == [None, -0.5, 1.0, 0.0]
    assert (told.mean_a, told.mean_b) == (7 / 3, 6.5 / 3)
    assert told.difference == pytest.approx(0.5 / 3, rel=1e-12)
    assert {row: span.b for row, span in told.by_row.items()} == {0: 1.5, 1: 1.0, 2: 4.0}
    assert told.opposite == {0: 0, 1: 1, 2: 2, 3: 3}


def test_against_bytes_a_token_is_held_against_the_sum_over_its_bytes() -> None:
    pieces = [gpt2().piece(i) for i in gpt2().encode("The fat cat")]
    of_bytes = [bytes([byte]) for byte in b"The fat cat"]
    by_byte = [0.5, 0.25, 3.0, 1.0, 2.0, 0.125, 4.0, 1.5, 0.5, 0.75]  # of h, e, ␣, f, a, t, ␣, c, a, t
    told = compare(table(pieces, [5.0, 6.0]), table(of_bytes, by_byte))
    assert not told.one_to_one
    # Of "The" A has no figure, as nothing stands before it; so B's of "he" count in nothing either.
    assert [(s.start, s.end, s.a, s.b) for s in told.spans] == [
        (0, 3, None, None),
        (3, 7, 5.0, 3.0 + 1.0 + 2.0 + 0.125),
        (7, 11, 6.0, 4.0 + 1.5 + 0.5 + 0.75),
    ]
    assert (told.scored, told.mean_a, told.mean_b) == (2, 5.5, (6.125 + 6.75) / 2)
    assert told.opposite == {0: 2, 1: 6, 2: 10}
    assert told.by_row[0].tokens_b == range(3, 7)


def test_the_other_way_round_the_sum_stands_at_the_last_token_of_the_span() -> None:
    of_bytes = table([bytes([byte]) for byte in b"a bc"], [1.0, 2.0, 4.0])
    told = compare(of_bytes, table([b"a", b" bc"], [10.0]))
    assert {row: (span.a, span.b) for row, span in told.by_row.items()} == {2: (7.0, 10.0)}
    assert told.opposite == {0: 0, 3: 1}  # between them B has no prediction


def test_tokens_that_overlap_are_merged_up_to_where_both_end() -> None:
    told = compare(table([b"x", b"ab", b"cd", b"e"], [1, 2, 3]), table([b"x", b"abc", b"d", b"e"], [4, 5, 6]))
    assert [(s.start, s.end, s.a, s.b) for s in told.spans][1:] == [(1, 5, 3, 9), (5, 6, 3, 6)]
    assert told.difference == (3 + 3 - 9 - 6) / 2


def test_a_character_whose_bytes_are_several_tokens_is_no_obstacle() -> None:
    text = "é€😀 ü"
    pieces = [gpt2().piece(i) for i in gpt2().encode(text)]
    whole = [character.encode() for character in text]
    told = compare(table(pieces, [1.0] * (len(pieces) - 1)), table(whole, [1.0] * 4))
    assert told.spans[-1].end == len(text.encode())
    assert sum(span.a or 0 for span in told.spans) <= len(pieces) - 1


@pytest.mark.parametrize("pieces", [[], [b"cat"]])
def test_what_has_nothing_scored_has_no_mean(pieces: list[bytes]) -> None:
    told = compare(table(pieces, []), table(pieces, []))
    assert (told.scored, told.mean_a, told.mean_b, told.difference) == (0, None, None, None)
    assert told.by_row == {}


def test_figures_that_are_not_finite_stay_so() -> None:
    told = compare(table([b"a", b"b", b"c"], [math.inf, 1.0]), table([b"a", b"b", b"c"], [2.0, math.nan]))
    assert told.spans[1].difference == math.inf
    assert told.mean_a == math.inf and math.isnan(told.mean_b or 0)


def test_row_0_is_a_span_of_its_own_and_what_stands_before_the_text_is_none() -> None:
    def after_end_of_text(nats: list[float]) -> Table:
        read = table([b"<|endoftext|>", b"The", b" fat"], nats)
        return msgspec.structs.replace(read, text="The fat", first_token=True)

    told = compare(after_end_of_text([5.0, 2.0]), after_end_of_text([4.0, 2.5]))
    assert [(span.start, span.end, span.a, span.b) for span in told.spans] == [
        (0, 3, 5.0, 4.0),
        (3, 7, 2.0, 2.5),
    ]
    assert (told.scored, told.mean_a, told.mean_b) == (2, 3.5, 3.25)
    assert {row: span.b for row, span in told.by_row.items()} == {0: 4.0, 1: 2.5}
    assert told.opposite == {0: 0, 1: 1, 2: 2}
    with pytest.raises(ValueError, match="the same text"):
        compare(after_end_of_text([5.0, 2.0]), table([b"The", b" fat"], [1.0]))


def test_two_texts_are_not_compared() -> None:
    with pytest.raises(ValueError, match="the same text"):
        compare(table([b"a", b"b"], [1.0]), table([b"a", b"c"], [1.0]))


cuts = st.sets(st.integers(1, 29))


@given(cuts, cuts, st.lists(st.floats(0, 20), min_size=60, max_size=60))
def test_however_two_cut_a_text_nothing_is_lost_or_counted_twice(
    a: set[int], b: set[int], nats: list[float]
) -> None:
    text = bytes(range(30))

    def cut(places: set[int], offset: int) -> tuple[list[bytes], list[float]]:
        edges = [0, *sorted(places), 30]
        pieces = [text[x:y] for x, y in pairwise(edges)]
        return pieces, nats[offset : offset + len(pieces) - 1]

    (pieces_a, nats_a), (pieces_b, nats_b) = cut(a, 0), cut(b, 30)
    told: Comparison = compare(table(pieces_a, nats_a), table(pieces_b, nats_b))
    assert [span.start for span in told.spans] == sorted((a & b) | {0})
    assert [span.end for span in told.spans] == sorted((a & b) | {30})
    for pieces, each, of in ((pieces_a, nats_a, "a"), (pieces_b, nats_b, "b")):
        starts = list(accumulate(map(len, pieces), initial=0))
        for span in told.spans[1:]:
            inside = [n for n, start in zip(each, starts[1:], strict=False) if span.start <= start < span.end]
            assert getattr(span, of) == pytest.approx(math.fsum(inside))
    assert told.spans[0].a is told.spans[0].b is None
