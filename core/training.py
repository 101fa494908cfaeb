"""The configuration of a run."""

from typing import Literal

from core.wire import Message, require

TINY = "tiny"  # the trained model that comes with the program
BOOK = "book"  # the name of the model, and of the run, of chapter 5 of Raschka's book


BRANCHABLE = (
    "batch", "steps", "learning_rate", "warmup", "weight_decay", "clip", "dropout", "evaluate_every",
    "vocabulary_sample",
)  # fmt: skip
"""What can change within a run: the model, its text and how its draws are addressed stay the same."""


class Training(Message, frozen=True, kw_only=True):
    """The configuration of a run.

    `steps` is the length of the learning-rate schedule; `dtype` what the products of a training step are
    made in, "auto" by what the CPU is fast at; `held_out` the share of the text that validates;
    `paragraph_starts` the share of windows that begin where a paragraph does;
    `vocabulary_sample` how many tokens a step's loss is estimated over (core/sampled.py), 0 is all of them.
    """

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
    held_out: float = 0.1
    paragraph_starts: float = 0.0
    optimizer: Literal["adamw", "muon"] = "adamw"
    vocabulary_sample: int = 0
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
        require("held out", self.held_out, 0, 0.9)
        require("paragraph starts", self.paragraph_starts, 0, 1)
        require("vocabulary sample", self.vocabulary_sample, 0, 1_000_000)

    def fixed_differences(self, other: "Training") -> tuple[str, ...]:
        """The names of what differs and cannot change within a run."""
        names = (name for name in self.__struct_fields__ if name not in BRANCHABLE)
        return tuple(name for name in names if getattr(self, name) != getattr(other, name))

    @classmethod
    def for_model(cls, name: str) -> "Training":
        """The settings that go with a model's name: those of the book, or else the program's own."""
        if name == TINY:
            return cls(context=128, learning_rate=3e-4)  # gently: it has learned something already
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
