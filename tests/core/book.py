"""The book's run at a size that trains within a test."""

from importlib import resources

import msgspec
import numpy as np

from core.messages import Training
from core.models.gpt2 import Config
from core.texts import TrainingText
from core.tokenizer import gpt2

SHAPE = Config(n_positions=8, n_embd=12, n_layer=2, n_head=3, tie_head=False, qkv_bias=False, dropout=0.1)
SMALL = msgspec.structs.replace(Training.for_model("book"), context=8, learning_rate=1e-2)
STORY = resources.files("core").joinpath("assets/story.txt").read_text(encoding="utf-8")[:1150]


def text() -> TrainingText:
    """A little of the story."""
    return TrainingText(name="part", sha256="", ids=np.array(gpt2().encode(STORY), dtype=np.uint16))
