"""The dialog that asks where to write the table."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from core.text import safe
from tui.screens.confirm import ConfirmScreen
from tui.screens.dialog import DialogScreen, Notice
from tui.screens.listing import size
from tui.screens.path_line import PathLine, shortened
from tui.textfile import kind, why

FORMATS: Mapping[str, str] = {
    ".csv": "a spreadsheet: one line a token, values between commas",
    ".json": "the same figures as `neglogp score --json` gives",
    ".txt": "plain text, in columns as on the screen",
}


class SaveError(ValueError):
    """Why nothing can be written there, in one sentence that is safe to show."""


def check_suffix(path: Path) -> str:
    """What the file's suffix means. Raises SaveError for one that means nothing here."""
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        has = f"{safe(path.suffix)} is no format known here" if suffix else "the name has no suffix"
        raise SaveError(f"{has}; end it in {', '.join(list(FORMATS)[:-1])} or {list(FORMATS)[-1]}")
    return FORMATS[suffix]


def check_target(path: Path) -> int | None:
    """The size in bytes of the file that stands there, None where none does. Raises SaveError."""
    folder = path.parent
    try:
        if not stat.S_ISDIR(os.stat(folder).st_mode):
            raise SaveError(f"{safe(str(folder))} is no folder")
    except FileNotFoundError:
        raise SaveError(f"there is no folder {safe(str(folder))}") from None
    except OSError as error:
        raise SaveError(why(folder, error, "written to")) from None
    try:
        status = os.stat(path)
    except FileNotFoundError:
        if not os.access(folder, os.W_OK | os.X_OK):
            raise SaveError(f"nothing can be written in {safe(str(folder))}: permission denied") from None
        return None
    except OSError as error:
        raise SaveError(why(path, error, "written")) from None
    other = kind(status.st_mode)
    if other:
        raise SaveError(f"{safe(str(path))} is {other}; give the name of a file")
    if not os.access(path, os.W_OK):
        raise SaveError(f"{safe(str(path))} cannot be written: permission denied")
    return status.st_size


class SaveFileScreen(DialogScreen[Path | None]):
    """Asks for a path that can be written; its suffix says the format. Writes nothing itself."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "accept", "Save", priority=True, id="save.accept", tooltip="Write the table there"),
    ]

    def __init__(self, folder: Path, name: str = "table.csv") -> None:
        super().__init__("Save the table", accept="Save")
        self._start = shortened(folder) + name

    def body(self) -> ComposeResult:
        yield PathLine(self._start, id="path")
        yield Notice(id="error")

    def on_mount(self) -> None:
        self._check()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._check()

    def action_accept(self) -> None:
        if not self._check():
            return
        path = self.query_one(PathLine).path
        try:
            there = check_target(path)
        except (SaveError, ValueError) as error:
            self._say(str(error), wrong=True)
            return
        if there is None:
            self.dismiss(path)
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.dismiss(path)

        lost = f"The {size(there)} that are in it now are lost."
        self.app.push_screen(
            ConfirmScreen(f"Overwrite {safe(path.name)}?", lost, accept="Overwrite"), answered
        )

    def _check(self) -> bool:
        try:
            self._say(check_suffix(self.query_one(PathLine).path))
        except SaveError as error:
            self._say(str(error), wrong=True)
            return False
        return True

    def _say(self, text: str, *, wrong: bool = False) -> None:
        self.query_one("#error", Notice).say(text, wrong=wrong)
        self.query_one(PathLine).set_class(wrong, "-wrong")
        self.query_one("#accept").set_class(wrong, "-barred")
