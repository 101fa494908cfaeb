"""Model folders in the Hugging Face GPT-2 layout, written whole or not at all."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from core.models.gpt2 import Config, Model

PARTIAL = ".*.partial"  # how a folder or file is called that is not complete


class BadModelFolder(ValueError):
    """A folder that holds no model this program can load; the message says which file and why."""


def save_model(model: Model, tensors: dict[str, Tensor], folder: Path) -> None:
    """Write config.json and model.safetensors into an existing folder, synced to the disk.

    `tensors` are in Hugging Face's names and layout, from `model.to_hf()` or a copy of it.
    """
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(contiguous, folder / "model.safetensors", metadata={"format": "pt"})
    write_json(folder / "config.json", model.hf_config())
    sync(folder / "model.safetensors")


def load_model(folder: Path) -> Model:
    """The model in a Hugging Face GPT-2 folder. Raises BadModelFolder."""
    model = Model(read_config(folder))
    load_weights(model, folder)
    return model


def read_config(folder: Path) -> Config:
    """The configuration in a model folder. Raises BadModelFolder."""
    try:
        record = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        if not isinstance(record, dict):
            raise ValueError("it holds no JSON object")
        return Config.from_hf(record)
    except FileNotFoundError:
        raise BadModelFolder(f"{folder} holds no config.json, so it is no model folder") from None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BadModelFolder(f"{folder / 'config.json'} cannot be used: {error}") from error


def load_weights(model: Model, folder: Path) -> None:
    """Write a folder's weights into a model of that shape. Raises BadModelFolder."""
    file = folder / "model.safetensors"
    try:
        model.from_hf(load_file(file))
    except FileNotFoundError:
        raise BadModelFolder(f"{folder} holds no model.safetensors") from None
    except (OSError, SafetensorError, ValueError) as error:
        raise BadModelFolder(f"{file} cannot be loaded: {error}") from error


@contextmanager
def appearing(folder: Path) -> Iterator[Path]:
    """A folder that takes its name only once it is complete: write into what this yields."""
    beside = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        yield beside
        sync(beside)
        if folder.exists():
            shutil.rmtree(folder)
        beside.rename(folder)
        sync(folder.parent)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def write_json(file: Path, record: object) -> None:
    """A JSON file, replaced as a whole and synced."""
    beside = file.with_name(f".{file.name}.{os.getpid()}.partial")
    beside.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    sync(beside)
    beside.rename(file)


def sync(path: Path) -> None:
    """Have the disk hold a file's or a folder's content before going on."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
