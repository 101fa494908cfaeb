"""Where snapshots lie: the tensors of one side by side in a mapping, which the system takes back as a whole.

An allocator keeps some of what is freed between tensors of other sizes; of ten thousand steps' snapshots that
came to a fifth more than they hold.
"""

import errno
import mmap
import weakref
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from core.tensor_file import layout


class SnapshotMemory:
    """Memory for snapshots of a model, one mapping each.

    Of the mappings that no tensor lies in any more up to `spares` wait for the next snapshot of their size,
    which then finds its pages there; the others are given back at once.
    """

    def __init__(self, *, spares: int) -> None:
        self._most = spares
        self._spare: list[mmap.mmap] = []

    def room(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Tensors like these, their contents undefined, in a mapping of their own. Raises MemoryError."""
        offsets, n_bytes = layout(tensors)
        mapping = self._mapping(n_bytes)
        array = np.frombuffer(mapping, np.uint8)
        # Every tensor in it refers to the array; with the last of them it goes, and the mapping is free.
        weakref.finalize(array, _give_back, mapping, self._spare, self._most).atexit = False
        return {name: _placed(array, offsets[name], tensor) for name, tensor in tensors.items()}

    def _mapping(self, n_bytes: int) -> mmap.mmap:
        size = max(1, -(-n_bytes // mmap.PAGESIZE)) * mmap.PAGESIZE
        while self._spare:
            spare = self._spare.pop()
            if len(spare) == size:
                return spare
        try:
            return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        except OSError as error:
            if error.errno == errno.ENOMEM:
                raise MemoryError(f"no memory for a snapshot of {size:,} bytes") from error
            raise


def _placed(array: np.ndarray, offset: int, like: Tensor) -> Tensor:
    if not like.numel():
        return torch.empty_like(like)
    flat = torch.frombuffer(array, dtype=like.dtype, count=like.numel(), offset=offset)
    return flat.view(like.shape)


def _give_back(mapping: mmap.mmap, spare: list[mmap.mmap], most: int) -> None:
    """Called by whichever thread lets go of the last tensor; lists bear that."""
    if len(spare) < most:
        spare.append(mapping)
