"""One line of the phases of a step, the present one lit; a click on one asks for it."""

from rich.segment import Segment
from rich.style import Style
from textual.events import Click
from textual.message import Message
from textual.strip import Strip

from tui import cells, theme
from tui.widgets.lines import LineView, strip

PHASES = ("batch", "forward", "loss", "backward", "update")
_ROOMY = 62  # cells, from which on there is room between the phases
BATCH, FORWARD, LOSS, BACKWARD, UPDATE = range(5)


class PhaseBar(LineView):
    """The phases in their order, with their keys."""

    class Asked(Message):
        """A phase was clicked."""

        def __init__(self, phase: int) -> None:
            super().__init__()
            self.phase = phase

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._phase = 0
        self._places: list[tuple[int, int]] = []

    def set_phase(self, phase: int) -> None:
        self._phase = phase
        self._build()

    def on_click(self, event: Click) -> None:
        for phase, (start, end) in enumerate(self._places):
            if start <= event.x < end:
                self.post_message(self.Asked(phase))

    def _lines_for(self, width: int) -> list[Strip]:
        segments: list[Segment] = []
        between = "  → " if width >= _ROOMY else " →"
        self._places = []
        at = 0
        for phase, name in enumerate(PHASES):
            now = phase == self._phase
            style = Style(color=theme.ACCENT, bold=True, underline=True) if now else theme.DIM
            mark, label = ("▸" if now else " "), f"{phase + 1} {name}"
            segments += [Segment(mark, theme.LIT), Segment(label, style)]
            size = 1 + cells.cell_len(label)
            self._places.append((at, at + size))
            at += size
            if phase < len(PHASES) - 1:
                segments.append(Segment(between, theme.GHOST))
                at += cells.cell_len(between)
        return [strip(*segments)]
