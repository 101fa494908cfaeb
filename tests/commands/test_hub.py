"""A hub id from the command line: fetched, then had from the cache, then said to be out of reach."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from core.tokenizer import gpt2
from tests.commands.command import ROOT
from tests.hub_server import HubServer, serving

TEXT = "The fat cat sat on the mat"


def score(server: HubServer, home: Path) -> subprocess.CompletedProcess[str]:
    """`neglogp score` in a process of its own, which knows of no hub but this one."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    environment = inherited | {
        "HF_ENDPOINT": server.url,
        "HF_HOME": str(home),
        "NO_PROXY": "127.0.0.1",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-P", "-m", "tui", "score", TEXT, "--model", "gpt2", "--json"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_hub_id_is_fetched_once_scored_like_transformers_and_then_needs_no_hub(tmp_path: Path) -> None:
    torch.manual_seed(5)
    model = GPT2LMHeadModel(GPT2Config(n_positions=16, n_embd=8, n_layer=1, n_head=2)).eval()
    model.save_pretrained(tmp_path / "origin")
    with serving() as server:
        server.models["gpt2"] = tmp_path / "origin"
        first = score(server, tmp_path / "home")
        assert first.returncode == 0, first.stderr
        assert "downloading gpt2: 0 of 1 MB" in first.stderr
        assert {tuple(line.split()[1:3]) for line in server.asked} == {
            ("gpt2", "config.json"),
            ("gpt2", "model.safetensors"),
        }
        server.stop()
        second = score(server, tmp_path / "home")
        third = score(server, tmp_path / "empty")
    assert (second.returncode, second.stderr) == (0, "")
    assert second.stdout == first.stdout
    record = json.loads(first.stdout)
    assert record["model"]["name"] == "gpt2"
    ids = torch.tensor([gpt2().encode(TEXT)])
    with torch.no_grad():
        loss = model(ids, labels=ids).loss.item()
    assert record["summary"]["mean_surprisal_nats"] == pytest.approx(loss, abs=1e-4)
    assert (third.returncode, third.stdout) == (1, "")
    assert third.stderr == (
        f"neglogp: gpt2 is not in the cache, and {server.url} cannot be reached: connect to the network "
        "once, or give the path of a model folder\n"
    )
