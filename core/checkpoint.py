"""Model folders in the Hugging Face GPT-2 layout, written whole or not at all."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from core.models.gpt2 import Config, Model
from core.packed import unpacked
from core.shards import WEIGHTS, read_json, tensors_of
from core.shards import BadModelFolder as BadModelFolder

CONFIG = "config.json"
PARTIAL = ".*.partial"  # how a folder or file is called that is not complete


def save_model(model: Model, tensors: dict[str, Tensor], folder: Path) -> None:
    """Write config.json and model.safetensors into an existing folder, synced to the disk.

    `tensors` are in Hugging Face's names and layout, from `model.to_hf()` or a copy of it.
    """
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(contiguous, folder / WEIGHTS, metadata={"format": "pt"})
    write_json(folder / CONFIG, model.hf_config())
    sync(folder / WEIGHTS)


def load_model(folder: Path) -> Model:
    """The model in a Hugging Face GPT-2 folder, which it does not need any more. Raises BadModelFolder.

    The parameters are copies, made straight from the mapped files into memory that nothing was written to
    before. They could be the mapped tensors themselves no longer than until the files are replaced, and
    every block's matrices lie there turned by 90 degrees.
    """
    config = read_config(folder)
    tensors = tensors_of(folder)
    if config.n_layer > len(tensors):  # believed, it would be built before a tensor is found to be missing
        raise BadModelFolder(
            f"{folder / CONFIG} says n_layer is {config.n_layer}, and the folder holds {len(tensors)} tensors"
        )
    try:
        model = Model.unfilled(config)
    except (RuntimeError, OverflowError, TypeError) as error:  # what torch says of a size no tensor can have
        raise BadModelFolder(f"{folder / CONFIG} has sizes that no model can have: {error}") from error
    _fill(model, tensors, folder)
    return model


def read_config(folder: Path) -> Config:
    """The configuration in a model folder. Raises BadModelFolder."""
    record = read_json(folder, CONFIG)
    try:
        return Config.from_hf(record)
    except (ValueError, TypeError, KeyError) as error:
        raise BadModelFolder(f"{folder / CONFIG} cannot be used: {error}") from error


def load_weights(model: Model, folder: Path) -> None:
    """Write a folder's weights into a model of that shape. Raises BadModelFolder."""
    _fill(model, tensors_of(folder), folder)


def _fill(model: Model, tensors: Mapping[str, Tensor], folder: Path) -> None:
    try:
        model.from_hf(unpacked(tensors))
    except ValueError as error:
        raise BadModelFolder(f"the weights in {folder} cannot be loaded: {error}") from error


@contextmanager
def appearing(folder: Path) -> Iterator[Path]:
    """A folder that takes its name only once it is complete: write into what this yields."""
    with _beside(folder) as beside:
        yield beside
        sync(beside)
        before = _without_name(folder) if folder.is_dir() else None
        beside.rename(folder)
        sync(folder.parent)
        if before is not None:
            shutil.rmtree(before, ignore_errors=True)


def vanish(folder: Path) -> None:
    """Delete a folder that loses its name first: who is killed meanwhile leaves none that is half there."""
    shutil.rmtree(_without_name(folder), ignore_errors=True)


def _without_name(folder: Path) -> Path:
    """Where a folder is that is to be deleted from now on."""
    gone = folder.with_name(f".{folder.name}.{os.getpid()}.gone.partial")
    folder.rename(gone)
    return gone


@contextmanager
def appearing_new(folder: Path) -> Iterator[Path]:
    """The same, never in place of a file or of a folder with something in it: raises OSError instead."""
    with _beside(folder) as beside:
        yield beside
        sync(beside)
        beside.rename(folder)
        sync(folder.parent)


@contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    beside = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        yield beside
    finally:
        shutil.rmtree(beside, ignore_errors=True)


@contextmanager
def appearing_file(file: Path) -> Iterator[Path]:
    """A file that takes its name, and the place of an earlier one, only once it is complete and synced."""
    beside = file.with_name(f".{file.name}.{os.getpid()}.partial")
    try:
        yield beside
        sync(beside)
        beside.rename(file)
    finally:
        beside.unlink(missing_ok=True)


def write_json(file: Path, record: object) -> None:
    """A JSON file, replaced as a whole and synced."""
    with appearing_file(file) as beside:
        beside.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def file_sha256(file: Path) -> str:
    """The SHA-256 of a file's content, in hex. Raises OSError."""
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Have the disk hold a file's or a folder's content before going on."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
