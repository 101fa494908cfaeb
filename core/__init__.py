"""The model, its loss and its training, for use in other programs.

The public names are imported on first use (PEP 562): who needs `core.messages` alone loads no torch.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core import information as information
    from core import losses as losses
    from core.data import Corpus as Corpus
    from core.models.gpt2 import Config as Config
    from core.models.gpt2 import Model as Model
    from core.session import Session as Session
    from core.tokenizer import Tokenizer as Tokenizer
    from core.tokenizer import gpt2 as gpt2
    from core.trainer import Trainer as Trainer

_HOMES = {
    "Config": "core.models.gpt2",
    "Corpus": "core.data",
    "Model": "core.models.gpt2",
    "Session": "core.session",
    "Tokenizer": "core.tokenizer",
    "Trainer": "core.trainer",
    "gpt2": "core.tokenizer",
}
_MODULES = ("information", "losses")

__all__ = [*_HOMES, *_MODULES]


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return importlib.import_module(f"core.{name}")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'core' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
