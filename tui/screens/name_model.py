"""A dialog that asks for a model by its name."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tui.screens.dialog import DialogScreen, Line, Notice

_NAMES = (
    "tiny, fresh or book; the name of a run; a folder, its path starting with ./ or /; or an id of the "
    "Hugging Face hub, such as gpt2."
)


class NameModelScreen(DialogScreen[str | None]):
    """Asks for what `--model` takes; whether there is such a model, the engine says. None: called off."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter", "accept", "OK", priority=True, id="name_model.accept", tooltip="Pin this model as B"
        ),
    ]

    def __init__(self) -> None:
        super().__init__("Compare with another model", accept="Pin")

    def body(self) -> ComposeResult:
        yield Notice("It is pinned as B, beside the model at hand. Which one?", id="question")
        yield Line("", id="name", max_length=4096)
        yield Notice(_NAMES, id="names")

    def on_mount(self) -> None:
        self.on_input_changed()

    def on_input_changed(self) -> None:
        self.query_one("#accept").set_class(not self._named, "-barred")

    def action_accept(self) -> None:
        if self._named:
            self.dismiss(self._named)

    @property
    def _named(self) -> str:
        return self.query_one("#name", Line).value.strip()
