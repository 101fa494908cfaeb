"""`neglogp generate`."""

from pathlib import Path

import torch
from transformers import GPT2LMHeadModel

from core.tokenizer import gpt2
from tests.commands.command import STEPS, neglogp


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
