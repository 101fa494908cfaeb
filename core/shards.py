"""The tensors of a model folder: in one safetensors file, or in the shards that an index lists.

The folder may come from anywhere. What its files say is checked, nothing outside of it is opened, and no
size it claims is believed before the file has been seen to hold that much.
"""

import json
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
_AGAIN = "get the folder anew from where it came"
_PICKLE = "pytorch_model.bin"
_SHARD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.safetensors")
_JSON_BYTES = 16 * 2**20  # GPT-2 XL's index takes 50 kB


class BadModelFolder(ValueError):
    """A folder that holds no model this program can load; the message says which file and why."""


def tensors_of(folder: Path) -> dict[str, Tensor]:
    """Every tensor of a model folder by its name, mapped from its file, not read. Raises BadModelFolder.

    The mapping is private: what is written to a tensor never reaches the file. But what another program
    writes to the file may show up in the tensor, and if it cuts the file short, reading ends the process:
    use them at once and keep copies only.
    """
    if os.path.lexists(folder / WEIGHTS):
        return _mapped(folder, WEIGHTS)
    if not os.path.lexists(folder / INDEX):
        raise BadModelFolder(f"{folder} holds no {WEIGHTS} and no {INDEX}{_instead(folder)}")
    index = read_json(folder, INDEX)
    shard_of = _weight_map(folder, index)
    tensors: dict[str, Tensor] = {}
    for shard in sorted(set(shard_of.values())):
        for name, tensor in _mapped(folder, shard).items():
            if name not in shard_of:
                raise BadModelFolder(
                    f"{folder / shard} holds the tensor {name!r}, of which {INDEX} knows nothing: {_AGAIN}"
                )
            if shard_of[name] != shard:
                raise BadModelFolder(
                    f"{folder / shard} holds the tensor {name!r}, "
                    f"which {INDEX} has in {shard_of[name]}: {_AGAIN}"
                )
            tensors[name] = tensor
    for name, shard in shard_of.items():
        if name not in tensors:
            raise BadModelFolder(
                f"{folder / shard} lacks the tensor {name!r}, which {INDEX} has there: {_AGAIN}"
            )
    _check_total(folder, index, tensors)
    return tensors


def shards(folder: Path) -> list[str]:
    """The names of the files that a folder's index lists, sorted. Raises BadModelFolder."""
    return sorted(set(_weight_map(folder, read_json(folder, INDEX)).values()))


def read_json(folder: Path, name: str) -> dict[str, object]:
    """The object in a JSON file of a model folder. Raises BadModelFolder."""
    file = folder / name
    try:
        text = _file(folder, name, most=_JSON_BYTES).read_text(encoding="utf-8")
        record = json.loads(text, object_pairs_hook=_without_repeats)
        if not isinstance(record, dict):
            raise ValueError("it holds no JSON object")
    except FileNotFoundError:
        raise BadModelFolder(f"{folder} holds no {name}, so it is no model folder") from None
    except BadModelFolder:
        raise
    except (OSError, ValueError, RuntimeError) as error:  # the last: links in a circle, brackets too deep
        raise BadModelFolder(f"{file} cannot be used: {error}") from error
    return record


def _weight_map(folder: Path, index: Mapping[str, object]) -> dict[str, str]:
    """The shard of each tensor, as an index says. Raises BadModelFolder for anything but plain file names."""
    found = index.get("weight_map")
    if not isinstance(found, dict) or not found:
        raise BadModelFolder(f"{folder / INDEX} lists no tensors (it has no weight_map): {_AGAIN}")
    for name, shard in found.items():
        if not isinstance(shard, str) or not _SHARD.fullmatch(shard):
            raise BadModelFolder(
                f"{folder / INDEX} has the tensor {name!r} in {shard!r}, which is no plain name of a "
                f"safetensors file beside it, so nothing was opened: {_AGAIN}"
            )
    return found


def _check_total(folder: Path, index: Mapping[str, object], tensors: Mapping[str, Tensor]) -> None:
    metadata = index.get("metadata")
    claimed = metadata.get("total_size") if isinstance(metadata, dict) else None
    held = sum(tensor.nbytes for tensor in tensors.values())
    if claimed is not None and claimed != held:
        raise BadModelFolder(
            f"{folder / INDEX} says that its tensors take {claimed!r} bytes, and they take {held}: {_AGAIN}, "
            "or take total_size out of that file if you know its shards to be right"
        )


def _mapped(folder: Path, name: str) -> dict[str, Tensor]:
    """The tensors of one file. Raises BadModelFolder."""
    file = folder / name
    try:
        with safe_open(_file(folder, name), framework="pt") as opened:
            return {tensor: opened.get_tensor(tensor) for tensor in opened.keys()}  # noqa: SIM118 (no mapping)
    except BadModelFolder:
        raise
    except FileNotFoundError:
        raise BadModelFolder(f"{file} is not there, or is a link that leads nowhere: {_AGAIN}") from None
    except (OSError, SafetensorError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        raise BadModelFolder(f"{file} cannot be loaded: {error}") from error


def _file(folder: Path, name: str, most: int | None = None) -> Path:
    """The plain file of that name, links followed. Raises BadModelFolder where they lead out of the folder.

    In a snapshot of the Hugging Face cache (models--x/snapshots/commit/) every file is a link to
    models--x/blobs/, whose entries may be links to blobs/ beside models--x: those may be followed, too.
    """
    home = folder.resolve()
    file = (home / name).resolve(strict=True)
    if not (file.is_relative_to(home) or _is_blob(file, home)):
        raise BadModelFolder(
            f"{folder / name} is a link to {file}, outside of the folder, so it was not opened: "
            "put the file itself there"
        )
    found = file.stat()
    if not stat.S_ISREG(found.st_mode):
        raise BadModelFolder(f"{folder / name} is no plain file: {_AGAIN}")
    if most is not None and found.st_size > most:
        raise BadModelFolder(f"{folder / name} has {found.st_size:,} bytes, of {most:,} at most: {_AGAIN}")
    return file


def _is_blob(file: Path, snapshot: Path) -> bool:
    """Whether a file lies where the cache keeps the contents for a snapshot; both paths without links."""
    repo = snapshot.parent.parent
    if snapshot.parent.name != "snapshots" or not repo.name.startswith("models--"):
        return False
    if file.parent == repo / "blobs":
        return True
    shared = file.parent.parent == repo.parent / "blobs" and file.parent.name == file.name[:2]
    return shared and re.fullmatch("[0-9a-f]{64}", file.name) is not None


def _instead(folder: Path) -> str:
    if (folder / _PICKLE).exists():
        return f", only {_PICKLE}, which could run code: save it anew with transformers' save_pretrained"
    return ", so there are no weights to load"


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    record = dict(pairs)
    if len(record) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"it has {twice!r} twice")
    return record
