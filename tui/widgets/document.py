"""The prompt's text: kept as it is, and shown so that a terminal can neither be steered nor misled by it."""

from functools import lru_cache

from textual.document._document import Document, EditResult, Location

from core.text import clean, safe

_HIDDEN = "\ufffd"  # stands for what has no sign of one character; the tokens below tell which it is


class SafeDocument(Document):
    """A document of a text area whose lines are to be shown, while `text` and all ranges of it stay exact.

    Every character is shown as exactly one, so that all columns mean the same in both. Lines end at \\n
    alone: Python's splitlines, which a plain document goes by, would turn a form feed into a line feed.
    """

    def __init__(self, text: str) -> None:
        super().__init__("")
        self._lines = clean(text).split("\n")

    @property
    def lines(self) -> list[str]:
        return [_shown(line) for line in self._lines]

    def __getitem__(self, line_index: int | slice) -> str | list[str]:  # type: ignore[override]
        if isinstance(line_index, slice):
            return [_shown(line) for line in self._lines[line_index]]
        return _shown(self._lines[line_index])

    def replace_range(self, start: Location, end: Location, text: str) -> EditResult:
        (top, left), (bottom, right) = sorted((start, end))
        replaced = self.get_text_range(start, end)
        lines = clean(text).split("\n")
        lines[0] = self._lines[top][:left] + lines[0]
        column = len(lines[-1])
        lines[-1] += self._lines[bottom][right:]
        self._lines[top : bottom + 1] = lines
        return EditResult((top + len(lines) - 1, column), replaced)


@lru_cache(maxsize=256)
def _shown(line: str) -> str:
    return line if line.isascii() and line.isprintable() else "".join(map(_sign, line))


@lru_cache(maxsize=4096)
def _sign(character: str) -> str:
    if character == "\t":  # the text area fills tabs up with spaces
        return character
    sign = safe("a" + character)[1:]  # a mark stays on the letter before it
    return sign if len(sign) == 1 else _HIDDEN
