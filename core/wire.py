"""What every record on the wire is made of.

JSON has no infinity and no NaN, so a `Real` that is not finite travels as the string "inf", "-inf" or
"nan": write it with `real(x)`, read it with `float(x)`.
"""

import math
from typing import Literal

from msgspec import Struct

Real = float | Literal["inf", "-inf", "nan"]


def real(value: float) -> Real:
    """A float as it travels: itself, or its name where JSON has no number for it."""
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "nan"
    return "inf" if value > 0 else "-inf"


def measured(value: float | None) -> Real | None:
    """The same of a float that is None where it was not measured."""
    return None if value is None else real(value)


def _tag(name: str) -> str:
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name).lstrip("_")


class Message(Struct, frozen=True, kw_only=True, tag=_tag, tag_field="type"):
    """A frozen record whose "type" on the wire is its class name in snake case."""


def require(name: str, value: float, low: float, high: float) -> None:
    """Raise ValueError with one clear sentence unless low <= value <= high."""
    if not low <= value <= high:  # also refuses NaN
        raise ValueError(f"{name} is {value}; it must lie between {low} and {high}")
