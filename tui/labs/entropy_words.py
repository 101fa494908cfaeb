"""What the figures of two distributions mean, in words."""

import math
from collections.abc import Sequence

from tui import formats
from tui.formats import Unit
from tui.labs.entropy import Pair, Told
from tui.labs.weights import share

PLACES = 3


def amount(nats: float, unit: Unit) -> str:
    """Information with its unit."""
    return formats.amount(nats, unit, PLACES)


def verdict(pair: Pair, unit: Unit) -> Told:
    """How H(p, q) comes about: the sum, or what is special about it."""
    cross = amount(pair.cross_entropy, unit)
    if pair.impossible is not None:
        name, p = pair.name(pair.impossible), share(pair.p[pair.impossible])
        return (
            f"H(p, q) is ∞: {name} happens, p({name}) = {p}, and q({name}) = 0 means never; −log 0 = ∞.",
            f"H(p, q) is ∞: {name} happens though q({name}) = 0, and −log 0 = ∞.",
        )
    if pair.certain is not None:
        name = pair.name(pair.certain)
        return (
            f"p is one-hot: every other term is 0, so H(p, q) = −log q({name}) = {cross}.",
            f"p is one-hot: H(p, q) = −log q({name}) = {cross}.",
        )
    if pair.p == pair.q:
        return (
            f"q = p: H(p, q) = H(p) = {cross}, KL(p‖q) = 0; no other q costs less here.",
            f"q = p: H(p, q) = H(p) = {cross}, KL(p‖q) = 0.",
        )
    own, cost = amount(pair.entropy_of_p, unit), amount(pair.kl, unit)
    return (f"H(p, q) {cross} = H(p) {own} + KL(p‖q) {cost}",)


def of_entropy(shares: Sequence[float], unit: Unit, otherwise: str) -> str:
    """What an entropy is beside its number, where that can be said; else `otherwise`."""
    n = len(shares)
    if 1.0 in shares:
        return "one outcome is certain"
    if len(set(shares)) == 1:
        return f"= {'ln' if unit is Unit.NATS else 'log₂'} {n}, the most that {n} can have"
    return otherwise


def of_divergence(nats: float, impossible: str, possible: str, otherwise: str) -> str:
    """What a divergence is beside its number: why it is infinite where it is; else `otherwise`."""
    return f"∞: {impossible} is 0 where {possible} is not" if math.isinf(nats) else otherwise
