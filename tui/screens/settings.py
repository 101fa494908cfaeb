"""The settings of a training run."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import ClassVar

import msgspec
from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from core.messages import ModelInfo, Training
from core.text import safe
from tui.cells import left
from tui.screens.choice import Choice
from tui.screens.dialog import BETWEEN_FIELDS, DialogScreen, Line, Notice, row
from tui.screens.open_file import STORY, Opened, OpenFileScreen, Purpose
from tui.screens.settings_fields import ADVANCED, BASIC, FIELDS, Field, consequence, sentence

_NAME_CELLS = 20  # of a file's name, so that the row fits 80 columns


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What was decided on: the configuration and, where its text is a newly opened file, that file."""

    training: Training
    opened: Opened | None = None


class SettingsScreen(DialogScreen[Settings | None]):
    """Edits a run's configuration; None when it is called off or nothing was changed.

    `presets` are the model sizes with a short description each; `model` is the one at hand, whose size can
    be chosen only if it is a fresh one; `folder` is where the file dialog begins; the run is at `step`.
    """

    CSS_PATH: ClassVar[list[str | PurePath]] = ["dialog.tcss", "settings.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "accept", "Apply", priority=True, show=False, id="settings.enter", tooltip="Apply"),
        Binding("ctrl+s", "accept", "Apply", id="settings.accept", tooltip="Start a run with these settings"),
        Binding("ctrl+o", "open", "Open a file", id="settings.open", tooltip="Choose a file to train on"),
        *BETWEEN_FIELDS,
    ]

    def __init__(
        self,
        training: Training,
        *,
        presets: Mapping[str, str],
        model: ModelInfo,
        folder: Path,
        step: int = 0,
    ) -> None:
        super().__init__("Settings", accept="Apply")
        self._before = training
        self._presets = presets
        self._model = model
        self._folder = folder
        self._step = step
        self._opened: Opened | None = None
        self._faults: dict[str, str] = {}

    # ------------------------------------------------------------------------------------------- the form

    def body(self) -> ComposeResult:
        with VerticalScroll(id="fields", can_focus=False):
            open_button = Button(Content(" open a file "), id="open", compact=True)
            open_button.can_focus = False  # ctrl+o for the keyboard: Enter always applies
            text = Choice(self._texts(), self._before.text, id="text")
            yield row(
                "text", Vertical(Horizontal(text, open_button), Notice(self._about_text(), id="about-text"))
            )
            if self._model.fresh:
                size: Widget = Vertical(
                    Choice([(name, name) for name in self._presets], self._before.preset, id="preset"),
                    Notice(self._presets.get(self._before.preset, ""), id="about-preset"),
                )
            else:
                size = Notice(f"the model is {safe(self._model.name)}, its size is given", id="about-preset")
            yield row("model size", size)
            for field in BASIC:
                yield self._number(field)
            yield Static(Content("advanced"), classes="section")
            for field in ADVANCED:
                yield self._number(field)
        yield Notice(id="consequence")

    def _number(self, field: Field) -> Widget:
        line = Line(field.written(self._before), id=field.name, max_length=24)
        return row(field.label, line, Notice(field.about, id=f"about-{field.name}"))

    def on_mount(self) -> None:
        self._check()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        # The whole row, so that what is said beside a field is seen as well.
        row = next((node for node in event.widget.ancestors_with_self if node.has_class("row")), None)
        if isinstance(row, Widget):
            row.scroll_visible(animate=False)

    # ------------------------------------------------------------------------------------------- the text

    def _texts(self) -> list[tuple[str, str]]:
        file = self._opened.name if self._opened else self._before.text
        label = safe(file)
        if cell_len(label) > _NAME_CELLS:
            label = left(label, _NAME_CELLS)
        return [(STORY, "the built-in story"), *([] if file == STORY else [(file, label)])]

    def _about_text(self) -> str:
        if self._opened and self._text == self._opened.name:
            size = f"a file of {len(self._opened.text):,} characters"
            return "; ".join([size, *self._opened.notes])
        return "what the model learns to continue, token by token"

    @property
    def _text(self) -> str:
        return self.query_one("#text", Choice).value

    def action_open(self) -> None:
        self.app.push_screen(OpenFileScreen(self._folder, [Purpose.TRAINING]), self._take_file)

    @on(Button.Pressed, "#open")
    def _open_pressed(self) -> None:
        self.action_open()

    def _take_file(self, opened: Opened | None) -> None:
        if opened is not None:
            self._opened = opened
            self._folder = opened.path.parent
            self.query_one("#text", Choice).offer(self._texts(), opened.name)
            self._check()

    # ------------------------------------------------------------------------------------------- checking

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._check()

    def on_choice_chosen(self, event: Choice.Chosen) -> None:
        event.stop()
        self._check()

    def _check(self) -> Training | None:
        """The configuration as it stands, or None once every fault is shown at its field."""
        values: dict[str, float] = {}
        self._faults = {}
        for field in FIELDS:
            line = self.query_one(f"#{field.name}", Line)
            try:
                values[field.name] = field.read(line.value, self._model)
            except ValueError as error:
                self._faults[field.name] = str(error)
            fault = self._faults.get(field.name)
            line.set_class(fault is not None, "-wrong")
            self.query_one(f"#about-{field.name}", Notice).say(fault or field.about, wrong=fault is not None)
        self.query_one("#about-text", Notice).say(self._about_text())
        preset = self._before.preset
        if self._model.fresh:
            preset = self.query_one("#preset", Choice).value
            self.query_one("#about-preset", Notice).say(self._presets.get(preset, ""))
        result = self.query_one("#consequence", Notice)
        self.query_one("#accept").set_class(bool(self._faults), "-barred")
        if self._faults:
            result.say(sentence(self._faults), wrong=True)
            return None
        training = msgspec.structs.replace(self._before, text=self._text, preset=preset, **values)
        other = self._file_to_use is not None
        said = consequence(self._before, training, other_text=other, model=self._model, step=self._step)
        result.say(said)
        return training

    @property
    def _file_to_use(self) -> Opened | None:
        return self._opened if self._opened and self._opened.name == self._text else None

    def action_accept(self) -> None:
        training = self._check()
        if training is None:
            # The first field at fault is where the person has to go next.
            self.query_one(f"#{next(iter(self._faults))}", Line).focus()
        elif training == self._before and self._file_to_use is None:
            self.dismiss(None)
        else:
            self.dismiss(Settings(training=training, opened=self._file_to_use))
