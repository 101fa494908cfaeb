"""The trigram model: its probabilities against counting in dictionaries."""

from collections import Counter

import numpy as np
import pytest

from core.tokenizer import N_VOCAB
from core.trigram import FALLBACK, KneserNey, estimated

LAST = N_VOCAB - 1
Context = tuple[int, ...]


def a_text(n: int = 3000) -> np.ndarray:
    """Tokens (n,) of which few are frequent and many rare, the greatest id among them."""
    return (LAST - 7 * np.random.default_rng(5).zipf(1.6, n) % 700).astype(np.uint16)


IDS = a_text()


class Dictionaries:
    """The textbook's model, one probability at a time."""

    def __init__(self, ids: list[int], order: int) -> None:
        self.counts: list[Counter[Context]] = [
            Counter(tuple(ids[i : i + order]) for i in range(len(ids) - order + 1))
        ]
        while len(self.counts) < order:
            self.counts.insert(0, Counter(ngram[1:] for ngram in self.counts[0]))
        self.discounts = [self._discounts(counts) for counts in self.counts]

    @staticmethod
    def _discounts(counts: Counter[Context]) -> dict[int, float]:
        n = Counter(counts.values())
        y = n[1] / (n[1] + 2 * n[2]) if n[1] and n[2] else 0
        found = {k: k - (k + 1) * y * n[k + 1] / n[k] if n[k] else 0.0 for k in (1, 2, 3)}
        usable = all(n[k] for k in (1, 2, 3, 4)) and all(d > 0 for d in found.values())
        return found if usable else {1: 0.5, 2: 1.0, 3: 1.5}

    def p(self, token: int, context: Context) -> float:
        context = context[max(0, len(context) - len(self.counts) + 1) :]
        lower = self.p(token, context[1:]) if context else 1 / N_VOCAB
        d, counts = self.discounts[len(context)], self.counts[len(context)]
        follow = {ngram[-1]: c for ngram, c in counts.items() if ngram[:-1] == context}
        if not follow:
            return lower
        total = sum(follow.values())
        freed = sum(d[min(c, 3)] for c in follow.values()) / total
        own = follow[token] - d[min(follow[token], 3)] if token in follow else 0.0
        return own / total + freed * lower


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_probabilities_are_those_of_counting_in_dictionaries(order: int) -> None:
    model, slow = KneserNey(IDS, order), Dictionaries(IDS.tolist(), order)
    other = [*a_text(200)[::-1].tolist(), 3, 5, LAST, LAST]  # n-grams seen and unseen; two tokens never seen
    expected = [slow.p(token, tuple(other[:i])) for i, token in enumerate(other)]
    np.testing.assert_allclose(model.surprisals(np.array(other)), -np.log(expected[1:]), rtol=1e-12)
    assert [order.discounts for order in model.orders] == [tuple(d.values()) for d in slow.discounts]
    assert model.orders[-1].discounts != FALLBACK


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_surprisals_are_those_of_the_distribution(order: int) -> None:
    model, ids = KneserNey(IDS, order), [*IDS[:30].tolist(), 3, *IDS[50:60].tolist()]
    expected = [-np.log(model.distribution(ids[:i])[ids[i]]) for i in range(1, len(ids))]
    np.testing.assert_allclose(model.surprisals(np.array(ids)), expected, rtol=1e-12)


@pytest.mark.parametrize("ids", [IDS, IDS[:3], np.full(10, LAST)], ids=["long", "short", "one token"])
def test_a_distribution_sums_to_one_after_any_context(ids: np.ndarray) -> None:
    model, seen = KneserNey(ids), ids.tolist()
    contexts = [
        [],
        seen[:1],
        seen[:2],
        seen[1:3],
        seen,
        [3, seen[0]],
        [seen[0], 3],
        [3, 5],
        [0],
        [LAST, LAST],
    ]
    for context in contexts:
        probs = model.distribution(context)
        assert probs.shape == (N_VOCAB,) and probs.min() > 0
        assert probs.sum() == pytest.approx(1, abs=1e-12)


def test_discounts_are_those_of_the_formula_and_a_text_too_small_for_it_takes_the_fallback() -> None:
    assert estimated(np.repeat([1, 2, 3, 4, 9], [8, 4, 2, 1, 3])) == (0.5, 1.25, 2.0)
    assert estimated(np.repeat([1, 2, 3], [8, 4, 2])) == FALLBACK
    assert estimated(np.repeat([1, 2, 3, 4], [8, 1, 9, 1])) == FALLBACK  # D2 would be negative


def test_windows_are_rows_as_well() -> None:
    model = KneserNey(IDS)
    rows = IDS[:60].reshape(4, 15)
    assert np.array_equal(model.surprisals(rows), [model.surprisals(row) for row in rows])
    assert model.surprisals(IDS[:1]).shape == (0,)


def test_every_order_is_told_as_it_is_counted_and_may_be_the_last() -> None:
    heard: list[int] = []
    KneserNey(IDS, order=3, counted=heard.append)
    assert heard == [1, 2, 3]

    def enough(orders: int) -> None:
        raise TimeoutError(orders)

    with pytest.raises(TimeoutError, match="1"):
        KneserNey(IDS, order=3, counted=enough)


def test_what_cannot_be_counted_is_refused() -> None:
    with pytest.raises(ValueError, match="order is 5; it must be 1 to 4"):
        KneserNey(IDS, order=5)
    with pytest.raises(ValueError, match="2 tokens, and order 3"):
        KneserNey(IDS[:2])
    with pytest.raises(ValueError, match="to 50257; they must be in 0 to 50256"):
        KneserNey(np.array([0, 1, N_VOCAB]))
    with pytest.raises(ValueError, match="from -1 to -1"):
        KneserNey(IDS).distribution([3, -1])
