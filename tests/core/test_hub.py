"""Models by their id: what is fetched, what is not, and what is said where nothing can be."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import constants
from transformers import GPT2Config, GPT2LMHeadModel

from core import runs
from core.checkpoint import load_model
from core.hub import Hub, HubError, is_hub_id
from core.messages import Open, Progress, Training
from core.opening import Means, Opened, opened
from core.shards import BadModelFolder
from core.texts import Texts
from core.tokenizer import gpt2
from tests.core import tiny
from tests.hub_server import COMMIT, HubServer, serving

TINY = "someone/tiny"


def theirs(folder: Path, **saving: Any) -> GPT2LMHeadModel:
    """A tiny model of GPT-2's vocabulary, saved by transformers beside files that nobody needs."""
    torch.manual_seed(5)
    model = GPT2LMHeadModel(GPT2Config(n_positions=16, n_embd=8, n_layer=1, n_head=2))
    model.save_pretrained(folder, **saving)
    (folder / "pytorch_model.bin").write_bytes(b"never fetched")
    (folder / "README.md").write_text("never fetched")
    return model.eval()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    with serving() as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)  # read when it was imported
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("NEGLOGP_RUNS", str(tmp_path / "runs"))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "texts"))
        monkeypatch.chdir(tmp_path)
        yield server


def quiet() -> Hub:
    return Hub(tell=lambda progress: None, interrupted=lambda: False)


def opening(name: str, way: Hub | None = None) -> Opened:
    request = Open(model=name, training=Training(context=8, batch=1))
    return opened(request, Means(texts=Texts(gpt2()), hub=way or quiet(), between=lambda: None))


@pytest.mark.parametrize("saving", [{}, {"max_shard_size": "100KB"}], ids=["one file", "shards"])
def test_a_model_is_fetched_once_and_then_needs_no_hub(
    server: HubServer, tmp_path: Path, saving: dict[str, Any]
) -> None:
    model = theirs(tmp_path / "origin", **saving)
    server.models[TINY] = tmp_path / "origin"
    told: list[Progress] = []
    found = Hub(tell=told.append, interrupted=lambda: False).model(TINY)
    wanted = {file.name for file in (tmp_path / "origin").glob("model*")} | {"config.json"}
    assert ("model.safetensors" in wanted) == (not saving)
    assert server.files_sent() == wanted
    total = sum(file.stat().st_size for file in (tmp_path / "origin").glob("*.safetensors"))
    assert (told[0].done, told[-1].done) == (0, total // 1_000_000)
    assert {(event.what, event.total, event.unit) for event in told} == {
        (f"downloading {TINY}", total // 1_000_000, "MB")
    }
    ids = torch.tensor([[5, 50256, 0, 7]])
    with torch.no_grad():
        ours = load_model(found.path)
        torch.testing.assert_close(ours.logits(ours(ids)), model(ids).logits, rtol=1e-4, atol=1e-5)
    assert (found.name, found.commit) == (TINY, COMMIT)
    assert found.record() == {"kind": "hub", "id": TINY, "commit": COMMIT}
    server.asked.clear()
    assert quiet().model(TINY) == quiet().model(TINY, COMMIT) == found
    assert server.asked == []
    server.stop()
    assert opening(TINY).model_info.name == TINY


def test_a_cache_that_lacks_a_shard_is_completed(server: HubServer, tmp_path: Path) -> None:
    theirs(tmp_path / "origin", max_shard_size="100KB")
    server.models[TINY] = tmp_path / "origin"
    folder = quiet().model(TINY).path
    shard = next(folder.glob("model-*"))
    shard.resolve().unlink()
    shard.unlink()
    server.asked.clear()
    quiet().model(TINY)
    assert server.files_sent() == {shard.name}


def test_a_model_that_cannot_be_loaded_is_refused_before_its_weights_are_fetched(
    server: HubServer, tmp_path: Path
) -> None:
    theirs(tmp_path / "origin")
    server.models[TINY] = tmp_path / "origin"
    config = tmp_path / "origin/config.json"
    for change, words in (({"model_type": "llama"}, "llama"), ({"vocab_size": 32000}, "32,000")):
        record = json.loads(config.read_text())
        config.write_text(json.dumps({**record, **change}))
        with pytest.raises(ValueError, match=words):
            quiet().model(TINY)
        config.write_text(json.dumps(record))
        (tmp_path / "cache/models--someone--tiny/refs/main").unlink()
        for entry in (tmp_path / "cache/models--someone--tiny/snapshots" / COMMIT).iterdir():
            entry.unlink()
    assert server.files_sent() == {"config.json"}


def test_an_index_from_the_hub_can_name_nothing_elsewhere(server: HubServer, tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    theirs(origin, max_shard_size="100KB")
    index = origin / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"wte.weight": "../../../../secret.safetensors"}}))
    server.models[TINY] = origin
    with pytest.raises(BadModelFolder, match="no plain name"):
        quiet().model(TINY)
    assert server.files_sent() == {"config.json", index.name}


def test_a_download_can_be_broken_off_and_leaves_nothing_half(server: HubServer, tmp_path: Path) -> None:
    theirs(tmp_path / "origin")
    server.models[TINY] = tmp_path / "origin"
    with pytest.raises(HubError, match="downloading someone/tiny was broken off"):
        Hub(tell=lambda progress: None, interrupted=lambda: True).model(TINY)
    blobs = list((tmp_path / "cache/models--someone--tiny/blobs").iterdir())
    assert [blob.read_bytes() for blob in blobs] == [(tmp_path / "origin/config.json").read_bytes()]
    assert quiet().model(TINY).commit == COMMIT


def test_what_cannot_be_had_is_said_in_one_sentence(server: HubServer, tmp_path: Path) -> None:
    theirs(tmp_path / "origin")
    (tmp_path / "origin/model.safetensors").unlink()
    server.models["someone/weightless"] = tmp_path / "origin"
    server.gated.add("someone/gated")
    for name, words in (
        ("someone/unknown", "there is no model someone/unknown on"),
        ("someone/gated", "open only to those"),
        ("someone/weightless", "has no config.json or no model.safetensors"),
    ):
        with pytest.raises(HubError, match=words) as refused:
            quiet().model(name)
        assert "or give the path of a model folder" in str(refused.value)
        assert "\n" not in str(refused.value)


def test_without_a_network_it_says_to_connect_once(server: HubServer) -> None:
    server.stop()
    with pytest.raises(
        HubError, match=f"gpt2 is not in the cache, and {server.url} cannot be reached: connect"
    ):
        quiet().model("gpt2")


def test_where_the_network_is_forbidden_it_says_by_what(
    server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(HubError, match="HF_HUB_OFFLINE forbids"):
        quiet().model("gpt2")
    assert server.asked == []


def test_without_the_extra_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(HubError, match=r"pip install 'neglogp\[hub\]', or give the path"):
        quiet().model("gpt2")


@pytest.mark.parametrize("name", ["gpt2", "distilgpt2", "gpt2-xl", "distilbert/distilgpt2", "a/b.c_d-e"])
def test_this_is_an_id(name: str) -> None:
    assert is_hub_id(name)


@pytest.mark.parametrize(
    "name",
    ["myrun", "gpt3", "explore-1", "a/b/c", "../b", "a/..", "a/b..c", "a/b--c", "/a", "a/", "a b/c"],
)
def test_this_is_none_so_nobody_is_asked_for_it(name: str, server: HubServer) -> None:
    assert not is_hub_id(name)
    with pytest.raises(ValueError, match=r"no model|no name|no config"):
        opening(name)
    assert server.asked == []


def test_a_commit_that_is_none_is_refused(server: HubServer) -> None:
    for commit in ("main", "../../refs", COMMIT[:39]):
        with pytest.raises(HubError, match="no model that the hub can have"):
            quiet().model(TINY, commit)
    assert server.asked == []


def test_a_folder_of_that_name_here_is_asked_about(server: HubServer, tmp_path: Path) -> None:
    theirs(tmp_path / "someone/tiny")
    with pytest.raises(ValueError, match=r"write \./someone/tiny to open it"):
        opening(TINY)
    assert server.asked == []


def test_a_run_goes_before_an_id(server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    (Path("runs/gpt2")).mkdir(parents=True)
    Path("runs/gpt2/run.json").write_text("{}")
    with pytest.raises(ValueError, match=r"run\.json cannot be read"):
        opening("gpt2")
    assert server.asked == []


def test_step_zero_of_a_run_is_read_anew_from_the_cache(server: HubServer, tmp_path: Path) -> None:
    theirs(tmp_path / "origin")
    server.models[TINY] = tmp_path / "origin"
    at = opening(TINY)
    before = {name: parameter.detach().clone() for name, parameter in at.model.named_parameters()}
    files = {file: file.read_bytes() for file in (tmp_path / "cache").rglob("*") if file.is_file()}
    server.stop()
    at.trainer.step()
    assert not tiny.same(before, dict(at.model.named_parameters()))
    at.trainer.restart()
    assert tiny.same(before, dict(at.model.named_parameters()))
    assert files == {file: file.read_bytes() for file in files}


def test_a_run_goes_on_from_the_commit_it_started_from(server: HubServer, tmp_path: Path) -> None:
    theirs(tmp_path / "origin")
    server.models[TINY] = tmp_path / "origin"
    at = opening(TINY)
    runs.Run.create(tmp_path / "runs/mine", at.record(), keep=1).close()
    (tmp_path / "cache").rename(tmp_path / "gone")
    server.revisions = {COMMIT}  # as if the main branch had gone on
    resumed = opening("mine")
    assert resumed.source == at.source
    assert tiny.same(dict(resumed.model.named_parameters()), dict(at.model.named_parameters()))
    assert f"GET {TINY} model.safetensors {COMMIT}" in server.asked
