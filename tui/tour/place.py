"""Where a person is in the tour, kept from one start of the program to the next."""

from pathlib import Path

import platformdirs

_LONGEST = 100  # bytes of a name; a file that is longer is none of ours


def place_file() -> Path:
    """The file in the folder that the system has for such things."""
    return platformdirs.user_state_path("neglogp", appauthor=False) / "tour"


class Place:
    """The name of a stop in a file. What cannot be read is no place, what cannot be written is not kept."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def recalled(self) -> str | None:
        """What was kept last; None where there is nothing that can be read."""
        try:
            if not self.file.is_file():
                return None
            with self.file.open("rb") as file:
                return file.read(_LONGEST).decode("utf-8", errors="replace").strip()
        except OSError:
            return None

    def keep(self, name: str) -> bool:
        """Keep a name; whether that could be done."""
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self.file.write_text(f"{name}\n", encoding="utf-8")
        except OSError:
            return False
        return True
