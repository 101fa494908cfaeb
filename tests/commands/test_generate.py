"""`neglogp generate`."""

from pathlib import Path
from typing import Any

import click
import pytest
import torch
from transformers import GPT2LMHeadModel

from core.messages import Generate
from core.text import safe_lines
from core.tokenizer import gpt2
from tests.commands.command import STEPS, neglogp
from tui.headless.generate import _Page, generate


def test_generate_at_temperature_0_takes_what_transformers_takes(cat: Path) -> None:
    oracle = GPT2LMHeadModel.from_pretrained(cat / f"checkpoint-{STEPS}").eval()
    ids = gpt2().encode("The fat cat sat")
    made = oracle.generate(
        torch.tensor([ids]), max_new_tokens=8, do_sample=False, pad_token_id=0, eos_token_id=None
    )
    result = neglogp("generate", "The fat cat sat", "--model", "cat", "--tokens", "8", "--temperature", "0")
    assert result.exit_code == 0
    assert result.stderr == ""
    assert result.stdout == gpt2().decode(made[0].tolist()).decode("utf-8", "replace") + "\n"


def test_generate_gives_the_same_text_for_the_same_seed_also_from_stdin(cat: Path) -> None:
    options = ("--model", "cat", "--tokens", "6", "--top-k", "50", "--top-p", "0.9", "--temperature", "2")
    one = neglogp("generate", "The cat", *options, "--seed", "1")
    again = neglogp("generate", "-", *options, "--seed", "1", stdin="The cat")
    other = neglogp("generate", "The cat", *options, "--seed", "2")
    assert one.stdout == again.stdout != other.stdout


class Written:
    """What was handed to `click.echo`, piece by piece."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pieces: list[Any] = []
        monkeypatch.setattr(click, "echo", lambda piece="\n", nl=True: self.pieces.append(piece))


def test_a_pipe_gets_every_token_as_it_comes_and_only_whole_characters(
    cat: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = neglogp("generate", "The cat", "--model", "cat", "--tokens", "40", "--seed", "1").stdout
    written = Written(monkeypatch)
    generate(Generate(text="The cat", tokens=40, seed=1), "cat")
    assert len(written.pieces) == 40 + 1, "one a token, and the end of the line"
    assert "".join(piece.decode() for piece in written.pieces) == whole
    assert written.pieces[0].startswith(b"The cat") and len(written.pieces[0]) < 40


def test_a_text_that_grows_on_a_terminal_is_safe_and_the_same_as_printed_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = Written(monkeypatch)
    text = "one\r\ntwo e\u0301\u0302 \x1b[31m\ta\r\u0301b\n\n\u200d x"
    page = _Page()
    for end in range(len(text) + 1):
        page.show(text[:end])
    assert "".join(written.pieces) == "\n".join(safe_lines(text))


def test_the_controls_are_used(cat: Path) -> None:
    greedy = neglogp("generate", "The cat", "--model", "cat", "--tokens", "6", "--temperature", "0").stdout
    first = neglogp("generate", "The cat", "--model", "cat", "--tokens", "6", "--top-k", "1").stdout
    least = neglogp("generate", "The cat", "--model", "cat", "--tokens", "6", "--top-p", "1e-9").stdout
    free = neglogp("generate", "The cat", "--model", "cat", "--tokens", "6").stdout
    assert greedy == first == least != free
