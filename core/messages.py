"""The whole protocol between the screen and the engine: one JSON object a line, each way.

The first line each way is a `Hello`. Then the screen sends `Call(id, request)` and gets exactly one `Answer`
or `Failure` with that id; an `Event` may come at any time. Requests, events and the records they are made of
have modules of their own.
"""

from typing import Literal, TypeVar

import msgspec

# One statement for all names of a module; sorted, each would have one of its own.
# isort: off
from core.anatomy_records import (
    BatchRow as BatchRow,
    Dissected as Dissected,
    Inspected as Inspected,
    Layer as Layer,
    Logit as Logit,
)
from core.records import (
    Candidate as Candidate,
    Candidates as Candidates,
    Controlled as Controlled,
    Curve as Curve,
    Divergence as Divergence,
    Generated as Generated,
    ModelInfo as ModelInfo,
    Pinned as Pinned,
    TRIGRAMS as TRIGRAMS,
    Prediction as Prediction,
    Prompt as Prompt,
    Reference as Reference,
    SampleConfig as SampleConfig,
    SampleText as SampleText,
    State as State,
    StepResult as StepResult,
    Stored as Stored,
    Summary as Summary,
    Table as Table,
    TextInfo as TextInfo,
    Token as Token,
)
from core.close_records import (
    Arithmetic as Arithmetic,
    Followed as Followed,
    Follower as Follower,
    Interpreted as Interpreted,
    Predicted as Predicted,
    Pull as Pull,
    Share as Share,
    Weighed as Weighed,
)
from core.comparing import Comparison as Comparison, Span as Span, compare as compare
from core.compare_records import Compared as Compared, Expected as Expected
from core.certainty_records import (
    BEGINNING as BEGINNING,
    SENTENCES_A_STEP as SENTENCES_A_STEP,
    Belief as Belief,
    Cost as Cost,
    Ending as Ending,
    Learned as Learned,
    require_endings as require_endings,
    shares as shares,
    smoothed_over as smoothed_over,
    vocabulary as vocabulary,
)
from core.request import Request as Request, Result as Result
from core.look_requests import (
    Score as Score,
    Recall as Recall,
    Keep as Keep,
    Release as Release,
    Retrace as Retrace,
    Find as Find,
    Audit as Audit,
    Weigh as Weigh,
    Interpret as Interpret,
    Pin as Pin,
    Predict as Predict,
    Unpin as Unpin,
    Compare as Compare,
    Expect as Expect,
    Control as Control,
    World as World,
)
from core.requests import (
    Allow as Allow,
    AnyRequest as AnyRequest,
    Open as Open,
    Status as Status,
    History as History,
    Run as Run,
    SampleEvery as SampleEvery,
    Pause as Pause,
    Rewind as Rewind,
    TrainOnRow as TrainOnRow,
    ChangeSettings as ChangeSettings,
    DropFuture as DropFuture,
    Reset as Reset,
    Configure as Configure,
    Extend as Extend,
    Upload as Upload,
    Generate as Generate,
    Dissect as Dissect,
    Inspect as Inspect,
    Certainty as Certainty,
    Trigrams as Trigrams,
    Stop as Stop,
)
from core.events import (
    AnyEvent as AnyEvent,
    Stepped as Stepped,
    Sampled as Sampled,
    Rescored as Rescored,
    Glimpsed as Glimpsed,
    Continued as Continued,
    Learning as Learning,
    Progress as Progress,
    Indexed as Indexed,
    Changed as Changed,
)
from core.training import BOOK as BOOK, BRANCHABLE as BRANCHABLE, TINY as TINY, Training as Training
from core.wire import Message as Message, Real as Real, measured as measured, real as real

# isort: on

PROTOCOL = 1
LINE_LIMIT = 16 * 2**20  # bytes in one line; a table of 200 rows with 20 candidates each takes about 440 kB
UPLOAD_CHUNK = 2**20  # characters of a training text in one `Upload`

AnyResult = (
    State
    | Curve
    | Table
    | Candidates
    | Arithmetic
    | Followed
    | Compared
    | Expected
    | Weighed
    | Predicted
    | Interpreted
    | Generated
    | Learned
    | Controlled
    | Stored
    | Dissected
    | Inspected
)
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
