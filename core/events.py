"""What the engine tells by itself."""

from typing import Literal

from core.certainty_records import Belief, Cost
from core.records import Generated, Prediction, SampleText, State, StepResult, Table
from core.wire import Message


class Stepped(Message, frozen=True, kw_only=True):
    """Steps done since the last such event; events that wait are joined, none is lost."""

    results: tuple[StepResult, ...]
    state: State


class Sampled(Message, frozen=True, kw_only=True):
    """Texts sampled at steps since the last such event; events that wait are joined, none is lost."""

    samples: tuple[SampleText, ...]


class Rescored(Message, frozen=True, kw_only=True):
    """The text that is being watched, scored anew after a step."""

    table: Table


class Glimpsed(Message, frozen=True, kw_only=True):
    """The open row of a text that is being scored, at `position`; the table with the same row follows."""

    text: str
    first_token: bool = False
    step: int
    position: int
    prediction: Prediction


class Continued(Message, frozen=True, kw_only=True):
    """A continuation under way: all of it so far."""

    generated: Generated


class Learning(Message, frozen=True, kw_only=True):
    """The tiny model of `Certainty` under way: some of the steps since the last such event, what it believes
    now. Events that wait are joined."""

    costs: tuple[Cost, ...]
    belief: Belief


class Progress(Message, frozen=True, kw_only=True):
    """Something that takes long: `done` of `total` steps, or of what `unit` says."""

    what: str
    done: int
    total: int
    unit: Literal["", "MB", "bytes", "M characters", "orders"] = ""


class Indexed(Message, frozen=True, kw_only=True):
    """The training text `text` is being made ready for `World`: `done` of `total` tokens.

    With all of them it is over: `World` then answers, or says what went wrong.
    """

    text: str
    done: int
    total: int


class Changed(Message, frozen=True, kw_only=True):
    """The session's state changed by itself, such as when a run reaches its end."""

    state: State


AnyEvent = Stepped | Sampled | Rescored | Glimpsed | Continued | Learning | Progress | Indexed | Changed
