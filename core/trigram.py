"""A trigram model of a text: what a neural model of it has to beat."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.tokenizer import N_VOCAB

Ids = NDArray[np.integer]
LARGEST_ORDER = 4  # N_VOCAB**4 is the last power below 2**63
FALLBACK = (0.5, 1.0, 1.5)  # KenLM's `--discount_fallback`


@dataclass(frozen=True, kw_only=True)
class Order:
    """The n-grams of one order, each one number: its ids as digits of base V, so that // V is the context."""

    ngrams: NDArray[np.int64]  # (K,), ascending
    shares: NDArray[np.float64]  # (K,) what discounting leaves of a count, over the total of the context
    contexts: NDArray[np.int64]  # (C,), ascending
    freed: NDArray[np.float64]  # (C,) what discounting takes from a context: the weight of the lower order
    discounts: tuple[float, float, float]

    @classmethod
    def of(cls, ngrams: NDArray[np.int64], counts: NDArray[np.int64]) -> "Order":
        """From ascending n-grams (K,) and how often each was counted (K,)."""
        discounts = estimated(counts)
        taken = np.array((0.0, *discounts))[np.minimum(counts, 3)]  # (K,)
        before = ngrams // N_VOCAB  # (K,)
        starts = np.flatnonzero(np.diff(before, prepend=-1))  # (C,)
        totals = np.add.reduceat(counts, starts)  # (C,)
        return cls(
            ngrams=ngrams,
            shares=(counts - taken) / np.repeat(totals, np.diff(starts, append=len(ngrams))),
            contexts=before[starts],
            freed=np.add.reduceat(taken, starts) / totals,
            discounts=discounts,
        )

    def of_ngrams(self, ngrams: NDArray[np.int64], lower: NDArray[np.float64]) -> NDArray[np.float64]:
        """The probabilities of the last tokens of n-grams, from those of the order below: all (...)."""
        freed = _looked_up(self.contexts, self.freed, ngrams // N_VOCAB, missing=1.0)
        return _looked_up(self.ngrams, self.shares, ngrams, missing=0.0) + freed * lower

    def after(self, context: int, lower: NDArray[np.float64]) -> NDArray[np.float64]:
        """The probabilities (V,) of all tokens after a context, from those of the order below (V,)."""
        probs = _looked_up(self.contexts, self.freed, np.array(context), missing=1.0) * lower
        first, last = np.searchsorted(self.ngrams, (context * N_VOCAB, (context + 1) * N_VOCAB))
        probs[self.ngrams[first:last] % N_VOCAB] += self.shares[first:last]
        return probs


class KneserNey:
    """Interpolated modified Kneser-Ney smoothing (Chen & Goodman 1998, TR-10-98) over GPT-2's V tokens.

    With h' for a context h less its first token, and the uniform 1/V below the unigrams,

        p(w | h) = (c(hw) - D(c(hw))) / c(h) + freed(h) p(w | h'),   c(h) = sum over w of c(hw)
        freed(h) = (D1 N1(h) + D2 N2(h) + D3 N3(h)) / c(h)

    where D(c) is 0, D1, D2 or D3 for a c of 0, 1, 2 or more, and N1, N2 and N3 count the tokens w for which
    it is D1, D2 and D3; where c(h) is 0, p(w | h) is p(w | h'). In the highest order c(hw) is how often hw
    occurs, below it how many different tokens it occurs after, also where h is all the context there is.
    The text is one stream: n-grams reach from one document into the next.
    """

    def __init__(
        self, ids: Ids, order: int = 3, *, counted: Callable[[int], None] = lambda orders: None
    ) -> None:
        """ids (n,); `counted` hears how many orders are, and may break off by raising.

        Raises ValueError for an order out of range, a text shorter than it, an unknown id.
        """
        if not 1 <= order <= LARGEST_ORDER:
            raise ValueError(f"order is {order}; it must be 1 to {LARGEST_ORDER}")
        if len(ids) < order:
            raise ValueError(f"the text has {len(ids)} tokens, and order {order} needs as many")
        ngrams, counts = np.unique(_packed(ids, order), return_counts=True)
        orders = [Order.of(ngrams, counts)]
        counted(1)
        for n in range(order - 1, 0, -1):
            ngrams, counts = np.unique(ngrams % N_VOCAB**n, return_counts=True)
            orders.append(Order.of(ngrams, counts))
            counted(len(orders))
        self.orders = tuple(reversed(orders))  # that of the unigrams first

    def surprisals(self, ids: Ids) -> NDArray[np.float64]:
        """-log p, in nats, of all tokens of windows (..., n) but the first: (..., n - 1)."""
        probs = np.full(ids.shape, 1 / N_VOCAB)
        for n, order in enumerate(self.orders, 1):
            probs[..., n - 1 :] = order.of_ngrams(_packed(ids, n), probs[..., n - 1 :])
        scored: NDArray[np.float64] = probs[..., 1:]
        return -np.log(scored)

    def distribution(self, context_ids: Sequence[int]) -> NDArray[np.float64]:
        """The probabilities of all tokens after a context of any length: (V,), their sum is 1."""
        probs = np.full(N_VOCAB, 1 / N_VOCAB)
        for n, order in enumerate(self.orders[: len(context_ids) + 1]):
            last = np.array(context_ids[len(context_ids) - n :], dtype=np.int64)  # (n,)
            probs = order.after(int(_packed(last, n)[0]), probs)
        return probs


def estimated(counts: NDArray[np.int64]) -> tuple[float, float, float]:
    """D1, D2 and D3 from the counts of n-grams (K,), or the fallback where these are too few for that.

    Dk = k - (k + 1) Y n(k + 1) / n(k) with Y = n(1) / (n(1) + 2 n(2)), where n(k) is how many n-grams were
    counted k times (Chen & Goodman 1998).
    """
    _, n1, n2, n3, n4, _ = np.bincount(np.minimum(counts, 5), minlength=6).tolist()
    if min(n1, n2, n3, n4) == 0:
        return FALLBACK
    y = n1 / (n1 + 2 * n2)
    found = 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3
    return found if min(found) > 0 else FALLBACK


def _packed(ids: Ids, n: int) -> NDArray[np.int64]:
    """The n-grams of windows (..., T), each as one number: (..., T - n + 1), or none in shorter windows."""
    if ids.size and not 0 <= ids.min() <= ids.max() < N_VOCAB:
        raise ValueError(f"ids are from {ids.min()} to {ids.max()}; they must be in 0 to {N_VOCAB - 1}")
    length = max(0, ids.shape[-1] - n + 1)
    ngrams = np.zeros((*ids.shape[:-1], length), dtype=np.int64)
    for at in range(n):
        ngrams = ngrams * N_VOCAB + ids[..., at : at + length]
    return ngrams


def _looked_up(
    keys: NDArray[np.int64], values: NDArray[np.float64], wanted: NDArray[np.int64], *, missing: float
) -> NDArray[np.float64]:
    """The values (K,) of ascending keys (K,) for those wanted (...): (...), `missing` where there is none."""
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, values[at], missing)
