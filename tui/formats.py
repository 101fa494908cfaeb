"""How numbers are written on the screen: fixed places, right-aligned by the caller, no unit of their own."""

import math
from enum import Enum

from core.messages import Real

LN2 = math.log(2)


class Unit(Enum):
    """The unit in which information is shown. Everything else in the program is in nats."""

    NATS = "nats"
    BITS = "bits"

    @property
    def per_nat(self) -> float:
        return 1.0 if self is Unit.NATS else 1 / LN2

    @property
    def other(self) -> "Unit":
        return Unit.BITS if self is Unit.NATS else Unit.NATS


def information(nats: Real | None, unit: Unit, places: int = 2) -> str:
    """4.87, ∞, NaN, or an en dash where there is no number."""
    if nats is None:
        return "–"
    return number(float(nats) * unit.per_nat, places)


def amount(nats: Real | None, unit: Unit, places: int = 2) -> str:
    """The same with its unit: 4.87 nats."""
    return f"{information(nats, unit, places)} {unit.value}"


def bits(value: Real | None) -> str:
    """A figure that is in bits whatever the unit, such as bits per byte."""
    return "–" if value is None else number(float(value))


def change(nats: Real | None, unit: Unit) -> str:
    """A signed difference: ▼0.31, ▲0.02, or a dot where nothing moved, or blank where it is not known."""
    if nats is None:
        return ""
    value = float(nats) * unit.per_nat
    if math.isnan(value):
        return number(value)
    if abs(value) < 0.005:
        return "·"
    return ("▲" if value > 0 else "▼") + number(abs(value), 2)


def difference(nats: Real | None, unit: Unit, places: int = 2) -> str:
    """A difference with its sign: +0.31, −0.02, 0.00; an en dash where there is none."""
    if nats is None:
        return "–"
    value = float(nats) * unit.per_nat
    size = number(abs(value), places)
    if math.isnan(value) or size == number(0, places):
        return size
    return ("+" if value > 0 else "−") + size


def number(value: float, places: int = 2) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{round(value, places) + 0.0:,.{places}f}"  # + 0.0: no minus before nothing


def fitted(value: float, places: int, width: int = 8) -> str:
    """A number in `width` cells, 7 at least: 0.0387, −0.9613, 3e-07, 1e+308.

    With fewer places where there is no room for so many, and by its power of ten where it is too large or no
    place would tell it from 0.
    """
    if not math.isfinite(value):
        return number(value)
    fixed = (f"{value + 0.0:.{n}f}" for n in range(places, -1, -1))
    shown = next((text for text in fixed if len(text) <= width and (float(text) or not value)), "")
    if not shown:
        scientific = f"{value:.1e}"
        shown = scientific if abs(value) >= 1 and len(scientific) <= width else f"{value:.0e}"
    return shown.replace("-", "−", 1) if value < 0 else shown


def probability(p: float) -> str:
    """A probability as a percentage, in at most seven characters: 12.1 %, 0.9 %, 0.002 %, <1e-9 %."""
    percent = 100 * p
    if math.isnan(percent):
        return "NaN"
    if percent >= 0.1 or percent == 0:
        return f"{percent:.1f} %"
    if percent >= 0.001:
        return f"{percent:.3f} %"
    if percent >= 1e-9:
        mantissa, exponent = f"{percent:.0e}".split("e")
        return f"{mantissa}e{int(exponent)} %"
    return "<1e-9 %"


def count(value: Real | None) -> str:
    """A perplexity, an effective number of choices: three significant places, thousands apart."""
    if value is None:
        return "–"
    x = float(value)
    if not math.isfinite(x):
        return number(x)
    if x < 99.95:
        return f"{x:.2f}" if x < 9.995 else f"{x:.1f}"
    return f"{x:,.0f}" if x < 1e9 - 0.5 else f"{x:.1e}"


def bar(share: float, width: int) -> str:
    """A horizontal bar of `width` cells filled to `share` (0 to 1), in eighths of a cell."""
    if not share > 0 or width == 0:
        return ""
    eighths = max(1, round(min(share, 1.0) * width * 8))
    full, rest = divmod(eighths, 8)
    return "█" * full + (" ▏▎▍▌▋▊▉"[rest] if rest else "")
