"""Windows, epochs and the split of a text."""

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data import Corpus, counts
from core.tokenizer import END_OF_TEXT_ID, gpt2


def corpus(n: int, *, context: int = 8, batch: int = 3, seed: int = 1, **rest: Any) -> Corpus:
    """A text whose every token is its own position, so that a window shows where it was cut."""
    return Corpus(np.arange(n, dtype=np.uint16), context=context, batch=batch, seed=seed, **rest)


def epoch_starts(c: Corpus, epoch: int) -> list[int]:
    rows = range(epoch * c.windows_per_epoch, (epoch + 1) * c.windows_per_epoch)
    batches = {row // c.batch_size for row in rows}
    inputs = {step: c.batch(step)[0] for step in batches}
    return [int(inputs[row // c.batch_size][row % c.batch_size, 0]) for row in rows]


@settings(deadline=None, max_examples=60)
@given(st.integers(9, 400), st.integers(0, 50))
def test_targets_are_the_inputs_shifted_left(n: int, step: int) -> None:
    inputs, targets = corpus(n).batch(step)
    assert inputs.shape == targets.shape == (3, 8)
    assert inputs.dtype == targets.dtype == torch.int64
    assert torch.equal(targets, inputs + 1)
    assert torch.equal(inputs, inputs[:, :1] + torch.arange(8))


def test_a_batch_depends_on_seed_and_step_alone() -> None:
    steps = [torch.cat(corpus(500).batch(step)) for step in range(40)]
    other = corpus(500)
    for step in reversed(range(40)):
        assert torch.equal(torch.cat(other.batch(step)), steps[step])
    assert not torch.equal(torch.cat(corpus(500, seed=2).batch(0)), steps[0])


def test_rows_do_not_depend_on_how_they_are_batched() -> None:
    three, five = corpus(500, batch=3), corpus(500, batch=5)
    assert torch.equal(
        torch.cat([three.batch(step)[0] for step in range(50)]),
        torch.cat([five.batch(step)[0] for step in range(30)]),
    )


def test_an_epoch_visits_every_window_once_in_an_order_and_from_an_offset_of_its_own() -> None:
    c = corpus(500)
    epochs = [epoch_starts(c, epoch) for epoch in range(30)]
    offsets = {min(starts) for starts in epochs}
    assert offsets <= set(range(8))
    assert len(offsets) > 4
    for starts in epochs:
        assert sorted(starts) == list(range(min(starts), min(starts) + 8 * c.windows_per_epoch, 8))
        assert starts != sorted(starts)
    orders = {tuple((start - min(starts)) // 8 for start in starts) for starts in epochs}
    assert len(orders) == len(epochs)


@settings(deadline=None, max_examples=60)
@given(st.integers(9, 300), st.integers(1, 12))
def test_training_never_reads_what_validates(n: int, context: int) -> None:
    if n < context + 1:
        return
    c = corpus(n, context=context, batch=2)
    trained = max(int(c.batch(step)[1].max()) for step in range(2 * c.windows_per_epoch))
    validating = [int(inputs.min()) for inputs, _ in c.validation_batches()]
    assert trained < n
    assert all(first > trained for first in validating)
    assert bool(validating) == bool(c.validation_windows)


def test_the_first_nine_tenths_train_and_the_rest_validates() -> None:
    c = corpus(1000)
    assert (c.n_tokens, c.train_windows, c.validation_windows) == (1000, 112, 12)  # 900 and 100 tokens
    starts = torch.cat([inputs[:, 0] for inputs, _ in c.validation_batches()])
    assert starts.tolist() == list(range(900, 996, 8))
    for inputs, targets in c.validation_batches():
        assert torch.equal(targets, inputs + 1)
    assert [len(inputs) for inputs, _ in c.validation_batches()] == [3, 3, 3, 3]
    assert [len(inputs) for inputs, _ in corpus(1000, batch=5).validation_batches()] == [5, 5, 2]


def test_a_text_too_short_to_spare_a_window_trains_with_all_of_it() -> None:
    c = corpus(80)
    assert c.validation_windows == 0
    assert list(c.validation_batches()) == []
    assert c.train_windows == 9
    assert corpus(90).validation_windows == 1


def test_the_offset_of_a_short_text_reaches_to_its_end_and_no_further() -> None:
    c = corpus(12)  # the last target may be token 11, so a window may start at 0 to 3
    assert {epoch_starts(c, epoch)[0] for epoch in range(40)} == {0, 1, 2, 3}


def test_one_window_is_enough_and_one_token_less_is_not() -> None:
    c = corpus(9)
    assert c.windows_per_epoch == 1
    assert c.batch(0)[0].tolist() == [list(range(8))] * 3
    with pytest.raises(ValueError, match="has 8 tokens to train on, and a context of 8 needs 9"):
        corpus(8)
    with pytest.raises(ValueError, match="has 0 tokens"):
        corpus(0)


@pytest.mark.parametrize(
    "bad", [{"context": 0}, {"batch": 0}, {"validation_fraction": 1.0}, {"paragraph_starts": 1.5}]
)
def test_numbers_out_of_range_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        corpus(100, **bad)


def test_a_negative_step_is_refused() -> None:
    with pytest.raises(ValueError, match="step -1"):
        corpus(100).batch(-1)


def test_unigram_entropy_is_that_of_the_training_parts_frequencies() -> None:
    tokens = np.array([7, 7, 7, 9] * 225 + [3] * 100, dtype=np.int32)
    c = Corpus(tokens, context=8, batch=2, seed=0)
    counts = Counter(tokens[:900].tolist())
    expected = -sum(n / 900 * math.log(n / 900) for n in counts.values())
    assert c.unigram_entropy() == pytest.approx(expected)
    assert c.unigram_entropy() == pytest.approx(0.562, abs=5e-4)


def test_a_text_of_documents_is_cut_between_two_of_them() -> None:
    tokens = np.arange(200, dtype=np.uint16)
    for end in (60, 170, 184):
        tokens[end] = END_OF_TEXT_ID
    c = Corpus(tokens, context=8, batch=2, seed=0)
    assert next(c.validation_batches())[0][0, 0] == 185  # nearer to 180 than 171
    assert c.counts().sum() == 185 and c.counts()[END_OF_TEXT_ID] == 3
    c = Corpus(tokens, context=8, batch=2, seed=0, validation_fraction=0.7)
    assert next(c.validation_batches())[0][0, 0] == 61
    c = Corpus(tokens, context=24, batch=2, seed=0)  # after 185 there is no window
    assert next(c.validation_batches())[0][0, 0] == 171


def test_counting_in_parts_counts_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.data._AT_ONCE", 7)
    tokens = np.random.default_rng(0).integers(0, 50257, 100)
    assert counts(tokens).tolist() == np.bincount(tokens, minlength=50257).tolist()


def paragraphs(n: int) -> np.ndarray:
    """A text of paragraphs of 1 to 12 tokens, each ended in one of the ways a paragraph ends.

    A token is 1000 and its position, but for those that end a paragraph.
    """
    draws = np.random.default_rng(3)
    ids: list[int] = []
    while len(ids) < n:
        ids += range(1000 + len(ids), 1000 + len(ids) + int(draws.integers(1, 13)))
        ids += ENDS[int(draws.integers(len(ENDS)))]
    return np.array(ids[:n], dtype=np.uint16)


ENDS = [gpt2().encode("\n"), gpt2().encode("\n\n"), gpt2().encode("\n\n\n"), [END_OF_TEXT_ID]]
END_IDS = {token for end in ENDS for token in end}


def of_text(window: torch.Tensor) -> list[int]:
    """The tokens of a window that end no paragraph."""
    return [token for token in window.tolist() if token not in END_IDS]


def starts_of(ids: np.ndarray, **settings: Any) -> list[int]:
    """The position of each window's first token in one epoch; -1 where it ends a paragraph."""
    c = Corpus(ids, batch=1, seed=1, validation_fraction=0, **settings)
    firsts = [int(c.batch(step)[0][0, 0]) for step in range(c.windows_per_epoch)]
    return [-1 if first in END_IDS else first - 1000 for first in firsts]


def test_a_share_of_the_windows_begins_with_the_first_paragraph_that_begins_in_them() -> None:
    ids = paragraphs(6000)
    as_cut = starts_of(ids, context=32)
    moved = starts_of(ids, context=32, paragraph_starts=1.0)
    for cut, start in zip(as_cut, moved, strict=True):
        assert start == 0 or (start > 0 and int(ids[start - 1]) in END_IDS)
        if cut >= 0:
            between = range(cut, start)
            begins = [at for at in between if at == 0 or int(ids[at - 1]) in END_IDS]
            assert 0 <= start - cut < 32 and all(int(ids[at]) in END_IDS for at in begins)
    some = starts_of(ids, context=32, paragraph_starts=0.5)
    assert set(some) <= {*as_cut, *moved}
    share = sum(now != cut for now, cut in zip(some, as_cut, strict=True)) / len(as_cut)
    assert 0.3 < share < 0.6  # some of those drawn began with a paragraph already
    assert some == starts_of(ids, context=32, paragraph_starts=0.5)


@pytest.mark.parametrize("n", range(300, 320))
def test_a_window_is_moved_no_further_than_its_length_and_the_text_allow(n: int) -> None:
    ids = np.arange(1000, 1000 + n, dtype=np.uint16)
    ids[np.arange(40, n, 41)] = 198  # 41 tokens: some windows of 16 hold no beginning
    begins = [at for at in range(1, n) if ids[at - 1] == 198]
    as_cut = starts_of(ids, context=16)
    moved = starts_of(ids, context=16, paragraph_starts=1.0)
    expected = []
    for cut in as_cut:
        near = [at for at in begins if cut <= at < cut + 16 and at + 16 < n]
        expected.append(near[0] if near else cut)
    shown = [(now, wanted) for now, wanted, cut in zip(moved, expected, as_cut, strict=True) if cut >= 0]
    assert all(now == wanted for now, wanted in shown)
    assert moved != as_cut


def test_moved_windows_never_read_what_validates() -> None:
    c = Corpus(paragraphs(900), context=32, batch=1, seed=1, paragraph_starts=1.0)
    validating = min(token for inputs, _ in c.validation_batches() for token in of_text(inputs[0]))
    for step in range(9 * c.windows_per_epoch):
        inputs, targets = c.batch(step)
        assert torch.equal(inputs[:, 1:], targets[:, :-1])
        assert max(of_text(targets[0])) < validating
