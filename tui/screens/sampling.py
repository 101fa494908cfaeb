"""The sampling controls: what is done to a prediction before a token is drawn from it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from core.messages import Generate, SampleConfig
from tui.controls import AS_IT_IS, Controls
from tui.screens.dialog import BETWEEN_FIELDS, DialogScreen, Line, Notice, row
from tui.screens.numbers import number, whole_number, written


@dataclass(frozen=True, kw_only=True)
class Field:
    """One control: its name, its label, what it does."""

    name: str
    label: str
    about: str


FIELDS = (
    Field(
        name="temperature",
        label="temperature",
        about="below 1 sharpens the prediction, above 1 flattens it; 0 is greedy",
    ),
    Field(name="top_k", label="top-k", about="only so many of the most probable tokens stay; empty for all"),
    Field(
        name="top_p",
        label="top-p",
        about="only the fewest tokens that have this p together stay; empty for all",
    ),
    Field(name="seed", label="seed", about="the same seed draws the same text; empty for another each time"),
)


class SamplingScreen(DialogScreen[Controls | None]):
    """Edits the sampling controls; None when it is called off. `tried` is told of every valid change."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["dialog.tcss", "sampling.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "accept", "Apply", priority=True, id="sampling.accept", tooltip="Draw like this"),
        *BETWEEN_FIELDS,
        Binding(
            "ctrl+r", "plain", "Defaults", id="sampling.plain", tooltip="Draw from predictions as they are"
        ),
    ]

    def __init__(self, controls: Controls, *, tried: Callable[[Controls], None]) -> None:
        super().__init__("Sampling", accept="Apply")
        self._start = controls
        self._tried = tried
        self._faulty: str | None = None

    def body(self) -> ComposeResult:
        for field in FIELDS:
            line = Line(_written(field.name, self._start), id=field.name, max_length=24)
            yield row(field.label, line, Notice(field.about, id=f"about-{field.name}"))
        yield Notice(id="consequence")

    def on_mount(self) -> None:
        self._check()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        controls = self._check()
        if controls is not None:
            self._tried(controls)

    def action_plain(self) -> None:
        """Every field as it is by itself."""
        for field in FIELDS:
            self.query_one(f"#{field.name}", Line).value = _written(field.name, Controls())

    def action_accept(self) -> None:
        controls = self._check()
        if controls is not None:
            self.dismiss(controls)
        else:
            self.query_one(f"#{self._faulty}", Line).focus()

    def _check(self) -> Controls | None:
        """The controls as they stand, or None once every fault is shown at its field."""
        values: dict[str, float | int | None] = {}
        self._faulty = None
        for field in FIELDS:
            line, about = (
                self.query_one(f"#{field.name}", Line),
                self.query_one(f"#about-{field.name}", Notice),
            )
            fault = None
            try:
                values[field.name] = _read(field, line.value)
            except ValueError as error:
                fault = str(error)
                self._faulty = self._faulty or field.name
            line.set_class(fault is not None, "-wrong")
            about.say(fault or field.about, wrong=fault is not None)
        self.query_one("#accept").set_class(self._faulty is not None, "-barred")
        consequence = self.query_one("#consequence", Notice)
        if self._faulty is not None:
            consequence.say("Cannot be applied yet.", wrong=True)
            return None
        seed = values.pop("seed")
        controls = Controls(sampling=SampleConfig(**values), seed=seed)  # type: ignore[arg-type]
        consequence.say(_consequence(controls.sampling))
        return controls


def _written(name: str, controls: Controls) -> str:
    """A control as a person would type it."""
    value = controls.seed if name == "seed" else getattr(controls.sampling, name)
    if value is None:
        return ""
    return written(value) if isinstance(value, float) else str(value)


def _read(field: Field, text: str) -> float | int | None:
    """The value that was typed. Raises ValueError with the sentence to show."""
    if not text.strip():
        if field.name == "temperature":
            raise ValueError("temperature is empty; give a number such as 0.7, or 1 for p as it is")
        return None
    match field.name:
        case "seed":
            seed = whole_number(field.label, text)
            return Generate(text="", seed=seed).seed  # its own check of the range
        case "top_k":
            return SampleConfig(top_k=whole_number(field.label, text)).top_k
        case "top_p":
            return SampleConfig(top_p=number(field.label, text)).top_p
    return SampleConfig(temperature=number(field.label, text)).temperature


def _consequence(sampling: SampleConfig) -> str:
    """What applying does, in one sentence."""
    if sampling.temperature == 0:
        return "ctrl+t and ctrl+g take the most probable token each time."
    if sampling == AS_IT_IS:
        return "ctrl+t and ctrl+g draw from the prediction as it is."
    return "ctrl+t and ctrl+g draw from what these controls leave."
