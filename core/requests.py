"""What the screen asks of the session."""

from typing import Literal

from core.anatomy_records import Dissected, Inspected
from core.certainty_records import Ending, Learned, require_endings
from core.close_records import Share
from core.look_requests import (
    Audit,
    Compare,
    Control,
    Expect,
    Find,
    Interpret,
    Keep,
    Pin,
    Predict,
    Recall,
    Release,
    Retrace,
    Score,
    Unpin,
    Weigh,
    World,
)
from core.records import (
    Curve,
    Generated,
    SampleConfig,
    State,
    Stored,
)
from core.request import Request
from core.training import Training
from core.wire import require


class Open(Request[State], frozen=True, kw_only=True):
    """Load a model and set up a run on it: `model` is "tiny", "fresh", "book", a run, folder or hub id."""

    model: str = "fresh"
    training: Training = Training()


class Status(Request[State], frozen=True, kw_only=True):
    """Ask where the session stands."""


class History(Request[Curve], frozen=True, kw_only=True):
    """Ask for the steps of the run from step `since` on, and the texts sampled there."""

    since: int = 0


class Run(Request[State], frozen=True, kw_only=True):
    """Train `steps` more steps, or to the end of the schedule; answered at once, `Stepped` tells the rest."""

    steps: int | None = None


class SampleEvery(Request[State], frozen=True, kw_only=True):
    """Sample a text after every `steps` steps from now on, also before the first one; with 0 none any more.

    The model goes on from `prompt` (or from a beginning that fits what it trains on) with its most probable
    tokens, `tokens` of them. That moves nothing of the run. `Sampled` tells of each, `Curve` has them all.
    """

    steps: int
    prompt: str | None = None
    tokens: int = 30

    def __post_init__(self) -> None:
        require("sample every", self.steps, 0, 10_000_000)
        require("tokens", self.tokens, 1, 1000)


class Pause(Request[State], frozen=True, kw_only=True):
    """End the run's present step and stay there."""


class Rewind(Request[State], frozen=True, kw_only=True):
    """Go to an earlier (or once reached) step of the run, exactly."""

    step: int


class TrainOnRow(Request[State], frozen=True, kw_only=True):
    """One step on just the row after token `position` of the scored text, towards the mix `target`.

    It takes the place of the next step's batch, at a learning rate of its own, and is a step of the run with
    its own line. Where later steps are known, the run goes its own way from here: as a new one. A `Rewind`
    to the step before takes it back for good as long as no step was made after it. Refused while training.
    """

    position: int
    target: tuple[Share, ...]
    learning_rate: float


class ChangeSettings(Request[State], frozen=True, kw_only=True):
    """From the next step on the run has this configuration: a learning rate, a batch, a schedule ...

    Where later steps are known, the run goes its own way from here: as a new one. Refused while training, and
    for another text, model, seed or whatever else a run cannot change.
    """

    training: Training


class DropFuture(Request[State], frozen=True, kw_only=True):
    """Forget the steps that the run would have made had it not gone another way."""


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
    """Continue a text by `tokens` tokens, drawn with `sampling`; a draw depends on the seed and its place.

    With `first_token` the text, which may then be empty, is read after `<|endoftext|>`.
    """

    text: str
    first_token: bool = False
    tokens: int = 20
    sampling: SampleConfig = SampleConfig()
    seed: int = 0

    def __post_init__(self) -> None:
        require("tokens", self.tokens, 1, 100_000)
        require("seed", self.seed, 0, 2**63 - 1)


class Dissect(Request[Dissected], frozen=True, kw_only=True):
    """Take a step apart: `step` as the curve counts it, or the next one. The run stays as it is."""

    step: int | None = None


class Inspect(Request[Inspected], frozen=True, kw_only=True):
    """One prediction of the step that was last taken apart, by its 0-based row and column in the batch."""

    step: int
    row: int
    column: int


class Certainty(Request[Learned], frozen=True, kw_only=True):
    """Train a tiny model on sentences that begin alike and end as `endings` says, aside of model and run.

    The loss is over the words at hand alone. `Learning` tells of it, a `Stop` leaves it where it is. A run
    that is training waits meanwhile.
    """

    endings: tuple[Ending, ...]
    targets: Literal["one-hot", "soft"]
    steps: int = 2000
    seed: int = 123

    def __post_init__(self) -> None:
        require_endings(self.endings)
        require("steps", self.steps, 1, 100_000)
        require("seed", self.seed, 0, 2**63 - 1)


class Trigrams(Request[State], frozen=True, kw_only=True):
    """Make the line of a trigram model of the training text; it joins the references once it is ready.

    It is what that model scores where the run is validated. Without being asked, it is made of texts that are
    not very long.
    """


class Stop(Request[State], frozen=True, kw_only=True):
    """Break off what takes long: a continuation, a rewind, a replay. Answered once it has stopped."""


AnyRequest = (
    Open
    | Status
    | History
    | Score
    | Recall
    | Retrace
    | Keep
    | Release
    | Find
    | Audit
    | Weigh
    | Predict
    | Interpret
    | Pin
    | Unpin
    | Compare
    | Expect
    | Run
    | SampleEvery
    | Pause
    | Rewind
    | TrainOnRow
    | ChangeSettings
    | DropFuture
    | Reset
    | Configure
    | Extend
    | Allow
    | Upload
    | Generate
    | Control
    | Dissect
    | Inspect
    | Certainty
    | World
    | Trigrams
    | Stop
)
