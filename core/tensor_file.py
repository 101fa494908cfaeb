"""Tensors in a safetensors file, written from where they lie: nothing of them is copied on the way.

The format is described in the README of safetensors, whose own writer holds all of a file in memory.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


def write(file: Path, tensors: Mapping[str, Tensor], said: Mapping[str, str]) -> None:
    """Write contiguous tensors, and what is said of them, into a file. Raises OSError."""
    with file.open("wb", buffering=0) as handle:
        parts = [memoryview(header(tensors, said))]
        parts += [memoryview(raw(tensors[name])) for name in in_order(tensors)]  # type: ignore[arg-type]
        for part in parts:
            while part:
                part = part[handle.write(part) :]


def header(tensors: Mapping[str, Tensor], said: Mapping[str, str]) -> bytes:
    """What a file begins with; the same for the same tensors, in whatever order they come."""
    offsets, _ = layout(tensors)
    record: dict[str, object] = {"__metadata__": dict(said)}
    for name in in_order(tensors):
        tensor = tensors[name]
        record[name] = {
            "dtype": _DTYPES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [offsets[name], offsets[name] + tensor.nbytes],
        }
    text = json.dumps(record).encode()
    text += b" " * (-len(text) % 8)  # so that the tensors are aligned
    return len(text).to_bytes(8, "little") + text


def raw(tensor: Tensor) -> NDArray[np.uint8]:
    """The bytes of a contiguous tensor, not copied."""
    array: NDArray[np.uint8] = tensor.reshape(-1).view(torch.uint8).numpy()
    return array


def layout(tensors: Mapping[str, Tensor]) -> tuple[dict[str, int], int]:
    """Where each tensor begins, in bytes, and how many all of them take.

    They lie without a gap, as safetensors wants it, those of the widest numbers first, so that each is
    aligned.
    """
    offsets, end = {}, 0
    for name in in_order(tensors):
        offsets[name] = end
        end += tensors[name].nbytes
    return offsets, end


def in_order(tensors: Mapping[str, Tensor]) -> Iterable[str]:
    """The tensors' names as the tensors lie."""
    return sorted(tensors, key=lambda name: (-tensors[name].itemsize, name))
