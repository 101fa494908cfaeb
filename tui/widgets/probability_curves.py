"""Curves over p with a cursor on it: moved by keys, set by a click."""

from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.events import Click
from textual.message import Message

from tui.widgets.curve_view import CurveView


def _key(keys: str, action: str, name: str, tooltip: str, display: str = "") -> Binding:
    return Binding(keys, f"screen.{action}", name, key_display=display or None, show=bool(display),
                   id=f"curves.{name.replace(' ', '_')}", tooltip=tooltip)  # fmt: skip


class ProbabilityCurves(CurveView, can_focus=True):
    """The cursor is the screen's: what is done to it goes there."""

    BINDINGS: ClassVar[list[BindingType]] = [
        _key("right,l", "step(1)", "p", "A step up in p", "←→"),
        _key("left,h", "step(-1)", "less", "A step down in p; near 0 the steps are factors"),
        _key("shift+right,pagedown", "leap(1)", "much more", "A larger step up in p"),
        _key("shift+left,pageup", "leap(-1)", "much less", "A larger step down in p, near 0 a tenth of it"),
        _key("down,j", "landmark(-1)", "landmark", "The next landmark, a rarer one", "↑↓"),
        _key("up,k", "landmark(1)", "landmark before", "The landmark before, a likelier one"),
        _key("home,g", "put(0)", "never", "p = 0: what cannot be"),
        _key("end,G", "put(1)", "always", "p = 1: what is certain"),
        Binding("enter", "screen.type_p", "Type p", id="curves.type",
                tooltip="Type a p: 0.001, 1e-6, 1/6, 1 in 20, 12 %"),
    ]  # fmt: skip

    @dataclass
    class Pointed(Message):
        """A click at an x."""

        x: float

    def on_click(self, event: Click) -> None:
        x = self.x_at(event.x)
        if x is not None:
            self.post_message(self.Pointed(x))
