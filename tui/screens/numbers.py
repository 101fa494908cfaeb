"""Numbers as a person types them: 0.001, 1e-3, 1_000."""

from core.text import safe


def number(name: str, text: str) -> float:
    """A number; raises ValueError with a sentence that names it."""
    if not text.strip():
        raise ValueError(f"{name} is empty; give a number such as 0.001 or 1e-3")
    try:
        return float(text)
    except ValueError:
        raise ValueError(
            f"{name} is {safe(text)!r}, which is not a number; write it as 0.001 or 1e-3"
        ) from None


def whole_number(name: str, text: str) -> int:
    """A whole number, also written as 1e3; raises ValueError with a sentence that names it."""
    if not text.strip():
        raise ValueError(f"{name} is empty; give a whole number such as 100")
    try:
        return int(text)
    except ValueError:
        pass
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{name} is {safe(text)!r}, which is not a number; write it as 100 or 1e2") from None
    if not value.is_integer():
        raise ValueError(f"{name} is {text.strip()}; it must be a whole number")
    return int(value)


def written(value: float) -> str:
    """A number as short as it can be written without becoming another."""
    short = f"{value:g}"
    return short if float(short) == value else str(value)
