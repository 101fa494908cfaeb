"""A field for a path whose names may hold anything: what is shown is safe, what is meant is exact."""

import os
from pathlib import Path

from core.text import safe
from tui.screens.dialog import Line


class PathLine(Line):
    """Shows a path made safe and remembers which real one such a text stands for."""

    def __init__(self, path: str, *, id: str) -> None:
        super().__init__("", id=id, select_on_focus=False)
        self._real: dict[str, str] = {}
        self.put(path)

    def put(self, path: str) -> None:
        """Show `path`, a real one, with the cursor at its end."""
        shown = safe(path)
        if shown != path:
            self._real[shown] = path
        self.value = shown
        self.cursor_position = len(shown)

    @property
    def real(self) -> str:
        """The path that is meant, as it would be written: not expanded, perhaps ending in a slash."""
        folder, slash, name = self.value.rpartition("/")
        return self._real.get(self.value) or self._real.get(folder + slash, folder + slash) + name

    @property
    def path(self) -> Path:
        """The path that is meant, its ~ expanded."""
        return expanded(self.real)

    @property
    def folder(self) -> str:
        """The part of `real` up to its last slash: where what is being typed is looked up."""
        real = self.real
        return real[: real.rfind("/") + 1]

    @property
    def typed(self) -> str:
        """What stands after the last slash, as it is shown."""
        return self.value.rpartition("/")[2]


def expanded(path: str) -> Path:
    """A path with its ~ expanded; one of a person who does not exist stays as it is."""
    return Path(os.path.expanduser(path) or ".")


def shortened(folder: Path) -> str:
    """A folder as one would type it, ending in a slash, with ~ for the home folder."""
    home, path = os.path.expanduser("~").rstrip("/"), str(folder).rstrip("/")
    if home and (path == home or path.startswith(home + "/")):
        path = "~" + path[len(home) :]
    return path + "/"
