"""A dialog that asks before something is lost."""

from pathlib import PurePath
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll

from tui.screens.dialog import DialogScreen, Notice


class ConfirmScreen(DialogScreen[bool]):
    """A question that Enter answers with yes and Escape with no. `lost` says what a yes throws away."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["dialog.tcss", "confirm.tcss"]
    AUTO_FOCUS = ""  # nothing in here takes keys, so that Enter and Escape always mean yes and no
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,y", "accept", "Yes", priority=True, id="confirm.accept", tooltip="Do it"),
        Binding("escape,n", "cancel", "No", id="confirm.cancel", tooltip="Leave everything as it is"),
    ]

    def __init__(self, question: str, lost: str, *, accept: str = "Yes") -> None:
        super().__init__(question, accept=accept)
        self._lost = lost

    def body(self) -> ComposeResult:
        # The end of a log may stand in it, which must not push the answers off the screen.
        with VerticalScroll(id="scroll", can_focus=False):
            yield Notice(self._lost, id="lost")

    def action_accept(self) -> None:
        self.dismiss(True)

    def action_cancel(self) -> None:
        self.dismiss(False)
