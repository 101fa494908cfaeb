"""Where snapshots lie: the tensors of one side by side in a mapping, which the system takes back as a whole.

An allocator keeps some of what is freed between tensors of other sizes; of ten thousand steps' snapshots that
came to a fifth more than they hold. The tensors themselves are made when they are asked for: a small model's
hundred objects are more than the memory they speak of is worth keeping them for.
"""

import errno
import mmap
import weakref
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.tensor_file import layout


class _Place(NamedTuple):
    """Where a tensor lies, in bytes from the beginning, and of what kind it is."""

    offset: int
    shape: torch.Size
    dtype: torch.dtype


class SnapshotMemory:
    """Memory for snapshots of a model, one mapping each.

    Of the mappings that no tensor lies in any more up to `spares` wait for the next snapshot of their size,
    which then finds its pages there; the others are given back at once.
    """

    def __init__(self, *, spares: int) -> None:
        self._most = spares
        self._spare: list[mmap.mmap] = []
        self._form: dict[str, _Place] = {}

    def room(self, tensors: Mapping[str, Tensor]) -> "Room":
        """Tensors like these, their contents undefined, in a mapping of their own. Raises MemoryError."""
        offsets, n_bytes = layout(tensors)
        form = {name: _Place(offsets[name], each.shape, each.dtype) for name, each in tensors.items()}
        if form != self._form:
            self._form = form  # else the former is shared
        mapping = self._mapping(n_bytes)
        array = np.frombuffer(mapping, np.uint8)
        # Every tensor in it refers to the array; with the last of them it goes, and the mapping is free.
        weakref.finalize(array, _give_back, mapping, self._spare, self._most).atexit = False
        return Room(array, self._form)

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


class Room(Mapping[str, Tensor]):
    """Tensors by name in one piece of memory, each made anew whenever it is asked for."""

    __slots__ = ("_array", "_form")

    def __init__(self, array: NDArray[np.uint8], form: Mapping[str, _Place]) -> None:
        self._array = array
        self._form = form

    def __getitem__(self, name: str) -> Tensor:
        offset, shape, dtype = self._form[name]
        if not shape.numel():
            return torch.empty(shape, dtype=dtype)
        flat = torch.frombuffer(self._array, dtype=dtype, count=shape.numel(), offset=offset)
        return flat.view(shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self._form)

    def __len__(self) -> int:
        return len(self._form)


def _give_back(mapping: mmap.mmap, spare: list[mmap.mmap], most: int) -> None:
    """Called by whichever thread lets go of the last tensor; lists bear that."""
    if len(spare) < most:
        spare.append(mapping)
