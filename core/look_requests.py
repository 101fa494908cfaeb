"""What is asked about a text and the model, and moves nothing of a run."""

from core.close_records import Arithmetic, Followed, Interpreted, Predicted, Share, Weighed, require_mix
from core.compare_records import Compared, Expected
from core.records import Candidates, Controlled, SampleConfig, State, Table
from core.request import Request
from core.wire import require


class Score(Request[Table], frozen=True, kw_only=True):
    """Score a text, and keep on scoring it after every step. A newer one replaces a waiting older one.

    With `first_token` it is read after `<|endoftext|>`, which is token 0 of the scored text from then on, for
    whatever asks for a position.
    """

    text: str
    top_k: int = 20
    first_token: bool = False


class Recall(Request[Table], frozen=True, kw_only=True):
    """The watched text as it was at a step of this run, or at the latest one before it that is recorded.

    Its rows are compared with the latest table of that text. With `first_token` and without it is another
    recording. Answered also in the middle of a step.
    """

    text: str
    step: int
    first_token: bool = False


class Retrace(Request[Table], frozen=True, kw_only=True):
    """The same of a step at which the text was not recorded: the run is replayed to it, with Progress, and
    then stands where it stood. What a short text looked like on the way is recorded, too.
    """

    text: str
    step: int
    first_token: bool = False


class Keep(Request[State], frozen=True, kw_only=True):
    """Record a text at every step, whether it is looked at or not, until it is released.

    It is kept as it is read, with `first_token` or without.
    """

    text: str
    first_token: bool = False


class Release(Request[State], frozen=True, kw_only=True):
    """Do not keep a text any more; what was recorded of it stays."""

    text: str
    first_token: bool = False


class Find(Request[Candidates], frozen=True, kw_only=True):
    """The tokens that hold `query`, as the model sees them after token `position` of the scored text."""

    position: int
    query: str
    limit: int = 20


class Audit(Request[Arithmetic], frozen=True, kw_only=True):
    """How -log p of the row after token `position` of the scored text comes about, number by number."""

    position: int


class Predict(Request[Predicted], frozen=True, kw_only=True):
    """What comes after token `position` of a text, or after all of it, as the model is now.

    Any text: the one that is scored, and what is known of it, stays. `top_k` candidates are told with logits.
    """

    text: str
    position: int | None = None
    first_token: bool = False
    top_k: int = 8

    def __post_init__(self) -> None:
        require("top k", self.top_k, 1, 1000)


class Weigh(Request[Weighed], frozen=True, kw_only=True):
    """Hold a target of one's own against the prediction after token `position` of the scored text.

    A single token has the share 1. `limit` is the number of rows of the gradient that are told.
    """

    position: int
    mix: tuple[Share, ...]
    limit: int = 10

    def __post_init__(self) -> None:
        require_mix(self.mix)
        require("limit", self.limit, 1, 1000)


class Interpret(Request[Interpreted], frozen=True, kw_only=True):
    """Weigh the target that a person has typed, as `core.mixes` reads it, there."""

    position: int
    typed: str


class Pin(Request[State], frozen=True, kw_only=True):
    """Keep a model as B: the one at hand as it stands, or one by its name as in `Open`, of a run its newest
    checkpoint. Runs that are opened, begun anew or trained change nothing of it."""

    model: str | None = None


class Unpin(Request[State], frozen=True, kw_only=True):
    """Let the model kept as B go."""


class Compare(Request[Compared], frozen=True, kw_only=True):
    """A text as the pinned model B sees it: asked once a text, after the model at hand has answered.

    With `first_token` it is read after `<|endoftext|>`. A `Score` that waits breaks it off.
    """

    text: str
    top_k: int = 20
    first_token: bool = False


class Expect(Request[Expected], frozen=True, kw_only=True):
    """With which probability B expects tokens after token `position`, as B cuts it, of the text it compared
    last."""

    position: int
    token_ids: tuple[int, ...]


class Control(Request[Controlled], frozen=True, kw_only=True):
    """The prediction after token `position` of the scored text, as the sampling controls leave it."""

    position: int
    sampling: SampleConfig
    token_ids: tuple[int, ...] = ()


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
