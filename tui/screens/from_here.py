"""A dialog that asks whether changed settings are for the run from here on, or for a new one."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from core.text import safe
from tui.screens.dialog import DialogScreen, Notice


class FromHereScreen(DialogScreen[bool | None]):
    """True for from here, False for a new run, None when it is called off.

    `ahead` says whether steps after this one are known, `run` what the run is called.
    """

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "accept", "From here", id="from_here.accept", tooltip="Go on from this step"),
        Binding("n", "anew", "New run", id="from_here.anew", tooltip="Begin again at step 0"),
    ]

    def __init__(self, step: int, *, ahead: bool, run: str | None) -> None:
        super().__init__("From here, or a new run?", accept="From here")
        kept = f", and {safe(run)} keeps the steps it has" if run is not None else ""
        as_what = f"as a run of its own{kept}" if ahead else "in this run"
        self._words = (
            f"From here: the steps after step {step:,} are made with the new settings, {as_what}.\n\n"
            "New run: it begins again at step 0 with them."
        )

    def body(self) -> ComposeResult:
        yield Notice(self._words, id="words")

    def action_accept(self) -> None:
        self.dismiss(True)

    def action_anew(self) -> None:
        self.dismiss(False)
