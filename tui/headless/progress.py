"""How far a training run is: one line that changes on a terminal, now and then a line elsewhere."""

import os
import shutil
import time
from collections import deque
from collections.abc import Callable
from typing import TextIO

from core.messages import AnyEvent, Progress, Real, Sampled, Stepped, StepResult
from core.text import safe
from tui import cells, formats
from tui.formats import Unit

TERMINAL_SECONDS = 0.1  # between two lines on a terminal
LOG_SECONDS = 10.0  # between two lines in a file
_BAR = 20  # cells
_RECENT = 20  # steps the speed is taken over


class ProgressLine:
    """Takes a session's events and tells of a run up to `goal`, the step it will end at."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self.goal = 0
        self._stream = stream
        self._clock = clock
        self._in_place = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._recent: deque[StepResult] = deque(maxlen=_RECENT)
        self._validation: Real | None = None
        self._shown_at = -LOG_SECONDS
        self._open = False

    def happened(self, event: AnyEvent) -> None:
        """Tell of an event, if it is time to."""
        if isinstance(event, Stepped):
            for result in event.results:
                self._recent.append(result)
                if result.validation is not None:
                    self._validation = result.validation
            self._show(self.line(), last=event.state.step >= self.goal)
        elif isinstance(event, Sampled):
            for sample in event.samples:
                self._add(safe(f"step {sample.step:,}: {sample.prompt}{sample.text}"))
        elif isinstance(event, Progress):
            self._show(self._way(event), last=False)

    def line(self) -> str:
        """Where the run is, in words."""
        now = self._recent[-1]
        parts = [f"step {now.step:,}/{self.goal:,}"]
        if self._in_place:
            parts[0] += f" {cells.left(formats.bar(now.step / self.goal, _BAR), _BAR)}▏"
        if now.loss is not None:
            parts.append(f"loss {formats.information(now.loss, Unit.NATS, 3)}")
        if self._validation is not None:
            parts.append(f"validation {formats.information(self._validation, Unit.NATS, 3)}")
        seconds = sum(result.seconds for result in self._recent)
        steps = sum(result.loss is not None for result in self._recent)
        if steps and seconds:
            parts.append(f"{sum(result.tokens for result in self._recent) / seconds:,.0f} tokens/s")
            parts.append(f"{duration((self.goal - now.step) * seconds / steps)} left")
        return "  ".join(parts)

    def _way(self, event: Progress) -> str:
        bar = f"{cells.left(formats.bar(event.done / event.total, _BAR), _BAR)}▏ " if self._in_place else ""
        if event.unit:
            return f"{event.what}: {bar}{event.done:,} of {event.total:,} {event.unit}"
        return f"{event.what}: {bar}step {event.done:,} of {event.total:,}"

    def end(self) -> None:
        """Leave the line as it stands and go to the next."""
        if self._open:
            self._stream.write("\n")
            self._stream.flush()
            self._open = False

    def _add(self, line: str) -> None:
        """A line of its own, that stays; the one that changes goes on below it."""
        self._stream.write(("\r\x1b[K" if self._open else "") + line + "\n")
        self._stream.flush()
        self._open = False
        self._shown_at = -LOG_SECONDS if self._in_place else self._shown_at

    def _show(self, line: str, *, last: bool) -> None:
        now = self._clock()
        if not last and now - self._shown_at < (TERMINAL_SECONDS if self._in_place else LOG_SECONDS):
            return
        self._shown_at = now
        if self._in_place:
            width = shutil.get_terminal_size().columns - 1  # a line that fills the last column wraps
            self._stream.write("\r" + cells.left(line, width).rstrip() + "\x1b[K")
            self._open = True
        else:
            self._stream.write(line + "\n")
        self._stream.flush()


def duration(seconds: float) -> str:
    """0:07, 12:30, 2:05:00."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
