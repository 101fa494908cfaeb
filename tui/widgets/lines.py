"""A widget of lines, of which only those that changed are painted again."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import overload

from rich.cells import cell_len
from rich.segment import Segment
from textual.events import Resize
from textual.geometry import Region, Size, Spacing
from textual.scroll_view import ScrollView
from textual.strip import Strip


class LineView(ScrollView, can_focus=False):
    """Shows strips, one a line; `show` paints anew what differs from before and nothing else.

    Textual repaints a whole dirty widget; over a slow line the difference is tenfold. A subclass makes all
    its lines from its state, in `_lines_for`, and calls `_build` where that has changed; it never paints.
    The first `pinned` lines stay in place while the others scroll. Where there may be thousands of lines,
    `LazyLines` makes those in sight only.
    """

    pinned = 0

    DEFAULT_CSS = "LineView { scrollbar-size-vertical: 1; scrollbar-size-horizontal: 0; overflow-x: hidden; }"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: Sequence[Strip] = []

    @property
    def lines(self) -> Sequence[Strip]:
        """What is shown, for tests and for copying."""
        return self._lines

    def show(self, lines: Sequence[Strip]) -> None:
        """Replace the lines, which are not to change any more; repaint those in sight that differ."""
        before, self._lines = self._lines, lines
        if len(before) != len(lines):
            self.virtual_size = Size(self.scrollable_content_region.width, len(lines))
            if self.styles.auto_dimensions:
                # The height measured earlier in the same turn is kept, whatever this one is: ask once more.
                self.call_after_refresh(self.refresh, layout=True)
        for y in map(self.line_at, range(self.size.height)):
            old = before[y] if y < len(before) else None
            new = lines[y] if y < len(lines) else None
            if old != new:
                self.refresh_line(y)

    def on_resize(self, event: Resize) -> None:
        self._build()

    def _build(self) -> None:
        """Show the lines of the present state, where there is any width for them."""
        width = self.scrollable_content_region.width
        if width > 0:
            self.show(self._lines_for(width))

    def _lines_for(self, width: int) -> Sequence[Strip]:
        """The lines of the present state, at most this many cells wide."""
        raise NotImplementedError

    def refresh_line(self, y: int) -> None:
        """Have line y painted again, where it is visible."""
        at = y if y < self.pinned else y - self.scroll_offset.y
        if at >= self.pinned or y < self.pinned:  # not one that has scrolled under the pinned lines
            self.refresh(Region(0, at, self.size.width, 1))

    def line_at(self, y: int) -> int:
        """The line that is painted in row y of the widget."""
        return y if y < self.pinned else y + self.scroll_offset.y

    def show_line(self, y: int) -> None:
        """Scroll just so far that line y is visible."""
        self.scroll_to_region(
            Region(0, y, 1, 1), spacing=Spacing(self.pinned, 0, 0, 0), animate=False, force=True
        )

    def render_line(self, y: int) -> Strip:
        y = self.line_at(y)
        width = self.scrollable_content_region.width
        strip = self._lines[y] if y < len(self._lines) else Strip([])
        return strip.adjust_cell_length(width, self.rich_style).apply_style(self.rich_style)


class LazyLines(Sequence[Strip]):
    """`count` lines, each of which is made by `make` when it is first looked at."""

    def __init__(self, count: int, make: Callable[[int], Strip]) -> None:
        self._range = range(count)
        self._make = lru_cache(maxsize=None)(make)

    def __len__(self) -> int:
        return len(self._range)

    @overload
    def __getitem__(self, y: int) -> Strip: ...

    @overload
    def __getitem__(self, y: slice) -> Sequence[Strip]: ...

    def __getitem__(self, y: int | slice) -> Strip | Sequence[Strip]:
        if isinstance(y, slice):
            return [self._make(each) for each in self._range[y]]
        return self._make(self._range[y])


def strip(*segments: Segment) -> Strip:
    """A strip that knows its width in cells."""
    return Strip(segments, sum(cell_len(segment.text) for segment in segments))
