"""The client: starts the engine, sends requests, awaits their answers and hands on what happens."""

import asyncio
import contextlib
import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

from core import messages as m

STOP_SECONDS = 5.0  # the screen does not wait for the engine to save; this is for its first reaction only
LOG_LINES = 12


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
        self._process: asyncio.subprocess.Process | None = None
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
            self._process = await asyncio.create_subprocess_exec(
                *self.command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=handle,
                limit=m.LINE_LIMIT,
                env=environment(),
                start_new_session=True,
            )
        except OSError as error:
            raise EngineDied(f"{self.command[0]} could not be started: {error.strerror}") from error
        finally:
            os.close(handle)

    async def read(self) -> bytes:
        """The next line; empty at the end."""
        assert self._process is not None and self._process.stdout is not None
        try:
            return await self._process.stdout.readline()
        except (ValueError, ConnectionError):  # a line over the limit
            return b""

    def write(self, line: bytes) -> None:
        assert self._process is not None and self._process.stdin is not None
        if not self._process.stdin.is_closing():
            self._process.stdin.write(line)

    async def close(self) -> None:
        """Close the pipe; the engine saves and ends by itself."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            with contextlib.suppress(ConnectionError):
                await self._process.stdin.wait_closed()
        if self._log is not None and self._process is not None and self._process.returncode in (None, 0):
            self._log.unlink(missing_ok=True)

    def last_words(self) -> str:
        """The last lines of the log."""
        if self._log is None:
            return ""
        with contextlib.suppress(OSError), self._log.open("rb") as log:
            log.seek(max(0, self._log.stat().st_size - 64_000))
            lines = log.read().decode("utf-8", errors="replace").splitlines()
            return "\n".join(lines[-LOG_LINES:])
        return ""


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
        """The answer to a request. Raises EngineError where it is refused, EngineDied where nobody is there."""
        if self._reader is None or self._reader.done():
            raise EngineDied(self.line.last_words())
        self._last_id += 1
        answer: asyncio.Future[m.AnyResult] = asyncio.get_running_loop().create_future()
        self._waiting[self._last_id] = answer
        self.line.write(m.encode(m.Call(id=self._last_id, request=cast(m.AnyRequest, request))))
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
                self._on_end(words)

    def _take(self, line: bytes) -> str:
        """Hand one line on; what is wrong with it, if it ends the conversation."""
        try:
            message: Any = m.decode_from_engine(line)
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
