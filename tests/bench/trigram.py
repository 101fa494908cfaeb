"""How well a Kneser-Ney trigram model predicts a text: what a neural model has to beat.

    python -m tests.bench.trigram TEXT OTHER [OTHER...] [--held-out SHARE] [--context N] [--batch N]

It learns from the training part of TEXT, as `neglogp train TEXT` with the same options has it, and prints a
JSON line for each OTHER and one for the held-out part. `nats` is the mean surprisal over `scored` tokens.

A text is read as the neural model reads it (core/data.py, core/reading.py): window k is tokens kN to kN + N,
so that its last is the first of window k + 1. The first token of a window is only context there; each of the
other N is scored given the two before it, or the one where the window begins. So every token of a text but
its first is scored once. The last window of an OTHER may be shorter; in the held-out part such a rest is left
out, as in training. `validation` is the mean over only those of its windows that an evaluation of a training
goes over, a sample that depends on the batch. `ngrams` and `discounts` are of each order, unigrams first.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.data import Corpus
from core.messages import Training
from core.recipe import Addressed
from core.texts import Texts
from core.tokenizer import N_VOCAB, gpt2
from tests.bench.contest import Record, options, report
from tests.expected_words import EXPECTED, expected_among
from tui.textfile import load_text_file

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

    def __init__(self, ids: Ids, order: int = 3) -> None:
        """ids (n,). Raises ValueError for an order out of range, a text shorter than it, an unknown id."""
        if not 1 <= order <= LARGEST_ORDER:
            raise ValueError(f"order is {order}; it must be 1 to {LARGEST_ORDER}")
        if len(ids) < order:
            raise ValueError(f"the text has {len(ids)} tokens, and order {order} needs as many")
        ngrams, counts = np.unique(_packed(ids, order), return_counts=True)
        orders = [Order.of(ngrams, counts)]
        for n in range(order - 1, 0, -1):
            ngrams, counts = np.unique(ngrams % N_VOCAB**n, return_counts=True)
            orders.append(Order.of(ngrams, counts))
        self.orders = tuple(reversed(orders))  # that of the unigrams first

    def surprisals(self, ids: Ids) -> NDArray[np.float64]:
        """-log p, in nats, of all tokens of windows (..., n) but the first: (..., n - 1)."""
        probs = np.full(ids.shape, 1 / N_VOCAB)
        for n, order in enumerate(self.orders, 1):
            probs[..., n - 1 :] = order.of_ngrams(_packed(ids, n), probs[..., n - 1 :])
        return -np.log(probs[..., 1:])

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


def by_window(model: KneserNey, ids: Ids, context: int) -> NDArray[np.float64]:
    """The surprisals (n - 1,) of a text (n,), n > 1, read in windows of `context` inputs."""
    starts = range(0, len(ids) - 1, context)
    return np.concatenate([model.surprisals(ids[at : at + context + 1]) for at in starts])


def likeliest(model: KneserNey, prompt: str, n: int) -> list[str]:
    """The n likeliest tokens after a prompt, as text."""
    probs = model.distribution(gpt2().encode(prompt))
    best = np.argsort(-probs, kind="stable")[:n].tolist()
    return [gpt2().piece(token_id).decode(errors="replace") for token_id in best]


def held_out(model: KneserNey, corpus: Corpus, training: Training) -> Record:
    """What is measured on the windows that validate."""

    def total(inputs: Tensor, targets: Tensor) -> float:
        rows = torch.cat([inputs, targets[:, -1:]], dim=1).numpy()  # (b, N + 1)
        return float(model.surprisals(rows).sum())

    scored = corpus.validation_windows * corpus.context
    nats = sum(total(inputs, targets) for inputs, targets in corpus.validation_batches()) / scored
    sampled = Addressed(corpus, training).overview(total).validation
    assert sampled is not None  # there are windows
    return {
        "scored": scored,
        "nats": round(nats, 4),
        "validation": round(sampled, 4),
        "batch": training.batch,
    }


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


def main() -> None:
    words = options(__doc__)
    words.add_argument("text", type=Path)
    words.add_argument("others", type=Path, nargs="+")
    words.add_argument("--held-out", type=float, default=0.05)
    words.add_argument("--context", type=int, default=256)
    words.add_argument("--batch", type=int, default=16)
    given = words.parse_args()
    training = Training(context=given.context, batch=given.batch, held_out=given.held_out)
    texts = Texts(gpt2())
    text, *others = (texts.add(str(file), load_text_file(file).text) for file in (given.text, *given.others))
    corpus = Corpus(text.ids, training.context, training.batch, training.seed, training.held_out)
    began = time.monotonic()
    learnt = corpus.training
    model = KneserNey(learnt)
    about = {
        "name": "trigram",
        "context": training.context,
        "learnt_from": len(learnt),
        "ngrams": [len(order.ngrams) for order in model.orders],
        "discounts": [[round(discount, 3) for discount in order.discounts] for order in model.orders],
        "seconds": round(time.monotonic() - began, 1),
    }
    for other in others:
        found = by_window(model, other.ids, training.context)
        record = {"text": Path(other.name).name, "scored": len(found), "nats": round(float(found.mean()), 4)}
        report({**about, **record})
    if corpus.validation_windows:
        report({**about, "text": "held out", **held_out(model, corpus, training)})
    for prompt in EXPECTED:
        first = likeliest(model, prompt, 10)
        report(
            {
                "name": "trigram list",
                "prompt": prompt,
                "first": first,
                "expected": len(expected_among(prompt, first)),
            }
        )


if __name__ == "__main__":
    main()
