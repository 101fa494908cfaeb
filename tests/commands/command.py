"""How these tests run a command, and on what."""

import math
import os
import subprocess
import sys
from pathlib import Path

import torch
from click.testing import CliRunner, Result
from safetensors.torch import load_file, save_file

from tui import cli

ROOT = Path(__file__).resolve().parents[2]
STORY = (ROOT / "core/assets/story.txt").read_text(encoding="utf-8")[:4000]
SMALL = ("--context", "16", "--batch", "1", "--evaluate-every", "2", "--warmup", "1", "--dropout", "0.1")
STEPS = 4
PROMPT = "The fat cat sat on the mat, and the green book lay open on the shelf by the door."


def neglogp(*args: str, stdin: str | bytes | None = None) -> Result:
    """The command in this process; whatever goes wrong in it has to come out as an exit code."""
    result = CliRunner().invoke(cli.neglogp, args, input=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return result


def refused(result: Result, *words: str) -> None:
    """The command ended with 1 and one sentence on stderr that holds the words, and printed nothing else."""
    assert result.exit_code == 1
    assert result.stdout == ""
    said = result.stderr.strip().splitlines()
    assert len(said) == 1, result.stderr
    assert said[0].startswith("neglogp: ")
    for word in words:
        assert word in said[0]


def loaded_by(module: str, names: set[str]) -> set[str]:
    """Which of these modules a fresh Python has after importing that one."""
    code = f"import sys, {module}; print(*sorted({names} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def broken_model(cat: Path) -> Path:
    """A model folder whose weights hold NaN."""
    folder = cat.parents[1] / "broken"
    if not folder.exists():
        folder.mkdir()
        checkpoint = cat / f"checkpoint-{STEPS}"
        tensors = load_file(checkpoint / "model.safetensors")
        name = next(name for name in tensors if name.endswith("ln_f.weight"))
        save_file({**tensors, name: torch.full_like(tensors[name], math.nan)}, folder / "model.safetensors")
        (folder / "config.json").write_bytes((checkpoint / "config.json").read_bytes())
    return folder
