"""The records the screen shows and the engine makes: predictions, tables, a run's configuration and steps.

Quantities are in nats. JSON has no infinity and no NaN, so a `Real` that is not finite travels as the
string "inf", "-inf" or "nan": write it with `real(x)`, read it with `float(x)`.
"""

import math
from typing import Literal

from msgspec import Struct

Real = float | Literal["inf", "-inf", "nan"]


def real(value: float) -> Real:
    """A float as it travels: itself, or its name where JSON has no number for it."""
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "nan"
    return "inf" if value > 0 else "-inf"


def measured(value: float | None) -> Real | None:
    """The same of a float that is None where it was not measured."""
    return None if value is None else real(value)


def _tag(name: str) -> str:
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name).lstrip("_")


class Message(Struct, frozen=True, kw_only=True, tag=_tag, tag_field="type"):
    """A frozen record whose "type" on the wire is its class name in snake case."""


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
    """Over the scored tokens: mean surprisal in nats (the loss), exp of it, and bits per UTF-8 byte."""

    scored: int
    mean: Real | None
    perplexity: Real | None
    bits_per_byte: Real | None


class Table(Message, frozen=True, kw_only=True):
    """A scored text of n tokens: n predictions, the i-th made after token i about token i + 1.

    `window_starts` are the positions where the model's context begins anew (0 and the multiples of the
    context); `step` is the training step whose weights made it, `moved_from` the one its rows' `moved`
    counts from.
    """

    text: str
    tokens: tuple[Token, ...]
    predictions: tuple[Prediction, ...]
    window_starts: tuple[int, ...]
    summary: Summary
    step: int
    moved_from: int | None = None


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


def require(name: str, value: float, low: float, high: float) -> None:
    """Raise ValueError with one clear sentence unless low <= value <= high."""
    if not low <= value <= high:  # also refuses NaN
        raise ValueError(f"{name} is {value}; it must lie between {low} and {high}")


BOOK = "book"  # the name of the model, and of the run, of chapter 5 of Raschka's book


class Training(Message, frozen=True, kw_only=True):
    """The configuration of a run. `steps` is the length of the learning-rate schedule; `dtype` what the
    products of a training step are made in, "auto" by what the CPU is fast at."""

    text: str = "story"
    preset: str = "small"
    seed: int = 123
    batch: int = 8
    context: int = 64
    steps: int = 500
    learning_rate: float = 1e-3
    warmup: int = 20
    weight_decay: float = 0.1
    clip: float = 1.0
    dropout: float = 0.0
    evaluate_every: int = 20
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"

    def __post_init__(self) -> None:
        require("seed", self.seed, 0, 2**63 - 1)
        require("batch", self.batch, 1, 4096)
        require("context", self.context, 2, 1_048_576)
        require("steps", self.steps, 1, 10_000_000)
        require("learning rate", self.learning_rate, 1e-9, 10)
        require("warmup", self.warmup, 0, 10_000_000)
        require("weight decay", self.weight_decay, 0, 10)
        require("clip", self.clip, 1e-6, 1e6)
        require("dropout", self.dropout, 0, 0.95)
        require("evaluate every", self.evaluate_every, 1, 10_000_000)

    @classmethod
    def for_model(cls, name: str) -> "Training":
        """The settings that go with a model's name: those of the book, or else the program's own."""
        if name != BOOK:
            return cls()
        return cls(
            batch=2,
            context=256,
            steps=90,  # ten times over the text of the book
            learning_rate=4e-4,
            warmup=0,
            clip=1e6,  # longer than any gradient: the book clips none
            dropout=0.1,
            evaluate_every=5,
            dtype="float32",
        )


class StepResult(Message, frozen=True, kw_only=True):
    """One line of a run's metrics. `step` counts the updates done once it is over.

    `loss` is the mean surprisal of the batch before its update, in nats (None in the line of step 0,
    which stands for the model before any update); `evaluation` (over training batches, without dropout),
    `validation` and `prompt` are means after the update, where they were measured.
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


class Reference(Message, frozen=True, kw_only=True):
    """A named line to hold a loss against, in nats."""

    name: str
    nats: float


class State(Message, frozen=True, kw_only=True):
    """Where the session stands. `goal` is the step at which a run pauses by itself."""

    model: ModelInfo
    text: TextInfo
    training: Training
    step: int
    goal: int
    running: bool
    run: str | None = None
    references: tuple[Reference, ...] = ()
    warning: str | None = None


class Curve(Message, frozen=True, kw_only=True):
    """The steps of the run so far, oldest first."""

    results: tuple[StepResult, ...]


class Stored(Message, frozen=True, kw_only=True):
    """An uploaded text, whole: the name to train on it under, and its length in tokens."""

    name: str
    tokens: int
