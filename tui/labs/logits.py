"""The state of the logits lab: tokens with their logits, a target, and the nudges made under each loss.

A nudge is one step of gradient descent on the logits themselves. Each loss has its own nudges from the same
start; whatever else is changed begins all of them anew.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from core import information
from core.messages import Predicted, Token
from core.text import clean, visible

LEAST, MOST = 2, 9  # tokens
LIMITS = (1e-6, 1e6)  # of the temperature and of the learning rate
RATE = 0.5  # about eight nudges down -log p then bring the target of the start to an even chance
_MORE = (
    "␣sofa",
    "␣rug",
    "␣roof",
    "␣hat",
    "␣moon",
    "␣chair",
    "␣bed",
    "␣stairs",
    "␣grass",
)  # names of new rows


class Loss(NamedTuple):
    """A loss of one softmax at its target.

    `value` is its value from log_softmax and the target, `gradient` its gradient at the logits of the softmax
    from that and the target, both without a temperature.
    """

    name: str
    short: str
    in_nats: bool
    value: Callable[[Sequence[float], int], float]
    gradient: Callable[[Sequence[float], int], list[float]]


LOSSES = (
    Loss("−log p", "−log p", True, lambda log_q, target: 0.0 - log_q[target], information.gradient_at_logits),
    Loss(
        "1 − p",
        "1 − p",
        False,
        lambda log_q, target: information.one_minus_p(math.exp(log_q[target])),
        information.gradient_of_one_minus_p,
    ),
    Loss(
        "Σ(q − one-hot)²",
        "distance²",
        False,
        lambda log_q, target: information.squared_distance([math.exp(x) for x in log_q], target),
        information.gradient_of_squared_distance,
    ),
)


class Point(NamedTuple):
    """Where nudges have led: the logits, p of the target, the loss they were made under (-log p in nats)."""

    logits: tuple[float, ...]
    p: float
    loss: float


@dataclass(frozen=True, kw_only=True)
class Logits:
    """Names and logits row by row, and what follows from them. `loss` is the chosen one of LOSSES."""

    names: tuple[str, ...]
    """Safe for a terminal."""
    start: tuple[float, ...]
    """The logits from which the nudges begin."""
    target: int
    temperature: float = 1.0
    rate: float = RATE
    loss: int = 0
    nudges: tuple[tuple[Point, ...], ...] = ((),) * len(LOSSES)
    others: str = ""
    """The name of the row in which all tokens without a row of their own are gathered, if there was one."""

    # ------------------------------------------------------------------------------------- what follows

    @property
    def logits(self) -> tuple[float, ...]:
        """As they are after the nudges under the chosen loss."""
        return self.after(self.loss)

    def after(self, loss: int) -> tuple[float, ...]:
        """The logits after the nudges under a loss."""
        return self.nudges[loss][-1].logits if self.nudges[loss] else self.start

    @cached_property
    def q(self) -> list[float]:
        """softmax(logits / temperature)."""
        return information.softmax(self.logits, self.temperature)

    @property
    def p(self) -> float:
        """The probability of the target."""
        return self.q[self.target]

    @cached_property
    def one_hot(self) -> list[float]:
        return information.one_hot(len(self.names), self.target)

    def value(self, loss: int) -> float:
        """A loss at these logits; -log p in nats."""
        log_q = information.log_softmax(self.logits, self.temperature)
        return LOSSES[loss].value(log_q, self.target)

    def gradient(self, loss: int) -> list[float]:
        """The gradient of a loss at these logits: by the chain rule, that at logits / temperature over it."""
        return self._gradient(loss, self.logits)

    def curve(self, loss: int) -> tuple[Point, ...]:
        """The start and where every nudge under a loss has led."""
        return (self._point(loss, self.start), *self.nudges[loss])

    @property
    def gathers(self) -> bool:
        """Whether many tokens stand in one row, which is exact at temperature 1 alone."""
        return self.others in self.names

    # -------------------------------------------------------------------------------------- what is done

    def with_logit(self, row: int, logit: float) -> "Logits":
        """Another logit in a row. Raises ValueError where it is not finite."""
        if not math.isfinite(logit):
            raise ValueError(f"the logit is {logit:g}, which is not finite; type a number such as 7.6")
        if logit == self.logits[row]:
            return self
        return self._anew(start=(*self.logits[:row], logit, *self.logits[row + 1 :]))

    def with_name(self, row: int, name: str) -> "Logits":
        """Another name, made visible. Raises ValueError where it is empty."""
        if not name:
            raise ValueError("the name is empty; type one such as ␣mat")
        shown = visible(clean(name).encode())
        return replace(self, names=(*self.names[:row], shown, *self.names[row + 1 :]))

    def with_target(self, row: int) -> "Logits":
        return self if row == self.target else self._anew(target=row)

    def with_temperature(self, temperature: float) -> "Logits":
        """Raises ValueError unless it lies within LIMITS."""
        if temperature == 0:
            raise ValueError("the temperature is 0; logits are divided by it, so type one above 0")
        _within("temperature", temperature)
        return self if temperature == self.temperature else self._anew(temperature=temperature)

    def with_rate(self, rate: float) -> "Logits":
        """Another learning rate to go on with. Raises ValueError unless it lies within LIMITS."""
        _within("learning rate", rate)
        return replace(self, rate=rate)

    def with_loss(self, loss: int) -> "Logits":
        """Choose a loss, and with it the logits as its nudges have made them."""
        return replace(self, loss=loss % len(LOSSES))

    def with_row(self, after: int) -> "Logits":
        """One more row below another, of the same logit. Raises ValueError where there is no room for it."""
        if len(self.names) == MOST:
            raise ValueError(f"there are {MOST} tokens, as many as there is room for: - removes one")
        at = after + 1
        name = next(name for name in _MORE if name not in self.names)
        return self._anew(
            names=(*self.names[:at], name, *self.names[at:]),
            start=(*self.logits[:at], self.logits[after], *self.logits[at:]),
            target=self.target + (self.target >= at),
        )

    def without_row(self, row: int) -> "Logits":
        """Without a row; where it was the target's, its neighbour is. Raises ValueError for the last two."""
        if len(self.names) == LEAST:
            raise ValueError("with fewer than two tokens there is nothing to choose from: + adds one")
        target = self.target - (self.target > row)
        return self._anew(
            names=self.names[:row] + self.names[row + 1 :],
            start=self.logits[:row] + self.logits[row + 1 :],
            target=min(target, len(self.names) - 2),
        )

    def nudged(self, *losses: int) -> "Logits":
        """After one more step down the gradient of each of these losses, each from where its own have led."""
        nudges = list(self.nudges)
        for loss in losses:
            before = self.after(loss)
            gradient = self._gradient(loss, before)
            logits = tuple(z - self.rate * slope for z, slope in zip(before, gradient, strict=True))
            nudges[loss] = (*nudges[loss], self._point(loss, logits))
        return replace(self, nudges=tuple(nudges))

    def taken_back(self) -> "Logits":
        """Without the last nudge under the chosen loss. Raises ValueError where there is none."""
        nudges = list(self.nudges)
        if not nudges[self.loss]:
            raise ValueError(f"no nudge down {LOSSES[self.loss].name} is made yet: space makes one")
        nudges[self.loss] = nudges[self.loss][:-1]
        return replace(self, nudges=tuple(nudges))

    # ------------------------------------------------------------------------------------------- beneath

    def _anew(
        self,
        *,
        names: tuple[str, ...] | None = None,
        start: tuple[float, ...] | None = None,
        target: int | None = None,
        temperature: float | None = None,
    ) -> "Logits":
        """Something is another: the nudges begin again from the logits as they stand."""
        return replace(
            self,
            names=self.names if names is None else names,
            start=self.logits if start is None else start,
            target=self.target if target is None else target,
            temperature=self.temperature if temperature is None else temperature,
            nudges=((),) * len(LOSSES),
        )

    def _gradient(self, loss: int, logits: Sequence[float]) -> list[float]:
        q = information.softmax(logits, self.temperature)
        return [slope / self.temperature for slope in LOSSES[loss].gradient(q, self.target)]

    def _point(self, loss: int, logits: tuple[float, ...]) -> Point:
        log_q = information.log_softmax(logits, self.temperature)
        return Point(logits, math.exp(log_q[self.target]), LOSSES[loss].value(log_q, self.target))


def example() -> Logits:
    """What the lab begins with."""
    return Logits(names=("␣the", "␣mat", "␣dog"), start=(10.3, 7.6, 9.9), target=1)


def of_model(found: Predicted, follows: Token | None) -> Logits:
    """A model's candidates with their logits, and all other tokens in one row, as if they were one.

    The target is the token that follows, where it is among the candidates, or else the first of those. Raises
    ValueError where the model has diverged.
    """
    names = [visible(each.piece) for each in found.top]
    logits = [float(each) for each in found.logits]
    others = f"{found.n_others:,} others" if found.n_others else ""
    if others:
        names.append(others)
        logits.append(float(found.others))
    if not all(map(math.isfinite, logits)):
        raise ValueError(
            "the model's logits are no longer finite; go back to a step where its loss still was"
        )
    ids = [each.token_id for each in found.top]
    target = ids.index(follows.token_id) if follows is not None and follows.token_id in ids else 0
    return Logits(names=tuple(names), start=tuple(logits), target=target, others=others)


def _within(name: str, value: float) -> None:
    low, high = LIMITS
    if not low <= value <= high:  # also refuses NaN
        raise ValueError(f"the {name} is {value:g}; it must lie between {low:g} and {high:,.0f}")
