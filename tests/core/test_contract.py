"""The real engine and the fake one keep the same contract, so tests on the fake one say something."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from core import messages as m
from core.checkpoint import save_model
from core.models.gpt2 import Config, Model
from tests.contract import CLAIMS, Talk
from tests.fake_engine import FakeEngine
from tui.engine import Line, ProcessLine

LINES: dict[str, Callable[[], Line]] = {"fake": FakeEngine, "real": ProcessLine}
TINY_MODEL = Config(n_embd=8, n_layer=1, n_head=2, n_positions=16)


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of the test's own, where runs and cached texts go, with a tiny model in it; and one thread."""
    folder: Path = tmp_path_factory.mktemp("engine")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEGLOGP_RUNS", str(folder / "runs"))
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        patch.setenv("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))
        model = Model(TINY_MODEL)
        model.initialise(1)
        (folder / "tiny").mkdir()
        save_model(model, model.to_hf(), folder / "tiny")
        yield folder


@pytest.fixture(scope="module", params=LINES)
def talk(request: pytest.FixtureRequest, runner: asyncio.Runner, surroundings: Path) -> Iterator[Talk]:
    """One conversation for all claims: a real engine takes seconds to start."""
    talk = Talk(LINES[request.param](), "fresh" if request.param == "fake" else str(surroundings / "tiny"))
    runner.run(talk.start())
    unopened = runner.run(talk.reply(talk.send(m.Status())))
    assert isinstance(unopened, m.Failure) and "open" in unopened.message
    yield talk
    runner.run(talk.line.close())
    runner.run(talk.until(lambda: talk.ended))  # closing ends it


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.__name__)
def test_contract(talk: Talk, runner: asyncio.Runner, claim: Callable[[Talk], Awaitable[None]]) -> None:
    async def claimed() -> None:
        await claim(talk)

    runner.run(claimed())
