"""The whole application over a fake engine, driven by keys and waited for by conditions, never by time."""

import asyncio
import unicodedata
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from unittest.mock import patch

from textual._compositor import Compositor
from textual.events import Key, Paste
from textual.keys import REPLACED_KEYS, _character_to_key, key_to_character
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input

from core import messages as m
from tests.fake_engine import FakeEngine, FakeRun
from tui.app import NeglogpApp
from tui.screens.explore import ExploreScreen
from tui.tour.walk import Walk
from tui.widgets.candidates import CandidateList
from tui.widgets.followers import FollowerList
from tui.widgets.lines import LineView
from tui.widgets.loss_chart import LossChart
from tui.widgets.pane import Pane
from tui.widgets.prefix_table import PrefixTable
from tui.widgets.prompt import PromptArea, TokenStrip
from tui.widgets.status import StatusLine
from tui.widgets.words import Words

PROMPT = "The fat cat sat on the mat"
PATIENCE = 10.0  # seconds after which a condition that does not come true is given up
QUIET_TURNS = 2  # turns of the loop with nothing to do, after which nothing will happen by itself

Asked = TypeVar("Asked", bound=m.Message)
Dialog = TypeVar("Dialog", bound=Screen[Any])


class Exploration:
    """A person at the screen, and a hand on the engine behind it."""

    def __init__(self, app: NeglogpApp, pilot: Pilot[int], engines: list[FakeEngine]) -> None:
        self.app = app
        self.pilot = pilot
        self.engines = engines

    # --------------------------------------------------------------------------------------- what is there

    @property
    def engine(self) -> FakeEngine:
        """The one that was started last."""
        return self.engines[-1]

    @property
    def screen(self) -> ExploreScreen:
        return next(screen for screen in self.app.screen_stack if isinstance(screen, ExploreScreen))

    @property
    def prompt(self) -> PromptArea:
        return self.screen.query_one("#prompt", PromptArea)

    @property
    def tokens(self) -> TokenStrip:
        return self.screen.query_one(TokenStrip)

    @property
    def rows(self) -> PrefixTable:
        return self.screen.query_one(PrefixTable)

    @property
    def table(self) -> m.Table:
        """What the prefix table shows."""
        table = self.rows.table
        assert table is not None, "the prefix table is empty"
        return table

    @property
    def candidates(self) -> CandidateList:
        return self.screen.query_one(CandidateList)

    @property
    def followers(self) -> FollowerList:
        return self.screen.query_one(FollowerList)

    @property
    def find(self) -> Input:
        return self.screen.query_one("#find", Input)

    @property
    def chart(self) -> LossChart:
        return self.screen.query_one(LossChart)

    @property
    def status(self) -> str:
        return text_of(self.screen.query_one(StatusLine)).rstrip()

    @property
    def state(self) -> m.State:
        assert self.screen.live.state is not None, "the engine has not said where it stands"
        return self.screen.live.state

    @property
    def said(self) -> list[str]:
        """The sentences in the corner, oldest first."""
        return [notification.message for notification in self.app._notifications]

    def words(self, id: str) -> str:
        """What a line of plain words shows."""
        return text_of(self.screen.query_one(f"#{id}", Words))

    def title(self, id: str) -> str:
        return self.screen.query_one(f"#{id}", Pane).title

    def asked(self, kind: type[Asked]) -> list[Asked]:
        """The requests of that kind that the engine has served, in order."""
        return [request for request in self.engine.asked if isinstance(request, kind)]

    def dialog(self, kind: type[Dialog]) -> Dialog:
        """The dialog that is open."""
        assert isinstance(self.app.screen, kind), f"{self.app.screen} is open, not a {kind.__name__}"
        return self.app.screen

    @property
    def painted(self) -> list[str]:
        """The characters on the screen, line by line."""
        strips = self.app.screen._compositor.render_strips()
        return ["".join(segment.text for segment in line) for line in strips]

    # ------------------------------------------------------------------------------------ what is waited for

    async def turn(self) -> bool:
        """Let everything go on that can; whether there was nothing left but to wait."""
        await asyncio.sleep(0)
        waiting = not asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
        if waiting:
            self.app.screen._on_timer_update()  # what Textual lays out and paints sixty times a second
        return waiting

    async def until(self, true: Callable[[], Any]) -> None:
        """Wait until something that happens makes this true."""
        async with asyncio.timeout(PATIENCE):
            while not true():
                await self.turn()

    async def settled(self) -> None:
        """Wait until nothing more happens by itself: no task can go on, as none has anything to do."""
        quiet = 0
        async with asyncio.timeout(PATIENCE):
            while quiet < QUIET_TURNS:
                quiet = quiet + 1 if await self.turn() else 0

    # ------------------------------------------------------------------------------------ what a person does

    async def press(self, *keys: str) -> None:
        """Keys, each one's work done before the next."""
        for key in keys:
            self.burst(key)
            await self.settled()

    def burst(self, *keys: str) -> None:
        """Keys that lie in the terminal's buffer before any of them is handled."""
        driver = self.app._driver
        assert driver is not None
        for key in keys:
            name = _character_to_key(key) if len(key) == 1 and not key.isalnum() else key
            event = Key(name, key_to_character(REPLACED_KEYS.get(name, name)))
            event.set_sender(self.app)
            driver.send_message(event)

    async def type(self, text: str) -> None:
        """Characters typed where the focus is."""
        await self.press(*("enter" if character == "\n" else character for character in text))

    async def paste(self, text: str) -> None:
        """Text pasted where the focus is."""
        driver = self.app._driver
        assert driver is not None
        driver.send_message(Paste(text))
        await self.settled()

    async def write(self, text: str) -> None:
        """Put another text into the prompt, as one edit, and wait for its table."""
        self.prompt.set_text(text)
        await self.settled()

    async def click(self, widget: str, x: int, y: int, *, times: int = 1) -> None:
        """The mouse button on a cell of a widget."""
        await self.pilot.click(widget, offset=(x, y), times=times)
        await self.settled()

    async def resize(self, width: int, height: int) -> None:
        await self.pilot.resize_terminal(width, height)
        await self.settled()


@asynccontextmanager
async def exploring(
    size: tuple[int, int] = (120, 40),
    *,
    opening: m.Open | None = None,
    pinning: m.Pin | None = None,
    walk: Walk | None = None,
    steps_allowed: int | None = None,
    prepare: Callable[[FakeEngine], None] = lambda engine: None,
) -> AsyncIterator[Exploration]:
    """The application, its first prompt scored. `prepare` is given each engine before it is started."""
    engines: list[FakeEngine] = []
    runs: dict[str, FakeRun] = {}

    def line() -> FakeEngine:
        engines.append(FakeEngine(steps_allowed=steps_allowed, runs=runs))
        prepare(engines[-1])
        return engines[-1]

    app = NeglogpApp(line, opening or m.Open(), pinning, walk)
    # Nobody looks at a headless terminal: only `painted` paints.
    unseen = patch.object(Compositor, "render_update", lambda self, **_: None)
    with unseen:
        async with app.run_test(size=size, notifications=True) as pilot:
            exploration = Exploration(app, pilot, engines)
            await exploration.until(lambda: engines)
            await exploration.settled()
            yield exploration


def text_of(view: LineView) -> str:
    """The lines of a widget, as text."""
    return "\n".join(strip.text for strip in view.lines)


def raw(lines: list[str]) -> set[str]:
    """The characters in some painted lines that a terminal would obey rather than show."""
    return {c for line in lines for c in line if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
