"""The trigram bench: what it measures, and on what."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from core.tokenizer import gpt2
from core.trigram import KneserNey
from tests.bench import trigram
from tests.bench.__main__ import benches
from tests.bench.trigram import by_window
from tests.core.test_trigram import IDS
from tests.expected_words import EXPECTED


def test_every_token_but_the_first_is_scored_from_the_window_of_the_one_before_it() -> None:
    model, ids = KneserNey(IDS), IDS[100:111]
    expected = [-np.log(model.distribution(ids[(i - 1) // 4 * 4 : i].tolist())[ids[i]]) for i in range(1, 11)]
    np.testing.assert_allclose(by_window(model, ids, context=4), expected, rtol=1e-12)


def test_the_command_learns_from_the_training_part_and_measures_the_others_and_what_is_held_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    text, other = "the cat sat on the mat and the dog on the cat. " * 20, "a cat on a mat"
    files = [str(tmp_path / "text"), str(tmp_path / "other")]
    for file, content in zip(files, (text, other), strict=True):
        Path(file).write_text(content, "utf-8")
    words = ["--held-out", "0.2", "--context", "8", "--batch", "2"]
    monkeypatch.setattr(sys, "argv", ["trigram", *files, *words])
    trigram.main()
    first, second, *lists = map(json.loads, capsys.readouterr().out.splitlines())
    ids = np.array(gpt2().encode(text))
    border = len(ids) - int(0.2 * len(ids))
    model = KneserNey(ids[:border])
    assert first["text"] == "other" and first["scored"] == 4 and first["learnt_from"] == border
    expected = model.surprisals(np.array(gpt2().encode(other))).mean()
    assert first["nats"] == pytest.approx(expected, abs=1e-4)
    whole = (len(ids) - border - 1) // 8 * 8
    held_out = by_window(model, ids[border : border + whole + 1], 8)
    assert second["text"] == "held out" and second["scored"] == whole == len(held_out)
    assert second["nats"] == second["validation"] == pytest.approx(held_out.mean(), abs=1e-4)
    assert {line["prompt"]: line["expected"] for line in lists}.keys() == EXPECTED.keys()
    sat = next(line for line in lists if line["prompt"].endswith("sat on the"))
    assert set(sat["first"][:2]) == {" mat", " cat"} and len(sat["first"]) == 10


def test_the_bench_is_run_by_hand() -> None:
    assert "trigram" not in benches()
