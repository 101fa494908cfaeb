"""Probabilities as a person types and reads them: 0.001, 1e-6, 1/6, 1 in 20, 12 %."""

import math
import re

from core.text import safe

LEAST = 1e-300  # of what is not 0; far smaller ones are none any more as floats
_WAYS = "write 0.001, 1/6, 1 in 20 or 12 %"
_FRACTION = re.compile(r"(?P<above>.+?)(?:/| in )(?P<below>.+)")
_THOUSANDS = re.compile(r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?")


def probability(text: str) -> float:
    """What was typed, between 0 and 1. Raises ValueError with a sentence on what is wrong."""
    typed = " ".join(text.split())
    if not typed:
        raise ValueError(f"p is empty; {_WAYS}")
    above, below = typed, "1"
    if typed.endswith("%"):
        above, below = typed.removesuffix("%"), "100"
    elif fraction := _FRACTION.fullmatch(typed):
        above, below = fraction["above"], fraction["below"]
    divisor = _number(below, typed)
    if divisor <= 0:
        raise ValueError(f"p is {safe(typed)}; what stands below must be more than 0")
    p = _number(above, typed) / divisor
    if not 0 <= p <= 1:
        raise ValueError(f"p is {safe(typed)}; it must lie between 0 and 1")
    if p < LEAST and re.search("[1-9]", re.split("[eE]", above)[0]):
        raise ValueError(f"p is {safe(typed)}; below {written(LEAST)} it cannot be told from 0 here")
    return p


def one_in(text: str) -> float:
    """The N of one in N as it was typed, 1 or more. Raises ValueError with a sentence on what is wrong."""
    typed = " ".join(text.split())
    if not typed:
        raise ValueError("N is empty; write it as 20, 50257 or 1e6")
    try:
        n = _float(typed)
    except ValueError:
        raise ValueError(f"N is {safe(typed)!r}, which is not a number; write it as 20 or 1e6") from None
    if not 1 <= n <= 1 / LEAST:
        raise ValueError(f"N is {safe(typed)}; it must lie between 1 and {written(1 / LEAST)}")
    return n


def _number(part: str, typed: str) -> float:
    try:
        value = _float(part)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"p is {safe(typed)!r}, which is not a number; {_WAYS}")
    return value


def _float(text: str) -> float:
    """As Python reads it; and with commas between the thousands, as the screen shows it."""
    text = text.strip()
    return float(text.replace(",", "") if _THOUSANDS.fullmatch(text) else text)


def written(value: float) -> str:
    """A probability or a large number in six digits: 0.166667, 1e-6; never as 0 or 1 unless it is that."""
    short = f"{value:.6g}"
    if float(short) in (0, 1) and float(short) != value:
        short = repr(value)
    mantissa, _, exponent = short.partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else short


def odds(p: float) -> str:
    """The same as one in N: one in 6, one in 1.05, one in 1,000; in words at both ends."""
    if p in (0, 1):
        return "never" if p == 0 else "always"
    return f"one in {counted(1 / p)}"


def counted(n: float) -> str:
    """A number of cases: 6, 1.05, 50,257, 1e12."""
    if n >= 1e9 - 0.5:
        return written(n)
    return f"{n:,.2f}".rstrip("0").rstrip(".") if n < 99_999.995 else f"{n:,.0f}"


def figure(value: float, places: int = 3) -> str:
    """To three places, and more where those would make 0 of what is not, or 1 of what is below."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    shown = f"{abs(value):,.{places}f}"
    if float(shown.replace(",", "")) == 0 != value:
        shown = written(float(f"{abs(value):.1e}"))
    return ("−" if value < 0 else "") + shown


def complement(p: float, one_minus_p: float) -> str:
    """1 − p as `figure` writes it, with as many nines as there are: 0.999999; of smaller p 1 − 1e-12."""
    if not 0 < p < 1:
        return figure(one_minus_p)
    places = max(3, -math.floor(math.log10(p)))
    return figure(one_minus_p, places) if places <= 9 else f"1 − {written(float(f'{p:.1e}'))}"


def slope(value: float) -> str:
    """A slope: to three places, a large one to none."""
    if abs(value) < 1000 or math.isinf(value):
        return figure(value)
    return figure(value, 0) if abs(value) < 1e9 - 0.5 else f"−{written(float(f'{-value:.5e}'))}"
