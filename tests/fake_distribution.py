"""A made-up bigram model over GPT-2's whole vocabulary that "learns" by a fixed rule, for the fake engine."""

import math
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from core import information, mixes
from core import messages as m
from core.tokenizer import Tokenizer

LIFT = -2.5  # the logsumexp of all logits
STEPS_TO_LEARN = 60  # after which the gain of a step has fallen to 1/e


def learned(step: int) -> float:
    """How much of all there is to learn is known after so many steps: 0 at first, towards 1."""
    return 1 - math.exp(-step / STEPS_TO_LEARN)


class FakeDistribution:
    """log q(next | last token) as a function of (seed, text, step): noise, and what follows in the text."""

    def __init__(self, tokenizer: Tokenizer, ids: Sequence[int], seed: int, context: int) -> None:
        self._tokenizer = tokenizer
        self._context = context
        self._seed = seed
        self._followers: dict[int, set[int]] = defaultdict(set)
        for token_id, following in pairwise(ids):
            self._followers[token_id].add(following)
        self._row = lru_cache(maxsize=256)(self._made_row)

    def row(self, token_id: int, step: int) -> NDArray[np.float64]:
        """log q of every token after this one: (V,)."""
        return self._row(token_id, step)

    def _made_row(self, token_id: int, step: int) -> NDArray[np.float64]:
        address = np.uint64(token_id * 1_000_003 + self._seed * 7_919 + 1)
        ids = np.arange(self._tokenizer.n_vocab, dtype=np.uint64)
        mixed = (ids + address) * np.uint64(0x9E3779B97F4A7C15)
        logits = (mixed >> np.uint64(11)) / 2**53  # (V,) in [0, 1)
        logits[list(self._followers[token_id])] += 9.0 * learned(step)
        return np.asarray(logits - np.log(np.exp(logits).sum()))

    def candidate(self, row: NDArray[np.float64], token_id: int) -> m.Candidate:
        log_prob = float(row[token_id])
        rank = 1 + int((row > log_prob).sum())
        return m.Candidate(
            token_id=token_id, piece=self._tokenizer.piece(token_id), log_prob=log_prob, rank=rank
        )

    def surprisals(self, ids: Sequence[int], step: int) -> list[float]:
        """-log q of every token but the first, in nats."""
        return [-float(self.row(a, step)[b]) for a, b in pairwise(ids)]

    def predicted(self, prefix: Sequence[int], step: int, top_k: int) -> m.Predicted:
        """The prediction after a prefix, with its logits."""
        row = self.row(prefix[-1], step)
        top = np.argsort(-row, kind="stable")[:top_k]
        others = np.delete(row, top)
        return m.Predicted(
            step=step,
            prefix=tuple(m.Token(token_id=i, piece=self._tokenizer.piece(i)) for i in prefix),
            entropy=float(-(np.exp(row) * row).sum()),
            top=tuple(self.candidate(row, int(j)) for j in top),
            logits=tuple(float(row[j]) + LIFT for j in top),
            others=math.log(np.exp(others).sum()) + LIFT,
            n_others=len(others),
        )

    def table(
        self,
        request: m.Score,
        ids: Sequence[int],
        step: int,
        before: tuple[int, Sequence[float]] | None = None,
    ) -> m.Table:
        """The table of a text of these ids; `before` are its surprisals at another step."""
        predictions = []
        top_k = request.top_k
        for i, token_id in enumerate(ids):
            row = self.row(token_id, step)
            best = np.argpartition(-row, top_k)[:top_k]
            best = best[np.argsort(-row[best], kind="stable")]
            target = self.candidate(row, ids[i + 1]) if i + 1 < len(ids) else None
            moved = target.surprisal - before[1][i] if target is not None and before is not None else None
            predictions.append(
                m.Prediction(
                    entropy=float(-(np.exp(row) * row).sum()),
                    top=tuple(self.candidate(row, int(j)) for j in best),
                    target=target,
                    moved=moved,
                )
            )
        return m.Table(
            text=request.text,
            first_token=request.first_token,
            tokens=tuple(m.Token(token_id=i, piece=self._tokenizer.piece(i)) for i in ids),
            predictions=tuple(predictions),
            window_starts=tuple(range(0, max(1, len(ids)), self._context)),
            summary=self._summary(request, ids, [p.target.surprisal for p in predictions if p.target]),
            step=step,
            moved_from=before[0] if before is not None else None,
        )

    def _summary(self, request: m.Score, ids: Sequence[int], surprisals: Sequence[float]) -> m.Summary:
        if not surprisals:
            return m.Summary(scored=0, mean=None, perplexity=None, bits_per_byte=None)
        total = math.fsum(surprisals)
        mean = total / len(surprisals)
        others = surprisals[1:] if request.first_token else []
        return m.Summary(
            scored=len(surprisals),
            mean=mean,
            perplexity=information.perplexity(mean),
            bits_per_byte=information.bits_per_byte(total, len(self._tokenizer.decode(ids[1:]))),
            without_first=math.fsum(others) / len(others) if others else None,
        )

    def find(self, last: int, step: int, query: str, limit: int) -> m.Candidates:
        row = self.row(last, step)
        typed = query.strip().encode()
        matches = self._tokenizer.containing(query)
        matches.sort(key=lambda i: (not typed or self._tokenizer.piece(i).strip() != typed, -row[i]))
        return m.Candidates(
            found=tuple(self.candidate(row, i) for i in matches[:limit]), matches=len(matches)
        )

    def arithmetic(self, ids: Sequence[int], position: int, step: int) -> m.Arithmetic:
        """How -log q of a row of the text comes about from the logits, which are the row of log q + LIFT."""
        row = self.row(ids[position], step)
        follows = position + 1 < len(ids)
        token_id = ids[position + 1] if follows else int(row.argmax())
        candidate = self.candidate(row, token_id)
        surprisals = self.surprisals(ids, step)
        return m.Arithmetic(
            position=position,
            step=step,
            token=m.Token(token_id=token_id, piece=candidate.piece),
            logit=float(row[token_id]) + LIFT,
            logsumexp=LIFT,
            cross_entropy=candidate.surprisal,
            rank=candidate.rank,
            vocab_size=self._tokenizer.n_vocab,
            entropy=float(-(np.exp(row) * row).sum()),
            scored=len(surprisals),
            others=math.fsum(surprisals) - candidate.surprisal if follows else None,
        )

    def weighed(self, last: int, step: int, request: m.Weigh) -> m.Weighed:
        """A mix against the prediction after this token, on plain floats."""
        row = self.row(last, step)
        total = math.fsum(float(each.share) for each in request.mix)  # parts of it, as the engine takes them
        p = {each.token_id: float(each.share) / total for each in request.mix}
        gradient = np.exp(row)
        for token_id, share in p.items():
            gradient[token_id] -= share
        largest = [int(i) for i in np.argsort(-np.abs(gradient), kind="stable")[: request.limit]]
        believed = [math.exp(row[token_id]) for token_id in p]

        def pull(token_id: int) -> m.Pull:
            return m.Pull(
                candidate=self.candidate(row, token_id),
                share=p.get(token_id, 0.0),
                gradient=float(gradient[token_id]),
            )

        return m.Weighed(
            targets=tuple(map(pull, p)),
            written=mixes.written(request.mix, self._tokenizer),
            entropy=information.entropy(list(p.values())),
            cross_entropy=information.cross_entropy(list(p.values()), believed),
            kl=information.kl(list(p.values()), believed),
            rows=tuple(map(pull, largest)),
            others=len(row) - len(largest),
            others_share=math.fsum(share for i, share in p.items() if i not in largest),
            others_probability=1 - math.fsum(math.exp(row[i]) for i in largest),
            others_gradient=-math.fsum(gradient[i] for i in largest),
        )

    def drawn(self, ids: Sequence[int], step: int, request: m.Generate) -> int:
        """One more token, a function of the request's seed and the number of tokens so far."""
        p = self._left(self.row(ids[-1], step), request.sampling)
        return int(np.random.default_rng([request.seed, len(ids)]).choice(len(p), p=p))

    def controlled(self, last: int, step: int, request: m.Control) -> m.Controlled:
        """What the sampling controls leave of the prediction after this token."""
        p = self._left(self.row(last, step), request.sampling)
        kept = p[p > 0]
        return m.Controlled(
            left=len(kept),
            entropy=float(0.0 - (kept * np.log(kept)).sum()),
            log_probs=tuple(m.real(math.log(p[i])) if p[i] > 0 else "-inf" for i in request.token_ids),
        )

    @staticmethod
    def _left(row: NDArray[np.float64], sampling: m.SampleConfig) -> NDArray[np.float64]:
        """The probabilities that are drawn from: (V,), 0 where a token is cut."""
        left = np.zeros_like(row)
        if sampling.temperature == 0:
            left[row.argmax()] = 1
            return left
        order = np.argsort(-row, kind="stable")[: sampling.top_k]
        p = np.exp((row[order] - row[order[0]]) / sampling.temperature)
        p /= p.sum()
        if sampling.top_p is not None:
            p[np.cumsum(p) - p >= sampling.top_p] = 0
            p /= p.sum()
        left[order] = p
        return left
