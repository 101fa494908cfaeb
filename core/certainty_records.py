"""What the certainty lab is made of: sentences that begin alike, and what a tiny model learns from them."""

import math
from collections.abc import Sequence

from core.wire import Message, Real, require

BEGINNING = ("The", "fat", "cat", "sat", "on", "the")
SENTENCES_A_STEP = 4  # in a batch with one-hot targets
_MOST_ENDINGS = 6
_MOST_SENTENCES = 200
_LONGEST_WORD = 20  # characters
_SMOOTHED_STEPS = 25  # at least


class Ending(Message, frozen=True, kw_only=True):
    """A word that sentences go on with, and how many of them do."""

    word: str
    count: int


class Cost(Message, frozen=True, kw_only=True):
    """What the batch of a step cost before its update, in nats a prediction.

    `last` is the loss at the last position, `mean` over all positions; smoothed, each is the mean of as many
    batches up to this one as `smoothed_over` says.
    """

    step: int
    last: Real
    mean: Real
    last_smoothed: Real
    mean_smoothed: Real


class Belief(Message, frozen=True, kw_only=True):
    """What the tiny model takes to come next, after the whole beginning and on the way there.

    `q` has the probability of each ending, `others` that of all other words of the lab together. `positions`
    has each position's cross entropy H(p, q), in nats, over all sentences.
    """

    q: tuple[Real, ...]
    others: Real
    positions: tuple[Real, ...]


class Learned(Message, frozen=True, kw_only=True):
    """Where the tiny model is after `step` steps; `cost` is the last one's, None before the first."""

    step: int
    cost: Cost | None
    belief: Belief


def require_endings(endings: Sequence[Ending]) -> None:
    """Raise ValueError with one clear sentence unless sentences can be made of these endings."""
    require("the number of endings", len(endings), 2, _MOST_ENDINGS)
    for number, ending in enumerate(endings):
        if not ending.word or len(ending.word.split()) != 1 or ending.word.strip() != ending.word:
            raise ValueError(f"{ending.word!r} is not one word")
        if len(ending.word) > _LONGEST_WORD:
            raise ValueError(f"a word has at most {_LONGEST_WORD} letters")
        if any(ending.word == other.word for other in endings[:number]):
            raise ValueError(f"{ending.word} is there twice")
        if ending.count < 0:
            raise ValueError(f"{ending.count} sentences: 0 is the least")
    total = sum(ending.count for ending in endings)
    if not 1 <= total <= _MOST_SENTENCES:
        raise ValueError(f"{total} sentences in all: 1 to {_MOST_SENTENCES}")


def shares(endings: Sequence[Ending]) -> list[float]:
    """p: which part of the sentences goes on with each ending."""
    total = sum(ending.count for ending in endings)
    return [ending.count / total for ending in endings]


def vocabulary(endings: Sequence[Ending]) -> list[str]:
    """Every word at hand once: those of the beginning, then the endings that are not among them."""
    return list(dict.fromkeys([*BEGINNING, *(ending.word for ending in endings)]))


def smoothed_over(endings: Sequence[Ending]) -> int:
    """Over how many batches a loss is smoothed: as many as make whole passes over the sentences."""
    total = sum(ending.count for ending in endings)
    whole = total // math.gcd(total, SENTENCES_A_STEP)  # steps in which every sentence comes equally often
    return whole * math.ceil(_SMOOTHED_STEPS / whole)
