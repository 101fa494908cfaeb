"""Weights and configs across to Hugging Face's transformers and back."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel

from core.models.gpt2 import Config, Model
from tests.core.test_gpt2 import CONFIG, IDS, loud

SHAPES = [
    dataclasses.replace(CONFIG, tie_head=tie_head, qkv_bias=qkv_bias, dropout=0.1, layer_norm_epsilon=1e-3)
    for tie_head in (True, False)
    for qkv_bias in (True, False)
]


def our_logits(model: Model) -> Tensor:
    with torch.no_grad():
        return model.logits(model(IDS))


def their_logits(model: GPT2LMHeadModel) -> Tensor:
    with torch.no_grad():
        return model.eval()(IDS).logits


def theirs(**changes: Any) -> GPT2LMHeadModel:
    torch.manual_seed(3)
    config = GPT2Config(
        vocab_size=53, n_positions=12, n_embd=16, n_layer=2, n_head=4, initializer_range=0.3, **changes
    )
    return GPT2LMHeadModel(config)


def saved_by_us(model: Model, folder: Path) -> None:
    save_file(model.to_hf(), folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(model.hf_config()))


@pytest.mark.parametrize("config", SHAPES)
def test_what_we_save_gives_the_same_logits_in_transformers(config: Config, tmp_path: Path) -> None:
    model = loud(config)
    saved_by_us(model, tmp_path)
    loaded: Any = GPT2LMHeadModel.from_pretrained(tmp_path, output_loading_info=True)
    other, loading = loaded
    assert not any(loading.values()), loading
    torch.testing.assert_close(their_logits(other), our_logits(model), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("tie_head", [True, False])
def test_what_transformers_saves_gives_the_same_logits_here(tie_head: bool, tmp_path: Path) -> None:
    other = theirs(tie_word_embeddings=tie_head)
    other.save_pretrained(tmp_path)
    config = Config.from_hf(json.loads((tmp_path / "config.json").read_text()))
    assert config.tie_head == tie_head
    model = Model(config).from_hf(load_file(tmp_path / "model.safetensors"))
    torch.testing.assert_close(our_logits(model), their_logits(other), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("config", SHAPES)
def test_there_and_back_nothing_changes(config: Config, tmp_path: Path) -> None:
    model = loud(config)
    saved_by_us(model, tmp_path)
    assert Config.from_hf(json.loads((tmp_path / "config.json").read_text())) == config
    back = Model(config).from_hf(load_file(tmp_path / "model.safetensors"))
    for (name, ours), theirs_ in zip(model.named_parameters(), back.parameters(), strict=True):
        assert torch.equal(ours, theirs_), name


def test_what_was_saved_does_not_change_with_the_model() -> None:
    model = loud()
    tensors = model.to_hf()
    before = {name: tensor.clone() for name, tensor in tensors.items()}
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    for name, tensor in tensors.items():
        assert torch.equal(tensor, before[name]), name


def test_a_snapshot_has_the_same_layout() -> None:
    model = loud()
    snapshot = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    layout, tensors = model.hf_layout(snapshot), model.to_hf()
    assert layout.keys() == tensors.keys()
    assert all(torch.equal(layout[name], tensors[name]) for name in tensors)


def test_old_files_without_the_prefix_and_with_their_buffers_load() -> None:
    model = loud()
    old = {name.removeprefix("transformer."): tensor for name, tensor in model.to_hf().items()}
    old["h.0.attn.bias"] = torch.ones(1, 1, 12, 12).tril()
    old["h.1.attn.masked_bias"] = torch.tensor(-1e4)
    old["lm_head.weight"] = old["wte.weight"]
    assert torch.equal(our_logits(Model(CONFIG).from_hf(old)), our_logits(model))


def test_half_precision_weights_load_as_float32() -> None:
    halves = {name: tensor.bfloat16() for name, tensor in loud().to_hf().items()}
    model = Model(CONFIG).from_hf(halves)
    assert all(parameter.dtype == torch.float32 for parameter in model.parameters())
    assert torch.equal(model.wte.weight, halves["transformer.wte.weight"].float())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"transformer.h.1.mlp.c_fc.weight": None},
            r"tensor h\.1\.mlp\.c_fc\.weight is missing; this model needs it, of shape \(16, 64\)",
        ),
        (
            {"transformer.h.0.attn.c_attn.weight": torch.zeros(48, 16)},
            r"c_attn\.weight has shape \(48, 16\); this model needs \(16, 48\)",
        ),
        (
            {"transformer.wpe.weight": torch.zeros(13, 16)},
            r"wpe\.weight has shape \(13, 16\); this model needs \(12, 16\)",
        ),
        (
            {"transformer.h.2.ln_1.weight": torch.zeros(16)},
            r"h\.2\.ln_1\.weight of shape \(16,\) has no place",
        ),
        ({"lm_head.weight": torch.zeros(53, 16)}, r"lm_head\.weight differs from wte\.weight"),
    ],
)
def test_a_tensor_that_does_not_fit_is_named_and_nothing_is_loaded(
    change: dict[str, Tensor | None], message: str
) -> None:
    tensors: dict[str, Tensor | None] = {**loud().to_hf(), **change}
    model = Model(CONFIG)
    with pytest.raises(ValueError, match=message):
        model.from_hf({name: tensor for name, tensor in tensors.items() if tensor is not None})
    assert not any(parameter.any() for parameter in model.parameters() if parameter.ndim == 2)


def test_a_bias_that_would_be_lost_is_refused() -> None:
    without = Model(dataclasses.replace(CONFIG, qkv_bias=False))
    with pytest.raises(ValueError, match=r"h\.0\.attn\.c_attn\.bias is not zero"):
        without.from_hf(loud().to_hf())


def test_an_untied_model_needs_its_head() -> None:
    with pytest.raises(ValueError, match=r"lm_head\.weight is missing"):
        Model(dataclasses.replace(CONFIG, tie_head=False)).from_hf(loud().to_hf())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "llama"}, "model_type is 'llama'; only 'gpt2' can be loaded"),
        ({"activation_function": "relu"}, "activation_function is 'relu'"),
        ({"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx is True"),
        ({"n_inner": 65}, "n_inner is 65"),
        ({"n_embd": "16"}, "n_embd is '16'; it must be a number"),
        ({"n_layer": True}, "n_layer is True; it must be a number"),
        ({"n_head": 3}, "n_embd 16 does not divide into 3 heads"),
    ],
)
def test_another_computation_is_refused_by_its_config(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Config.from_hf({**Model(CONFIG).hf_config(), **change})


def test_a_config_without_its_sizes_is_refused_and_the_rest_has_gpt2s_defaults() -> None:
    sizes = {"vocab_size": 53, "n_positions": 12, "n_embd": 16, "n_layer": 2, "n_head": 4}
    assert Config.from_hf(sizes) == dataclasses.replace(CONFIG, dropout=0.1)
    for name in sizes:
        with pytest.raises(ValueError, match=f"{name} is missing"):
            Config.from_hf({key: value for key, value in sizes.items() if key != name})
