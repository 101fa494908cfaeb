"""What a tiny model of the certainty lab might say, for the fake engine: it nears p in a few lines."""

import math

from core import information
from core import messages as m

LEARNED = 12.0  # how many e-folds it nears p by in the whole of its training


def full(endings: tuple[m.Ending, ...]) -> list[list[float]]:
    """p at each position, over the vocabulary."""
    words = m.vocabulary(endings)
    certain = [information.one_hot(len(words), words.index(word)) for word in m.BEGINNING[1:]]
    last = [0.0] * len(words)
    for ending, share in zip(endings, m.shares(endings), strict=True):
        last[words.index(ending.word)] = share
    return [*certain, last]


class FakeLesson:
    """A `core.certainty.Lesson` whose weights are one number: how much of p it has learned."""

    def __init__(self, wanted: m.Certainty) -> None:
        self.wanted = wanted
        self.step_count = 0
        self._p = full(wanted.endings)
        self._costs: list[tuple[float, float]] = []

    @property
    def _learned(self) -> float:
        return 1 - math.exp(-LEARNED * self.step_count / self.wanted.steps)

    def _q(self) -> list[list[float]]:
        part = self._learned
        return [[part * x + (1 - part) / len(p) for x in p] for p in self._p]

    def step(self) -> m.Cost:
        q = self._q()
        positions = [information.cross_entropy(*each) for each in zip(self._p, q, strict=True)]
        if self.wanted.targets == "one-hot":
            words = m.vocabulary(self.wanted.endings)
            deck = [ending.word for ending in self.wanted.endings for _ in range(ending.count)]
            first = self.step_count * m.SENTENCES_A_STEP
            batch = [deck[i * 7 % len(deck)] for i in range(first, first + m.SENTENCES_A_STEP)]
            nats = [information.surprisal(q[-1][words.index(word)]) for word in batch]
            positions[-1] = math.fsum(nats) / len(nats)
        self._costs.append((positions[-1], math.fsum(positions) / len(positions)))
        self.step_count += 1
        kept = self._costs[-m.smoothed_over(self.wanted.endings) :]
        last, mean = (math.fsum(values) / len(kept) for values in zip(*kept, strict=True))
        now = self._costs[-1]
        return m.Cost(step=self.step_count, last=now[0], mean=now[1], last_smoothed=last, mean_smoothed=mean)

    def belief(self) -> m.Belief:
        q = self._q()
        words = m.vocabulary(self.wanted.endings)
        of_endings = [q[-1][words.index(ending.word)] for ending in self.wanted.endings]
        return m.Belief(
            q=tuple(of_endings),
            others=max(0.0, 1 - math.fsum(of_endings)),
            positions=tuple(information.cross_entropy(*each) for each in zip(self._p, q, strict=True)),
        )
