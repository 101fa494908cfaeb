"""The application: the theme, the keys that work everywhere, the palette; the rest are screens."""

import asyncio
import gc
import os
import signal
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import ClassVar

from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from core.messages import Open, Pin, Training
from tui.bindings import EXPLORE, KEYS
from tui.engine import Line, ProcessLine
from tui.key_order import KeyOrder
from tui.screens.explore import ExploreScreen
from tui.theme import THEME
from tui.widgets.batch_grid import BatchGrid
from tui.widgets.candidates import CandidateList
from tui.widgets.followers import FollowerList
from tui.widgets.loss_chart import LossChart
from tui.widgets.prefix_table import PrefixTable


class NeglogpApp(KeyOrder[int]):
    """neglogp on a terminal. `line` makes a line to an engine, each time one has to be started."""

    TITLE = "neglogp"
    CSS_PATH = "screens/explore.tcss"  # of the default screen Textual loads no style sheet itself
    ENABLE_COMMAND_PALETTE = True
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
    ]

    def __init__(self, line: Callable[[], Line], opening: Open, pinning: Pin | None = None) -> None:
        super().__init__()
        self._line = line
        self._opening = opening
        self._pinning = pinning
        self.animation_level = "none"
        self.register_theme(THEME)
        self.theme = THEME.name

    def on_mount(self) -> None:
        loop = asyncio.get_running_loop()
        # The terminal is gone: there is nothing to restore, and the engine saves when the pipe closes.
        loop.add_signal_handler(signal.SIGHUP, os._exit, 129)
        loop.add_signal_handler(signal.SIGTERM, self.exit, 143)
        self.call_after_refresh(self._collect)

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

    # All that a start makes is there to stay: collecting it would only hold up the first frame.
    gc.disable()
    pinning = None if compare is None else Pin(model=compare)
    app = NeglogpApp(line, Open(model=model, training=training), pinning)
    app.run()
    return app.return_code or 0
