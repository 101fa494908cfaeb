"""A pane: a thin title over one or more widgets, lit while something in it has the focus."""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static


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
        self._inside = children

    def compose(self) -> ComposeResult:
        yield Static(Content(self._title), classes="title")
        yield from self._inside

    @property
    def title(self) -> str:
        return self._title

    @title.setter
    def title(self, title: str) -> None:
        if title != self._title:
            self._title = title
            self.query_one(".title", Static).update(Content(title), layout=False)
