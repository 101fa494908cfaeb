"""Texts as tokens in the cache folder, and their suffixes in order: mapped, and checked by their hash.

A file holds little-endian numbers and nothing else; its index beside it says how many, and their hash.
"""

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import platformdirs
from numpy.typing import NDArray

from core.checkpoint import file_sha256, sync, write_json


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """What stands beside a file: how many tokens it is of, and its SHA-256."""

    tokens: int
    sha256: str
    schema: int = 1


def cache_folder() -> Path:
    return platformdirs.user_cache_path("neglogp", appauthor=False) / "texts"


def file_of(sha256: str) -> Path:
    """Where the tokens of a text with this hash are kept, 2 bytes each."""
    return cache_folder() / f"{sha256}.tokens"


def stored(sha256: str) -> NDArray[np.uint16] | None:
    """The tokens of a text, mapped and read-only: (n,); None where they are missing or not as written."""
    return _read(file_of(sha256), "<u2")


def store(sha256: str, ids: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Keep the tokens (n,) of a text of this hash and return them mapped. Raises OSError."""
    return _write(file_of(sha256), ids, "<u2")


def order_file_of(ids: NDArray[np.uint16]) -> Path:
    """Where the order of the suffixes of these very tokens is kept, 4 bytes each."""
    sha256 = hashlib.sha256(np.ascontiguousarray(ids, dtype="<u2").data).hexdigest()
    return cache_folder() / f"{sha256}.suffixes"


def stored_order(ids: NDArray[np.uint16]) -> NDArray[np.uint32] | None:
    """The order of the suffixes of a text (n,), mapped and read-only: (n,); None as with `stored`."""
    return _read(order_file_of(ids), "<u4")


def store_order(ids: NDArray[np.uint16], order: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Keep the order (n,) of the suffixes of a text (n,) and return it mapped. Raises OSError."""
    return _write(order_file_of(ids), order, "<u4")


def _read(file: Path, dtype: str) -> NDArray[Any] | None:
    try:
        index = msgspec.json.decode(_index_of(file).read_bytes(), type=Index)
        numbers = np.memmap(file, dtype=dtype, mode="r")
        if len(numbers) != index.tokens or file_sha256(file) != index.sha256:
            return None
    except (OSError, ValueError, msgspec.DecodeError):
        return None
    return numbers


def _write(file: Path, numbers: NDArray[Any], dtype: str) -> NDArray[Any]:
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}.partial")
    try:
        with beside.open("wb") as handle:
            numbers.astype(dtype, copy=False).tofile(handle)
        sync(beside)
        beside.rename(file)
    finally:
        beside.unlink(missing_ok=True)
    index = Index(tokens=len(numbers), sha256=file_sha256(file))
    write_json(_index_of(file), msgspec.to_builtins(index))
    return np.memmap(file, dtype=dtype, mode="r")


def _index_of(file: Path) -> Path:
    return file.with_suffix(".json")
