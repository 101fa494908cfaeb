"""A tiny model on sentences that begin alike and go on differently: sure targets in an unsure world.

B sentences of a batch; T positions, the words of the beginning, each of which predicts the next word; V
words at hand. p is (T, V): certain at every position but the last, where it has the shares of the endings.
"""

import math
from collections import deque
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core import losses
from core.certainty_records import BEGINNING, SENTENCES_A_STEP, shares, smoothed_over, vocabulary
from core.messages import Belief, Certainty, Cost, Learned, real
from core.models.gpt2 import Config, Model
from core.optimizer import Optimizer
from core.randomness import stream

_WIDTH, _HEADS = 16, 2
_LEARNING_RATE = 3e-3
_WARMUP = 20  # steps
_BETAS = (0.9, 0.99)


class Lesson:
    """The training of a tiny GPT-2 on the wanted sentences: a function of what is wanted, its seed included.

    With one-hot targets a step takes some of the sentences as they are, dealt like cards: shuffled, none a
    second time before all have come. With soft targets p itself is the target, which is all of them at once.
    """

    def __init__(self, wanted: Certainty) -> None:
        self._wanted = wanted
        words = vocabulary(wanted.endings)
        self._endings = torch.tensor([words.index(ending.word) for ending in wanted.endings])  # (n,)
        counts = [ending.count for ending in wanted.endings]
        self._followers = np.repeat(self._endings.numpy(), counts)  # (N,)
        self._beginning = torch.arange(len(BEGINNING))  # (T,)
        self._p = torch.zeros(len(BEGINNING), len(words))  # (T, V)
        self._p[self._beginning[:-1], self._beginning[1:]] = 1
        self._p[-1, self._endings] = torch.tensor(shares(wanted.endings))
        self._model = Model(
            Config(vocab_size=len(words), n_positions=len(BEGINNING), n_embd=_WIDTH, n_layer=1, n_head=_HEADS)
        )
        self._model.initialise(wanted.seed)
        # No weight decay: it would hold q away from p.
        group = {"params": list(self._model.parameters()), "betas": _BETAS, "weight_decay": 0.0}
        self._optimizer = Optimizer([group])
        self._costs: deque[tuple[float, float]] = deque(maxlen=smoothed_over(wanted.endings))
        self._cost: Cost | None = None
        self.step_count = 0

    @property
    def over(self) -> bool:
        """Whether all steps that were wanted are done."""
        return self.step_count >= self._wanted.steps

    def step(self) -> Cost:
        """One more update; what its batch cost before it."""
        last, mean = self._soft() if self._wanted.targets == "soft" else self._one_hot()
        self._optimizer.zero_grad()
        mean.backward()  # type: ignore[no-untyped-call]
        # Nothing is clipped: that would shorten the pushes of the rare words, which are the long ones.
        self._optimizer.update(self._learning_rate(), norm=1.0, clip=math.inf)
        self.step_count += 1
        self._costs.append((last.item(), mean.item()))
        smoothed = [math.fsum(values) / len(self._costs) for values in zip(*self._costs, strict=True)]
        self._cost = Cost(
            step=self.step_count,
            last=real(last.item()),
            mean=real(mean.item()),
            last_smoothed=real(smoothed[0]),
            mean_smoothed=real(smoothed[1]),
        )
        return self._cost

    def belief(self) -> Belief:
        """What the model predicts as it stands."""
        with torch.no_grad():
            logits = self._logits(1)[0]  # (T, V)
            q = losses.log_probs(logits[-1]).exp()
            of_endings = q[self._endings]
            others = 1 - of_endings.sum()
            positions = [
                losses.soft_cross_entropy(*each).item() for each in zip(logits, self._p, strict=True)
            ]
        return Belief(
            q=tuple(map(real, of_endings.tolist())),
            others=real(max(0.0, others.item())),
            positions=tuple(map(real, positions)),
        )

    def learned(self) -> Learned:
        """Where it has come to."""
        return Learned(step=self.step_count, cost=self._cost, belief=self.belief())

    def _one_hot(self) -> tuple[Tensor, Tensor]:
        """The loss at the last position and over all positions, of the present step's sentences."""
        targets = self._dealt()
        surprisals = losses.surprisal(self._logits(len(targets)), targets)  # (B, T)
        return surprisals[:, -1].mean(), surprisals.mean()

    def _soft(self) -> tuple[Tensor, Tensor]:
        """The same with p as the target of each position; all sentences begin alike, so one row is enough."""
        logits = self._logits(1)[0]  # (T, V)
        return losses.soft_cross_entropy(logits[-1], self._p[-1]), losses.soft_cross_entropy(logits, self._p)

    def _logits(self, rows: int) -> Tensor:
        """What comes after each word of the beginning, which is every sentence's: (B, T, V)."""
        return self._model.logits(self._model(self._beginning.expand(rows, -1)))

    def _dealt(self) -> Tensor:
        """The targets of the present step's sentences: (B, T) int64."""
        first, n = self.step_count * SENTENCES_A_STEP, len(self._followers)
        cards = range(first, first + SENTENCES_A_STEP)
        followers = [self._followers[_shuffled(self._wanted.seed, card // n, n)[card % n]] for card in cards]
        targets = self._beginning.roll(-1).repeat(SENTENCES_A_STEP, 1)
        targets[:, -1] = torch.tensor(np.array(followers))
        return targets

    def _learning_rate(self) -> float:
        """A warm-up, then half a cosine down to 0: the last pushes no longer shake q."""
        done = self.step_count / self._wanted.steps
        warm = min(1.0, (self.step_count + 1) / _WARMUP)
        return _LEARNING_RATE * warm * (1 + math.cos(math.pi * done)) / 2


@lru_cache(maxsize=8)
def _shuffled(seed: int, times: int, n: int) -> NDArray[np.int64]:
    """The order in which n sentences come after so many times through all of them."""
    return stream(seed, "deal sentences", times).permutation(n)
