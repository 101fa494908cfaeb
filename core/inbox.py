"""What the screen asks for, queued by a reader thread: a newer wish is seen while an older one runs."""

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

import msgspec

from core.messages import (
    LINE_LIMIT,
    Audit,
    BadLine,
    Call,
    Certainty,
    Compare,
    Control,
    Dissect,
    Expect,
    Failure,
    Find,
    Hello,
    History,
    Inspect,
    Interpret,
    Keep,
    Pause,
    Pin,
    Predict,
    Recall,
    Release,
    Retrace,
    Run,
    Score,
    Status,
    Stop,
    Unpin,
    Weigh,
    World,
    decode_to_engine,
)

SUPERSEDED = "a newer prompt took its place"

# They read the model and change nothing of the run: may be served inside a step.
_SMALL = (
    Score, Predict, Keep, Release, Find, Audit, Weigh, Interpret, Compare, Expect, Control, Inspect, World,
    Status, History,
)  # fmt: skip
# These have to wait for the step's end, and small ones need not wait for them.
_OVERTAKEN = (Pause, Pin, Unpin, Run, Stop, Dissect, Retrace, Certainty)


class _Numbered(msgspec.Struct):
    """What can still be told of a call that is otherwise not understood."""

    id: int | None = None


_numbered = msgspec.json.Decoder(_Numbered)


class Inbox:
    """The calls that wait. `reply` takes failures the reader tells by itself, `greet` the other's hello.

    `recall` answers, in the reader's thread, what asks for something recorded.
    """

    def __init__(
        self,
        reply: Callable[[Failure], None],
        greet: Callable[[Hello], None],
        recall: Callable[[Call], None],
    ) -> None:
        self._reply = reply
        self._recall = recall
        self._greet = greet
        self._waiting: deque[Call] = deque()
        self._arrived = threading.Condition()
        self._closed = False
        self._woken = False

    def read(self, stream: BinaryIO) -> None:
        """Read lines until the stream ends; the reader thread's whole work."""
        while line := stream.readline(LINE_LIMIT + 1):
            if len(line) > LINE_LIMIT:
                while line and not line.endswith(b"\n"):
                    line = stream.readline(LINE_LIMIT)
                self._reply(
                    Failure(id=None, kind="bad_line", message=f"a line is longer than {LINE_LIMIT:,} bytes")
                )
                continue
            self.line(line)
        self.close()

    def line(self, line: bytes) -> None:
        """Take in one line; one that cannot be understood is answered here and changes nothing."""
        try:
            message = decode_to_engine(line)
        except BadLine as error:
            self._reply(_refusal(line, str(error)))
            return
        if isinstance(message, Hello):
            self._greet(message)
        elif isinstance(message.request, Recall):
            self._recall(message)  # needs no model, so it waits for nothing
        else:
            self.put(message)

    def put(self, call: Call) -> None:
        """Queue a call; a newer score takes the place of one that still waits."""
        superseded = []
        with self._arrived:
            if isinstance(call.request, Score):
                superseded = [c for c in self._waiting if isinstance(c.request, Score)]
                for older in superseded:
                    self._waiting.remove(older)
            self._waiting.append(call)
            self._arrived.notify_all()
        for older in superseded:
            self._reply(Failure(id=older.id, kind="superseded", message=SUPERSEDED))

    def close(self) -> None:
        """Nothing more will come."""
        with self._arrived:
            self._closed = True
            self._arrived.notify_all()

    @property
    def closed(self) -> bool:
        return self._closed

    def wake(self) -> None:
        """There is something to do that nobody has called for; any thread may say so."""
        with self._arrived:
            self._woken = True
            self._arrived.notify_all()

    def wait(self) -> Call | None:
        """The next call, awaited; None once the inbox is closed, or woken."""
        with self._arrived:
            self._arrived.wait_for(lambda: self._waiting or self._closed or self._woken)
            self._woken = False
            return None if self._closed or not self._waiting else self._waiting.popleft()

    def take(self) -> Call | None:
        """The next call if one waits."""
        with self._arrived:
            return self._waiting.popleft() if self._waiting else None

    def take_small(self) -> Call | None:
        """The next call that may be served in the middle of a step, unless one before it forbids that."""
        with self._arrived:
            for call in self._waiting:
                if isinstance(call.request, _SMALL):
                    self._waiting.remove(call)
                    return call
                if not isinstance(call.request, _OVERTAKEN):
                    return None
            return None

    def interrupted(self) -> bool:
        """Whether something that takes long should end: a stop waits, or nobody listens any more."""
        with self._arrived:
            return self._closed or any(isinstance(call.request, Stop) for call in self._waiting)

    def overtaken(self) -> bool:
        """Whether a newer text is wanted than the one that is being scored."""
        with self._arrived:
            return any(isinstance(call.request, Score) for call in self._waiting)


def _refusal(line: bytes, reason: str) -> Failure:
    """The one reply to a line that is no call, under the call's number where it has one."""
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        number = _numbered.decode(line).id
        if number is not None:
            return Failure(id=number, kind="bad_request", message=reason)
    return Failure(id=None, kind="bad_line", message=f"a line was not understood: {reason}")
