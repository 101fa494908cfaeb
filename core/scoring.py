"""A text as the model sees it: every prefix, the token that really follows, and what was expected."""

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from core import information, losses
from core.messages import Candidate, Prediction, Summary, Table, Token, real
from core.models.gpt2 import Model
from core.tokenizer import Tokenizer

_ROWS_AT_ONCE = 64  # rows of logits held at a time: 64 x 50,257 floats are 13 MB


class Scorer:
    """Scores texts with one model. Nothing here is random and nothing changes the model."""

    def __init__(self, model: Model, tokenizer: Tokenizer) -> None:
        self._model = model
        self._tokenizer = tokenizer

    def surprisals(self, ids: Sequence[int]) -> Tensor:
        """-log p of tokens 1 .. n-1, each given all before it in its window: (n - 1,) float64, in nats."""
        if len(ids) < 2:
            return torch.zeros(0, dtype=torch.float64)
        parts = [
            losses.surprisal(logits[: len(targets)], targets)
            for logits, targets in self._rows(ids)
            if len(targets)
        ]
        return torch.cat(parts).double()

    def table(
        self,
        text: str,
        ids: Sequence[int],
        *,
        top_k: int,
        step: int,
        before: Tensor | None = None,
        before_step: int | None = None,
    ) -> Table:
        """The whole table of a text of n tokens: n - 1 scored rows and one open row.

        `before` are the surprisals (n - 1,) of the same text at step `before_step`, where they are known.
        """
        predictions: list[Prediction] = []
        for logits, targets in self._rows(ids):  # (r, V), (r,) or (r - 1,)
            aligned = torch.zeros(len(logits), dtype=torch.long)  # the open row's place is never read
            aligned[: len(targets)] = targets
            stats = losses.statistics(logits, aligned, top_k)
            assert stats.log_prob is not None and stats.rank is not None  # there were targets
            tops = zip(stats.top_ids.tolist(), stats.top_log_probs.tolist(), strict=True)
            scored = list(zip(targets.tolist(), stats.log_prob.tolist(), stats.rank.tolist(), strict=False))
            for row, (entropy, (top_ids, top_log_probs)) in enumerate(
                zip(stats.entropy.tolist(), tops, strict=True)
            ):
                target = self._candidate(*scored[row]) if row < len(scored) else None
                index = len(predictions)
                moved = None
                if target is not None and before is not None:
                    moved = real(target.surprisal - float(before[index]))
                top = tuple(
                    self._candidate(token_id, log_prob, rank)
                    for rank, (token_id, log_prob) in enumerate(zip(top_ids, top_log_probs, strict=True), 1)
                )
                predictions.append(Prediction(entropy=real(entropy), top=top, target=target, moved=moved))
        return Table(
            text=text,
            tokens=tuple(Token(token_id=i, piece=self._tokenizer.piece(i)) for i in ids),
            predictions=tuple(predictions),
            window_starts=tuple(range(0, max(1, len(ids)), self._model.config.n_positions)),
            summary=self._summary(ids, predictions),
            step=step,
            moved_from=before_step if before is not None else None,
        )

    def find(self, ids: Sequence[int], position: int, query: str, limit: int) -> tuple[list[Candidate], int]:
        """The tokens that hold `query`, as seen after token `position`; and how many there are.

        What was typed itself comes first (also with a space in front), then the rest, most probable first.
        Raises ValueError for a position the text does not have.
        """
        log_probs = losses.log_probs(self.logits_at(ids, position))  # (V,)
        matches = torch.tensor(self._tokenizer.containing(query), dtype=torch.long)
        typed = query.strip().encode()
        itself = [bool(typed) and self._tokenizer.piece(i).strip() == typed for i in matches.tolist()]
        first = torch.tensor(itself, dtype=torch.bool)
        parts = (matches[first], matches[~first])
        best = torch.cat([ids[log_probs[ids].argsort(descending=True)] for ids in parts])[:limit]
        ranks = losses.target_rank(log_probs.expand(len(best), -1), best)
        triples = zip(best.tolist(), log_probs[best].tolist(), ranks.tolist(), strict=True)
        return [self._candidate(*triple) for triple in triples], len(matches)

    def logits_at(self, ids: Sequence[int], position: int) -> Tensor:
        """The logits (V,) after token `position`. Raises ValueError for one the text does not have."""
        if not 0 <= position < len(ids):
            raise ValueError(f"position {position} is outside the text of {len(ids)} tokens")
        start = position - position % self._model.config.n_positions
        with torch.inference_mode():
            hidden = self._model(torch.tensor([ids[start : position + 1]]))  # (1, T, D)
            return self._model.logits(hidden[0, -1])  # (V,)

    def _rows(self, ids: Sequence[int]) -> Iterator[tuple[Tensor, Tensor]]:
        """Logits (r, V) of consecutive positions with their targets: (r,), or (r - 1,) at the open row.

        Window k reads ids [kC, (k+1)C) and predicts [kC+1, (k+1)C+1), so only the very first token is
        never predicted.
        """
        context = self._model.config.n_positions
        with torch.inference_mode():
            for start in range(0, len(ids), context):
                hidden = self._model(torch.tensor([ids[start : start + context]]))[0]  # (T, D)
                for first in range(0, len(hidden), _ROWS_AT_ONCE):
                    rows = hidden[first : first + _ROWS_AT_ONCE]
                    at = start + first + 1
                    targets = torch.tensor(ids[at : at + len(rows)], dtype=torch.long)
                    yield self._model.logits(rows), targets

    def _summary(self, ids: Sequence[int], predictions: Sequence[Prediction]) -> Summary:
        surprisals = [p.target.surprisal for p in predictions if p.target is not None]
        if not surprisals:
            return Summary(scored=0, mean=None, perplexity=None, bits_per_byte=None)
        total = math.fsum(surprisals) if all(map(math.isfinite, surprisals)) else sum(surprisals)
        n_bytes = sum(len(self._tokenizer.piece(i)) for i in ids[1:])
        mean = total / len(surprisals)
        return Summary(
            scored=len(surprisals),
            mean=real(mean),
            perplexity=real(information.perplexity(mean)),
            bits_per_byte=real(information.bits_per_byte(total, n_bytes)),
        )

    def _candidate(self, token_id: int, log_prob: float, rank: int) -> Candidate:
        return Candidate(
            token_id=token_id, piece=self._tokenizer.piece(token_id), log_prob=real(log_prob), rank=rank
        )
