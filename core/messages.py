"""The whole protocol between the screen and the engine: one JSON object a line, each way.

The first line each way is a `Hello`. Then the screen sends `Call(id, request)` and gets exactly one `Answer`
or `Failure` with that id; an `Event` may come at any time. What they are made of stands in core/records.py.
"""

from typing import Generic, Literal, TypeVar

import msgspec

# One statement for all of these names; sorted, each would have one of its own.
# isort: off
from core.records import (
    Candidate as Candidate,
    Candidates as Candidates,
    Controlled as Controlled,
    Curve as Curve,
    Generated as Generated,
    ModelInfo as ModelInfo,
    Prediction as Prediction,
    Reference as Reference,
    SampleConfig as SampleConfig,
    State as State,
    StepResult as StepResult,
    Stored as Stored,
    Summary as Summary,
    Table as Table,
    TextInfo as TextInfo,
    Token as Token,
)
from core.training import BOOK as BOOK, TINY as TINY, Training as Training
from core.wire import Message as Message, Real as Real, real as real, require

# isort: on

PROTOCOL = 1
LINE_LIMIT = 16 * 2**20  # bytes in one line; a table of 200 rows with 20 candidates each takes about 440 kB
UPLOAD_CHUNK = 2**20  # characters of a training text in one `Upload`

Result = TypeVar("Result")


class Request(Message, Generic[Result], frozen=True, kw_only=True):
    """Something asked of the session; the type parameter is what it answers with."""


class Open(Request[State], frozen=True, kw_only=True):
    """Load a model and set up a run on it: `model` is "tiny", "fresh", "book", a run, folder or hub id."""

    model: str = "fresh"
    training: Training = Training()


class Status(Request[State], frozen=True, kw_only=True):
    """Ask where the session stands."""


class History(Request[Curve], frozen=True, kw_only=True):
    """Ask for the steps of the run from step `since` on."""

    since: int = 0


class Score(Request[Table], frozen=True, kw_only=True):
    """Score a text, and keep on scoring it after every step. A newer one replaces a waiting older one."""

    text: str
    top_k: int = 20


class Find(Request[Candidates], frozen=True, kw_only=True):
    """The tokens that hold `query`, as the model sees them after token `position` of the scored text."""

    position: int
    query: str
    limit: int = 20


class Run(Request[State], frozen=True, kw_only=True):
    """Train `steps` more steps, or to the end of the schedule; answered at once, `Stepped` tells the rest."""

    steps: int | None = None


class Pause(Request[State], frozen=True, kw_only=True):
    """End the run's present step and stay there."""


class Rewind(Request[State], frozen=True, kw_only=True):
    """Go to an earlier (or once reached) step of the run, exactly."""

    step: int


class Reset(Request[State], frozen=True, kw_only=True):
    """Back to the weights the run started from: a new run with the same configuration."""


class Configure(Request[State], frozen=True, kw_only=True):
    """Start a new run with this configuration; a fresh model is built anew from its preset and seed."""

    training: Training


class Extend(Request[State], frozen=True, kw_only=True):
    """Let the run go on for `steps` more steps after its schedule, at its last learning rate."""

    steps: int


class Upload(Request[Stored], frozen=True, kw_only=True):
    """One piece of a training text, in order; `last` ends it."""

    name: str
    text: str
    first: bool
    last: bool


class Generate(Request[Generated], frozen=True, kw_only=True):
    """Continue a text by `tokens` tokens, drawn with `sampling`; a draw depends on the seed and its place."""

    text: str
    tokens: int = 20
    sampling: SampleConfig = SampleConfig()
    seed: int = 0

    def __post_init__(self) -> None:
        require("tokens", self.tokens, 1, 100_000)
        require("seed", self.seed, 0, 2**63 - 1)


class Control(Request[Controlled], frozen=True, kw_only=True):
    """The prediction after token `position` of the scored text, as the sampling controls leave it."""

    position: int
    sampling: SampleConfig
    token_ids: tuple[int, ...] = ()


class Stop(Request[State], frozen=True, kw_only=True):
    """Break off what takes long: a continuation, a rewind. Answered once it has stopped."""


# ------------------------------------------------------------------------------------------------- events


class Stepped(Message, frozen=True, kw_only=True):
    """Steps done since the last such event; events that wait are joined, none is lost."""

    results: tuple[StepResult, ...]
    state: State


class Rescored(Message, frozen=True, kw_only=True):
    """The text that is being watched, scored anew after a step."""

    table: Table


class Glimpsed(Message, frozen=True, kw_only=True):
    """The open row of a text that is being scored, at `position`; the table with the same row follows."""

    text: str
    step: int
    position: int
    prediction: Prediction


class Continued(Message, frozen=True, kw_only=True):
    """A continuation under way: all of it so far."""

    generated: Generated


class Progress(Message, frozen=True, kw_only=True):
    """Something that takes long: `done` of `total` steps, or of what `unit` says."""

    what: str
    done: int
    total: int
    unit: Literal["", "MB", "bytes", "M characters"] = ""


class Changed(Message, frozen=True, kw_only=True):
    """The session's state changed by itself, such as when a run reaches its end."""

    state: State


# ------------------------------------------------------------------------------------------------ envelopes

AnyRequest = (
    Open
    | Status
    | History
    | Score
    | Find
    | Run
    | Pause
    | Rewind
    | Reset
    | Configure
    | Extend
    | Upload
    | Generate
    | Control
    | Stop
)
AnyResult = State | Curve | Table | Candidates | Generated | Controlled | Stored
AnyEvent = Stepped | Rescored | Glimpsed | Continued | Progress | Changed

FailureKind = Literal["bad_request", "bad_line", "stopped", "superseded", "missing", "storage", "internal"]


class Hello(Message, frozen=True, kw_only=True):
    """The first line each way."""

    protocol: int
    version: str


class Call(Message, frozen=True, kw_only=True):
    """A request with the number its answer will carry."""

    id: int
    request: AnyRequest


class Answer(Message, frozen=True, kw_only=True):
    """The one result of a call."""

    id: int
    result: AnyResult


class Failure(Message, frozen=True, kw_only=True):
    """The one reason why a call has no result; without an id, of a line that could not be read."""

    id: int | None
    kind: FailureKind
    message: str


class Event(Message, frozen=True, kw_only=True):
    """Something that happened."""

    event: AnyEvent


ToEngine = Hello | Call
FromEngine = Hello | Answer | Failure | Event

Decoded = TypeVar("Decoded")

_encoder = msgspec.json.Encoder()
_to_engine: msgspec.json.Decoder[ToEngine] = msgspec.json.Decoder(ToEngine)
_from_engine: msgspec.json.Decoder[FromEngine] = msgspec.json.Decoder(FromEngine)


class BadLine(ValueError):
    """A line that is no message of the protocol; nothing was changed by it."""


def encode(message: ToEngine | FromEngine) -> bytes:
    """One line of the protocol, with its newline."""
    return _encoder.encode(message) + b"\n"


def decode_to_engine(line: bytes) -> ToEngine:
    """What the screen sent. Raises BadLine."""
    return _decode(_to_engine, line)


def decode_from_engine(line: bytes) -> FromEngine:
    """What the engine sent. Raises BadLine."""
    return _decode(_from_engine, line)


def _decode(decoder: msgspec.json.Decoder[Decoded], line: bytes) -> Decoded:
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadLine(str(error)) from error
