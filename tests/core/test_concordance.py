"""What followed in a text, against counting it by hand."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from core import suffix_array as module
from core.concordance import LONGEST, Concordance
from core.suffix_array import DEPTH, Interrupted, suffix_array
from core.tokenizer import END_OF_TEXT_ID as END
from core.tokenizer import N_VOCAB

few = st.sampled_from([0, 1, 2, END - 1, END])
texts = st.one_of(
    st.lists(few, min_size=1, max_size=60),
    st.builds(lambda part, times: part * times, st.lists(few, min_size=1, max_size=5), st.integers(1, 30)),
)


def concordance(text: Sequence[int]) -> Concordance:
    ids = np.array(text, dtype=np.uint16)
    return Concordance(ids, suffix_array(ids))


def followers(text: Sequence[int], context: Sequence[int]) -> Counter[int]:
    """Counted by hand: what stands behind a context wherever all of it lies in one document."""
    length = len(context)
    if END in context:
        return Counter()
    return Counter(
        text[i + length] for i in range(len(text) - length) if list(text[i : i + length]) == list(context)
    )


def looked_up(found: Concordance, context: Sequence[int]) -> dict[int, int]:
    ids, counts = found.followers(context)
    assert len(set(ids.tolist())) == len(ids)
    return dict(zip(ids.tolist(), counts.tolist(), strict=True))


@given(texts)
def test_suffixes_are_in_order_by_their_first_tokens(text: list[int]) -> None:
    order = suffix_array(np.array(text, dtype=np.uint16)).tolist()
    assert sorted(order) == list(range(len(text)))
    suffixes = [text[at : at + DEPTH] for at in order]
    assert suffixes == sorted(suffixes)


@given(texts, st.integers(1, 7))
def test_an_order_made_in_pieces_is_the_order_of_the_whole(text: list[int], piece: int) -> None:
    told: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_PIECE", piece)
        order = suffix_array(np.array(text, dtype=np.uint16), tell=told.append).tolist()
    suffixes = [text[at : at + DEPTH] for at in order]
    assert sorted(order) == list(range(len(text)))
    assert suffixes == sorted(suffixes)
    assert told == sorted(told) and told[-1] == len(text)


@given(texts, st.lists(few, min_size=1, max_size=5))
def test_what_followed_any_context_is_what_counting_finds(text: list[int], context: list[int]) -> None:
    assert looked_up(concordance(text), context) == followers(text, context)


@given(texts, st.data())
def test_a_prefix_of_the_text_is_counted_at_every_length(text: list[int], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    prefix = text[start : data.draw(st.integers(start, len(text)))]
    by_hand = [followers(text, prefix[-k:]).total() for k in range(1, min(len(prefix), LONGEST) + 1)]
    found = concordance(text)
    counts = found.counts(prefix)
    assert counts == [count for count in by_hand if count]
    assert counts == by_hand[: len(counts)], "shorter ones are found wherever longer ones are"
    for length in range(1, len(counts) + 1):
        assert looked_up(found, prefix[-length:]) == followers(text, prefix[-length:])


def test_many_followers_are_found_without_looking_at_every_place(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = np.random.default_rng(5)
    after = np.minimum(draws.zipf(1.3, size=20_000), N_VOCAB - 2)
    text = np.stack([np.full(len(after), 7), after], axis=1).reshape(-1)
    found = concordance(text.tolist())
    assert looked_up(found, [7]) == followers(text.tolist(), [7])
    looked: list[int] = []
    behind = found._behind

    def counted(at: NDArray[np.int64], length: int) -> NDArray[np.int64]:
        looked.append(len(at))
        return behind(at, length)

    monkeypatch.setattr(found, "_behind", counted)
    found.followers([7])
    assert sum(looked) < 20_000 / 2


def test_no_context_reaches_over_the_end_of_a_document() -> None:
    text = [1, 2, END, 1, 2, 3, END, 1, 2]
    found = concordance(text)
    assert found.counts([END, 1, 2]) == [2, 2], "the tokens before the end are none of this document's"
    assert looked_up(found, [1, 2]) == {END: 1, 3: 1}, "the last place has nothing behind it"
    assert found.counts([END]) == [] and looked_up(found, [2, END]) == {}
    assert looked_up(found, []) == {}


def test_a_context_is_looked_up_to_its_longest_length() -> None:
    text = list(range(200)) * 2 + [0]
    assert found_lengths(text, LONGEST + 10) == LONGEST
    assert found_lengths(text, LONGEST - 1) == LONGEST - 1
    assert looked_up(concordance(text), text[:LONGEST]) == {LONGEST: 2}


def found_lengths(text: list[int], length: int) -> int:
    return len(concordance(text).counts(text[:length]))


def test_every_token_of_the_vocabulary_has_its_place() -> None:
    text = [0, END - 1, END, N_VOCAB - 1, 0]
    assert suffix_array(np.array(text, dtype=np.uint16)).tolist()[:2] == [4, 0]
    assert suffix_array(np.zeros(0, dtype=np.uint16)).tolist() == []


def test_a_sorting_can_be_broken_off_between_two_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PIECE", 2)
    told: list[int] = []
    with pytest.raises(Interrupted):
        suffix_array(
            np.array([3, 1, 2, 3, 1], dtype=np.uint16),
            tell=told.append,
            interrupted=lambda: bool(told and told[-1] >= 2),
        )
    assert told[-1] < 5
