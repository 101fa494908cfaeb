"""A text as the model sees it: every prefix, the token that really follows, and what was expected."""

from collections.abc import Iterator, Sequence

import msgspec
import torch
from torch import Tensor

from core import chunked, losses
from core.candidates import candidates
from core.messages import Candidate, Prediction, Table, Token, real
from core.models.gpt2 import Model
from core.products import exactly
from core.reading import Reading
from core.tables import moved, summary
from core.tokenizer import Tokenizer

TOGETHER = 8  # rows that are worth no answer of their own before the rest
_ROWS_AT_ONCE = 64  # rows of logits held at a time: 64 x 50,257 floats are 13 MB


class Scorer:
    """Scores texts with one model, one after the other; what two have in common is computed once.

    Nothing here is random and nothing changes the model. Where its weights change, what was known is
    forgotten.
    """

    def __init__(self, model: Model, tokenizer: Tokenizer) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._reading = Reading(model)
        self._rows: list[Prediction | None] = []  # of the text that is read, as far as they are known
        self._top_k = 0  # candidates in each of them

    @property
    def context(self) -> int:
        """The most tokens the model reads at once."""
        return self._model.config.n_positions

    def surprisals(self, ids: Sequence[int]) -> Tensor:
        """-log p of tokens 1 .. n-1, each given all before it in its window: (n - 1,) float64, in nats."""
        if len(ids) < 2:
            return torch.zeros(0, dtype=torch.float64)
        self._turn_to(ids)
        for _ in self._reading.read():
            pass
        with exactly():
            hidden = self._reading.hidden(range(len(ids) - 1))  # (n - 1, D)
            targets = torch.tensor(ids[1:], device=hidden.device)
            surprisals = chunked.surprisals(hidden, self._model.head, targets)
        # What takes a product for a sum may lie a rounding error below 0.
        return surprisals.double().clamp(min=0).cpu()

    def steps(self, ids: Sequence[int], top_k: int) -> Iterator[Prediction | None]:
        """Compute what a table of this text needs and is not known yet, what is looked at first first.

        A turn comes after each part but the last, with the open row's prediction from when that is known.
        One may stop at any: what was computed is kept.
        """
        self._turn_to(ids)
        self._keep_candidates(top_k)
        if not ids:
            return
        for _ in self._reading.read_last():
            yield None
        missing = self._missing()
        if len(missing) > TOGETHER or not self._reading.complete:
            if self._rows[-1] is None:
                self._predict([len(ids) - 1])
            yield self._rows[-1]
            for _ in self._reading.read():
                yield self._rows[-1]
        for i, part in enumerate(self._missing_parts()):
            if i:
                yield self._rows[-1]
            self._predict(part)

    def read(self, ids: Sequence[int], top_k: int) -> None:
        """Compute all that a table of this text needs at once: no row is looked at before the others."""
        self._turn_to(ids)
        self._keep_candidates(top_k)
        for _ in self._reading.read():
            pass
        for part in self._missing_parts():
            self._predict(part)

    def table(
        self,
        text: str,
        ids: Sequence[int],
        *,
        top_k: int,
        step: int,
        first_token: bool = False,
        before: Tensor | None = None,
        before_step: int | None = None,
    ) -> Table:
        """The whole table of a text of n tokens: n - 1 scored rows and one open row.

        With `first_token` the first of them is `<|endoftext|>`, in front of the text. `before` are the
        surprisals (n - 1,) of the same text at step `before_step`, where they are known.
        """
        for _ in self.steps(ids, top_k):
            pass
        predictions = [row for row in self._rows if row is not None]
        tokens = tuple(Token(token_id=i, piece=self._tokenizer.piece(i)) for i in ids)
        return Table(
            text=text,
            tokens=tokens,
            predictions=tuple(predictions) if before is None else moved(predictions, before.tolist()),
            window_starts=tuple(range(0, max(1, len(ids)), self._model.config.n_positions)),
            summary=summary(tokens, predictions, first_token=first_token),
            step=step,
            first_token=first_token,
            moved_from=before_step if before is not None else None,
        )

    def find(self, ids: Sequence[int], position: int, query: str, limit: int) -> tuple[list[Candidate], int]:
        """The tokens that hold `query`, as seen after token `position`; and how many there are.

        What was typed itself comes first (also with a space in front), then the rest, most probable first.
        Raises ValueError for a position the text does not have.
        """
        logits = self.logits_at(ids, position)  # (V,)
        matches = torch.tensor(self._tokenizer.containing(query), dtype=torch.long)
        typed = query.strip().encode()
        itself = [bool(typed) and self._tokenizer.piece(i).strip() == typed for i in matches.tolist()]
        first = torch.tensor(itself, dtype=torch.bool)
        parts = (matches[first], matches[~first])
        best = torch.cat([ids[logits[ids].argsort(descending=True)] for ids in parts])[:limit]
        return candidates(logits, best, self._tokenizer), len(matches)

    def logits_at(self, ids: Sequence[int], position: int) -> Tensor:
        """The logits (V,) after token `position`. Raises ValueError for one the text does not have."""
        if not 0 <= position < len(ids):
            raise ValueError(f"position {position} is outside the text of {len(ids)} tokens")
        self._turn_to(ids)
        for _ in self._reading.read():
            pass
        with exactly():
            return self._model.logits(self._reading.hidden([position]))[0].cpu()  # (V,)

    # ---------------------------------------------------------------------------------- the rows by and by

    def _turn_to(self, ids: Sequence[int]) -> None:
        """Take up another text; the rows it has in common with the one before stay."""
        common = self._reading.turn_to(ids)
        self._rows = self._rows[:common] + [None] * (len(ids) - common)
        if not common:
            return
        # What the last of them predicts stands, but another token follows it now, or none.
        last = self._rows[common - 1]
        follows = ids[common] if common < len(ids) else None
        if last is not None and follows != (last.target and last.target.token_id):
            replaced = msgspec.structs.replace(last, target=None) if follows is None else None
            self._rows[common - 1] = replaced

    def _keep_candidates(self, top_k: int) -> None:
        """Have this many candidates in every row from now on."""
        if top_k < self._top_k:
            self._rows = [row and msgspec.structs.replace(row, top=row.top[:top_k]) for row in self._rows]
        elif top_k > self._top_k:
            self._rows = [None] * len(self._rows)
        self._top_k = top_k

    def _missing(self) -> list[int]:
        return [position for position, row in enumerate(self._rows) if row is None]

    def _missing_parts(self) -> list[list[int]]:
        """Those of them that are computed together."""
        missing = self._missing()
        return [missing[at : at + _ROWS_AT_ONCE] for at in range(0, len(missing), _ROWS_AT_ONCE)]

    def _predict(self, positions: Sequence[int]) -> None:
        """Compute the rows of these tokens, whose hidden states are there."""
        ids = self._reading.ids
        follow = [ids[position + 1] if position + 1 < len(ids) else None for position in positions]
        with exactly():
            logits = self._model.logits(self._reading.hidden(positions))  # (r, V)
            # The open row has no target; what stands in its place is never read.
            targets = torch.tensor([token_id or 0 for token_id in follow], device=logits.device)
            stats = losses.statistics(logits, targets, self._top_k)
        assert stats.log_prob is not None and stats.rank is not None  # there were targets
        figures = (stats.entropy, stats.log_prob, stats.rank, stats.top_ids, stats.top_log_probs)
        rows = zip(positions, follow, *(figure.tolist() for figure in figures), strict=True)
        for position, token_id, entropy, log_prob, rank, top_ids, top_log_probs in rows:
            self._rows[position] = Prediction(
                entropy=real(entropy),
                top=tuple(map(self._candidate, top_ids, top_log_probs, range(1, len(top_ids) + 1))),
                target=None if token_id is None else self._candidate(token_id, log_prob, rank),
            )

    def _candidate(self, token_id: int, log_prob: float, rank: int) -> Candidate:
        return Candidate(
            token_id=token_id, piece=self._tokenizer.piece(token_id), log_prob=real(log_prob), rank=rank
        )
