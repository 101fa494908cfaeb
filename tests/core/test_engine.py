"""The engine as a process: how it ends, what it leaves behind, and what cannot disturb it."""

import asyncio
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core import messages as m
from core import runs
from core.checkpoint import save_model
from core.engine import Engine
from core.indexing import AT_ONCE
from core.models.gpt2 import Config
from core.trigram_line import AT_ONCE as AT_ONCE_IN_LINE
from tests.contract import TEXT, Talk
from tests.core import tiny
from tui.engine import ProcessLine

TRAINING = m.Training(batch=2, context=16, steps=30, warmup=2, dropout=0.1, evaluate_every=10)


@pytest.fixture(autouse=True)
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A tiny model's folder; runs and cached texts are the test's own."""
    monkeypatch.setenv("NEGLOGP_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))
    made = tiny.model(Config(n_embd=8, n_layer=1, n_head=2, n_positions=16))
    (tmp_path / "tiny").mkdir()
    save_model(made, made.to_hf(), tmp_path / "tiny")
    return str(tmp_path / "tiny")


def conversation(work: Callable[[Talk, ProcessLine], Coroutine[Any, Any, None]], *command: str) -> None:
    """Run this over an engine of its own, and see the engine end."""

    async def whole() -> None:
        line = ProcessLine(command or None)
        talk = Talk(line)
        await talk.start()
        try:
            await work(talk, line)
        finally:
            await line.close()
            assert line.pid is not None
            await ended(line)

    asyncio.run(whole())


async def ended(line: ProcessLine) -> int:
    assert line._process is not None
    return await asyncio.to_thread(line._process.wait, 30)


def files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_closing_ends_a_continuation_at_once(model: str) -> None:
    async def work(talk: Talk, line: ProcessLine) -> None:
        await talk.ask(m.Open(model=model, training=TRAINING))
        talk.send(m.Generate(text=TEXT, tokens=100_000))
        await talk.until(lambda: talk.told(m.Continued))

    conversation(work)  # which waits for the end, far less long than so many tokens take


def test_a_run_killed_in_the_middle_continues_on_its_own_curve_to_the_bit(model: str) -> None:
    names: list[str] = []

    async def trained_then_killed(talk: Talk, line: ProcessLine) -> None:
        await talk.ask(m.Open(model=model, training=TRAINING))
        whole = await talk.trained(30)
        await talk.ask(m.Reset())  # which saves it
        talk.events.clear()
        await talk.ask(m.Run())
        await talk.until(lambda: any(event.state.step >= 4 for event in talk.told(m.Stepped)))
        killed = talk.told(m.Stepped)[-1].state
        assert line.pid is not None
        os.kill(line.pid, signal.SIGKILL)
        await talk.until(lambda: talk.ended)
        assert await ended(line) == -signal.SIGKILL
        assert "SIGKILL" in line.last_words()
        assert killed.run is not None and whole.run is not None and killed.run != whole.run
        names.extend((whole.run, killed.run))
        acknowledged = runs.read(runs.run_path(killed.run))
        told = [result.step for event in talk.told(m.Stepped) for result in event.results]
        assert acknowledged.position >= told[-1]  # what was told is on file
        assert acknowledged.position < 30

    async def went_on(talk: Talk, line: ProcessLine) -> None:
        state = await talk.ask(m.Open(model=names[1]))
        assert 4 <= state.step < 30 and state.warning is None
        assert (await talk.rested(m.Run())).step == 30
        assert (await talk.ask(m.Status())).warning is None
        assert line.pid is not None
        os.kill(line.pid, signal.SIGTERM)  # which saves, too
        assert await ended(line) == 0

    conversation(trained_then_killed)
    conversation(went_on)
    whole, continued = (runs.run_path(name) for name in names)
    assert files(whole / "checkpoint-30") == files(continued / "checkpoint-30")
    curves = [[(r.step, r.loss, r.validation) for r in runs.read(f).results] for f in (whole, continued)]
    assert curves[0] == curves[1] and len(curves[0]) == 31


def test_a_long_text_is_indexed_while_training_goes_on(model: str) -> None:
    async def work(talk: Talk, line: ProcessLine) -> None:
        await talk.ask(m.Open(model=model, training=TRAINING))
        text = "The dog sat on the lap of the old man.\n" * (AT_ONCE // 10)
        await talk.ask(m.Upload(name="long.txt", text=text, first=True, last=True))
        await talk.ask(m.Configure(training=m.Training(text="long.txt", batch=1, context=16, steps=100_000)))
        await talk.ask(m.Score(text="The dog sat"))
        await talk.ask(m.Run())
        first = await talk.ask(m.World(position=2))
        assert first.missing == "the text long.txt is being indexed" and first.followers == ()
        await talk.until(lambda: any(event.done == event.total for event in talk.told(m.Indexed)))
        assert all(event.total > AT_ONCE for event in talk.told(m.Indexed))
        told = await talk.ask(m.World(position=2))
        assert told.missing is None and told.length == 3
        assert [follower.candidate.piece for follower in told.followers] == [b" on"]
        state = await talk.ask(m.Status())
        assert state.running
        await talk.until(lambda: any(event.state.step > state.step for event in talk.told(m.Stepped)))

    conversation(work)


STRAY = """
import os, sys
from core import engine, session
def noisy(self, request, real=session.Session.score):
    print("a stray print")
    sys.stdout.flush()
    os.write(1, b"straight to the descriptor\\n")
    os.system("echo from a child; cat")
    return real(self, request)
session.Session.score = noisy
engine.main()
"""


def test_stray_output_cannot_corrupt_the_pipe_and_closing_saves_in_the_middle_of_a_run(model: str) -> None:
    left: list[m.State] = []

    async def noisy(talk: Talk, line: ProcessLine) -> None:
        await talk.ask(m.Open(model=model, training=m.Training(batch=2, context=16, steps=100_000)))
        table = await talk.ask(m.Score(text=TEXT))
        assert table.text == TEXT
        log = line.last_words()
        assert "a stray print" in log and "straight to the descriptor" in log and "from a child" in log
        await talk.ask(m.Run())
        await talk.until(lambda: talk.told(m.Stepped))
        left.append(talk.told(m.Stepped)[-1].state)

    conversation(noisy, sys.executable, "-P", "-c", STRAY)
    assert left[0].run is not None
    folder = runs.run_path(left[0].run)
    saved, position = runs.checkpoints(folder)[-1][0], runs.read(folder).position
    assert saved == position >= left[0].step


def test_a_screen_of_another_version_is_told_and_a_request_that_crashes_is_only_refused(model: str) -> None:
    crash = (
        "from core import engine, session\n"
        "def crash(self, request): raise RuntimeError('boom')\n"
        "session.Session.find = session.Session.extend = crash\n"
        "def broken(self): raise RuntimeError('no step')\n"
        "session.Session.advance = broken\n"
        "engine.main()\n"
    )

    async def work(talk: Talk, line: ProcessLine) -> None:
        line.write(m.encode(m.Hello(protocol=99, version="9.9")))
        await talk.until(lambda: talk.replies.get(None))
        message = talk.replies[None][0]
        assert isinstance(message, m.Failure) and "99" in message.message and "9.9" in message.message
        await talk.ask(m.Open(model=model, training=TRAINING))
        failure = await talk.reply(talk.send(m.Find(position=0, query="a")))
        assert isinstance(failure, m.Failure)
        assert failure.kind == "internal" and "boom" in failure.message
        await talk.ask(m.Run())
        await talk.until(lambda: talk.told(m.Changed))
        state = talk.told(m.Changed)[0].state
        assert not state.running and "no step" in (state.warning or "")
        assert (await talk.ask(m.Status())).step == 0

    conversation(work, sys.executable, "-P", "-c", crash)


def test_an_engine_at_rest_tells_of_the_trigram_line_as_soon_as_it_is_made(model: str) -> None:
    text = "".join(f"{n} cats sat on {n % 7} mats. " for n in range(AT_ONCE_IN_LINE // 6))  # 8 tokens each

    async def work(talk: Talk, line: ProcessLine) -> None:
        await talk.ask(m.Upload(name="cats.txt", text=text, first=True, last=True))
        training = msgspec.structs.replace(TRAINING, text="cats.txt")
        state = await talk.ask(m.Open(model=model, training=training))
        assert state.text.tokens > AT_ONCE_IN_LINE
        assert [each.name for each in state.references] == ["ln V", "unigram entropy"]
        await talk.until(lambda: talk.told(m.Changed))
        (changed,) = talk.told(m.Changed)
        assert [each.name for each in changed.state.references] == ["ln V", "unigram entropy", "trigrams"]
        trigrams, unigrams = changed.state.references[2], changed.state.references[1]
        assert 0 < trigrams.nats < unigrams.nats

    conversation(work)


def test_an_engine_nobody_talks_to_ends_with_its_input() -> None:
    command = [sys.executable, "-P", "-m", "core.engine"]
    done = subprocess.run(command, input=b"", capture_output=True, timeout=60, check=False)
    assert done.returncode == 0
    (hello,) = done.stdout.splitlines()
    assert isinstance(m.decode_from_engine(hello), m.Hello)


class Newer:
    """An engine in this process; once the open row of `text` is told of, a newer text waits."""

    def __init__(self, patch: pytest.MonkeyPatch, text: str, newer: str) -> None:
        self.said = io.BytesIO()
        self.engine = Engine(io.BytesIO(), self.said)
        tell = self.engine._outbox.event

        def event(event: m.AnyEvent) -> None:
            tell(event)
            if isinstance(event, m.Glimpsed) and event.text == text:
                self.engine._inbox.put(m.Call(id=2, request=m.Score(text=newer)))

        patch.setattr(self.engine._session, "_emit", event)

    def scores(self) -> list[Any]:
        """What was said of scores, in order: glimpses, answers and failures."""
        messages = [m.decode_from_engine(line) for line in self.said.getvalue().splitlines()]
        said = [message.event if isinstance(message, m.Event) else message for message in messages]
        return [told for told in said if isinstance(told, (m.Glimpsed, m.Answer, m.Failure))]


def test_a_score_in_the_middle_of_a_step_is_broken_off_for_a_newer_one(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, newer = TEXT * 30, "One " + TEXT * 30
    both = Newer(monkeypatch, older, newer)
    session, inbox = both.engine._session, both.engine._inbox
    training = m.Training(batch=64, context=16, steps=9, evaluate_every=9)  # two micro-batches
    session.open(m.Open(model=model, training=training))
    inbox.put(m.Call(id=1, request=m.Score(text=older)))
    session.run(m.Run(steps=1))
    session.advance()
    both.engine._session.close()
    both.engine._outbox.close()
    of_scores = both.scores()
    assert [type(told) for told in of_scores] == [m.Glimpsed, m.Failure, m.Glimpsed, m.Answer]
    first, failure, second, answer = of_scores
    assert (first.text, second.text, answer.result.text) == (older, newer, newer)
    assert (failure.id, failure.kind, answer.id, answer.result.step) == (1, "superseded", 2, 0)
