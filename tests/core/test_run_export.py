"""A run's model as a folder of its own: the one it stands at, whole or not at all, over nothing."""

from pathlib import Path

import pytest
from safetensors import SafetensorError
from safetensors.torch import load_file

from core import run_export
from core.checkpoint import load_model
from core.run_export import export_model
from core.run_folder import RunError
from core.shards import BadModelFolder
from tests.core import tiny
from tests.core.run_folders import contents, line, made


@pytest.fixture
def cat(tmp_path: Path) -> Path:
    return made(tmp_path / "cat", line(0), line(3), checkpoint=3)


def test_a_plain_model_folder_holds_the_checkpoints_weights_and_nothing_of_the_run(
    cat: Path, tmp_path: Path
) -> None:
    assert export_model(cat, tmp_path / "model") == cat / "checkpoint-3"
    assert sorted(contents(tmp_path / "model")) == ["config.json", "model.safetensors"]
    assert (tmp_path / "model/config.json").read_bytes() == (cat / "checkpoint-3/config.json").read_bytes()
    tensors = [
        load_file(folder / "model.safetensors") for folder in (tmp_path / "model", cat / "checkpoint-3")
    ]
    assert tiny.same(*tensors)
    load_model(tmp_path / "model")


def test_it_is_the_checkpoint_the_run_stands_at(tmp_path: Path) -> None:
    cat = made(tmp_path / "cat", line(3), line(5), line(3), checkpoint=3)
    (cat / "checkpoint-5").mkdir()  # of before it went back
    assert export_model(cat, tmp_path / "model") == cat / "checkpoint-3"


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_nothing_is_written_over(kind: str, cat: Path, tmp_path: Path) -> None:
    target = tmp_path / "model"
    if kind == "folder":
        target.mkdir()
    elif kind == "file":
        target.write_text("mine")
    else:
        target.symlink_to(tmp_path / "nowhere")
    before = contents(tmp_path)
    with pytest.raises(RunError, match="model is there already"):
        export_model(cat, target)
    assert contents(tmp_path) == before


def test_what_comes_there_meanwhile_is_not_written_over(
    cat: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "model"

    def slow(model: object, tensors: object, beside: Path) -> None:
        (beside / "config.json").write_text("{}")
        target.mkdir()
        (target / "mine").write_text("x")

    monkeypatch.setattr(run_export, "save_model", slow)
    with pytest.raises(RunError, match="model could not be written"):
        export_model(cat, target)
    assert contents(target) == {"mine": b"x"}
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), SafetensorError("No space left")])
def test_an_export_that_fails_leaves_nothing(
    error: Exception, cat: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(model: object, tensors: object, beside: Path) -> None:
        (beside / "config.json").write_text("{")
        raise error

    monkeypatch.setattr(run_export, "save_model", full)
    with pytest.raises(RunError, match=r"could not be written: .*No space left"):
        export_model(cat, tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["cat"]


def test_a_model_that_is_not_whole_is_not_given_away(cat: Path, tmp_path: Path) -> None:
    weights = cat / "checkpoint-3" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(BadModelFolder, match=r"model\.safetensors"):
        export_model(cat, tmp_path / "model")
    with pytest.raises(RunError, match="no checkpoint yet"):
        export_model(made(tmp_path / "young"), tmp_path / "model")
    with pytest.raises(RunError, match="there is no folder"):
        export_model(cat, tmp_path / "none" / "model")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cat", "young"]
