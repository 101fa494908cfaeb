"""What the engine says, written by a thread of its own, so that a stalled screen never stops training."""

import threading
import time
from typing import BinaryIO

import msgspec

from core.messages import (
    LINE_LIMIT,
    Answer,
    AnyEvent,
    Event,
    Failure,
    Hello,
    Learning,
    Sampled,
    Stepped,
    encode,
)

EVENT_SECONDS = 0.1  # between two events of one kind
JOINED_STEPS = 10_000  # at most in one event: about 2 MB


class Outbox:
    """One slot per kind of event, the latest in it; steps, samples, costs add up. Answers keep their order.

    An answer takes the events that wait out with it first: nothing is told later than it happened.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._events: dict[type[AnyEvent], AnyEvent] = {}
        self._due: dict[type[AnyEvent], float] = {}
        self._ready: list[Hello | Answer | Failure | Event] = []
        self._something = threading.Condition()
        self._closed = False
        self.broken = False
        self._thread = threading.Thread(target=self._write, name="outbox", daemon=True)
        self._thread.start()

    def event(self, event: AnyEvent) -> None:
        """Tell of something; it may be replaced by, or joined with, a later one of its kind."""
        with self._something:
            kind = type(event)
            waiting = self._events.pop(kind, None)
            if isinstance(event, Stepped) and isinstance(waiting, Stepped):
                if len(waiting.results) < JOINED_STEPS:
                    event = msgspec.structs.replace(event, results=waiting.results + event.results)
                else:
                    self._ready.append(Event(event=waiting))
            elif isinstance(event, Sampled) and isinstance(waiting, Sampled):
                event = Sampled(samples=waiting.samples + event.samples)
            elif isinstance(event, Learning) and isinstance(waiting, Learning):
                event = Learning(costs=waiting.costs + event.costs, belief=event.belief)
            self._events[kind] = event
            self._something.notify_all()

    def send(self, message: Hello | Answer | Failure) -> None:
        """Tell something that is told once and in order."""
        with self._something:
            self._ready += [Event(event=event) for event in self._events.values()]
            self._events.clear()
            self._ready.append(message)
            self._something.notify_all()

    def close(self) -> None:
        """Write out what waits, then end."""
        with self._something:
            self._closed = True
            self._something.notify_all()
        self._thread.join()

    def _write(self) -> None:
        while True:
            with self._something:
                batch = self._next_batch()
            if batch is None:
                return
            try:
                for message in batch:
                    self._stream.write(_line(message))
                self._stream.flush()
            except OSError:
                self.broken = True
                return

    def _next_batch(self) -> list[Hello | Answer | Failure | Event] | None:
        """What is to be written now, awaited; None at the end."""
        while True:
            now = time.monotonic()
            for kind, event in list(self._events.items()):
                if self._closed or self._due.get(kind, 0.0) <= now:
                    del self._events[kind]
                    self._due[kind] = now + EVENT_SECONDS
                    self._ready.append(Event(event=event))
            if self._ready:
                batch, self._ready = self._ready, []
                return batch
            if self._closed:
                return None
            earliest = min((self._due[kind] for kind in self._events), default=None)
            self._something.wait(None if earliest is None else earliest - now)


def _line(message: Hello | Answer | Failure | Event) -> bytes:
    """The message as a line; of an answer that is none, or too long for one, a failure that says so."""
    try:
        line = encode(message)
        if len(line) <= LINE_LIMIT:
            return line
        reason = f"the answer takes {len(line):,} bytes, of {LINE_LIMIT:,} that can be sent: ask for less"
    except UnicodeEncodeError as error:
        reason = f"the answer is no valid text: {error}"
    if not isinstance(message, Answer):
        return b""
    return encode(Failure(id=message.id, kind="bad_request", message=reason))
