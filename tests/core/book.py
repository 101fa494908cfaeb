"""The book's run at a size that trains within a test."""

from importlib import resources

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.messages import Training
from core.models.gpt2 import Config
from core.tokenizer import Tokenizer

SMALL = msgspec.structs.replace(Training.for_model("book"), context=8, learning_rate=1e-2)
STORY = resources.files("core").joinpath("assets/story.txt").read_text(encoding="utf-8")[:297]
SHAPE = Config(
    vocab_size=128, n_positions=8, n_embd=12, n_layer=2, n_head=3, tie_head=False, qkv_bias=False, dropout=0.1
)


class Letters(Tokenizer):
    """A token a character."""

    def __init__(self) -> None:
        self.n_vocab = 128

    def encode_array(self, text: str) -> NDArray[np.uint32]:
        return np.frombuffer(text.encode("ascii"), dtype=np.uint8).astype(np.uint32)

    def decode(self, ids: object) -> bytes:
        assert isinstance(ids, list)
        return bytes(ids)


def tokens(text: str = STORY) -> NDArray[np.uint32]:
    """A little of the story, or another text: (n,)."""
    return Letters().encode_array(text)
