"""A pane: a thin title over one or more widgets, lit while something in it has the focus."""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.events import Resize
from textual.widget import Widget
from textual.widgets import Static

from tui import cells


class Pane(Vertical):
    """Widgets under a title. `title` is plain text, never markup."""

    DEFAULT_CSS = """
    Pane { padding: 0 1; }
    Pane > .title { height: 1; color: $text-muted; text-style: none; }
    Pane:focus-within > .title { color: $accent; text-style: bold; }
    """

    def __init__(self, title: str, *children: Widget, id: str) -> None:
        super().__init__(id=id)
        self._title = title
        self._quoted: tuple[str, str] | None = None
        self._inside = children

    def compose(self) -> ComposeResult:
        yield Static(Content(self._title), classes="title")
        yield from self._inside

    @property
    def title(self) -> str:
        return self._title

    @title.setter
    def title(self, title: str) -> None:
        self._quoted = None
        self._show(title)

    def quote(self, lead: str, text: str) -> None:
        """A title of `lead` and the end of `text`, as much of that as there is room for."""
        self._quoted = lead, text
        self._fit()

    def on_resize(self, event: Resize) -> None:
        self._fit()

    def _fit(self) -> None:
        if self._quoted is not None:
            lead, text = self._quoted
            room = max(8, self.content_size.width - cells.cell_len(lead) - 2)
            self._show(f"{lead}“{cells.tail(text, room).rstrip()}”")

    def _show(self, title: str) -> None:
        if title != self._title:
            self._title = title
            self.query_one(".title", Static).update(Content(title), layout=False)
