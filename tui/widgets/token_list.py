"""A list of tokens with a cursor, any of which can be put into the prompt."""

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.message import Message
from textual.strip import Strip

from core.messages import Candidate
from tui import formats, theme
from tui.widgets.lines import LineView, strip

LEAST_FULL_BAR = 0.1  # the probability of a full bar, at least: where nothing is likely all bars are short


class TokenList(LineView, can_focus=True):
    """A line for each of `candidates` below the pinned ones. Enter hands the one under the cursor on."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "up", show=False, id="candidates.up", tooltip="The candidate above"),
        Binding("down,j", "move(1)", "down", show=False, id="candidates.down", tooltip="The candidate below"),
        Binding("home,g", "move(-1000)", "first", show=False, id="candidates.first", tooltip="The first one"),
        Binding("end,G", "move(1000)", "last", show=False, id="candidates.last", tooltip="The last one"),
        Binding("enter", "choose", "put into the prompt", id="candidates.choose",
                tooltip="Append the candidate to the prompt, or let it replace what follows an earlier row"),
    ]  # fmt: skip

    class Chosen(Message):
        """Enter or a second click on a candidate."""

        def __init__(self, candidate: Candidate) -> None:
            super().__init__()
            self.candidate = candidate

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.cursor = 0

    @property
    def candidates(self) -> list[Candidate]:
        """What the lines stand for, top to bottom."""
        raise NotImplementedError

    def action_move(self, rows: int) -> None:
        self._select(self.cursor + rows)

    def action_choose(self) -> None:
        candidates = self.candidates
        if candidates:
            self.post_message(self.Chosen(candidates[self.cursor]))

    def on_click(self, event: Click) -> None:
        row = self.line_at(event.y) - self.pinned
        if 0 <= row < len(self.candidates):
            if row == self.cursor and event.chain == 2:
                self.action_choose()
            self._select(row)

    def _select(self, row: int) -> None:
        self.cursor = row
        self._keep_cursor()
        self._build()
        self.show_line(self.cursor + self.pinned)

    def _keep_cursor(self) -> None:
        """Have the cursor on one of the candidates, if there are any."""
        self.cursor = max(0, min(len(self.candidates) - 1, self.cursor))

    def watch_has_focus(self, has_focus: bool) -> None:
        # Not on_focus: that runs before the widget knows that it has the focus.
        super().watch_has_focus(has_focus)
        self._build()


def line_with_bar(
    before: Sequence[Segment], width: int, share: float, shade: Style, ground: Style, *, is_target: bool
) -> Strip:
    """A line of `width` cells: what stands before the bar, a bar in what is left, and the target's mark."""
    room = max(0, width - sum(segment.cell_length for segment in before))
    mark = (" " + theme.TARGET_MARK if room >= 16 else "◀") if is_target else ""
    bar = formats.bar(share, max(0, room - len(mark) - 1))
    segments = [*before, Segment(bar, shade + ground), Segment(mark, theme.TARGET + ground)]
    used = sum(segment.cell_length for segment in segments)
    return strip(*segments, Segment(" " * max(0, width - used), ground))
