"""The application: the theme, the keys that work everywhere, the palette; the rest are screens."""

import asyncio
import gc
import os
import signal
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from core.messages import Open, Pin, Training
from tui.bindings import EXPLORE, KEYS, TOUR
from tui.engine import Line, ProcessLine
from tui.key_order import KeyOrder
from tui.screens.explore import ExploreScreen
from tui.theme import THEME
from tui.widgets.batch_grid import BatchGrid
from tui.widgets.candidates import CandidateList
from tui.widgets.followers import FollowerList
from tui.widgets.loss_chart import LossChart
from tui.widgets.prefix_table import PrefixTable

if TYPE_CHECKING:
    from tui.tour.walk import Walk

# Where the words of the tour stand: from so many columns on beside a screen, whose two columns stay; below
# it otherwise, and with fewer rows there is not room for all of a lab above them.
WIDE, HIGH = 140, 34


class NeglogpApp(KeyOrder[int]):
    """neglogp on a terminal. `line` makes a line to an engine, each time one has to be started."""

    TITLE = "neglogp"
    CSS_PATH = "screens/explore.tcss"  # of the default screen Textual loads no style sheet itself
    ENABLE_COMMAND_PALETTE = True
    HORIZONTAL_BREAKPOINTS = [(0, "-not-wide"), (WIDE, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-not-high"), (HIGH, "-high")]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "ctrl+p",
            "command_palette",
            "Actions",
            id="app.palette",
            tooltip="Every action by its name",
            priority=True,
        ),
        Binding("ctrl+q", "quit", "Quit", id="app.quit", tooltip="Leave; the run is saved", priority=True),
        *TOUR,
    ]

    def __init__(
        self,
        line: Callable[[], Line],
        opening: Open,
        pinning: Pin | None = None,
        walk: "Walk | None" = None,
    ) -> None:
        super().__init__()
        self._line = line
        self._opening = opening
        self._pinning = pinning
        self._walk = walk
        self.animation_level = "none"
        self.register_theme(THEME)
        self.theme = THEME.name

    def on_mount(self) -> None:
        loop = asyncio.get_running_loop()
        # The terminal is gone: there is nothing to restore, and the engine saves when the pipe closes.
        loop.add_signal_handler(signal.SIGHUP, os._exit, 129)
        loop.add_signal_handler(signal.SIGTERM, self.exit, 143)
        self.call_after_refresh(self._collect)
        if self._walk is not None:
            self.call_after_refresh(self.explore.take, self._walk)

    @property
    def explore(self) -> ExploreScreen:
        """The screen below all others."""
        screen = self.screen_stack[0]
        assert isinstance(screen, ExploreScreen)
        return screen

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return super().check_action(action, parameters) and (
            action != "walk" or self.explore.walk is not None
        )

    def action_walk(self, way: str) -> None:
        """What is done in the tour: on, back, turn, leave."""
        self.explore.go(way)

    def _collect(self) -> None:
        gc.freeze()
        gc.enable()

    def get_default_screen(self) -> Screen[None]:
        # Pushed over a blank one instead, it would cost a second style sheet, layout and frame at the start.
        return ExploreScreen(self._line, self._opening, self._pinning)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every action of the explore screen by its name, with its key, and the ones that work everywhere."""
        from tui.screens.help import key_name  # the first frame does not wait for it

        if isinstance(screen, ExploreScreen):
            for key in KEYS:
                keys = ", ".join(key_name(name) for name in (key.key, key.letter) if name)
                title = f"{key.label} ({keys})" if keys else key.label
                yield SystemCommand(title, key.tooltip, partial(self.run_action, key.action, screen))
        yield SystemCommand("Screenshot", "Write the screen to an SVG file", self.deliver_screenshot)
        yield SystemCommand("Quit (ctrl+q)", "Leave; the run is saved", self.action_quit)

    def action_help(self) -> None:
        # The first frame does not wait for these.
        from tui.screens.anatomy import AnatomyScreen
        from tui.screens.help import HelpScreen, help_rows
        from tui.screens.lab import LabScreen

        if isinstance(self.screen, LabScreen):
            nodes: tuple[Sequence[BindingType], ...] = (*self.screen.all_bindings(), self.BINDINGS)
        else:
            of_screens = (EXPLORE, self.BINDINGS, AnatomyScreen.BINDINGS)
            widgets = (PrefixTable, CandidateList, FollowerList, LossChart, BatchGrid)
            nodes = (*of_screens, *(widget.BINDINGS for widget in widgets))
        bindings = [binding for node in nodes for binding in Binding.make_bindings(node)]
        self.push_screen(HelpScreen(help_rows(bindings)))


def run(model: str, training: Training, engine: str | None, compare: str | None) -> int:
    """Show the screen until it is left, with another model to compare with from the start; the exit code."""

    def line() -> Line:
        return ProcessLine.from_words(engine) if engine else ProcessLine()

    pinning = None if compare is None else Pin(model=compare)
    return _shown(NeglogpApp(line, Open(model=model, training=training), pinning))


def tour(model: str, training: Training, walk: "Walk") -> int:
    """Show the screen, the tour on it, until it is left; the exit code."""
    return _shown(NeglogpApp(ProcessLine, Open(model=model, training=training), walk=walk))


def _shown(app: NeglogpApp) -> int:
    # All that a start makes is there to stay: collecting it would only hold up the first frame.
    gc.disable()
    app.run()
    return app.return_code or 0
