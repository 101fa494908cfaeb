"""What a stop of the tour is made of: what it sets up, what it says, what it asks."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Prompt:
    """This text stands in the prompt."""

    text: str


@dataclass(frozen=True)
class Row:
    """The cursor is on the prediction after the prompt's token at `position`; for None, on the open row."""

    position: int | None


@dataclass(frozen=True)
class Pane:
    """A pane of the explore screen has the focus: table, candidates or chart."""

    name: str


@dataclass(frozen=True)
class Batch:
    """The step that comes next is taken apart, its batch in sight."""


@dataclass(frozen=True)
class Lab:
    """A lab is open, in the state that it has this name for."""

    name: str
    set_up: str


@dataclass(frozen=True)
class TheirModel:
    """The person's own run is on again, if the tour has put its own in its place."""


@dataclass(frozen=True)
class FreshModel:
    """An untrained model is on, as a run of the tour's own."""


@dataclass(frozen=True)
class Steps:
    """The tour's own run stands at this step."""

    n: int


Instruction = Prompt | Row | Pane | Batch | Lab | TheirModel | FreshModel | Steps


@dataclass(frozen=True)
class Live:
    """A sentence with figures of the model at hand, and what is said while they are not known.

    They are those of the stop's row and prompt: {entropy} with its unit, {choices}, {mean} with its unit,
    {perplexity}.
    """

    figured: str
    without: str


@dataclass(frozen=True, kw_only=True)
class Stop:
    """One stop. `name` is what its place is kept by; `sentences` are four at most.

    In all of its words ~ is a space at which no line ends.
    """

    name: str
    title: str
    sets_up: tuple[Instruction, ...]
    sentences: tuple[str | Live, ...]
    question: str
    answer: str

    @property
    def prompt(self) -> str | None:
        """The text it puts into the prompt; None where it leaves that alone."""
        return next((each.text for each in self.sets_up if isinstance(each, Prompt)), None)

    @property
    def row(self) -> int | None:
        """The position of the row it is about; None for the open row."""
        return next((each.position for each in self.sets_up if isinstance(each, Row)), None)

    @property
    def instructions(self) -> tuple[Instruction, ...]:
        """All that sets it up: a stop that needs no run of the tour's own is about the person's."""
        return self.sets_up if FreshModel() in self.sets_up else (TheirModel(), *self.sets_up)
