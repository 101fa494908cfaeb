"""The records the screen shows and the engine makes: predictions, tables, a run's state and its steps.

All quantities are in nats.
"""

import math
from typing import Literal

from core.training import Training
from core.wire import Message, Real, require

# ---------------------------------------------------------------------------------------- what is shown


class Token(Message, frozen=True, kw_only=True):
    """One token of a text: its id and its bytes (base64 on the wire), which need not be UTF-8 alone."""

    token_id: int
    piece: bytes


class Candidate(Message, frozen=True, kw_only=True):
    """A token that could come next, with its log_prob in nats and its 1-based rank."""

    token_id: int
    piece: bytes
    log_prob: Real
    rank: int

    @property
    def probability(self) -> float:
        return math.exp(float(self.log_prob))

    @property
    def surprisal(self) -> float:
        """-log p in nats; 0.0 rather than -0.0 for a certainty."""
        return 0.0 - float(self.log_prob)


class Prediction(Message, frozen=True, kw_only=True):
    """What the model says after one prefix.

    `target` is the token that really follows (None in the open row); `entropy` is of the whole
    distribution, in nats; `top` are its most probable candidates, best first; `moved` is how far the
    target's surprisal moved since the step before, in nats, where that is known.
    """

    entropy: Real
    top: tuple[Candidate, ...]
    target: Candidate | None = None
    moved: Real | None = None

    @property
    def effective_choices(self) -> float:
        """exp of the entropy: as many equally probable tokens would leave the model as much in doubt."""
        entropy = float(self.entropy)
        return math.exp(entropy) if entropy < 700 else math.inf


class Summary(Message, frozen=True, kw_only=True):
    """Over the scored tokens: mean surprisal in nats (the loss), exp of it, and bits per UTF-8 byte.

    `without_first` is the mean of the rows but the first token's, where that one is scored with others.
    """

    scored: int
    mean: Real | None
    perplexity: Real | None
    bits_per_byte: Real | None
    without_first: Real | None = None


class Prompt(Message, frozen=True, kw_only=True):
    """A text as it is read: with `first_token` after `<|endoftext|>`, so that its first token is scored."""

    text: str
    first_token: bool = False


class Table(Message, frozen=True, kw_only=True):
    """A scored text of n tokens: n predictions, the i-th made after token i about token i + 1.

    `window_starts` are the positions where the model's context begins anew (0 and the multiples of the
    context); `step` is the training step whose weights made it, `moved_from` the one its rows' `moved`
    counts from. With `first_token` the text is read after `<|endoftext|>`: that is token 0 then, so that
    the first token of the text is scored as well, and the windows hold it like any other token.
    """

    text: str
    tokens: tuple[Token, ...]
    predictions: tuple[Prediction, ...]
    window_starts: tuple[int, ...]
    summary: Summary
    step: int
    moved_from: int | None = None
    first_token: bool = False

    @property
    def text_tokens(self) -> tuple[Token, ...]:
        """Those of the text, also where it is read after `<|endoftext|>`."""
        return self.tokens[1:] if self.first_token else self.tokens

    @property
    def prompt(self) -> Prompt:
        """The text as it was read."""
        return Prompt(text=self.text, first_token=self.first_token)

    def number(self, position: int) -> int:
        """What a row is called: after so many tokens of the text its prediction is made."""
        return position if self.first_token else position + 1


class Candidates(Message, frozen=True, kw_only=True):
    """The answer to `Find`: the token that was typed, then those that hold it, most probable first."""

    found: tuple[Candidate, ...]
    matches: int


# --------------------------------------------------------------------------------------- a continuation


class SampleConfig(Message, frozen=True, kw_only=True):
    """The sampling controls: how a token is chosen from a prediction. Raises ValueError out of range.

    The logits are divided by `temperature` (0 takes the most probable token), then the `top_k` most
    probable tokens stay, then the fewest of them that have `top_p` together; None keeps all.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None

    def __post_init__(self) -> None:
        require("temperature", self.temperature, 0, 100)
        if self.top_k is not None:
            require("top-k", self.top_k, 1, 1_000_000)
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ValueError(f"top-p is {self.top_p:g}; it must be above 0 and at most 1")


class Controlled(Message, frozen=True, kw_only=True):
    """A prediction after the sampling controls: how many tokens are left and the entropy of their
    distribution, in nats; `log_probs` are those of the tokens asked for, "-inf" for one that is cut."""

    left: int
    entropy: Real
    log_probs: tuple[Real, ...]

    @property
    def probabilities(self) -> tuple[float | None, ...]:
        """Of the tokens asked for; None for one that is cut."""
        return tuple(None if x == "-inf" else math.exp(float(x)) for x in self.log_probs)


class Generated(Message, frozen=True, kw_only=True):
    """A continuation: its text so far, how many tokens that is, and whether it is over."""

    text: str
    tokens: int
    done: bool


# ----------------------------------------------------------------------------------------- a training run


class StepResult(Message, frozen=True, kw_only=True):
    """One line of a run's metrics. `step` counts the updates done once it is over.

    `loss` is the mean surprisal of the batch before its update, in nats (None in the line of step 0,
    which stands for the model before any update); `evaluation` (over training batches, without dropout),
    `validation` and `prompt` are means after the update, where they were measured. Of a step that was made on
    one row alone, `kind` is "row" and `loss` the cross entropy H(p, q) of that row before its update; a line
    on file of the kind "withdrawn" says that such a step was taken back.
    """

    step: int
    loss: Real | None = None
    evaluation: Real | None = None
    validation: Real | None = None
    prompt: Real | None = None
    learning_rate: float = 0.0
    gradient_norm: Real = 0.0
    tokens: int = 0
    seconds: float = 0.0
    kind: Literal["row", "withdrawn"] | None = None


class SampleText(Message, frozen=True, kw_only=True):
    """What a model wrote at a step of its run: `text`, its most probable tokens after `prompt`."""

    step: int
    prompt: str
    text: str


class ModelInfo(Message, frozen=True, kw_only=True):
    """The model at hand: where it came from and its shape."""

    name: str
    parameters: int
    n_layer: int
    n_head: int
    n_embd: int
    context: int
    vocab_size: int
    device: str
    dtype: str
    fresh: bool


class TextInfo(Message, frozen=True, kw_only=True):
    """The training text: its size and how it falls into training and validation windows."""

    name: str
    tokens: int
    train_windows: int
    validation_windows: int


TRIGRAMS = "trigrams"  # what the line of a trigram model of the training text is called


class Reference(Message, frozen=True, kw_only=True):
    """A named line to hold a loss against, in nats."""

    name: str
    nats: float


class Divergence(Message, frozen=True, kw_only=True):
    """A step that could not be made, as its loss or gradient is not finite: the run stands before it.

    `best` is the step at which the run was validated as lowest, at `nats`; None where it never was.
    """

    step: int
    best: int | None = None
    nats: Real | None = None


class Pinned(Message, frozen=True, kw_only=True):
    """The model kept as B: its name, and the step of its run at which it was taken, if it is of one."""

    name: str
    step: int | None = None


class State(Message, frozen=True, kw_only=True):
    """Where the session stands. `goal` is the step at which a run pauses by itself.

    `learning_rate` is that of the next step by its schedule; `ghost` is how many steps are known of the
    future that the run had before it went another way. `snapshot_gb` is how much disk a run may take up for
    going back, in 10^9 bytes; `kept` are the prompts recorded at every step.
    """

    model: ModelInfo
    text: TextInfo
    training: Training
    step: int
    goal: int
    running: bool
    run: str | None = None
    snapshot_gb: float = 10.0
    kept: tuple[Prompt, ...] = ()
    references: tuple[Reference, ...] = ()
    diverged: Divergence | None = None
    pinned: Pinned | None = None
    learning_rate: float = 0.0
    ghost: int = 0
    warning: str | None = None


class Curve(Message, frozen=True, kw_only=True):
    """The steps of the run so far, and the texts sampled at some of them, oldest first.

    `ghost` are the steps of the future that the run had before it went another way.
    """

    results: tuple[StepResult, ...]
    samples: tuple[SampleText, ...] = ()
    ghost: tuple[StepResult, ...] = ()


class Stored(Message, frozen=True, kw_only=True):
    """An uploaded text, whole: the name to train on it under, and its length in tokens."""

    name: str
    tokens: int
