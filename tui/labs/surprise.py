"""The surprise lab: what 1 - p and -log p are of one p, of independent events together, of one in N."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from core import information

LANDMARKS = (0.999, 0.5, 0.1, 0.001, 1e-6)
JUMPS = ((0.999, 0.5), (0.5, 0.001))
MOST_EVENTS = 10
MOST_FACES = 1_000_000
KNOWN = ((2, "a coin"), (6, "a die"), (52, "one card of all"), (1_000, ""),
         (50_257, "GPT-2's vocabulary"), (1_000_000, ""))  # fmt: skip
_SEED = 0
_DECADES = range(-12, -2)
# By hundredths, and below the first of them by factors, so that the rarest things can be reached as well.
_FINE = (0.0, *(float(f"{m}e{e}") for e in _DECADES for m in (1, 2, 5)), *(i / 100 for i in range(1, 100)),
         0.999, 1.0)  # fmt: skip
_COARSE = (0.0, *(float(f"1e{e}") for e in _DECADES), 0.01, *(i / 10 for i in range(1, 11)))
_CURVE = (*(float(f"{m / 10}e{e}") for e in range(-5, -2) for m in range(10, 100)),
          *(i / 200 for i in range(2, 201)))  # fmt: skip


class Measured(NamedTuple):
    """Both measures of one probability and their slopes over p; of -log p in nats."""

    p: float
    one_minus_p: float
    surprisal: float
    slope_of_one_minus_p: float
    slope_of_surprisal: float


def measured(p: float) -> Measured:
    """Both measures of p. Raises ValueError outside [0, 1]."""
    return Measured(
        p,
        information.one_minus_p(p),
        information.surprisal(p),
        information.slope_of_one_minus_p(p),
        information.slope_of_surprisal(p),
    )


def curves() -> tuple[Sequence[float], list[float], list[float]]:
    """The p over which the curves are drawn, densest towards 0, with 1 - p and -log p in nats."""
    return (
        _CURVE,
        [information.one_minus_p(p) for p in _CURVE],
        [information.surprisal(p) for p in _CURVE],
    )


class Jump(NamedTuple):
    """By how much the measures grow from one p to a rarer one; of -log p in nats."""

    start: float
    end: float
    one_minus_p: float
    surprisal: float


def jumps() -> list[Jump]:
    """From what is nearly sure to what is even, and from there to what is rare."""
    pairs = [(measured(start), measured(end)) for start, end in JUMPS]
    return [Jump(a.p, b.p, b.one_minus_p - a.one_minus_p, b.surprisal - a.surprisal) for a, b in pairs]


def stepped(p: float, by: int) -> float:
    """The next p up or down: a hundredth on, and near 0 by factors."""
    return _next(_FINE, p, by)


def leapt(p: float, by: int) -> float:
    """The next p up or down by larger steps: a tenth on, and near 0 by factors of ten."""
    return _next(_COARSE, p, by)


def landmark(p: float, by: int) -> float:
    """The landmark above or below."""
    return _next(LANDMARKS[::-1], p, by)


def _next(ladder: Sequence[float], p: float, by: int) -> float:
    at = bisect_right(ladder, p) if by > 0 else bisect_left(ladder, p) - 1
    return ladder[max(0, min(len(ladder) - 1, at))]


@dataclass(frozen=True, kw_only=True)
class Together:
    """n independent events of the same p: the measures of all of them together, and the single ones added."""

    n: int
    single: Measured
    all: Measured
    added_one_minus_p: float
    added_surprisal: float

    @property
    def one_minus_p_adds(self) -> bool:
        return math.isclose(self.added_one_minus_p, self.all.one_minus_p, rel_tol=1e-9)

    @property
    def surprisal_adds(self) -> bool:
        return math.isclose(self.added_surprisal, self.all.surprisal, rel_tol=1e-9)


def together(n: int, p: float) -> Together:
    """n independent events of probability p."""
    single = measured(p)
    return Together(
        n=n,
        single=single,
        all=measured(information.joint([p] * n)),
        added_one_minus_p=information.total([single.one_minus_p] * n),
        added_surprisal=information.total([single.surprisal] * n),
    )


@dataclass
class Surprise:
    """What a person has set: a p, dice and their number, an N."""

    p: float = 0.5
    faces: int = 6
    n: int = 2
    rolls: int = 0
    one_in: float = 100.0

    def events(self) -> list[Together]:
        """One event, two, and so on, each that a die of so many faces shows a certain one."""
        return [together(n, 1 / self.faces) for n in range(1, MOST_EVENTS + 1)]

    def set_faces(self, text: str) -> None:
        """The number of faces as it was typed. Raises ValueError with a sentence on what is wrong."""
        try:
            faces = int(text.replace(",", ""))
        except ValueError:
            faces = 0
        if not 2 <= faces <= MOST_FACES:
            raise ValueError(f"a die has 2 (a coin) to {MOST_FACES:,} faces; type a whole number")
        self.faces = faces

    def roll(self) -> None:
        self.rolls += 1

    @property
    def rolled(self) -> tuple[int, ...]:
        """The faces of the present roll, by its address: more dice leave those that lie there."""
        if self.rolls == 0:
            return ()
        draws = Random(f"{_SEED} dice {self.rolls} {self.faces}")
        return tuple(1 + draws.randrange(self.faces) for _ in range(self.n))

    @property
    def cases(self) -> list[tuple[float, str]]:
        """One's own N, then some known ones, each with what it is of."""
        return [(self.one_in, "yours"), *KNOWN]
