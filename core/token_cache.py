"""Texts as tokens in the cache folder: 16 bits each, mapped rather than read, and checked by their hash."""

import hashlib
from pathlib import Path

import msgspec
import numpy as np
import platformdirs
from numpy.typing import NDArray

from core.checkpoint import sync, write_json


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """What stands beside a file of tokens: how many they are and the SHA-256 of the file."""

    tokens: int
    sha256: str
    schema: int = 1


def cache_folder() -> Path:
    return platformdirs.user_cache_path("neglogp", appauthor=False) / "texts"


def file_of(sha256: str) -> Path:
    """Where the tokens of a text with this hash are kept: little-endian, 2 bytes each, nothing else."""
    return cache_folder() / f"{sha256}.tokens"


def stored(sha256: str) -> NDArray[np.uint16] | None:
    """The tokens of a text, mapped and read-only: (n,); None where they are missing or not as written."""
    file = file_of(sha256)
    try:
        index = msgspec.json.decode(_index_of(file).read_bytes(), type=Index)
        ids = np.memmap(file, dtype="<u2", mode="r")
        if len(ids) != index.tokens or _hash(file) != index.sha256:
            return None
    except (OSError, ValueError, msgspec.DecodeError):
        return None
    return ids


def store(sha256: str, ids: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Keep the tokens (n,) of a text of this hash and return them mapped. Raises OSError."""
    file = file_of(sha256)
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}.partial")
    try:
        with beside.open("wb") as handle:
            ids.astype("<u2", copy=False).tofile(handle)
        sync(beside)
        beside.rename(file)
    finally:
        beside.unlink(missing_ok=True)
    index = Index(tokens=len(ids), sha256=_hash(file))
    write_json(_index_of(file), msgspec.to_builtins(index))
    return np.memmap(file, dtype="<u2", mode="r")


def _index_of(file: Path) -> Path:
    return file.with_suffix(".json")


def _hash(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
