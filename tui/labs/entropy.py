"""Two distributions over the same outcomes as a person changes them: p is the world's, q the model's."""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, TypeVar

from core import information
from core.text import clean, safe
from tui import cells
from tui.labs.weights import proportions, share, weights

FEWEST, MOST = 2, 8  # outcomes
LONGEST_NAME = 12  # cells

Each = TypeVar("Each")
Which = Literal["p", "q"]
Told = tuple[str, ...]
"""One sentence, the longest wording first."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """p and q, each summing to 1, which of them is edited, and what was done last, in words.

    Whatever one probability is set to, the other outcomes share what is left in the proportions they had,
    or equally if all of them were 0. `former` is p as it was before it was made one-hot.
    """

    names: tuple[str, ...]
    p: tuple[float, ...]
    q: tuple[float, ...]
    edited: Which = "p"
    former: tuple[float, ...] | None = None
    told: Told = ()

    # -------------------------------------------------------------------------- what there is to see, in nats

    @cached_property
    def surprises(self) -> tuple[list[float], list[float]]:
        """-log p(x) and -log q(x), one an outcome."""
        return [information.surprisal(x) for x in self.p], [information.surprisal(x) for x in self.q]

    @cached_property
    def terms(self) -> list[float]:
        """p(x) times -log q(x), one an outcome."""
        return information.cross_entropy_terms(self.p, self.q)

    @cached_property
    def cross_entropy(self) -> float:
        """H(p, q)."""
        return information.cross_entropy(self.p, self.q)

    @cached_property
    def entropy_of_p(self) -> float:
        """H(p)."""
        return information.entropy(self.p)

    @cached_property
    def entropy_of_q(self) -> float:
        """H(q)."""
        return information.entropy(self.q)

    @cached_property
    def kl(self) -> float:
        """KL(p || q)."""
        return information.kl(self.p, self.q)

    @cached_property
    def kl_of_q(self) -> float:
        """KL(q || p)."""
        return information.kl(self.q, self.p)

    @property
    def impossible(self) -> int | None:
        """The first outcome that happens though q says it cannot; None if there is none."""
        return self.terms.index(math.inf) if math.inf in self.terms else None

    @property
    def certain(self) -> int | None:
        """The outcome where p is one-hot; None where it is not."""
        return self.p.index(1.0) if 1.0 in self.p else None

    def name(self, row: int) -> str:
        """An outcome's name, safe for a terminal."""
        return safe(self.names[row])

    def of(self, which: Which) -> tuple[float, ...]:
        return self.p if which == "p" else self.q

    # ------------------------------------------------------------------------------------- what a person does

    def typed(self, row: int, text: str) -> "Pair":
        """One number is the row's probability; as many as there are outcomes are weights for all of them.

        Raises ValueError with what is wrong with what was typed.
        """
        values, n, which = weights(text), len(self.names), self.edited
        if len(values) == 1:
            if values[0] > 1:
                raise ValueError(f"{which}({self.name(row)}) is from 0 to 1, or {n} weights for all rows")
            return self._with_one(row, values[0])
        if len(values) != n:
            raise ValueError(f"these are {len(values)} numbers: type one for this row, or {n} for all rows")
        shares = tuple(proportions(values))
        return self._with(shares, (
            f"All of {which} is set: each of the {n} weights over their sum, so that {which} sums to 1.",
            f"All of {which} is set: each weight over their sum.",
        ))  # fmt: skip

    def nudged(self, row: int, by: float) -> "Pair":
        """The row's probability so much higher or lower, as far as it goes."""
        moved = round(self.of(self.edited)[row] + by, 12)  # 0.1 + 0.05 is a little more than 0.15
        return self._with_one(row, min(1.0, max(0.0, moved)))

    def turned(self) -> "Pair":
        """The other of the two is edited."""
        edited: Which = "q" if self.edited == "p" else "p"
        whose = (
            "the world's: how often each outcome comes" if edited == "p" else "the model's: what it believes"
        )
        return replace(self, edited=edited, told=(f"You edit {edited} now, {whose}.",))

    def one_hot(self, row: int) -> "Pair":
        """p certain of this row, or, where it is so already, p as it was before."""
        if self.certain != row:
            former = self.p if self.former is None else self.former
            told = (
                f"p is one-hot at {self.name(row)}, as a training target is; o brings the former p back.",
                f"p is one-hot at {self.name(row)}; o brings the former p back.",
            )
            return replace(self, p=tuple(information.one_hot(len(self.p), row)), former=former, told=told)
        if self.former is None:
            return replace(
                self, told=(f"p is one-hot at {self.name(row)} already, and was not made so by o.",)
            )
        return replace(self, p=self.former, former=None, told=("p is what it was before it was one-hot.",))

    def believed(self) -> "Pair":
        """q set to p."""
        return replace(self, q=self.p, told=("q is p now: the model knows the world.",))

    def renamed(self, row: int, name: str) -> "Pair":
        """Another name for an outcome. Raises ValueError for none, a long one, and one that is there."""
        name = clean(name).strip()
        others = self.names[:row] + self.names[row + 1 :]
        if not name:
            raise ValueError("an outcome needs a name: type one")
        if cells.cell_len(safe(name)) > LONGEST_NAME:
            raise ValueError(f"the name is too long: {LONGEST_NAME} cells at most")
        if name in others:
            raise ValueError(f"{safe(name)} is there already: type another name")
        return replace(
            self, names=(*self.names[:row], name, *self.names[row + 1 :]), told=(f"{safe(name)} it is.",)
        )

    def with_outcome(self) -> "Pair":
        """One more outcome, with an equal part of p and of q. Raises ValueError where there are enough."""
        n = len(self.names) + 1
        if n > MOST:
            raise ValueError(f"{MOST} outcomes are as many as there can be: d takes one out.")
        name = next(name for name in map(chr, range(ord("A"), ord("Z"))) if name not in self.names)
        p, q = ((*(x * (1 - 1 / n) for x in old), 1 / n) for old in (self.p, self.q))
        told = (f"{name} has come: 1/{n} of p and of q; the others share the rest as before. w names it.",)
        return replace(self, names=(*self.names, name), p=p, q=q, former=None, told=told)

    def without(self, row: int) -> "Pair":
        """An outcome less. Raises ValueError where there would be too few."""
        if len(self.names) <= FEWEST:
            raise ValueError(f"{FEWEST} outcomes are as few as there can be: a adds one.")
        p, q = (_set(old, row, 0.0) for old in (self.p, self.q))
        told = (f"{self.name(row)} has gone; the others share its p and its q in their proportions.",)
        return replace(
            self,
            names=_cut(self.names, row),
            p=_cut(p, row),
            q=_cut(q, row),
            former=None,
            told=told,
        )

    def _with_one(self, row: int, value: float) -> "Pair":
        before, which = self.of(self.edited), self.edited
        it, rest = f"{which}({self.name(row)}) is {share(value)}", share(1 - value)
        if len(before) == 2:
            told: Told = (f"{it}, so {which}({self.name(1 - row)}) is {rest}.",)
        elif value == 1:
            told = (f"{it}; for the others nothing is left.",)
        elif any(_cut(before, row)):
            told = (
                f"{it}; the others share the other {rest} in the proportions they had.",
                f"{it}; the others share {rest} as before.",
            )
        else:
            told = (f"{it}; the others were all 0 and share the other {rest} equally.",)
        return self._with(_set(before, row, value), told)

    def _with(self, shares: tuple[float, ...], told: Told) -> "Pair":
        if self.edited == "q":
            return replace(self, q=shares, told=told)
        return replace(self, p=shares, former=None, told=told)


def _set(shares: tuple[float, ...], row: int, value: float) -> tuple[float, ...]:
    """The distribution with another probability in one place, the others in their proportions."""
    others = _cut(shares, row)
    kept = proportions(others if any(others) else [1.0] * len(others))
    rest = [x * (1 - value) for x in kept]
    return (*rest[:row], value, *rest[row:])


def _cut(values: tuple[Each, ...], row: int) -> tuple[Each, ...]:
    return values[:row] + values[row + 1 :]
