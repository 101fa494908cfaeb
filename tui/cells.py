"""Text cut and padded to a width in terminal cells."""

from rich.cells import cell_len as cell_len
from rich.cells import chop_cells, set_cell_size

ELLIPSIS = "…"


def left(text: str, width: int) -> str:
    """Exactly `width` cells, left-aligned, the end cut off with an ellipsis."""
    if cell_len(text) > width:
        return set_cell_size(set_cell_size(text, max(0, width - 1)).rstrip() + ELLIPSIS, width)
    return _padded(text, width)


def right(text: str, width: int) -> str:
    """Exactly `width` cells, right-aligned; a number that does not fit shows as dots, never as another."""
    cells = cell_len(text)
    return "·" * width if cells > width else " " * (width - cells) + text


def wrapped(text: str, width: int) -> list[str]:
    """The words of a text in lines of at most `width` cells; a word too long for one is broken."""
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and cell_len(lines[-1]) + 1 + cell_len(word) <= width:
            lines[-1] += f" {word}"
            continue
        parts = chop_cells(word, width) or [""]
        lines = [*lines, *parts] if lines[-1] else [*lines[:-1], *parts]
    return lines


def tail(text: str, width: int) -> str:
    """Exactly `width` cells, left-aligned, the beginning cut off with an ellipsis: the end is what counts."""
    if cell_len(text) <= width:
        return _padded(text, width)
    cells = 0
    start = len(text)
    while start > 0 and cells + cell_len(text[start - 1]) <= width - 1:
        start -= 1
        cells += cell_len(text[start])
    while start < len(text) and cell_len(text[start]) == 0:  # a mark whose letter was left out
        start += 1
    return set_cell_size(ELLIPSIS + text[start:], width)


def _padded(text: str, width: int) -> str:
    """A text that fits, with blanks behind it. (`set_cell_size` makes nothing of one that has no width.)"""
    return text + " " * (width - cell_len(text))
