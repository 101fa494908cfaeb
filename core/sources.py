"""Where a model comes from, and so what step 0 of a run on it is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from core.checkpoint import load_model, load_weights
from core.messages import ModelInfo
from core.models.gpt2 import Model, preset
from core.products import Products
from core.text import clean

FRESH = "fresh"


class Source(Protocol):
    """Something a model can be made from, again and again with the same weights."""

    @property
    def name(self) -> str: ...
    @property
    def fresh(self) -> bool: ...
    def build(self) -> Model: ...
    def restart(self, model: Model) -> None: ...
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

    def record(self) -> dict[str, str | int]:
        return {"kind": "folder", "path": str(self.path), "name": self.name}


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
