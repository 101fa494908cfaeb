"""Where a model comes from, and so what step 0 of a run on it is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from core import book
from core.checkpoint import file_sha256, load_model, load_weights
from core.data import Corpus
from core.messages import ModelInfo, Training
from core.models.gpt2 import Model, preset
from core.products import Products
from core.recipe import Addressed, Recipe
from core.shards import WEIGHTS
from core.text import clean
from core.texts import TrainingText
from core.tokenizer import gpt2
from core.training import BOOK, TINY

FRESH = "fresh"


class Measured(Protocol):
    """What is told of a training text as it is cut up for a run."""

    n_tokens: int
    train_windows: int
    validation_windows: int

    @property
    def training(self) -> NDArray[np.integer]: ...
    def unigram_entropy(self) -> float: ...


class Source(Protocol):
    """Something a model can be made from, again and again with the same weights, and how it is trained.

    A source serves one run: `configured` is the one for another.
    """

    @property
    def name(self) -> str: ...
    @property
    def fresh(self) -> bool: ...
    def build(self) -> Model: ...
    def restart(self, model: Model) -> None: ...
    def recipe(self, text: TrainingText, training: Training) -> tuple[Measured, Recipe]: ...
    def configured(self, training: Training) -> "Source": ...
    def record(self) -> dict[str, str | int]: ...


@dataclass(frozen=True, kw_only=True)
class Fresh:
    """A preset's shape with weights drawn from a seed."""

    preset: str
    context: int
    seed: int

    @property
    def name(self) -> str:
        return FRESH

    @property
    def fresh(self) -> bool:
        return True

    def build(self) -> Model:
        """Raises ValueError for a preset that does not exist."""
        model = Model.unfilled(preset(self.preset, context=self.context))
        self.restart(model)
        return model

    def restart(self, model: Model) -> None:
        model.initialise(self.seed)

    def recipe(self, text: TrainingText, training: Training) -> tuple[Measured, Recipe]:
        """Raises ValueError for a text too short to train on."""
        return _addressed(text, training)

    def configured(self, training: Training) -> "Fresh":
        return fresh(training)

    def record(self) -> dict[str, str | int]:
        return {"kind": FRESH, "preset": self.preset, "context": self.context, "seed": self.seed}


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A model folder in the Hugging Face layout."""

    path: Path
    name: str

    @property
    def fresh(self) -> bool:
        return False

    def build(self) -> Model:
        """Raises BadModelFolder."""
        return load_model(self.path)

    def restart(self, model: Model) -> None:
        load_weights(model, self.path)

    def recipe(self, text: TrainingText, training: Training) -> tuple[Measured, Recipe]:
        """Raises ValueError for a text too short to train on."""
        return _addressed(text, training)

    def configured(self, training: Training) -> "Folder":
        return self

    def record(self) -> dict[str, str | int]:
        return {"kind": "folder", "path": str(self.path), "name": self.name}


@dataclass(frozen=True, kw_only=True)
class Tiny(Folder):
    """The trained model that comes with the program."""

    path: Path = Path(__file__).parent / "assets" / TINY
    name: str = TINY

    def record(self) -> dict[str, str | int]:
        return {"kind": TINY, "sha256": file_sha256(self.path / WEIGHTS)}


class Book:
    """The book's network with weights drawn from a seed, and its run, which goes on with their generator."""

    name = BOOK
    fresh = False  # its size is given

    def __init__(self, *, seed: int) -> None:
        self.seed = seed
        self._generator = torch.Generator()

    def build(self) -> Model:
        model = Model(book.SHAPE)
        self.restart(model)
        return model

    def restart(self, model: Model) -> None:
        self._generator.manual_seed(self.seed)
        book.initialise(model, self._generator)

    def recipe(self, text: TrainingText, training: Training) -> tuple[Measured, Recipe]:
        """Raises ValueError for a text too short to train on."""
        corpus = book.BookCorpus(text.ids, training, gpt2())
        return corpus, book.BookRecipe(corpus, training, self._generator)

    def configured(self, training: Training) -> "Book":
        return Book(seed=training.seed)

    def record(self) -> dict[str, str | int]:
        return {"kind": BOOK, "seed": self.seed}


def fresh(training: Training) -> Fresh:
    """The freshly drawn model of a configuration."""
    return Fresh(preset=training.preset, context=training.context, seed=training.seed)


def _addressed(text: TrainingText, training: Training) -> tuple[Measured, Recipe]:
    corpus = Corpus(
        text.ids,
        context=training.context,
        batch=training.batch,
        seed=training.seed,
        validation_fraction=training.held_out,
        paragraph_starts=training.paragraph_starts,
    )
    return corpus, Addressed(corpus, training)


def is_path(name: str) -> bool:
    """Whether a model name is meant as a path."""
    return name.startswith(("/", "./", "../", "~")) or name in (".", "..")


def info(model: Model, source: Source, dtype: Products) -> ModelInfo:
    """What the screen says of a model."""
    config = model.config
    return ModelInfo(
        name=clean(source.name),  # a folder's name need not be valid Unicode
        parameters=sum(p.numel() for p in model.parameters()),
        n_layer=config.n_layer,
        n_head=config.n_head,
        n_embd=config.n_embd,
        context=config.n_positions,
        vocab_size=config.vocab_size,
        device="cpu",
        dtype=dtype,
        fresh=source.fresh,
    )


def conditions(dtype: Products) -> dict[str, str | int]:
    """What has to be the same for a run to come out bit for bit the same; `dtype` is of its products."""
    return {
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "device": "cpu",
        "dtype": dtype,
        "world_size": 1,
    }
