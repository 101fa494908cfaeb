"""The words of the tour: at the foot of a screen, or beside it where the terminal is wide."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.strip import Strip

from tui import cells, theme
from tui.tour.walk import Told
from tui.widgets.lines import LineView, strip

_MOST = 7  # lines at the foot
_HEADING = Style(color=theme.ACCENT, bold=True)
_QUESTION, _ANSWER = "? ", "! "  # told apart without colour
_ALT = "alt+ "  # before the arrows

Key = tuple[str, str]  # its words, and the way in the walk that it stands for


class TourPanel(LineView):
    """Shows what a stop tells: at the foot the words or, once it is revealed, the answer in their place.

    The heading, with the keys, stays in sight where there are more lines than room for them; only then the
    panel can have the focus, to be scrolled.
    """

    SCOPED_CSS = False
    DEFAULT_CSS = """
    TourPanel { background: $surface; }
    Screen.-wide TourPanel { dock: right; width: 40; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll(-1)", "up", show=False, id="tour.up", tooltip="Scroll the words up"),
        Binding("down", "scroll(1)", "down", show=False, id="tour.down", tooltip="Scroll the words down"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.styles.scrollbar_size_vertical = 0  # one that comes would take a cell from lines that are there
        self._told: Told | None = None
        self._places: list[tuple[int, int, int, str]] = []  # line, first cell, last cell + 1, way of each key

    def say(self, told: Told) -> None:
        """Show this."""
        if told != self._told:
            self._told = told
            self._build()

    async def on_click(self, event: Click) -> None:
        line = self.line_at(event.y)
        for y, start, end, way in self._places:
            if y == line and start <= event.x < end:
                await self.app.run_action(f"walk('{way}')")

    def action_scroll(self, lines: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False, immediate=True, force=True)

    def _build(self) -> None:
        super()._build()
        # Said, not found out: Textual may leave out a layout for lines that come during another one.
        self.styles.height = "100%" if self._is_beside else min(_MOST, len(self.lines))
        self.can_focus = len(self.lines) > self.size.height > 0

    @property
    def _is_beside(self) -> bool:
        return self.screen.has_class("-wide")

    def _lines_for(self, width: int) -> Sequence[Strip]:
        if self._told is None:
            return []
        self._places = []
        return self._beside(self._told, width) if self._is_beside else self._at_foot(self._told, width)

    # ------------------------------------------------------------------------------------------- at the foot

    def _at_foot(self, told: Told, width: int) -> list[Strip]:
        room = width - 2
        question = list(_marked(_QUESTION, told.question, room, theme.STRONG))
        words = [*_plain(" ".join(told.sentences), room), *question]
        answer = [*question, *_marked(_ANSWER, told.answer, room, theme.PLAIN)]
        shown, other = (answer, words) if told.revealed else (words, answer)
        head = self._heading_at_foot(told, width)
        if len(head) + len(shown) > _MOST:
            head[-1] = strip(*head[-1], Segment("  tab ↑↓ more", theme.DIM))
        self.pinned = len(head)
        # As many lines as the other side has: a revealed answer moves nothing of the screen above it.
        rest = [strip()] * (len(other) - len(shown))
        return [*head, *(strip(Segment(" "), *line) for line in shown), *rest]

    def _heading_at_foot(self, told: Told, width: int) -> list[Strip]:
        heading = f"── tour {told.number}/{told.total} · {told.title} "
        keys = _keys(told)
        at = width - 1 - cells.cell_len(_ALT + "  ".join(words for words, _ in keys))
        rule = at - 1 - cells.cell_len(heading)
        if rule >= 1:
            row = self._key_row(keys, 0, at)
            return [strip(Segment(heading, _HEADING), Segment("─" * rule + " ", theme.LIT), *row)]
        heading = heading if cells.cell_len(heading) <= width else cells.left(heading, width)
        rest = Segment("─" * (width - cells.cell_len(heading)), theme.LIT)
        return [strip(Segment(heading, _HEADING), rest), strip(Segment(" "), *self._key_row(keys, 1, 1))]

    def _key_row(self, keys: Sequence[Key], y: int, x: int) -> list[Segment]:
        """Keys side by side from a cell on, each of them there to click."""
        segments = [Segment(_ALT, theme.DIM)]
        x += cells.cell_len(_ALT)
        for number, (words, way) in enumerate(keys):
            if number:
                segments.append(Segment("  "))
                x += 2
            segments += [Segment(words[:1], theme.LIT), Segment(words[1:], theme.PLAIN)]
            self._places.append((y, x, x + cells.cell_len(words), way))
            x += cells.cell_len(words)
        return segments

    # ------------------------------------------------------------------------------------ beside the screen

    def _beside(self, told: Told, width: int) -> list[Strip]:
        bar, room = Segment("│ ", theme.GHOST), width - 3
        keys = _keys(told)
        head: list[list[Segment]] = [
            [Segment(f"tour {told.number}/{told.total}", _HEADING)],
            [Segment(cells.left(told.title, room), _HEADING)],
            self._key_row(keys[:2], 2, 2),
            self._key_row(keys[2:], 3, 2),
        ]
        self.pinned = len(head)
        lines = [*head, []]
        for sentence in told.sentences:
            lines += [*_plain(sentence, room), []]
        lines += [*_marked(_QUESTION, told.question, room, theme.STRONG), []]
        if told.revealed:
            lines += _marked(_ANSWER, told.answer, room, theme.PLAIN)
        lines += [[]] * (self.size.height - len(lines))
        return [strip(bar, *line) for line in lines]


def _keys(told: Told) -> list[Key]:
    """What can be done at a stop, with the arrow that does it."""
    keys = [
        ("↓ words " if told.revealed else "↓ answer", "turn"),
        ("→ end" if told.number == told.total else "→ next", "on"),
    ]
    if told.number > 1:
        keys.append(("← back", "back"))
    return [*keys, ("↑ leave", "leave")]


def _lines(text: str, width: int) -> Iterator[str]:
    for line in cells.wrapped(text, width):
        yield line.replace("~", " ")


def _plain(text: str, width: int) -> Iterator[list[Segment]]:
    for line in _lines(text, width):
        yield [Segment(line, theme.PLAIN)]


def _marked(mark: str, text: str, width: int, style: Style) -> Iterator[list[Segment]]:
    """A text behind a mark, its further lines below its first."""
    before = mark
    for line in _lines(text, width - cells.cell_len(mark)):
        yield [Segment(before, _HEADING), Segment(line, style)]
        before = " " * cells.cell_len(mark)
