"""Text that a model continues, one token a step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from core.kv_cache import KVCache
from core.losses import log_probs, top_k
from core.models.gpt2 import Model
from core.randomness import stream
from core.sampling import SampleConfig, controlled, sample


class Candidate(NamedTuple):
    """A token that could have come, with its log_prob in nats."""

    token_id: int
    log_prob: float


@dataclass(frozen=True, kw_only=True)
class Step:
    """The token that came, and what it was chosen from; its figures are computed when asked for."""

    token_id: int
    logits: Tensor  # (V,), before the controls
    config: SampleConfig

    @property
    def log_prob(self) -> float:
        """The token's log_prob before the controls, in nats."""
        return log_probs(self.logits)[self.token_id].item()

    def before(self, k: int) -> tuple[Candidate, ...]:
        """The k most probable tokens before the controls."""
        return _candidates(log_probs(self.logits), k)

    def after(self, k: int) -> tuple[Candidate, ...]:
        """The k most probable tokens after the controls: fewer where they leave fewer."""
        return _candidates(log_probs(controlled(self.logits, self.config)), k)


class Generation:
    """A continuation of `ids`: a function of (weights, ids, config, seed), its draws addressed by position.

    Once the context C is full the model goes on from the last C // 2 tokens, read anew, since learned
    positions cannot slide. Where it reads from depends on the number of tokens alone, so a continuation
    that is taken up again half-way goes on the same.
    """

    def __init__(self, model: Model, ids: Sequence[int], config: SampleConfig, seed: int) -> None:
        """Raises ValueError for no ids at all."""
        if not ids:
            raise ValueError("there is nothing to continue: give at least one token")
        self.ids = list(ids)
        self._model = model
        self._config = config
        self._seed = seed
        self._cache = KVCache(model.config, like=model.head)
        self._read_from = 0

    def step(self) -> Step:
        """Append one token. Raises ValueError where the model predicts no distribution."""
        with torch.inference_mode():
            logits = self._next_logits()  # (V,)
            uniform = stream(self._seed, "sample", len(self.ids)).random()
            token_id = sample(logits, self._config, uniform)
        self.ids.append(token_id)
        return Step(token_id=token_id, logits=logits, config=self._config)

    def _next_logits(self) -> Tensor:
        start = window_start(len(self.ids), self._model.config.n_positions)
        if start != self._read_from:
            self._read_from = start
            self._cache.truncate(0)
        unread = torch.tensor([self.ids[start + self._cache.length :]], device=self._model.head.device)
        hidden = self._model(unread, cache=self._cache)  # (1, T, D)
        return self._model.logits(hidden[0, -1])  # (V,)


def window_start(n: int, context: int) -> int:
    """The first of n tokens that a model of this context reads to predict the next one."""
    if n <= context:
        return 0
    kept = max(1, context // 2)
    refill = context + 1 - kept  # tokens from one new start to the next
    return refill * -(-(n - context) // refill)


def _candidates(log_q: Tensor, k: int) -> tuple[Candidate, ...]:
    best = top_k(log_q, k)
    pairs = zip(best.ids.tolist(), best.log_probs.tolist(), strict=True)
    return tuple(Candidate(token_id, log_prob) for token_id, log_prob in pairs if log_prob > float("-inf"))
