"""The prompt: a text area, and under it the same text as tokens, each tinted by its surprisal."""

from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.document._document_navigator import DocumentNavigator
from textual.document._wrapped_document import WrappedDocument
from textual.events import Click
from textual.geometry import Offset
from textual.message import Message
from textual.strip import Strip
from textual.widgets import TextArea

from core.messages import Table
from core.text import visible
from tui import cells, ramp, theme
from tui.widgets.document import SafeDocument
from tui.widgets.lines import LineView, strip


class PromptArea(TextArea):
    """A text area that takes and safely shows any text, with a programmatic edit that undo takes back."""

    def __init__(self, text: str, *, id: str) -> None:
        super().__init__(
            id=id,
            soft_wrap=True,
            tab_behavior="focus",
            show_line_numbers=False,
            compact=True,
            highlight_cursor_line=False,
            placeholder=Content("Type a sentence: each next token is scored as you type"),
        )
        self.cursor_blink = False
        self.document = SafeDocument(text)
        self.wrapped_document = WrappedDocument(self.document, tab_width=self.indent_width)
        self.navigator = DocumentNavigator(self.wrapped_document)
        self.move_cursor(self.document.end)

    def scroll_cursor_visible(self, center: bool = False, animate: bool = False) -> Offset:
        # An undo shortens the text, and may so take the scrollbar away, before it moves the cursor into it.
        if self.cursor_location[0] >= self.document.line_count:
            return Offset()
        return super().scroll_cursor_visible(center, animate)

    def set_text(self, text: str) -> None:
        """Replace the whole text as one edit, the cursor at its end."""
        self.replace(text, (0, 0), self.document.end, maintain_selection_offset=False)
        self.move_cursor(self.document.end)

    def set_text_again(self, text: str) -> None:
        """Put another text in place of what `set_text` has put in; both are one edit."""
        self.undo()
        self.set_text(text)


class TokenStrip(LineView):
    """The tokens of a text side by side, wrapped; the selected prefix underlined. A click selects a row."""

    class Picked(Message):
        """A token was clicked: the prediction that ends with it."""

        def __init__(self, position: int) -> None:
            super().__init__()
            self.position = position

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._table: Table | None = None
        self._cursor = -1
        self._places: list[tuple[int, int, int]] = []  # line, first cell, last cell + 1 of each token

    def set_table(self, table: Table | None, cursor: int) -> None:
        """Show a table's tokens with the prediction at `cursor` selected."""
        self._table, self._cursor = table, cursor
        self._build()

    def on_click(self, event: Click) -> None:
        line = event.y + self.scroll_offset.y
        for position, (y, start, end) in enumerate(self._places):
            if y == line and start <= event.x < end:
                self.post_message(self.Picked(position))

    def _build(self) -> None:
        super()._build()
        if 0 <= self._cursor < len(self._places):
            self.show_line(self._places[self._cursor][0])

    def _lines_for(self, width: int) -> list[Strip]:
        lines: list[list[Segment]] = [[]]
        used = 0
        self._places = []
        tokens = self._table.tokens if self._table else ()
        predictions = self._table.predictions if self._table else ()
        for position, token in enumerate(tokens):
            # The token's own surprisal is the target's of the prediction before it.
            target = predictions[position - 1].target if position else None
            text = visible(token.piece)
            style = ramp.chip(target.surprisal) if target else Style(color=theme.MUTED)
            if position == self._cursor:
                style += Style(underline=True, bold=True)
            size = cells.cell_len(text)
            if used and used + size > width:
                lines.append([])
                used = 0
            self._places.append((len(lines) - 1, used, used + size))
            lines[-1].append(Segment(text, style))
            used += size
        return [strip(*segments) for segments in lines] if tokens else []
