"""Model folders are whole or not there, and what is wrong with one is said with the file's name."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from transformers import GPT2LMHeadModel

from core.checkpoint import BadModelFolder, appearing, load_model, load_weights, save_model, write_json
from core.models.gpt2 import Config, Model
from tests.core import tiny


def saved(folder: Path, model: Model) -> Path:
    folder.mkdir()
    save_model(model, model.to_hf(), folder)
    return folder


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("biased", [True, False])
def test_a_model_comes_back_as_it_was_saved(tmp_path: Path, tied: bool, biased: bool) -> None:
    shape = Config(vocab_size=11, n_positions=6, n_embd=8, n_layer=2, n_head=2)
    config = dataclasses.replace(shape, tie_head=tied, qkv_bias=biased)
    model = tiny.model(config)
    loaded = load_model(saved(tmp_path / "m", model))
    assert loaded.config == config
    assert tiny.same(dict(loaded.named_parameters()), dict(model.named_parameters()))


def test_transformers_loads_what_was_saved(tmp_path: Path) -> None:
    model = tiny.model()
    theirs = GPT2LMHeadModel.from_pretrained(saved(tmp_path / "m", model)).eval()
    ids = torch.tensor([[5, 60, 0, 7, 7]])
    with torch.no_grad():
        torch.testing.assert_close(model.logits(model(ids)), theirs(ids).logits, rtol=1e-4, atol=1e-5)


def test_a_folder_without_its_files_is_no_model_folder(tmp_path: Path) -> None:
    with pytest.raises(BadModelFolder, match=r"config\.json"):
        load_model(tmp_path)
    folder = saved(tmp_path / "m", tiny.model())
    (folder / "model.safetensors").unlink()
    with pytest.raises(BadModelFolder, match=r"model\.safetensors"):
        load_model(folder)


@pytest.mark.parametrize(
    "config", ["{", "[]", '{"model_type": "llama"}', '{"model_type": "gpt2", "n_embd": "x"}', "\udcff"]
)
def test_a_config_that_cannot_be_used_is_named(tmp_path: Path, config: str) -> None:
    folder = saved(tmp_path / "m", tiny.model())
    (folder / "config.json").write_bytes(config.encode("utf-8", "surrogateescape"))
    with pytest.raises(BadModelFolder, match=r"config\.json"):
        load_model(folder)


def test_damaged_weights_are_named_and_change_nothing(tmp_path: Path) -> None:
    folder = saved(tmp_path / "m", tiny.model(seed=2))
    model = tiny.model(seed=1)
    weights = (folder / "model.safetensors").read_bytes()
    for damaged in (weights[:-9], weights[:40], b"", b"pickle" * 100):
        (folder / "model.safetensors").write_bytes(damaged)
        with pytest.raises(BadModelFolder, match=r"model\.safetensors"):
            load_weights(model, folder)
    assert tiny.same(dict(model.named_parameters()), dict(tiny.model(seed=1).named_parameters()))


def test_weights_of_another_shape_change_nothing(tmp_path: Path) -> None:
    other = tiny.model(Config(vocab_size=tiny.V, n_positions=9, n_embd=16, n_layer=2, n_head=2))
    folder = saved(tmp_path / "m", other)
    model = tiny.model()
    with pytest.raises(BadModelFolder, match="shape"):
        load_weights(model, folder)
    assert tiny.same(dict(model.named_parameters()), dict(tiny.model().named_parameters()))


def test_a_folder_appears_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "checkpoint-3"
    with appearing(target) as beside:
        (beside / "a").write_text("whole")
        assert not target.exists()
    assert (target / "a").read_text() == "whole"
    assert list(tmp_path.iterdir()) == [target]


def broken_off(target: Path) -> None:
    with appearing(target) as beside:
        (beside / "a").write_text("half")
        raise OSError("disk is full")


def test_a_folder_that_is_broken_off_never_appears(tmp_path: Path) -> None:
    target = tmp_path / "checkpoint-3"
    with pytest.raises(OSError, match="disk is full"):
        broken_off(target)
    assert list(tmp_path.iterdir()) == []


def test_what_stood_there_stays_until_its_successor_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "checkpoint-3"
    target.mkdir()
    (target / "a").write_text("old")
    with pytest.raises(OSError, match="disk is full"):
        broken_off(target)
    assert (target / "a").read_text() == "old"
    with appearing(target) as beside:
        (beside / "a").write_text("new")
    assert (target / "a").read_text() == "new"


def test_a_json_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    write_json(file, {"a": 1})
    with pytest.raises(TypeError):
        write_json(file, {"a": object()})
    assert json.loads(file.read_text()) == {"a": 1}
    assert list(tmp_path.iterdir()) == [file]
