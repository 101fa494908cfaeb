"""The client's side of the line: answers find who asked, and an engine's end is told once and clearly."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from core import messages as m
from tests.fake_engine import FakeEngine
from tui.engine import Engine, EngineDied, EngineError, Line, ProcessLine, environment

TEXT = "The fat cat sat on the mat"


class Heard:
    def __init__(self, line: Line) -> None:
        self.events: list[m.AnyEvent] = []
        self.ends: list[str] = []
        self.engine = Engine(line, self.events.append, self.ends.append)

    async def end(self) -> str:
        async with asyncio.timeout(20):
            while not self.ends:
                await asyncio.sleep(0)
        return self.ends[0]


def over(line: Line, work: Callable[[Heard], Coroutine[Any, Any, None]]) -> Heard:
    async def whole() -> Heard:
        heard = Heard(line)
        await heard.engine.start()
        await work(heard)
        await heard.engine.close()
        return heard

    return asyncio.run(whole())


class Told:
    """A line that says what it is told to, whatever is asked."""

    def __init__(self, *lines: bytes) -> None:
        self._lines = list(lines)
        self.closed = False

    async def open(self) -> None: ...

    async def read(self) -> bytes:
        return self._lines.pop(0) if self._lines else b""

    def write(self, line: bytes) -> None: ...

    async def close(self) -> None:
        self.closed = True

    def last_words(self) -> str:
        return "its last words"


def test_each_request_gets_its_own_answer() -> None:
    async def work(heard: Heard) -> None:
        ask = heard.engine.ask
        state, curve, stored = await asyncio.gather(
            ask(m.Open()), ask(m.History()), ask(m.Upload(name="a", text="b c", first=True, last=True))
        )
        assert (state.step, curve.results, stored.tokens) == (0, (), 2)

    assert over(FakeEngine(), work).ends == []  # closing is no accident


def test_a_refusal_is_an_error_with_its_kind_and_sentence() -> None:
    async def work(heard: Heard) -> None:
        with pytest.raises(EngineError, match="no model is open") as refused:
            await heard.engine.ask(m.Status())
        assert refused.value.kind == "bad_request"

    over(FakeEngine(), work)


def test_events_are_handed_on_in_order() -> None:
    async def work(heard: Heard) -> None:
        await heard.engine.ask(m.Open())
        await heard.engine.ask(m.Run(steps=3))
        while (await heard.engine.ask(m.Status())).running:
            pass

    events = over(FakeEngine(), work).events
    assert [r.step for event in events if isinstance(event, m.Stepped) for r in event.results] == [0, 1, 2, 3]


def test_when_the_engine_dies_whoever_waits_is_told_and_so_is_who_asks_later() -> None:
    fake = FakeEngine()

    async def work(heard: Heard) -> None:
        await heard.engine.ask(m.Open())
        fake.stall()
        waiting = asyncio.create_task(heard.engine.ask(m.Score(text=TEXT)))
        await asyncio.sleep(0)
        fake.die("out of memory")
        with pytest.raises(EngineDied, match="out of memory"):
            await waiting
        assert await heard.end() == "out of memory"
        with pytest.raises(EngineDied):
            await heard.engine.ask(m.Status())

    assert len(over(fake, work).ends) == 1


@pytest.mark.parametrize(
    ("line", "word"),
    [
        (b"Welcome to gpubox!\n", "not of the protocol"),
        (m.encode(m.Hello(protocol=99, version="9.9")), "protocol 99"),
        (m.encode(m.Failure(id=None, kind="bad_request", message="install another")), "install another"),
        (b"", "its last words"),
    ],
)
def test_what_ends_a_conversation_is_said_and_the_line_closed(line: bytes, word: str) -> None:
    told = Told(line)

    async def work(heard: Heard) -> None:
        assert word in await heard.end()
        assert told.closed

    over(told, work)


def test_text_that_cannot_be_sent_leaves_nobody_waiting() -> None:
    async def work(heard: Heard) -> None:
        with pytest.raises(UnicodeEncodeError):
            await heard.engine.ask(m.Score(text="\ud800"))
        assert heard.engine._waiting == {}

    over(FakeEngine(), work)


def python(code: str) -> ProcessLine:
    return ProcessLine([sys.executable, "-c", code])


def test_an_engine_that_saves_outlives_the_screens_loop(tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    line = python(
        "import sys, time; print('x', flush=True); sys.stdin.read(); time.sleep(0.5); "
        f"open({str(saved)!r}, 'w').write('whole')"
    )

    async def quit_at_once() -> None:
        await line.open()
        await line.read()
        await line.close()

    asyncio.run(quit_at_once())
    assert line._process is not None and line._process.wait(20) == 0
    assert saved.read_text() == "whole"


def test_the_last_words_are_the_end_of_the_log_and_how_it_ended() -> None:
    line = python("import sys; [print('line', i, file=sys.stderr) for i in range(99)]; sys.exit(3)")

    async def work(heard: Heard) -> None:
        words = (await heard.end()).splitlines()
        assert words[-2:] == ["line 98", "ended with status 3"] and len(words) <= 13

    over(line, work)


def test_what_cannot_be_started_is_named() -> None:
    async def start() -> None:
        with pytest.raises(EngineDied, match=r"/no/such/engine could not be started: No such file"):
            await Heard(ProcessLine.from_words("/no/such/engine --now")).engine.start()

    asyncio.run(start())


def test_no_shell_reads_the_command() -> None:
    line = ProcessLine.from_words("ssh 'gpu box' neglogp engine; rm -rf $HOME")
    assert line.command == ["ssh", "gpu box", "neglogp", "engine;", "rm", "-rf", "$HOME"]


def test_a_long_table_comes_through_and_a_line_over_the_limit_ends_it() -> None:
    line = python(
        "import sys; w = sys.stdout.buffer.write; w(b'x' * 1_000_000 + b'\\n'); "
        f"w(b'y' * {m.LINE_LIMIT + 10} + b'\\n'); sys.stdout.flush(); sys.stdin.read()"
    )

    async def read() -> None:
        await line.open()
        assert len(await line.read()) == 1_000_001
        asyncio.get_running_loop().call_soon(line._pipes[1].close)  # it ends with its input
        assert await line.read() == b""
        await line.close()

    asyncio.run(read())


def test_the_engine_gets_no_path_that_depends_on_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([".", "", "lib", "/opt/lib"]))
    assert environment()["PYTHONPATH"] == "/opt/lib"
    monkeypatch.setenv("PYTHONPATH", ".")
    assert "PYTHONPATH" not in environment()


def test_the_engine_is_started_apart_from_the_folder_and_the_terminal() -> None:
    line = ProcessLine()
    assert line.command == [sys.executable, "-P", "-m", "core.engine"]
    other = python("import os; print(os.getsid(0) == os.getpid(), flush=True)")

    async def read() -> None:
        await other.open()
        assert await other.read() == b"True\n"
        assert await other.read() == b""
        await other.close()

    asyncio.run(read())
