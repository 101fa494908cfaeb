"""Model folders in one file or in shards, from transformers and from whoever means ill."""

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel

from core.checkpoint import load_model, load_weights
from core.models.gpt2 import Model
from core.shards import INDEX, WEIGHTS, BadModelFolder, tensors_of
from tests.core import tiny
from tests.core.test_gpt2 import CONFIG, IDS

FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"


def theirs(**changes: Any) -> GPT2LMHeadModel:
    torch.manual_seed(3)
    shape = {"vocab_size": 53, "n_positions": 12, "n_embd": 16, "n_layer": 2, "n_head": 4}
    return GPT2LMHeadModel(GPT2Config(**shape, initializer_range=0.3, **changes)).eval()


def same_logits(ours: Model, other: GPT2LMHeadModel) -> None:
    with torch.no_grad():
        torch.testing.assert_close(ours.logits(ours(IDS)), other.float()(IDS).logits, rtol=1e-4, atol=1e-4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model in two shards."""
    folder = tmp_path / "models" / "m"
    folder.mkdir(parents=True)
    tensors = list(tiny.model(CONFIG).to_hf().items())
    write(folder, {FIRST: dict(tensors[:9]), SECOND: dict(tensors[9:])})
    (folder / "config.json").write_text(json.dumps(Model(CONFIG).hf_config()))
    return folder


def write(folder: Path, files: dict[str, dict[str, Tensor]]) -> None:
    for name, tensors in files.items():
        save_file(tensors, folder / name)
    total = sum(tensor.nbytes for tensors in files.values() for tensor in tensors.values())
    weight_map = {tensor: name for name, tensors in files.items() for tensor in tensors}
    (folder / INDEX).write_text(json.dumps({"metadata": {"total_size": total}, "weight_map": weight_map}))


def reindex(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    index = json.loads((folder / INDEX).read_text())
    change(index)
    (folder / INDEX).write_text(json.dumps(index))


def refused(folder: Path, *words: str) -> None:
    """The folder is refused in one sentence with these words, and a model that is there stays as it is."""
    with pytest.raises(BadModelFolder) as error:
        load_model(folder)
    for word in (*words, str(folder)):
        assert word in str(error.value)
    assert "\n" not in str(error.value)
    model = tiny.model(CONFIG, seed=7)
    with pytest.raises(BadModelFolder):
        load_weights(model, folder)
    assert tiny.same(dict(model.named_parameters()), dict(tiny.model(CONFIG, seed=7).named_parameters()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("saving", [{}, {"max_shard_size": "6KB"}], ids=["one file", "shards"])
def test_what_transformers_saves_gives_the_same_logits_in_float32(
    tmp_path: Path, dtype: torch.dtype, tied: bool, saving: dict[str, str]
) -> None:
    other = theirs(tie_word_embeddings=tied).to(dtype)
    other.save_pretrained(tmp_path, **saving)
    assert (tmp_path / INDEX).exists() == bool(saving)
    model = load_model(tmp_path)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    same_logits(model, other)


def test_an_old_file_without_prefix_and_with_masks_in_it_loads(tmp_path: Path) -> None:
    """As gpt2 and distilgpt2 lie on the hub."""
    other = theirs()
    other.save_pretrained(tmp_path)
    tensors = {
        name.removeprefix("transformer."): tensor for name, tensor in load_file(tmp_path / WEIGHTS).items()
    }
    masks = {f"h.{layer}.attn.bias": torch.ones(1, 1, 12, 12).tril() for layer in range(2)}
    save_file(tensors | masks, tmp_path / WEIGHTS)
    same_logits(load_model(tmp_path), other)


def test_shards_are_the_model_they_were_cut_from(folder: Path) -> None:
    assert tiny.same(dict(load_model(folder).named_parameters()), dict(tiny.model(CONFIG).named_parameters()))


def test_every_weight_of_a_loaded_or_drawn_model_was_written(folder: Path) -> None:
    """Memory that nothing was written to is NaN here."""
    torch.use_deterministic_algorithms(True)
    try:
        assert torch.empty(3).isnan().all()
        drawn, loaded = Model.unfilled(CONFIG), load_model(folder)
        drawn.initialise(1)
    finally:
        torch.use_deterministic_algorithms(False)
    assert tiny.same(dict(drawn.named_parameters()), dict(tiny.model(CONFIG).named_parameters()))
    assert tiny.same(dict(loaded.named_parameters()), dict(tiny.model(CONFIG).named_parameters()))


def test_a_model_takes_memory_only_once_its_tensors_fit() -> None:
    model = Model.unfilled(CONFIG)
    with pytest.raises(ValueError, match="is missing"):
        model.from_hf({})
    assert all(parameter.is_meta for parameter in model.parameters())
    assert not any(parameter.is_meta for parameter in model.from_hf(tiny.model(CONFIG).to_hf()).parameters())


def test_training_a_loaded_model_leaves_its_files_alone_and_does_not_need_them(folder: Path) -> None:
    before = {file: file.read_bytes() for file in folder.iterdir()}
    model = load_model(folder)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(3.0)
    assert {file: file.read_bytes() for file in folder.iterdir()} == before
    model = load_model(folder)
    for file in folder.iterdir():
        file.write_bytes(b"")  # a mapping of it would end the process now
        file.unlink()
    assert tiny.same(dict(model.named_parameters()), dict(tiny.model(CONFIG).named_parameters()))


OUTSIDE = "../../secret.safetensors"


@pytest.mark.parametrize(
    "name", [OUTSIDE, "../m/" + FIRST, "/etc/passwd", "sub/x.safetensors", ".", "..", "", "config.json",
             "x\0.safetensors", "..safetensors", 7, None, ["x.safetensors"]], ids=repr
)  # fmt: skip
def test_an_index_names_only_files_beside_it(folder: Path, name: object) -> None:
    save_file({"wte.weight": torch.zeros(53, 16)}, folder / OUTSIDE)
    reindex(folder, lambda index: index["weight_map"].update({"transformer.wte.weight": name}))
    refused(folder, INDEX, "transformer.wte.weight", repr(name), "no plain name", "get the folder anew")


@pytest.mark.parametrize("name", [FIRST, INDEX, WEIGHTS])
def test_no_link_leads_out_of_a_folder(folder: Path, tmp_path: Path, name: str) -> None:
    secret = tmp_path / name
    if name == WEIGHTS:
        save_file(tiny.model(CONFIG).to_hf(), secret)
    else:
        (folder / name).rename(secret)
    (folder / name).symlink_to(secret)
    refused(folder, name, str(secret), "outside of the folder", "put the file itself there")


def test_the_config_is_no_link_out_of_the_folder_either(folder: Path, tmp_path: Path) -> None:
    (folder / "config.json").rename(tmp_path / "config.json")
    (folder / "config.json").symlink_to("../../config.json")
    refused_by_load(folder, r"config\.json is a link to .* outside of the folder")


def test_a_link_inside_a_folder_is_followed(folder: Path) -> None:
    (folder / "weights").mkdir()
    (folder / FIRST).rename(folder / "weights" / "a")
    (folder / FIRST).symlink_to("weights/a")
    load_model(folder)


def cached(folder: Path, blobs: Path) -> Path:
    """The same model as a snapshot in a Hugging Face cache whose contents lie in `blobs`."""
    repo = folder.parent / "models--someone--m"
    snapshot = repo / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    blobs.mkdir(parents=True, exist_ok=True)
    for number, file in enumerate(sorted(folder.iterdir())):
        blob = blobs / f"{blobs.name}{number:062}"
        file.rename(blob)
        (snapshot / file.name).symlink_to(os.path.relpath(blob, snapshot))
    return snapshot


@pytest.mark.parametrize("blobs", ["models--someone--m/blobs", "blobs/ab"])
def test_a_snapshot_of_a_cache_links_to_its_blobs(folder: Path, blobs: str) -> None:
    load_model(cached(folder, folder.parent / blobs))


@pytest.mark.parametrize("blobs", ["models--someone--other/blobs", "elsewhere/ab", "models--someone--m/ab"])
def test_a_snapshot_links_to_nothing_else(folder: Path, blobs: str) -> None:
    refused(cached(folder, folder.parent / blobs), "outside of the folder")


def test_blobs_that_are_a_link_themselves_lead_nowhere(folder: Path, tmp_path: Path) -> None:
    snapshot = cached(folder, folder.parent / "models--someone--m" / "blobs")
    blobs = snapshot.parents[1] / "blobs"
    blobs.rename(tmp_path / "elsewhere")
    blobs.symlink_to(tmp_path / "elsewhere")
    refused(snapshot, "outside of the folder")


def test_what_is_no_plain_file_is_not_waited_for(folder: Path) -> None:
    (folder / FIRST).unlink()
    os.mkfifo(folder / FIRST)
    refused(folder, FIRST, "no plain file")
    (folder / FIRST).unlink()
    (folder / FIRST).symlink_to(FIRST)
    refused(folder, FIRST)


def test_a_missing_shard_is_named(folder: Path) -> None:
    (folder / SECOND).unlink()
    refused(folder, SECOND, "is not there", "get the folder anew")


def test_a_tensor_in_no_shard_is_named(folder: Path) -> None:
    reindex(folder, lambda index: index["weight_map"].update({"more.weight": SECOND}))
    refused(folder, SECOND, "lacks the tensor 'more.weight'")


def test_a_tensor_in_two_shards_is_named(folder: Path) -> None:
    first, second = load_file(folder / FIRST), load_file(folder / SECOND)
    name = next(iter(first))
    save_file({**second, name: first[name]}, folder / SECOND)
    refused(folder, SECOND, f"holds the tensor {name!r}, which {INDEX} has in {FIRST}")


def test_a_tensor_the_index_does_not_know_is_named(folder: Path) -> None:
    save_file({**load_file(folder / SECOND), "more.weight": torch.zeros(1)}, folder / SECOND)
    refused(folder, SECOND, "'more.weight'", "knows nothing")


def test_an_index_with_a_tensor_twice_is_refused(folder: Path) -> None:
    text = (folder / INDEX).read_text()
    name = next(iter(json.loads(text)["weight_map"]))
    (folder / INDEX).write_text(
        text.replace("{", "{", 1).replace('"weight_map": {', f'"weight_map": {{"{name}": "x.safetensors", ')
    )
    refused(folder, INDEX, f"it has {name!r} twice")


@pytest.mark.parametrize("size", [1, -1, 10**30, "10", [1]], ids=repr)
def test_a_total_size_that_is_not_so_is_refused(folder: Path, size: object) -> None:
    reindex(folder, lambda index: index["metadata"].update(total_size=size))
    refused(folder, INDEX, repr(size), "take total_size out")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"weight_map": 3}', '{"weight_map": {}}', "[" * 100_000, "\udcff"]
)
def test_an_index_that_is_none_is_refused(folder: Path, text: str) -> None:
    (folder / INDEX).write_bytes(text.encode("utf-8", "surrogateescape"))
    refused(folder, INDEX)


def test_json_of_a_size_that_no_model_needs_is_not_read(folder: Path) -> None:
    os.truncate(folder / INDEX, 2**40)  # takes no room on the disk
    refused(folder, INDEX, "1,099,511,627,776 bytes")


def header(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change what the first shard says of itself, leaving its numbers as they are."""
    content = (folder / FIRST).read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    record = json.loads(content[8 : 8 + length])
    change(record["transformer.wte.weight"])
    said = json.dumps(record).encode()
    (folder / FIRST).write_bytes(struct.pack("<Q", len(said)) + said + content[8 + length :])


@pytest.mark.parametrize(
    "change",
    [
        lambda said: said.update(shape=[10**9, 10**9]),
        lambda said: said.update(shape=[53, 15]),
        lambda said: said.update(data_offsets=[0, 10**12]),
        lambda said: said.update(data_offsets=[8, 4]),
        lambda said: said.update(dtype="F1"),
    ],
)
def test_a_shard_that_lies_about_its_sizes_is_refused(
    folder: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    header(folder, change)
    refused(folder, FIRST)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n_layer": 10**9}, "n_layer is 1000000000"),
        ({"n_embd": 4 * 10**7}, "wte.weight has shape"),
        ({"n_embd": 4 * 10**18}, "sizes that no model can have"),
        ({"vocab_size": 10**30}, "sizes that no model can have"),
    ],
)
def test_sizes_in_a_config_are_not_believed(folder: Path, change: dict[str, int], words: str) -> None:
    """Built as they are said to be, these would take hours or all memory."""
    (folder / "config.json").write_text(json.dumps({**Model(CONFIG).hf_config(), **change}))
    refused_by_load(folder, words)


def refused_by_load(folder: Path, words: str) -> None:
    with pytest.raises(BadModelFolder, match=words):
        load_model(folder)


@pytest.mark.parametrize("dtype", [torch.int8, torch.float8_e4m3fn, torch.complex64, torch.int64])
def test_numbers_that_are_no_weights_are_refused(tmp_path: Path, dtype: torch.dtype) -> None:
    theirs().save_pretrained(tmp_path)
    tensors = load_file(tmp_path / WEIGHTS)
    save_file(
        {**tensors, "transformer.wte.weight": tensors["transformer.wte.weight"].to(dtype)}, tmp_path / WEIGHTS
    )
    refused_by_load(tmp_path, f"wte.weight is of {str(dtype).removeprefix('torch.')}; only float32")


def test_one_name_with_and_without_its_prefix_is_refused(tmp_path: Path) -> None:
    theirs().save_pretrained(tmp_path)
    tensors = load_file(tmp_path / WEIGHTS)
    save_file({**tensors, "wte.weight": tensors["transformer.wte.weight"] + 1}, tmp_path / WEIGHTS)
    refused_by_load(tmp_path, r"wte\.weight is there twice")


def test_pickled_weights_are_not_opened_and_it_says_what_to_do(folder: Path) -> None:
    (folder / INDEX).unlink()
    refused(folder, "no weights to load")
    (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n")
    refused(folder, "only pytorch_model.bin", "save_pretrained")


def test_mapped_tensors_are_read_when_used_and_never_written_back(folder: Path) -> None:
    before = (folder / FIRST).read_bytes()
    tensors_of(folder)["transformer.wte.weight"].fill_(1.0)
    assert (folder / FIRST).read_bytes() == before
