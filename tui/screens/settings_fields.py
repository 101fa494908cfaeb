"""The numbers of a run's configuration as the settings show, explain and check them."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from core.messages import ModelInfo, Training
from tui.screens.numbers import number, whole_number, written


@dataclass(frozen=True, kw_only=True)
class Field:
    """One number: its name in `Training`, its label, what it does to what one sees."""

    name: str
    label: str
    about: str
    whole: bool = True

    def written(self, training: Training) -> str:
        """The field's value as a person would type it."""
        value = getattr(training, self.name)
        return str(value) if self.whole else written(value)

    def read(self, text: str, model: ModelInfo) -> float:
        """The value that was typed. Raises ValueError with the sentence to show."""
        value = (whole_number if self.whole else number)(self.label, text)
        msgspec.structs.replace(Training(), **{self.name: value})  # its own check of the range
        if self.name == "context" and not model.fresh and value > model.context:
            raise ValueError(f"context is {value:g}; this model reads {model.context:,} tokens at most")
        return value


BASIC = (
    Field(
        name="learning_rate",
        label="learning rate",
        about="how far a step goes: too far and the loss leaps, else it creeps",
        whole=False,
    ),
    Field(
        name="batch", label="batch", about="windows of text in one step: more make a smoother, slower curve"
    ),
    Field(name="context", label="context", about="tokens in one window, the farthest the model looks back"),
    Field(name="steps", label="steps", about="updates until the run pauses; the rate falls over them"),
    Field(name="seed", label="seed", about="picks the random draws: the same seed gives the same run again"),
)
ADVANCED = (
    Field(
        name="dropout",
        label="dropout",
        about="share of activations silenced in training, against rote learning",
        whole=False,
    ),
    Field(name="warmup", label="warm-up", about="steps in which the learning rate climbs to its full height"),
    Field(
        name="weight_decay",
        label="weight decay",
        about="pull of the weights to zero, in shares of the learning rate",
        whole=False,
    ),
    Field(
        name="clip",
        label="clip",
        about="norm of the longest gradient let through; longer ones are cut",
        whole=False,
    ),
    Field(name="evaluate_every", label="evaluate every", about="steps from one validation point to the next"),
)
FIELDS = BASIC + ADVANCED


def consequence(
    before: Training, after: Training, *, other_text: bool, model: ModelInfo, step: int = 0
) -> str:
    """What applying does to a run that stands at a step, in one sentence."""
    if after == before and not other_text:
        return "Nothing is changed: the run goes on as it is."
    if step and not other_text and not before.fixed_differences(after):
        return f"Applies from step {step:,} on, or to a new run: you are asked which."
    rebuilt = ("seed", "preset", "context") if model.fresh else ()
    if any(getattr(before, name) != getattr(after, name) for name in rebuilt):
        return "Starts a new run from step 0 with a freshly initialised model."
    return "Starts a new run from step 0."


def sentence(faults: Mapping[str, str]) -> str:
    """Why the settings cannot be applied, from the faults by field."""
    labels = [field.label for field in FIELDS if field.name in faults]
    return (
        f"Cannot be applied yet: {', '.join(labels)} {'needs' if len(labels) == 1 else 'need'} another value."
    )
