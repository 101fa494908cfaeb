"""Outside text made safe and visible for a terminal, and made valid where it enters.

Nothing that comes out of `visible`, `safe` and `safe_lines` moves the cursor, turns the direction of
writing, hides, or joins with what stands before it.
"""

import unicodedata
from functools import lru_cache

_SPACE, _LINE_FEED, _TAB = "␣", "↵", "⇥"
_BASE = "◌"  # U+25CC, which carries a combining mark that has no letter of its own

# Characters Unicode calls letters, symbols or marks though a terminal shows nothing for them.
_BLANK = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
    + "".join(map(chr, [*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0000, 0xE1000)]))
)


def visible(piece: bytes) -> str:
    """One token: every space, line feed and tab as a sign, a byte that is no UTF-8 here as `<0xE2>`."""
    return "".join(map(_token_sign, _based(piece.decode("utf-8", errors="surrogateescape"))))


def spaced(signs: str) -> str:
    """The signs of tokens, read on as a text: what `visible` made a sign of a space is a space again."""
    return signs.replace(_SPACE, " ")


def safe(text: str) -> str:
    """Text for one line: spaces stay, line feeds and tabs become signs."""
    return "".join(map(_sign, _based(text)))


def safe_lines(text: str) -> list[str]:
    """Text for several lines, each of them `safe`. A line ends at \\n, \\r\\n or \\r."""
    return [safe(line) for line in _unix_lines(text).split("\n")]


def clean(text: str) -> str:
    """Text valid as UTF-8, its lines ending in \\n: half a surrogate pair becomes U+FFFD, NUL stays."""
    return _unix_lines(text).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _unix_lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _based(text: str) -> list[str]:
    """The characters of a text, a mark that would join with a sign, a space or the edge on a base."""
    parts: list[str] = []
    carries = False
    for character in text:
        category = unicodedata.category(character)
        mark = category[0] == "M" and character not in _BLANK
        parts.append(_BASE + character if mark and not carries else character)
        carries = mark or (category[0] in "LNPS" and character not in _BLANK)
    return parts


@lru_cache(maxsize=4096)
def _token_sign(part: str) -> str:
    if part == " ":
        return _SPACE
    if "\udc80" <= part <= "\udcff":  # how surrogateescape hands on a byte that is no UTF-8
        return f"<0x{ord(part) - 0xDC00:02X}>"
    return _code(part) if unicodedata.category(part[0]) == "Zs" else _sign(part)


@lru_cache(maxsize=4096)
def _sign(part: str) -> str:
    """A character, on a base or not, as it may be shown."""
    if len(part) > 1:
        return part
    if part == "\n":
        return _LINE_FEED
    if part == "\t":
        return _TAB
    if part == "\x7f":
        return "\u2421"
    if part < " ":
        return chr(0x2400 + ord(part))
    if unicodedata.category(part)[0] == "C" or part in "\u2028\u2029" or part in _BLANK:
        return _code(part)
    return part


def _code(character: str) -> str:
    return f"<U+{ord(character):04X}>"
