"""Surprisal, entropy and their relatives on plain floats, for distributions small enough to type in.

p is the distribution of the world, q the model's, both lists of probabilities over the same outcomes. In
nats. What is infinite is `math.inf`: the surprise at an outcome thought impossible. The same quantities on
tensors are in `core.losses`.
"""

import math
from collections.abc import Sequence

LN_2 = math.log(2)


def softmax(logits: Sequence[float], temperature: float = 1.0) -> list[float]:
    """softmax(logits / temperature), the probabilities of logits; -inf gives 0.

    Raises ValueError where there are none to give, and for a temperature that is not positive and finite.
    """
    raised = [math.exp(logit) for logit in _lowered(logits, temperature)]
    total = math.fsum(raised)
    return [x / total for x in raised]


def log_softmax(logits: Sequence[float], temperature: float = 1.0) -> list[float]:
    """The logarithms of `softmax`, finite also where a probability is too small for a float."""
    lowered = _lowered(logits, temperature)
    log_total = math.log(math.fsum(map(math.exp, lowered)))
    return [logit - log_total for logit in lowered]


def one_hot(n: int, target: int) -> list[float]:
    """The distribution over n outcomes in which `target` is certain. Raises ValueError if there is none."""
    if not 0 <= target < n:
        raise ValueError(f"target {target} is not one of {n} outcomes, 0 to {n - 1}")
    return [1.0 if i == target else 0.0 for i in range(n)]


def surprisal(p: float) -> float:
    """-log p, infinite at 0. Raises ValueError outside [0, 1]."""
    _check(p)
    return 0.0 - math.log(p) if p > 0 else math.inf


def one_minus_p(p: float) -> float:
    """1 - p, the measure of surprise one might think of first. Raises ValueError outside [0, 1]."""
    _check(p)
    return 1 - p


def slope_of_one_minus_p(p: float) -> float:
    """The slope of 1 - p over p: -1, whatever p. Raises ValueError outside [0, 1]."""
    _check(p)
    return -1.0


def slope_of_surprisal(p: float) -> float:
    """The slope of -log p over p, -1 / p: the rarer, the steeper. Raises ValueError outside [0, 1]."""
    _check(p)
    return -1 / p if p > 0 else -math.inf


def joint(probabilities: Sequence[float]) -> float:
    """The probability that independent events all happen: the product of theirs, 1 of none at all.

    Raises ValueError where one is outside [0, 1].
    """
    for p in probabilities:
        _check(p)
    return math.prod(probabilities)


def cross_entropy_terms(p: Sequence[float], q: Sequence[float]) -> list[float]:
    """p(x) times the surprise -log q(x), one an outcome; 0 where p(x) is 0, whatever q(x).

    Raises ValueError for lists of unequal length and for what is no probability.
    """
    if len(p) != len(q):
        raise ValueError(f"p has {len(p)} outcomes and q has {len(q)}; they must be the same ones")
    for share in p:
        _check(share)
    return [a * surprisal(b) if a > 0 else 0.0 for a, b in zip(p, q, strict=True)]


def cross_entropy(p: Sequence[float], q: Sequence[float]) -> float:
    """H(p, q) = -sum p log q: the model's surprise as often as the world gives cause for it."""
    return math.fsum(cross_entropy_terms(p, q))


def entropy(p: Sequence[float]) -> float:
    """H(p) = -sum p log p: the surprise to be expected even of one who knows p."""
    return cross_entropy(p, p)


def kl(p: Sequence[float], q: Sequence[float]) -> float:
    """KL(p || q) = H(p, q) - H(p): what believing q costs where p holds; 0 only where they are the same."""
    cross_entropy_terms(p, q)  # for its checks
    terms = [
        a * (math.log(a) - math.log(b)) if b > 0 else math.inf for a, b in zip(p, q, strict=True) if a > 0
    ]
    return max(0.0, math.fsum(terms))  # next to p, rounding may go below


def total(nats: Sequence[float]) -> float:
    """Their sum, rounded once; infinite or NaN where one of them is."""
    return math.fsum(nats) if all(map(math.isfinite, nats)) else sum(nats)


def mean(nats: Sequence[float]) -> float:
    """Their sum over their number. Raises ValueError where there are none."""
    if not nats:
        raise ValueError("of no values at all there is no mean")
    return total(nats) / len(nats)


def shares(nats: Sequence[float]) -> list[float]:
    """What part of their sum each is, 0 to 1; NaN of a sum that is 0 or not finite."""
    whole = total(nats)
    return [x / whole if whole and math.isfinite(whole) else math.nan for x in nats]


def perplexity(mean_nats: float) -> float:
    """exp of a mean surprisal: among how many tokens it is as if the targets were guessed."""
    return _exp(mean_nats)


def effective_choices(entropy_nats: float) -> float:
    """exp of one distribution's entropy: among how many equally likely outcomes it is as if choosing."""
    return _exp(entropy_nats)


def to_bits(nats: float) -> float:
    """The same quantity in bits."""
    return nats / LN_2


def bits_per_byte(sum_nats: float, n_bytes: int) -> float:
    """The sum of the surprisals in bits over the UTF-8 bytes of the tokens it was summed over."""
    return to_bits(sum_nats) / n_bytes


def squared_distance(q: Sequence[float], target: int) -> float:
    """The squared distance of q from the one-hot target, over every outcome."""
    return math.fsum(x * x for x in gradient_at_logits(q, target))


def gradient_at_logits(q: Sequence[float], target: int) -> list[float]:
    """The gradient of the surprisal -log q(target) at the logits of q: q - one_hot(target). It sums to 0."""
    return [x - y for x, y in zip(q, one_hot(len(q), target), strict=True)]


def gradient_of_one_minus_p(q: Sequence[float], target: int) -> list[float]:
    """The gradient of 1 - q(target) at the logits of q: that of the surprisal, times q(target)."""
    return [q[target] * x for x in gradient_at_logits(q, target)]


def gradient_of_squared_distance(q: Sequence[float], target: int) -> list[float]:
    """The gradient of `squared_distance` at the logits of q: 2 q (d - q . d), d = q - one_hot(target)."""
    distance = gradient_at_logits(q, target)
    mean = math.fsum(x * d for x, d in zip(q, distance, strict=True))
    return [2 * x * (d - mean) for x, d in zip(q, distance, strict=True)]


def _lowered(logits: Sequence[float], temperature: float) -> list[float]:
    """The logits over the temperature, less the largest: softmax is the same, and nothing overflows."""
    if not 0 < temperature < math.inf:
        raise ValueError(f"the temperature is {temperature:g}; it must be above 0 and finite")
    top = max(logits, default=-math.inf)
    if not math.isfinite(top) or any(map(math.isnan, logits)):
        raise ValueError(f"softmax needs logits below infinity, one of them finite, not {list(logits)}")
    return [(logit - top) / temperature for logit in logits]


def _check(p: float) -> None:
    if not 0 <= p <= 1:  # also refuses NaN
        raise ValueError(f"{p!r} is no probability; it must lie between 0 and 1")


def _exp(nats: float) -> float:
    try:
        return math.exp(nats)
    except OverflowError:  # of floats, from 709.8 nats on; tensors say inf there
        return math.inf
