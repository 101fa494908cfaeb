"""A dialog that asks before something is lost."""

from pathlib import PurePath
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message

from tui.screens.dialog import DialogScreen, Notice


class ConfirmScreen(DialogScreen[bool]):
    """A question that Enter answers with yes and Escape with no. `lost` says what a yes throws away.

    A key that was pressed before the question stood there does not answer it.
    """

    CSS_PATH: ClassVar[list[str | PurePath]] = ["dialog.tcss", "confirm.tcss"]
    AUTO_FOCUS = ""  # nothing in here takes keys, so that Enter and Escape always mean yes and no
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,y", "accept", "Yes", id="confirm.accept", tooltip="Do it"),
        Binding("escape,n", "cancel", "No", id="confirm.cancel", tooltip="Leave everything as it is"),
    ]

    def __init__(self, question: str, lost: str, *, accept: str = "Yes") -> None:
        super().__init__(question, accept=accept)
        self._lost = lost
        self._asked_at = 0.0  # on the clock of the events

    def body(self) -> ComposeResult:
        # The end of a log may stand in it, which must not push the answers off the screen.
        with VerticalScroll(id="scroll", can_focus=False):
            yield Notice(self._lost, id="lost")

    def on_mount(self) -> None:
        self._asked_at = Message().time

    def on_key(self, event: events.Key) -> None:
        if event.time < self._asked_at:
            event.stop()

    def action_accept(self) -> None:
        self.dismiss(True)

    def action_cancel(self) -> None:
        self.dismiss(False)
