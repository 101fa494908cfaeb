"""Keys and values of the tokens a model has read: what the next token needs of them."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from core.models.gpt2 import Config


class KVCache:
    """The keys and values of the tokens read so far, preallocated for the whole context."""

    def __init__(self, config: "Config", batch: int = 1, *, like: Tensor | None = None) -> None:
        """Empty, of the dtype and on the device of `like` (float32 on the CPU without it)."""
        head_dim = config.n_embd // config.n_head
        shape = (config.n_layer, 2, batch, config.n_head, config.n_positions, head_dim)
        self.data = torch.empty(shape) if like is None else like.new_empty(shape)  # (L, 2, B, H, C, Dh)
        self.length = 0

    def truncate(self, n: int) -> None:
        """Forget all tokens after the first n. Raises ValueError where there are fewer."""
        if not 0 <= n <= self.length:
            raise ValueError(f"cannot keep {n} tokens of a cache that holds {self.length}")
        self.length = n

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Write the new tokens' (B, H, T, Dh) behind the old ones; all of them, (B, H, S, Dh), come back.

        `length` moves once every layer has written, which is the model's to say.
        """
        end = self.length + keys.shape[2]
        self.data[layer, 0, :, :, self.length : end] = keys
        self.data[layer, 1, :, :, self.length : end] = values
        return self.data[layer, 0, :, :, :end], self.data[layer, 1, :, :, :end]
