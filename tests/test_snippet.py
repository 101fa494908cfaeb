"""The PyTorch that is copied is run, and has to print the number it was copied from."""

import math
from pathlib import Path

import pytest
import torch

from core import messages as m
from core.auditing import arithmetic
from core.checkpoint import save_model
from core.models.gpt2 import Config
from core.scoring import Scorer
from core.tokenizer import gpt2
from tests.core import tiny
from tui.snippet import snippet

TEXT = "The fat cat sat on the mat, and the \x1b[31m dog 雨"


def printed(code: str, capsys: pytest.CaptureFixture[str]) -> float:
    capsys.readouterr()
    exec(compile(code, "clipboard", "exec"), {})
    return float(capsys.readouterr().out)


def row(logits: torch.Tensor, position: int, folder: str | None) -> m.Arithmetic:
    ids = gpt2().encode(TEXT)
    nothing = torch.zeros(len(ids) - 1, dtype=torch.float64)
    return arithmetic(logits, ids, position, nothing, step=0, tokenizer=gpt2(), folder=folder)


def test_transformers_comes_to_the_number_from_the_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tiny.model(Config(n_positions=8, n_embd=8, n_layer=2, n_head=2))
    with torch.no_grad():  # further from uniform than a fresh model is
        model.wte.weight.mul_(40)
    folder = tmp_path / "it's a “model”"
    folder.mkdir()
    save_model(model, model.to_hf(), folder)
    ids = gpt2().encode(TEXT)
    scorer = Scorer(model, gpt2())
    for position in (0, 5, 7, 8, 10, len(ids) - 1):  # on both sides of a border of windows, and the open row
        made = row(scorer.logits_at(ids, position), position, str(folder))
        code = snippet(made, ids[position // 8 * 8 : position + 1])
        assert printed(code, capsys) == pytest.approx(made.surprisal, rel=1e-5)
        assert len([line for line in code.splitlines() if line]) == 5


def test_torch_comes_to_the_number_from_the_logit_and_the_logsumexp(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logits = torch.randn(50257, generator=torch.Generator().manual_seed(1)) * 3 - 70
    for position in range(len(gpt2().encode(TEXT))):
        made = row(logits, position, None)
        code = snippet(made, [])
        assert printed(code, capsys) == pytest.approx(made.surprisal, rel=1e-12)
        assert len([line for line in code.splitlines() if line]) == 4


@pytest.mark.parametrize(("value", "nats"), [(-math.inf, math.inf), (math.inf, math.nan), (200.0, 0.0)])
def test_a_number_that_is_none_is_printed_as_such(
    value: float, nats: float, capsys: pytest.CaptureFixture[str]
) -> None:
    logits = torch.zeros(50257)
    logits[gpt2().encode(TEXT)[1]] = value
    assert printed(snippet(row(logits, 0, None), []), capsys) == pytest.approx(nats, abs=1e-12, nan_ok=True)
