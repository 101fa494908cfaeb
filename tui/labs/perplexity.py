"""The perplexity view: how the tokens of a scored text carry the mean, and what the model had expected."""

import math
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from core import information
from core.messages import Table
from core.text import spaced, visible
from tui.formats import Unit

BOOK = 10.793964  # nats: the mean loss of chapter 5's six tokens, untrained, which is printed as 10.7940
_PLACES = 4  # to which a mean loss is told


class Carried(NamedTuple):
    """A scored token: its part of the sum, the part that it and those before it have, and its prediction.

    `place` is its place by surprisal, 1 for the most surprising. In nats.
    """

    position: int
    number: int
    token: str
    surprisal: float
    probability: float
    share: float
    running: float
    entropy: float
    effective_choices: float
    place: int


class Without(NamedTuple):
    """The mean of what is left without the k most surprising tokens, in nats; None where nothing is left."""

    k: int
    mean: float | None
    perplexity: float | None


@dataclass(frozen=True, kw_only=True)
class Printed:
    """What a mean that is printed to four places may be: its digits and the perplexities at both ends."""

    digits: str
    low: float
    high: float


class Perplexity:
    """The scored tokens of a table, and a mean loss that is typed beside it. In nats."""

    def __init__(self, table: Table | None) -> None:
        self._table = table
        scored = [] if table is None else [
            (position, each, each.target)
            for position, each in enumerate(table.predictions)
            if each.target is not None
        ]  # fmt: skip
        self._positions = [position for position, _, _ in scored]
        self._surprisals = [target.surprisal for _, _, target in scored]
        self._probabilities = [target.probability for _, _, target in scored]
        self._entropies = [float(prediction.entropy) for _, prediction, _ in scored]
        # A NaN is before all others: it alone decides the mean.
        self._ranked = sorted(
            range(len(scored)),
            key=lambda i: -math.inf if math.isnan(self._surprisals[i]) else -self._surprisals[i],
        )
        self.in_text_order = False
        self.typed = BOOK

    @property
    def scored(self) -> int:
        return len(self._surprisals)

    @property
    def mean(self) -> float:
        """The mean surprisal, which is the loss."""
        return information.mean(self._surprisals)

    @property
    def perplexity(self) -> float:
        return information.perplexity(self.mean)

    @property
    def expected(self) -> float:
        """The mean entropy of the predictions: the mean surprisal the model itself expected."""
        return information.mean(self._entropies)

    @property
    def expected_choices(self) -> float:
        return information.effective_choices(self.expected)

    @property
    def rows(self) -> list[Carried]:
        """One a scored token, the most surprising first, or as they stand in the text."""
        assert self._table is not None or not self._positions
        order = range(self.scored) if self.in_text_order else self._ranked
        shares = information.shares(self._surprisals)
        places = {i: place for place, i in enumerate(self._ranked, 1)}
        running = accumulate(shares[i] for i in order)
        return [self._row(i, shares[i], so_far, places[i]) for i, so_far in zip(order, running, strict=True)]

    def _row(self, i: int, share: float, running: float, place: int) -> Carried:
        assert self._table is not None
        position = self._positions[i]
        return Carried(
            position=position,
            number=self._table.number(position),
            token=visible(self._table.tokens[position + 1].piece),
            surprisal=self._surprisals[i],
            probability=self._probabilities[i],
            share=share,
            running=running,
            entropy=self._entropies[i],
            effective_choices=information.effective_choices(self._entropies[i]),
            place=place,
        )

    def prefix(self, position: int) -> str:
        """The text before a row's target, as it is read on."""
        assert self._table is not None
        own = self._table.first_token and position > 0  # the start of all is none of the text
        pieces = self._table.tokens[int(own) : position + 1]
        return spaced("".join(visible(token.piece) for token in pieces)).strip()

    def without(self, k: int) -> Without:
        """What the mean would be without the k most surprising tokens."""
        left = [self._surprisals[i] for i in self._ranked[k:]]
        if not left:
            return Without(k, None, None)
        mean = information.mean(left)
        return Without(k, mean, information.perplexity(mean))

    @property
    def half(self) -> int | None:
        """How few of the tokens have half of the sum; None where it is 0 or not finite."""
        shares = information.shares([self._surprisals[i] for i in self._ranked])
        return next((k for k, so_far in enumerate(accumulate(shares), 1) if so_far >= 0.5), None)

    # ----------------------------------------------------------------------------------- a mean that is typed

    def set_typed(self, text: str, unit: Unit) -> None:
        """A mean loss in that unit. Raises ValueError with a sentence on what is wrong."""
        words = text.replace(",", "").removesuffix(unit.value)
        try:
            value = float(words)
        except ValueError:
            value = math.nan
        if not 0 <= value < math.inf:
            raise ValueError(f"type a mean loss in {unit.value}, 0 or more, such as 10.7940")
        self.typed = value / unit.per_nat

    @property
    def typed_perplexity(self) -> float:
        return information.perplexity(self.typed)

    def printed(self, unit: Unit) -> Printed:
        """What the typed mean may be, where only its four places in that unit are known."""
        digits = f"{self.typed * unit.per_nat:.{_PLACES}f}"
        half = 0.5 * 10**-_PLACES
        low, high = (
            information.perplexity(max(0.0, float(digits) + by) / unit.per_nat) for by in (-half, half)
        )
        return Printed(digits=digits, low=low, high=high)
