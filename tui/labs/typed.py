"""Numbers as they are typed into a lab."""

import math

from core.text import safe

_QUOTED = 16  # characters of what is no number


def number(name: str, text: str) -> float:
    """A finite number; raises ValueError with one sentence that names it."""
    typed = text.strip()
    if not typed:
        raise ValueError(f"the {name} is empty; type a number such as 7.6")
    shown = safe(typed if len(typed) <= _QUOTED else f"{typed[:_QUOTED]}…")
    try:
        value = float(typed.replace("−", "-"))  # as it stands on the screen
    except ValueError:
        raise ValueError(f"the {name} is {shown}, which is no number; type one such as 7.6") from None
    if not math.isfinite(value):
        raise ValueError(f"the {name} is {shown}, which is not finite; type a number such as 7.6")
    return value
