"""What a terminal would show: pyte's screen, with what programs of today need of it besides."""

import codecs
import re
from copy import deepcopy
from typing import Any

import pyte

ALTERNATE_SCREEN = 1049 << 5  # pyte keeps private modes shifted

_CSI = "\x1b\\["
UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|[PX^_\]](?:(?!\x1b\\|\x07).)*)?\Z", re.DOTALL)
UNKNOWN = re.compile(  # to pyte, which would draw these or raise
    rf"{_CSI}[<=>][0-?]*[ -/]*[@-~]"  # kitty's keyboard, xterm's key options
    rf"|{_CSI}[0-?]*[ -/]+[@-~]"  # queries of modes, the cursor's shape
    rf"|{_CSI}\?[0-?]*[^hlJK0-?]"  # private ones but set, reset and erase
    r"|\x1b[PX^_].*?(?:\x1b\\|\x07)",  # strings to the terminal
    re.DOTALL,
)


class Screen(pyte.Screen):
    """pyte's screen with an alternate one, as programs use it: what was there comes back at its end."""

    def __init__(self, columns: int, lines: int) -> None:
        self._main: tuple[Any, Any] | None = None
        super().__init__(columns, lines)

    def set_mode(self, *modes: int, **options: Any) -> None:
        if 1049 in modes and self._main is None:
            self._main = deepcopy((dict(self.buffer), self.cursor))
            self.erase_in_display(2)
        super().set_mode(*modes, **options)

    def reset_mode(self, *modes: int, **options: Any) -> None:
        super().reset_mode(*modes, **options)
        if 1049 in modes and self._main is not None:
            lines, self.cursor = self._main
            self.buffer.clear()
            self.buffer.update(lines)
            self._main = None

    def select_graphic_rendition(self, *attributes: int, **_options: Any) -> None:
        super().select_graphic_rendition(*attributes)

    def rows(self) -> list[str]:
        """The text of every row; the second cell of a wide character adds nothing."""
        return [
            "".join(self.buffer[y][x].data for x in range(self.columns)).rstrip() for y in range(self.lines)
        ]


class Display:
    """Bytes of a terminal program -> a Screen, whatever of it pyte does not know left out."""

    def __init__(self, columns: int, rows: int) -> None:
        self.screen = Screen(columns, rows)
        self._stream = pyte.Stream(self.screen)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def feed(self, data: bytes) -> None:
        text = self._rest + self._decoder.decode(data)
        unfinished = UNFINISHED.search(text)
        end = unfinished.start() if unfinished else len(text)
        self._rest = text[end:]
        self._stream.feed(UNKNOWN.sub("", text[:end]))
