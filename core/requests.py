"""What the screen asks of the session."""

from typing import Generic, TypeVar

from core.anatomy_records import Dissected, Inspected
from core.close_records import Arithmetic, Followed
from core.records import (
    Candidates,
    Controlled,
    Curve,
    Generated,
    SampleConfig,
    State,
    Stored,
    Table,
)
from core.training import Training
from core.wire import Message, require

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


class Recall(Request[Table], frozen=True, kw_only=True):
    """The watched text as it was at a step of this run, or at the latest one before it that is recorded.

    Its rows are compared with the latest table of that text. Answered also in the middle of a step.
    """

    text: str
    step: int


class Keep(Request[State], frozen=True, kw_only=True):
    """Record a text at every step, whether it is looked at or not, until it is released."""

    text: str


class Release(Request[State], frozen=True, kw_only=True):
    """Do not keep a text any more; what was recorded of it stays."""

    text: str


class Find(Request[Candidates], frozen=True, kw_only=True):
    """The tokens that hold `query`, as the model sees them after token `position` of the scored text."""

    position: int
    query: str
    limit: int = 20


class Audit(Request[Arithmetic], frozen=True, kw_only=True):
    """How -log p of the row after token `position` of the scored text comes about, number by number."""

    position: int


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


class Allow(Request[State], frozen=True, kw_only=True):
    """Let the snapshots in a run's folder take up so much disk, in 10^9 bytes; 0 keeps none there."""

    snapshot_gb: float

    def __post_init__(self) -> None:
        require("disk for going back", self.snapshot_gb, 0, 1_000_000)


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


class Dissect(Request[Dissected], frozen=True, kw_only=True):
    """Take a step apart: `step` as the curve counts it, or the next one. The run stays as it is."""

    step: int | None = None


class Inspect(Request[Inspected], frozen=True, kw_only=True):
    """One prediction of the step that was last taken apart, by its 0-based row and column in the batch."""

    step: int
    row: int
    column: int


class World(Request[Followed], frozen=True, kw_only=True):
    """What the training text says after token `position` of the scored text, beside the model's prediction.

    The text is looked up for the last `length` tokens of the prefix, or as many as stand there; by default
    for the most that stand there at least 5 times. `limit` is the number of followers that are told.
    """

    position: int
    length: int | None = None
    limit: int = 40

    def __post_init__(self) -> None:
        require("length", 1 if self.length is None else self.length, 1, 1_000_000)
        require("limit", self.limit, 1, 1000)


class Stop(Request[State], frozen=True, kw_only=True):
    """Break off what takes long: a continuation, a rewind, a replay. Answered once it has stopped."""


AnyRequest = (
    Open
    | Status
    | History
    | Score
    | Recall
    | Keep
    | Release
    | Find
    | Audit
    | Run
    | Pause
    | Rewind
    | Reset
    | Configure
    | Extend
    | Allow
    | Upload
    | Generate
    | Control
    | Dissect
    | Inspect
    | World
    | Stop
)
