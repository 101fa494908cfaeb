"""The arithmetic of one row of the table, and the same in PyTorch for the clipboard."""

from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from core.messages import Arithmetic, Token
from tui.screens.dialog import DialogScreen
from tui.snippet import snippet
from tui.widgets.equations import Equations


class AuditScreen(DialogScreen[None]):
    """Shows the row it was given last. `move` goes so many rows down the table, which gives another."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["dialog.tcss", "audit.tcss"]
    AUTO_FOCUS = ""  # every key is the screen's own
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "copy", "Copy PyTorch", id="audit.copy", tooltip="A snippet of PyTorch, to be pasted"),
        Binding("down,j", "move(1)", "Rows", key_display="↑↓", id="audit.down", tooltip="The row below it"),
        Binding("up,k", "move(-1)", "Up", show=False, id="audit.up", tooltip="The row above it"),
        Binding("pagedown", "page(1)", "Page", show=False, id="audit.page_down", tooltip="Scroll down"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="audit.page_up", tooltip="Scroll up"),
        Binding("escape,a,q", "cancel", "Close", id="audit.close", tooltip="Close the arithmetic"),
    ]

    def __init__(self, *, move: Callable[[int], None]) -> None:
        super().__init__("Arithmetic of a row, in float64, shown to six places")
        self._move = move
        self._equations = Equations(id="equations")
        self._snippet: str | None = None

    def body(self) -> ComposeResult:
        yield self._equations

    def show_row(self, arithmetic: Arithmetic, prefix: Sequence[Token], number: int) -> None:
        """A row, the tokens of its window that its prediction was made from, and its number in the table."""
        self._snippet = snippet(arithmetic, [token.token_id for token in prefix])
        self._equations.show_row(arithmetic, prefix, number)

    def action_move(self, rows: int) -> None:
        self._move(rows)

    def action_page(self, pages: int) -> None:
        # At once, so that the next key, which may come in the same moment, goes on from there.
        page = self._equations.scrollable_content_region.height
        y = self._equations.scroll_offset.y + pages * page
        self._equations.scroll_to(y=y, animate=False, immediate=True)

    def action_copy(self) -> None:
        if self._snippet is None:
            self.notify("There is nothing to copy yet.", severity="warning", markup=False)
        else:
            self.app.copy_to_clipboard(self._snippet)
            self.notify("The PyTorch went to the terminal's clipboard: paste it into Python.", markup=False)
