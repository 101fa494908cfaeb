"""The application: the theme, the keys that work everywhere, the palette; the rest are screens."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterable
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from core.messages import Open, Training
from tui.bindings import EXPLORE
from tui.engine import Line, ProcessLine
from tui.screens.explore import ExploreScreen
from tui.theme import THEME
from tui.widgets.candidates import CandidateList
from tui.widgets.prefix_table import PrefixTable


class NeglogpApp(App[int]):
    """neglogp on a terminal. `line` makes a line to an engine, each time one has to be started."""

    TITLE = "neglogp"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1,question_mark", "help", "Help", id="app.help", tooltip="All keys, and how to read the numbers"),
        Binding("ctrl+p", "command_palette", "Palette", id="app.palette", tooltip="Every action by its name", priority=True),
        Binding("ctrl+q", "quit", "Quit", id="app.quit", tooltip="Leave at once; the run is saved", priority=True),
    ]  # fmt: skip

    def __init__(self, line: Callable[[], Line], opening: Open) -> None:
        super().__init__()
        self._line = line
        self._opening = opening
        self.animation_level = "none"
        self.register_theme(THEME)
        self.theme = THEME.name

    def on_mount(self) -> None:
        loop = asyncio.get_running_loop()
        # The terminal is gone: there is nothing to restore, and the engine saves when the pipe closes.
        loop.add_signal_handler(signal.SIGHUP, os._exit, 129)
        loop.add_signal_handler(signal.SIGTERM, self.exit, 143)
        self.push_screen(ExploreScreen(self._line, self._opening))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every action that has a name: the screen's and ours, with their keys."""
        for node in (screen, self):
            for binding in node._bindings.key_to_bindings.values():
                for one in binding:
                    if one.tooltip:
                        title = f"{one.description} ({self.get_key_display(one)})"
                        yield SystemCommand(title, one.tooltip, self._runner(node, one.action))
        if isinstance(screen, ExploreScreen):
            yield SystemCommand("Fresh model", "Weights drawn anew from the next seed", screen.action_fresh)

    def _runner(self, node: Screen[object] | App[int], action: str) -> Callable[[], None]:
        def run() -> None:
            self.call_later(self.run_action, action, node)

        return run

    def action_help(self) -> None:
        from tui.screens.help import HelpScreen, help_rows  # the first frame does not wait for it

        bindings = [*EXPLORE, *self.BINDINGS, *PrefixTable.BINDINGS, *CandidateList.BINDINGS]
        self.push_screen(HelpScreen(help_rows(bindings)))


def run(model: str, training: Training, engine: str | None) -> int:
    """Show the screen until it is left; the exit code."""

    def line() -> Line:
        return ProcessLine.from_words(engine) if engine else ProcessLine()

    app = NeglogpApp(line, Open(model=model, training=training))
    app.run()
    return app.return_code or 0
