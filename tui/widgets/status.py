"""One line of the run: step, loss, learning rate, speed, and whether it runs."""

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from core import information
from core.messages import Progress, State, StepResult
from core.text import safe
from tui import cells, formats, theme
from tui.formats import Unit
from tui.widgets.lines import LineView, strip

_SMOOTH = 0.1  # weight of the newest step in the tokens per second that are shown


class StatusLine(LineView):
    """Shows the session's state in words: what matters most first, as much as there is room for."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._state: State | None = None
        self._results: dict[int, StepResult] = {}
        self._speed: float | None = None
        self._progress: Progress | None = None
        self._unit = Unit.NATS
        self._words = "starting the engine …"

    def say(self, words: str) -> None:
        """Before there is a state: one line of words."""
        self._state = None
        self._progress = None
        self._words = words
        self._build()

    def set_state(self, state: State) -> None:
        self._state = state
        self._progress = None
        self._build()

    def set_progress(self, progress: Progress) -> None:
        self._progress = progress
        self._build()

    def set_unit(self, unit: Unit) -> None:
        self._unit = unit
        self._build()

    def add(self, results: tuple[StepResult, ...], *, anew: bool) -> None:
        """Take the latest figures from new steps."""
        if anew:
            self._results = {}
            self._speed = None
        for result in results:
            if result.loss is None:
                continue
            self._results[result.step] = result
            if result.seconds > 0 and result.kind is None:
                speed = result.tokens / result.seconds
                self._speed = speed if self._speed is None else self._speed + _SMOOTH * (speed - self._speed)
        self._build()

    def _lines_for(self, width: int) -> list[Strip]:
        state = self._state
        if state is None:
            words = self._words if self._progress is None else f" {_done(self._progress)}"
            return [strip(Segment(cells.left(words, width), theme.DIM))]
        run = "▶ running" if state.running else "‖ paused"
        if not state.running and state.step >= state.goal:
            run = "■ done"
        parts = [
            (f"step {state.step:,}/{state.goal:,}", theme.STRONG),
            (run, Style(color=theme.BETTER, bold=True) if state.running else theme.LIT),
        ]
        if self._progress is not None:
            parts.insert(0, (_done(self._progress), theme.LIT))
        last = self._results.get(state.step)
        after_loss = len(parts) + 1
        if last is not None:
            loss = formats.information(last.loss, self._unit)
            of = "batch" if last.kind is None else "row's"
            parts.append((f"{of} loss {loss} {self._unit.value}", theme.PLAIN))
            parts.append((f"lr {last.learning_rate:.1e}", theme.DIM))
        if self._speed is not None:
            parts.append((f"{self._speed:,.0f} tok/s", theme.DIM))
        model = state.model
        parts.append((safe(f"{model.name} model, {_millions(model.parameters)} parameters"), theme.DIM))
        parts.append((safe(f"text {state.text.name}, {state.text.tokens:,} tokens"), theme.DIM))
        parts.append((f"{model.device} {model.dtype}", theme.DIM))
        if state.run:
            parts.append((safe(state.run), theme.GHOST))
        fitting = _fitting(parts, width)
        if last is not None and last.loss is not None and last.kind is None:
            perplexity = formats.count(information.perplexity(float(last.loss)))
            parts.insert(after_loss, (f"perplexity {perplexity}", theme.DIM))
            if len(_fitting(parts, width)) > len(fitting):  # it takes no other part's room
                fitting = _fitting(parts, width)
        return [strip(*fitting)]


def _fitting(parts: Sequence[tuple[str, Style]], width: int) -> list[Segment]:
    """The first parts, as many as there is room for."""
    segments: list[Segment] = []
    used = 0
    for number, (text, style) in enumerate(parts):
        text = (" · " if number else " ") + text
        used += cells.cell_len(text)
        if used > width:
            break
        segments.append(Segment(text, style))
    return segments


def _done(progress: Progress) -> str:
    return safe(f"{progress.what} {progress.done:,}/{progress.total:,} {progress.unit}".rstrip())


def _millions(count: int) -> str:
    return f"{count / 1e6:.1f} M" if count >= 1e6 else f"{count:,}"
