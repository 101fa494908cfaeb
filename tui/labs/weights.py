"""Numbers as they are typed for a distribution: 0.7, 1/6, 12 %, or one for each outcome: 14 4 2."""

import math
import re
from collections.abc import Sequence
from fractions import Fraction

from core.text import safe

_NUMBER = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")
_AS_TYPED = "0.7, 1/6 or 12 %"
_LARGEST_DENOMINATOR = 60  # of what is worth being written as a fraction


def weights(text: str) -> list[float]:
    """The numbers of a line, parted by spaces. Raises ValueError where there is none, or something else."""
    joined = re.sub(r"\s+%", "%", re.sub(r"\s*/\s*", "/", text.strip()))
    typed = [part for part in re.split(r",?\s+|,$", joined) if part]
    if not typed:
        raise ValueError(f"nothing is typed: give a number such as {_AS_TYPED}")
    return [_weight(part) for part in typed]


def proportions(values: Sequence[float]) -> list[float]:
    """The weights over their sum. Raises ValueError where that is 0 or no number."""
    total = math.fsum(values)
    if not 0 < total < math.inf:
        raise ValueError("all of them are 0: at least one must be more")
    return [value / total for value in values]


def as_typed(p: float) -> str:
    """A probability as one would type it, rounded where that is long: 0.7, 1/3, 0.2154."""
    fraction = Fraction(p).limit_denominator(_LARGEST_DENOMINATOR)
    short = f"{p:.4g}"
    near = math.isclose(fraction.numerator / fraction.denominator, p, rel_tol=1e-9)
    return str(fraction) if near and float(short) != p else short


def share(p: float) -> str:
    """A probability as it is shown: three places, or as many up to five as it takes not to be 0 or 1."""
    for places in (3, 4, 5):
        text = f"{p:.{places}f}"
        if p in (0, 1) or 0 < float(text) < 1:
            return text
    return f"{p:.0e}" if p < 0.5 else ">0.9999"


def _weight(text: str) -> float:
    number, percent = text.removesuffix("%"), text.endswith("%")
    parts = number.split("/")
    if len(parts) > 2 or not all(map(_NUMBER.fullmatch, parts)):
        hint = ", with a point" if re.fullmatch(r"\d+,\d+", number) else ""
        raise ValueError(f"{safe(text)!r} is not a number from 0 up: write {_AS_TYPED}{hint}")
    over = float(parts[1]) if len(parts) == 2 else 1.0
    if over == 0:
        raise ValueError(f"{safe(text)!r} divides by 0: write {_AS_TYPED}")
    value = float(parts[0]) / over / (100 if percent else 1)
    if value > 1e300:
        raise ValueError(f"{safe(text)!r} is too large: write {_AS_TYPED}")
    return value
