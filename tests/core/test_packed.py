"""Weights in 8 bits come back within what rounding costs; nothing else is taken for such weights."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from core.checkpoint import BadModelFolder, load_model, save_model
from core.packed import packed, unpacked
from tests.core import tiny


def test_a_matrix_comes_back_within_half_a_step_of_its_row_and_a_vector_as_it_was() -> None:
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(5, 400, generator=generator) * torch.tensor([[1e-9], [1e-3], [1.0], [1e3], [0.0]])
    vector = torch.randn(9, generator=generator)
    made = packed({"matrix": matrix, "vector": vector})
    assert made["matrix"].dtype == torch.int8 and made["matrix.scale"].shape == (5, 1)
    found = unpacked(made)
    assert found.keys() == {"matrix", "vector"} and torch.equal(found["vector"], vector)
    step = matrix.abs().amax(1, keepdim=True) / 127
    assert bool(((found["matrix"] - matrix).abs() <= step * 0.500001).all())
    assert made["matrix"].abs().amax(1).tolist()[1:4] == [127] * 3


def test_what_is_not_packed_is_left_as_it_is() -> None:
    tensors = {"a": torch.ones(2, 2), "b.scale": torch.ones(2)}
    found = unpacked(tensors)
    assert found.keys() == tensors.keys() and all(found[name] is tensors[name] for name in tensors)


@pytest.mark.parametrize(
    ("matrix", "scale"),
    [
        (torch.ones(2, 3), torch.ones(2, 1)),
        (torch.ones(2, 3, dtype=torch.int8), torch.ones(3, 1)),
        (torch.ones(2, 3, dtype=torch.int8), torch.ones(2)),
        (torch.ones(2, 3, dtype=torch.int8), torch.ones(2, 1, dtype=torch.float64)),
    ],
)
def test_a_scale_that_does_not_fit_is_refused(matrix: torch.Tensor, scale: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"tensor a of .* does not go with a scale"):
        unpacked({"a": matrix, "a.scale": scale})


def test_a_folder_is_packed_by_command_and_opens_as_a_model(tmp_path: Path) -> None:
    model = tiny.model()
    (tmp_path / "m").mkdir()
    save_model(model, model.to_hf(), tmp_path / "m")
    command = [sys.executable, "-m", "core.packed", "m", "small"]
    subprocess.run(command, cwd=tmp_path, check=True)
    small = load_model(tmp_path / "small")
    assert small.config == model.config
    for mine, theirs in zip(small.parameters(), model.parameters(), strict=True):
        assert float((mine - theirs).detach().abs().max()) <= float(theirs.detach().abs().max()) / 253
    file = tmp_path / "small" / "model.safetensors"
    tensors = load_file(file)
    save_file({name: t for name, t in tensors.items() if name != "transformer.wte.weight.scale"}, file)
    with pytest.raises(BadModelFolder, match=r"wte\.weight is of int8"):
        load_model(tmp_path / "small")
