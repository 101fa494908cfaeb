"""A real terminal for the tests: a program on a pty, what it draws, and what becomes of its processes.

The screen is pyte's. Nothing is ever answered to the program: it runs as on a terminal that knows no
extensions. The bookkeeping of processes reads Linux's /proc.
"""

import contextlib
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from tests.e2e.display import ALTERNATE_SCREEN, Display, Screen

TREE = "NEGLOGP_TEST_TREE"  # in the environment of all that a Terminal starts, also once it is orphaned

KEYS: Mapping[str, str] = {
    "enter": "\r",
    "tab": "\t",
    "shift+tab": "\x1b[Z",
    "escape": "\x1b",
    "backspace": "\x7f",
    "delete": "\x1b[3~",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "home": "\x1b[H",
    "end": "\x1b[F",
    "pageup": "\x1b[5~",
    "pagedown": "\x1b[6~",
    "ctrl+home": "\x1b[1;5H",
    "ctrl+end": "\x1b[1;5F",
    **{f"f{n}": f"\x1bO{'PQRS'[n - 1]}" for n in range(1, 5)},
    **{f"f{n}": f"\x1b[{code}~" for n, code in enumerate((15, 17, 18, 19, 20, 21, 23, 24), start=5)},
    **{f"ctrl+{letter}": chr(ord(letter) - 96) for letter in "abcdefghijklmnopqrstuvwxyz"},
}


class Chunk(NamedTuple):
    """What one read from the program gave, and when: seconds of time.monotonic()."""

    at: float
    data: bytes


class Terminal:
    """`command` on a pty of its own, in `folder`, with its home, settings and runs in `home`.

    Use it in a `with`: at its end the terminal's window is closed, and everything the program started must
    end by itself; what does not is killed and fails the test.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        home: Path,
        folder: Path | None = None,
        columns: int = 120,
        rows: int = 40,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.chunks: list[Chunk] = []
        self._mark = uuid.uuid4().hex
        self._open = True
        self._display = Display(columns, rows)
        self._displayed = 0  # of the chunks: drawing them is left until someone looks, it takes pyte long
        self._changed = threading.Condition()
        self._ended = False
        self._master, slave = os.openpty()
        self._set_size(columns, rows)
        self._wake, self._waker = os.pipe()
        home.mkdir(parents=True, exist_ok=True)
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            # A session's leader that opens a terminal is controlled by it: a closed window hangs it up.
            ["/bin/sh", "-c", 'exec "$@" <"$0" >"$0" 2>&1', os.ttyname(slave), *map(str, command)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=folder or home,
            env={**environment(home), TREE: self._mark, **(env or {})},
            start_new_session=True,
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    # ------------------------------------------------------------------------------------------- the screen

    def rows(self) -> list[str]:
        """The text of every row, without the blanks at its end."""
        with self._changed:
            return self._screen().rows()

    def row(self, y: int) -> str:
        """The text of row y, counted from 0; from the bottom when negative."""
        return self.rows()[y]

    def text(self) -> str:
        """The whole screen, one line a row."""
        return "\n".join(self.rows())

    def _screen(self) -> Screen:
        for chunk in self.chunks[self._displayed :]:
            self._display.feed(chunk.data)
        self._displayed = len(self.chunks)
        return self._display.screen

    @property
    def alternate(self) -> bool:
        """Whether the program has taken the alternate screen (and not yet given it back)."""
        with self._changed:
            return ALTERNATE_SCREEN in self._screen().mode

    def written(self) -> int:
        """How many bytes the program has written so far."""
        with self._changed:
            return sum(len(chunk.data) for chunk in self.chunks)

    def wait_for(self, wanted: str | re.Pattern[str] | Callable[[str], object], timeout: float = 20) -> str:
        """Wait until the screen holds a text, matches a pattern or satisfies a test; the screen then.

        Raises AssertionError, with the screen, after `timeout` seconds or once the program has ended.
        """
        if isinstance(wanted, str):
            holds: Callable[[str], object] = lambda text: wanted in text  # noqa: E731
        elif isinstance(wanted, re.Pattern):
            holds = wanted.search
        else:
            holds = wanted
        shown = ""

        def fulfilled() -> bool:
            nonlocal shown
            shown = "\n".join(self._screen().rows())
            return bool(holds(shown))

        with self._changed:
            self._changed.wait_for(lambda: fulfilled() or self._ended, timeout)
            if fulfilled():
                return shown
            ended = self._ended
        raise AssertionError(
            self.describe(f"{'the program ended' if ended else 'waited'} without {wanted!r}")
        )

    def describe(self, what: str) -> str:
        """A sentence and the screen below it, for the message of an assertion."""
        edge = "-" * self._display.screen.columns
        return f"{what}\n{edge}\n{self.text()}\n{edge}"

    # -------------------------------------------------------------------------------------------- the keys

    def send(self, *words: str) -> None:
        """Press keys: a name of KEYS ("f2", "ctrl+q", "up") is that key, anything else is typed as it is."""
        for word in words:
            self.write(KEYS.get(word, word))

    def write(self, text: str) -> None:
        """Type a text letter by letter."""
        data = text.encode()
        while data:
            data = data[os.write(self._master, data) :]

    def paste(self, text: str) -> None:
        """Paste a text, bracketed as terminals do."""
        self.write(f"\x1b[200~{text}\x1b[201~")

    def resize(self, columns: int, rows: int) -> None:
        """Give the window another size; the program is told by SIGWINCH."""
        with self._changed:
            self._screen().resize(rows, columns)
        self._set_size(columns, rows)  # the kernel tells the programs in the foreground

    def _set_size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    # --------------------------------------------------------------------------------------- the processes

    def children(self) -> dict[int, str]:
        """Every process that the command has started and that still runs, with its command line."""
        found = {}
        mark = f"{TREE}={self._mark}".encode()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != self.process.pid:
                try:
                    if mark in (entry / "environ").read_bytes().split(b"\0"):
                        words = (entry / "cmdline").read_bytes().split(b"\0")
                        found[int(entry.name)] = b" ".join(words).decode(errors="replace").strip()
                except OSError:  # ended meanwhile, or another person's
                    continue
        return found

    def kill(self, pid: int, with_signal: int = signal.SIGKILL) -> None:
        """Send a signal to one of the program's processes."""
        if pid != self.process.pid and pid not in self.children():
            raise ValueError(f"{pid} is no process of this terminal; they are {self.children()}")
        os.kill(pid, with_signal)

    def wait_for_exit(self, timeout: float = 20) -> int:
        """Wait until the program has ended by itself; its exit code (negative for a signal)."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(self.describe("the program goes on")) from None
        with self._changed:  # what it wrote last is still under way
            self._changed.wait_for(lambda: self._ended or not _readable(self._master), timeout)
        return code

    def close(self, timeout: float = 40) -> None:
        """Close the window. Raises AssertionError where a process is left after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        if self._open:
            self._open = False
            os.write(self._waker, b"x")
            self._reader.join()
            for descriptor in (self._master, self._wake, self._waker):
                os.close(descriptor)
        left = {} if _ends(self.process.pid, deadline) else {self.process.pid: "the program itself"}
        while (children := self.children()) and not left:
            left = {pid: line for pid, line in children.items() if not _ends(pid, deadline)}
        self._kill_all()
        assert not left, self.describe(f"still running {timeout} s after the window was closed: {left}")

    def _kill_all(self) -> None:
        for pid in (self.process.pid, *self.children()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            _ends(pid, time.monotonic() + 10)
        self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:  # which is what the test should fail with
            self._kill_all()
        self.close()

    # ----------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        while True:
            ready, _, _ = select.select([self._master, self._wake], [], [])
            if self._wake in ready:
                return
            with self._changed:
                try:
                    data = os.read(self._master, 2**16)
                except OSError:  # EIO: nobody has the other end open any more
                    data = b""
                if data:
                    self.chunks.append(Chunk(time.monotonic(), data))
                else:
                    self._ended = True
                self._changed.notify_all()
            if not data:
                return


def environment(home: Path) -> dict[str, str]:
    """What a program is told of the world: a colour terminal, and folders that all lie in `home`."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_STATE_HOME": str(home / "state"),
        "NEGLOGP_RUNS": str(home / "runs"),
        "OMP_NUM_THREADS": "1",
    }


def installed_command() -> Path:
    """The `neglogp` beside the Python that runs the tests."""
    return Path(sys.executable).parent / "neglogp"


def _readable(descriptor: int, seconds: float = 0) -> bool:
    return bool(select.select([descriptor], [], [], seconds)[0])


def _ends(pid: int, deadline: float) -> bool:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return _readable(descriptor, max(0.0, deadline - time.monotonic()))
    finally:
        os.close(descriptor)
