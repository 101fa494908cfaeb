"""What a person does with files and settings: a text to train on, a text as prompt, a new configuration."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from core.messages import ChangeSettings, Configure, Pause, Run, Table, Training
from core.text import safe
from tui.actions.base import Exploring

if TYPE_CHECKING:
    from tui.screens.open_file import Opened

# The dialogs are imported where they are opened: the first frame does not wait for them.

PRESETS = {
    "small": "4 layers, 128 wide, 7 M parameters",
    "medium": "4 layers, 192 wide, 11 M parameters",
    "large": "6 layers, 256 wide, 18 M parameters",
    "124M": "GPT-2 small: 12 layers, 768 wide; slow on a CPU",
}


_STARTING = "No model is open yet: a moment."


class Filing(Exploring):
    """The actions that open a dialog about files or settings."""

    folder: Path
    """Where the file dialogs begin."""

    def action_settings(self) -> None:
        self.ask(self._settings)

    async def _settings(self) -> None:
        from tui.screens.settings import SettingsScreen

        state = self.live.state
        if state is None:
            self.refuse(_STARTING)
            return
        screen = SettingsScreen(
            state.training, presets=PRESETS, model=state.model, folder=self.folder, step=state.step
        )
        settings = await self.app.push_screen_wait(screen)
        if settings is None:
            return
        if settings.opened is None:
            await self._apply(state.training, settings.training)
        else:
            for note in settings.opened.notes:
                self.say(note)
            self._train_on(settings.opened, settings.training)

    async def _apply(self, before: Training, training: Training) -> None:
        """Go on with other settings from here, or begin a run with them, as the person wishes."""
        from tui.screens.from_here import FromHereScreen

        state = self.live.state
        if state is None or not state.step or before.fixed_differences(training):
            self.live.send(Configure(training=training))
            return
        from_here = await self.app.push_screen_wait(
            FromHereScreen(state.step, ahead=state.step < self.furthest, run=state.run)
        )
        if from_here:
            again = (Run(),) if state.running else ()
            self.live.send(Pause(), ChangeSettings(training=training), *again)
        elif from_here is not None:
            self.live.send(Configure(training=training))

    def action_open_file(self) -> None:
        self.ask(self._open_file)

    async def _open_file(self) -> None:
        from tui.screens.open_file import OpenFileScreen, Purpose

        opened = await self.app.push_screen_wait(OpenFileScreen(self.folder))
        if opened is None:
            return
        self.folder = opened.path.parent
        for note in opened.notes:
            self.say(note)
        state = self.live.state
        if opened.purpose is Purpose.PROMPT:
            self.prompt.set_text(opened.text)
        elif state is None:
            self.refuse(_STARTING)
        else:
            self._train_on(opened, msgspec.structs.replace(state.training, text=opened.name))

    def _train_on(self, opened: "Opened", training: Training) -> None:
        # Not as a part of the talk in the dialog, which is over: a large text takes its time.
        self.run_worker(self.live.train_on(opened.name, opened.text, training), group="text", exclusive=True)

    def action_export(self) -> None:
        if self.table.table is None:
            self.refuse("There is no table to write yet.")
        else:
            self.ask(partial(self._export, self.table.table))

    async def _export(self, table: Table) -> None:
        from tui import report
        from tui.screens.save_file import SaveFileScreen

        state = self.live.state
        path = await self.app.push_screen_wait(SaveFileScreen(self.folder))
        if path is None or state is None:
            return
        suffix = path.suffix.lower()
        if suffix == ".json":
            made = report.report(table, report.scored_by(state.model, name=state.model.name, folder=None))
            data = (report.as_json(made) + "\n").encode()
        elif suffix == ".csv":
            data = report.as_csv(table, printable=False)
        else:
            data = report.as_text(table).encode()
        try:
            path.write_bytes(data)
        except OSError as error:
            self.refuse(f"{safe(path.name)} could not be written: {error.strerror}.")
        else:
            self.say(f"{safe(path.name)} is written: {len(table.tokens):,} tokens.")
