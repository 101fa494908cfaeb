"""The client: starts the engine, sends requests, awaits their answers and hands on what happens."""

import asyncio
import contextlib
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, cast

from core import messages as m

LOG_LINES = 12
ENDING_SECONDS = 1.0  # from the end of what an engine says to the end of its process, as a rule far less


class EngineError(Exception):
    """The engine could not do what was asked; `kind` is one of the protocol's, the text is for a person."""

    def __init__(self, kind: m.FailureKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class EngineDied(Exception):
    """The engine is gone; the text is what it last wrote to its log."""


class Line(Protocol):
    """A line to an engine: bytes there and back. The real one is a process, the tests have another."""

    async def open(self) -> None: ...
    async def read(self) -> bytes: ...
    def write(self, line: bytes) -> None: ...
    async def close(self) -> None: ...
    def last_words(self) -> str: ...


class ProcessLine:
    """An engine as a child process in a session of its own, its stderr in a log file."""

    def __init__(self, command: Sequence[str] | None = None) -> None:
        # -P: without it the current folder comes first on the path, with any project's core/ or torch.py.
        self.command = list(command) if command else [sys.executable, "-P", "-m", "core.engine"]
        # Not asyncio's subprocess: that kills a child that still saves when the screen's loop is gone.
        self._process: subprocess.Popen[bytes] | None = None
        self._replies: asyncio.StreamReader | None = None
        self._pipes: list[asyncio.BaseTransport] = []
        self._requests: asyncio.WriteTransport | None = None
        self._log: Path | None = None

    @classmethod
    def from_words(cls, words: str) -> "ProcessLine":
        """An engine started by a command such as "ssh gpubox neglogp engine"; no shell reads it."""
        return cls(shlex.split(words))

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def open(self) -> None:
        handle, name = tempfile.mkstemp(prefix="neglogp-engine-", suffix=".log")
        self._log = Path(name)
        try:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=handle,
                env=environment(),
                start_new_session=True,
            )
        except OSError as error:
            self._log.unlink()
            raise EngineDied(f"{self.command[0]} could not be started: {error.strerror}") from error
        finally:
            os.close(handle)
        loop = asyncio.get_running_loop()
        self._replies = asyncio.StreamReader(limit=m.LINE_LIMIT)
        protocol = asyncio.StreamReaderProtocol(self._replies)
        incoming, _ = await loop.connect_read_pipe(lambda: protocol, self._process.stdout)
        self._requests, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, self._process.stdin)
        self._pipes = [incoming, self._requests]

    async def read(self) -> bytes:
        """The next line; empty at the end."""
        assert self._replies is not None
        line = b""
        with contextlib.suppress(ValueError, ConnectionError):  # ValueError: a line over the limit
            line = await self._replies.readline()
        if not line and self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):  # for `last_words` to tell how it ended
                await asyncio.to_thread(self._process.wait, ENDING_SECONDS)
        return line

    def write(self, line: bytes) -> None:
        if self._requests is not None and not self._requests.is_closing():
            self._requests.write(line)

    async def close(self) -> None:
        """Close the pipes; the engine saves and ends by itself."""
        for pipe in self._pipes:
            pipe.close()
        if self._log is not None and self._process is not None and self._process.poll() in (None, 0):
            self._log.unlink(missing_ok=True)

    def last_words(self) -> str:
        """The last lines of the log, and how the engine ended where that was by no choice of its own."""
        lines: list[str] = []
        if self._log is not None:
            with contextlib.suppress(OSError), self._log.open("rb") as log:
                log.seek(max(0, self._log.stat().st_size - 64_000))
                lines = log.read().decode("utf-8", errors="replace").splitlines()[-LOG_LINES:]
        status = self._process.poll() if self._process is not None else None
        if status is not None and status < 0:
            lines.append(f"killed by {signal.Signals(-status).name}")
        elif status:
            lines.append(f"ended with status {status}")
        return "\n".join(lines)


def environment() -> dict[str, str]:
    """Ours, less the entries of PYTHONPATH that depend on the current folder."""
    env = dict(os.environ)
    paths = [p for p in env.pop("PYTHONPATH", "").split(os.pathsep) if os.path.isabs(p)]
    if paths:
        env["PYTHONPATH"] = os.pathsep.join(paths)
    return env


class Engine:
    """Requests to an engine and its answers. `on_event` gets what happens, `on_end` that it is gone."""

    def __init__(
        self, line: Line, on_event: Callable[[m.AnyEvent], None], on_end: Callable[[str], None]
    ) -> None:
        self.line = line
        self._on_event = on_event
        self._on_end = on_end
        self._waiting: dict[int, asyncio.Future[m.AnyResult]] = {}
        self._last_id = 0
        self._reader: asyncio.Task[None] | None = None
        self._closing = False

    async def start(self) -> None:
        """Start the engine. Requests may be sent at once; they wait in the pipe. Raises EngineDied."""
        await self.line.open()
        self.line.write(m.encode(m.Hello(protocol=m.PROTOCOL, version="")))
        self._reader = asyncio.create_task(self._read(), name="engine reader")

    async def ask(self, request: m.Request[m.Result]) -> m.Result:
        """The answer to a request. Raises EngineError where it is refused, EngineDied without an engine."""
        if self._reader is None or self._reader.done():
            raise EngineDied(self.line.last_words())
        self._last_id += 1
        line = m.encode(m.Call(id=self._last_id, request=cast(m.AnyRequest, request)))
        answer: asyncio.Future[m.AnyResult] = asyncio.get_running_loop().create_future()
        self._waiting[self._last_id] = answer
        self.line.write(line)
        return cast(m.Result, await answer)

    async def close(self) -> None:
        """Let go of the engine; it saves by itself."""
        self._closing = True
        await self.line.close()
        if self._reader is not None:
            self._reader.cancel()

    async def _read(self) -> None:
        problem = ""
        try:
            while line := await self.line.read():
                problem = self._take(line)
                if problem:
                    break
        finally:
            words = problem or self.line.last_words()
            waiting, self._waiting = self._waiting, {}
            for answer in waiting.values():
                if not answer.done():
                    answer.set_exception(EngineDied(words))
                    answer.exception()  # who no longer waits must not be reminded by the garbage collector
            if not self._closing:
                await self.line.close()
                self._on_end(words)

    def _take(self, line: bytes) -> str:
        """Hand one line on; what is wrong with it, if it ends the conversation."""
        try:
            message = m.decode_from_engine(line)
        except m.BadLine as error:
            return f"the engine said something that is not of the protocol: {error}"
        if isinstance(message, m.Event):
            self._on_event(message.event)
        elif isinstance(message, m.Hello):
            if message.protocol != m.PROTOCOL:
                return (
                    f"the engine speaks protocol {message.protocol} (neglogp {message.version}), this screen "
                    f"{m.PROTOCOL}: install the same version on both sides"
                )
        elif message.id is not None and (answer := self._waiting.pop(message.id, None)) is not None:
            if answer.done():
                pass
            elif isinstance(message, m.Answer):
                answer.set_result(message.result)
            else:
                answer.set_exception(EngineError(message.kind, message.message))
        elif isinstance(message, m.Failure):
            return message.message
        return ""
