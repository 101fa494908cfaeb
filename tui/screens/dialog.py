"""What every dialog shares: a calm panel over the dimmed screen, a thin title, a line of its keys."""

from pathlib import PurePath
from typing import ClassVar, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.style import Style
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from core.text import safe
from tui.bindings import shown_bindings

Result = TypeVar("Result")

BETWEEN_FIELDS: list[BindingType] = [
    Binding(
        "down",
        "app.focus_next",
        "Fields",
        key_display="↑↓",
        priority=True,
        id="dialog.down",
        tooltip="The next field",
    ),
    Binding(
        "up",
        "app.focus_previous",
        "Up",
        show=False,
        priority=True,
        id="dialog.up",
        tooltip="The field before",
    ),
]
"""The keys of a dialog whose fields stand below one another."""


class DialogScreen(ModalScreen[Result]):
    """A modal panel. A subclass yields its fields in `body`; `accept` labels its action of that name."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["dialog.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", id="dialog.cancel", tooltip="Close and change nothing"),
    ]

    def __init__(self, heading: str, *, accept: str | None = None) -> None:
        super().__init__()
        self._heading = heading
        self.accept_label = accept

    def body(self) -> ComposeResult:
        """The widgets between the title and the line of keys."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static(Content(self._heading), id="heading")
            yield from self.body()
            with Horizontal(id="foot"):
                yield KeyLine(self.accept_label)
                if self.accept_label is not None:
                    button = Button(Content(f" {self.accept_label} "), id="accept", compact=True)
                    # Enter means the same wherever the focus is, so a button is there for the mouse alone.
                    button.can_focus = False
                    yield button

    @property
    def closed(self) -> bool:
        """Whether it has been answered, or is going with the program; its widgets go before it does."""
        # `display` turns false with the first moment of a removal, also of one without an answer.
        return not self.display or self not in self.app.screen_stack

    async def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if event.button.id == "accept":
            await self.run_action("accept")

    def action_cancel(self) -> None:
        self.dismiss(None)


class CheckedScreen(DialogScreen[Result]):
    """A dialog whose answer is checked with every key, and which only a good one closes."""

    def on_mount(self) -> None:
        self.check()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.check()

    def action_accept(self) -> None:
        answer = self.check()
        if answer is not None:
            self.dismiss(answer)

    def check(self) -> Result | None:
        """The answer that stands there, or None once its fault is shown."""
        raise NotImplementedError


class KeyLine(Static):
    """The screen's own keys with what they do, each of them also there to click."""

    def __init__(self, accept_label: str | None) -> None:
        super().__init__(markup=False, id="keys")
        self._accept_label = accept_label
        self._actions: tuple[str, ...] = ()

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._show)
        self._show(self.screen)

    def _show(self, screen: Screen[object]) -> None:
        if screen is not self.screen:
            return
        shown = {binding.action: binding for binding in shown_bindings(screen, of=screen)}
        # What goes on comes first and the way out last, wherever in the classes they are bound.
        self._actions = tuple(sorted(shown, key=lambda action: (action != "accept", action == "cancel")))
        parts = [self._key(index, shown[action]) for index, action in enumerate(self._actions)]
        self.update(Content("   ").join(parts))

    def _key(self, index: int, binding: Binding) -> Content:
        label = self._accept_label if binding.action == "accept" else binding.description
        key = Content.styled(self.app.get_key_display(binding), "$accent")
        return (key + f" {label}").stylize(Style.from_meta({"key": index}))

    async def on_click(self, event: events.Click) -> None:
        index = event.style.meta.get("key")
        if isinstance(index, int):
            await self.screen.run_action(self._actions[index])


class Line(Input):
    """A field of one line that shows nothing a terminal could take for a command."""

    def __init__(self, value: str, *, id: str, select_on_focus: bool = True, max_length: int = 0) -> None:
        super().__init__(value, id=id, compact=True, select_on_focus=select_on_focus, max_length=max_length)
        self.cursor_blink = False

    def on_paste(self, event: events.Paste) -> None:
        # In place of Input's own handler, which would let escape sequences through to the screen.
        event.prevent_default()
        event.stop()
        lines = event.text.splitlines()
        if lines:
            self.replace(safe(lines[0]), *self.selection)


class Notice(Static):
    """One line or two of plain text: an explanation, or in its place what is wrong."""

    def __init__(self, text: str = "", *, id: str | None = None) -> None:
        super().__init__(Content(text), id=id, classes="notice", markup=False)
        self._text = text

    @property
    def text(self) -> str:
        return self._text

    @property
    def wrong(self) -> bool:
        return self.has_class("-wrong")

    def say(self, text: str, *, wrong: bool = False) -> None:
        """Show a text that is safe for a terminal."""
        self.set_class(wrong, "-wrong")
        if text != self._text:
            self._text = text
            self.update(Content(text))


def row(label: str, *widgets: Widget) -> Widget:
    """A field of a form with its label and what is said of it."""
    return Horizontal(Static(Content(label), classes="label"), *widgets, classes="row")
