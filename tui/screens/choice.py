"""A choice of one among a few, side by side: left and right or a click choose."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.style import Style
from textual.widget import Widget


class Choice(Widget, can_focus=True):
    """Shows all options with the chosen one marked. `options` are (value, label); a label is plain text."""

    DEFAULT_CSS = """
    Choice { width: 1fr; height: auto; color: $text-muted; pointer: pointer; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "left", "choose(-1)", "Previous", show=False, id="choice.left", tooltip="The option to the left"
        ),
        Binding(
            "right", "choose(1)", "Next", show=False, id="choice.right", tooltip="The option to the right"
        ),
    ]

    @dataclass
    class Chosen(Message):
        """Another option was chosen."""

        choice: "Choice"
        value: str

        @property
        def control(self) -> "Choice":
            return self.choice

    def __init__(self, options: Sequence[tuple[str, str]], value: str, *, id: str) -> None:
        super().__init__(id=id)
        self._options = tuple(options)
        self._value = value

    @property
    def value(self) -> str:
        return self._value

    def offer(self, options: Sequence[tuple[str, str]], value: str) -> None:
        """Replace the options, with `value` chosen."""
        self._options = tuple(options)
        self._value = value
        self.refresh(layout=True)

    def render(self) -> Content:
        chosen = "bold $background on $accent" if self.has_focus else "$accent on $background"
        return Content(" ").join(
            Content.styled(f" {label} ", chosen if value == self._value else "").stylize(
                Style.from_meta({"option": index})
            )
            for index, (value, label) in enumerate(self._options)
        )

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        index = event.style.meta.get("option")
        if isinstance(index, int):
            self._choose(index)

    def action_choose(self, by: int) -> None:
        values = [value for value, _ in self._options]
        at = values.index(self._value) + by if self._value in values else 0
        self._choose(max(0, min(at, len(values) - 1)))

    def _choose(self, index: int) -> None:
        value = self._options[index][0]
        if value != self._value:
            self._value = value
            self.refresh()
            self.post_message(self.Chosen(self, value))
