"""`neglogp train` and the runs it leaves."""

import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from click.testing import Result
from safetensors.torch import load_file

from core import runs
from core.session import Session
from tests.commands.command import PROMPT, ROOT, SMALL, STEPS, STORY, broken_model, neglogp, refused


def checkpoint_files(run: Path, step: int) -> dict[str, torch.Tensor]:
    folder = run / f"checkpoint-{step}"
    return load_file(folder / "model.safetensors") | {
        f"optimizer {name}": tensor for name, tensor in load_file(folder / "optimizer.safetensors").items()
    }


def test_training_prints_the_curve_and_leaves_a_run(trained: Result, cat: Path) -> None:
    saved = runs.read(cat)
    assert saved.record.training.text == "notes.txt"
    assert saved.position == STEPS
    table = [line.split() for line in trained.stdout.splitlines()[1:5]]
    assert table[0] == ["step", "training", "validation", "prompt"]
    assert [row[0] for row in table[1:]] == ["0", "2", "4"]
    losses = {result.step: result for result in saved.results}
    assert table[3][1] == f"{losses[4].loss:.3f}"
    assert table[3][2] == f"{losses[4].validation:.3f}"
    perplexity = f"perplexity {math.exp(float(losses[4].loss or 0)):,.0f}"
    assert (
        f"training loss {losses[1].loss:.3f} at step 1, {losses[4].loss:.3f} ({perplexity}) at step 4"
        in trained.stdout
    )
    assert "neglogp --model cat" in trained.stderr
    assert "step 4/4" in trained.stderr
    last = neglogp("score", PROMPT, "--model", "cat", "--json")
    assert table[3][3] == f"{json.loads(last.stdout)['summary']['mean_surprisal_nats']:.3f}"


def test_a_run_that_was_stopped_and_resumed_equals_one_that_was_not(
    cat: Path, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    advance = Session.advance

    def stopped_in_step_2(session: Session) -> None:
        if session.at.trainer.step_count == 1:
            signal.raise_signal(signal.SIGINT)
        advance(session)

    with monkeypatch.context() as patch:
        patch.setattr(Session, "advance", stopped_in_step_2)
        result = neglogp("train", "notes.txt", "--steps", str(STEPS), "--out", "./paused", *SMALL)
    assert result.exit_code == 1
    assert "stopped after step 2 of 4 and saved" in result.stderr
    assert "neglogp train --resume ./paused" in result.stderr
    assert [step for step, _ in runs.checkpoints(folders / "paused")] == [2]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    resumed = neglogp("train", "--resume", "./paused")
    assert resumed.exit_code == 0, resumed.stderr
    expected = checkpoint_files(cat, STEPS)
    for name, tensor in checkpoint_files(folders / "paused", STEPS).items():
        assert torch.equal(tensor, expected[name]), name
    of_both = [
        [(r.step, r.loss, r.validation) for r in runs.read(run).results] for run in (cat, folders / "paused")
    ]
    assert of_both[0] == of_both[1]
    refused(neglogp("train", "--resume", "./paused"), "all 4 steps", "--steps N")


def test_samples_are_printed_kept_and_change_nothing(cat: Path, folders: Path) -> None:
    options = ("--sample-every", "2", "--sample-prompt", "The green book")
    result = neglogp("train", "notes.txt", "--steps", str(STEPS), "--out", "./sampled", *SMALL, *options)
    assert result.exit_code == 0
    samples = runs.read(folders / "sampled").samples
    assert [(s.step, s.prompt) for s in samples] == [(n, "The green book") for n in (0, 2, 4)]
    printed = [line for line in result.stderr.splitlines() if ": The green book" in line]
    assert [line.split(":")[0] for line in printed] == ["step 0", "step 2", "step 4"]
    assert "The green book" not in result.stdout
    of_both = [checkpoint_files(run, STEPS) for run in (cat, folders / "sampled")]
    assert all(torch.equal(tensor, of_both[1][name]) for name, tensor in of_both[0].items())
    written = neglogp(
        "generate", "The green book", "--model", "./sampled", "--temperature", "0", "--tokens", "30"
    )
    assert written.stdout.rstrip("\n") == samples[-1].prompt + samples[-1].text.rstrip("\n")
    said = neglogp("runs", "show", "./sampled").stdout
    assert "samples      3, the last one at step 4\n" in said
    more = neglogp("train", "--resume", "./sampled", "--steps", "1", "--sample-every", "5")
    assert more.exit_code == 0 and "step 5: " in more.stderr
    assert [s.step for s in runs.read(folders / "sampled").samples] == [0, 2, 4, 5]
    refused_ = neglogp("train", "notes.txt", "--out", "./other", "--sample-every", "-1")
    assert refused_.exit_code == 2 and "sample every is -1" in refused_.stderr


def test_a_finished_run_goes_on_for_more_steps_from_the_same_file_handed_over_again(
    cat: Path, folders: Path
) -> None:
    run = folders / "runs" / "more"
    assert neglogp("train", "notes.txt", "--steps", "1", "--out", "more", *SMALL).exit_code == 0
    for text in (folders / "cache").rglob("*.tokens"):
        text.unlink()
    refused(neglogp("train", "--resume", "more", "--steps", "1"), "notes.txt", "not in the cache")
    result = neglogp("train", "notes.txt", "--resume", "more", "--steps", "2")
    assert result.exit_code == 0, result.stderr
    assert runs.read(run).position == 3


def test_a_new_run_starts_from_the_weights_of_another(cat: Path, folders: Path) -> None:
    args = ("--steps", "1", "--out", "kitten", "--model", "cat", "--batch", "1", "--prompt", PROMPT)
    result = neglogp("train", "notes.txt", *args)
    assert result.exit_code == 0, result.stderr
    saved = runs.read(folders / "runs" / "kitten")
    assert saved.record.training.context == 16, "the context shrinks to the model's"
    before = json.loads(neglogp("score", PROMPT, "--model", "cat", "--json").stdout)
    first_row = result.stdout.splitlines()[2].split()
    assert first_row[0] == "0"
    assert first_row[3] == f"{before['summary']['mean_surprisal_nats']:.3f}"


def test_the_word_story_means_the_built_in_one_unless_a_file_is_called_so(
    folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert neglogp("train", "story", "--steps", "1", "--out", "./built-in", *SMALL).exit_code == 0
    assert runs.read(tmp_path / "built-in").record.training.text == "story"
    (tmp_path / "story").write_text(STORY[:1000], encoding="utf-8")
    assert neglogp("train", "story", "--steps", "1", "--out", "./own", *SMALL).exit_code == 0
    of_both = [runs.read(tmp_path / run).record for run in ("built-in", "own")]
    assert of_both[1].training.text == "./story"
    assert of_both[0].text_sha256 != of_both[1].text_sha256


def test_a_run_that_diverges_says_so_and_fails(cat: Path) -> None:
    args = ("--steps", "2", "--out", "./diverged", "--model", str(broken_model(cat)), *SMALL)
    result = neglogp("train", "notes.txt", *args)
    assert result.exit_code == 1
    assert "ended at step 0 of 2" in result.stderr
    assert "nan" in result.stderr


def test_a_checkpoint_that_cannot_be_written_is_a_failure(folders: Path) -> None:
    run = folders / "blocked"
    run.mkdir()
    (run / "checkpoint-1").write_text("in the way")
    result = neglogp("train", "notes.txt", "--steps", "1", "--out", "./blocked", *SMALL)
    assert result.exit_code == 1
    assert "checkpoint 1 could not be written" in result.stderr


def unreadable(folder: Path) -> Path:
    """A file that no one may read, or for a user who may read all, one that gives an error."""
    if os.geteuid() == 0:
        return Path("/proc/self/mem")
    file = folder / "secret.txt"
    file.touch(mode=0)
    return file


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, ["bad.txt"]),
        ("directory", ["bad.txt is a directory"]),
        ("unreadable", ["cannot be read"]),
        (b"", ["bad.txt is empty"]),
        (b"GIF89a\0\0\xff\xfe", ["bad.txt is binary"]),
        (b"The fat cat.", ["4 tokens", "16"]),
    ],
    ids=["missing", "directory", "unreadable", "empty", "binary", "short"],
)
def test_a_file_that_cannot_be_trained_on_is_refused(
    content: bytes | str | None, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = Path("bad.txt")
    if content == "directory":
        file.mkdir()
    elif content == "unreadable":
        file = unreadable(tmp_path)
    elif isinstance(content, bytes):
        file.write_bytes(content)
    refused(neglogp("train", str(file), "--out", "./run", *SMALL), *words)
    assert not (tmp_path / "run").exists()


def test_what_a_run_cannot_be_made_of_is_refused(cat: Path, folders: Path) -> None:
    train = ("train", "notes.txt", "--steps", "1", "--batch", "1")
    refused(neglogp(*train, "--out", "new", "--preset", "giant"), "'giant'", "small, medium")
    refused(neglogp(*train, "--out", "new", "--model", "nobody"), "'nobody'", "fresh")
    refused(neglogp(*train, "--out", "new", "--model", "./notes.txt"), "notes.txt")
    refused(neglogp(*train, "--out", "new", "--model", "cat", "--context", "64"), "64", "16")
    refused(neglogp(*train, "--out", "a b"), "'a b' is no name for a run")
    refused(neglogp(*train, "--out", "explore-mine"), "explore-")
    refused(neglogp("score", "a cat", "--model", "nobody"), "'nobody'", "fresh")
    refused(neglogp("score", "a cat", "--model", "./nobody"), "nobody", "config.json")
    refused(neglogp("generate", "", "--model", "cat"), "nothing to continue")
    refused(neglogp("train", "--resume", "nobody"), "nobody", "is no run")
    refused(neglogp("train", "--resume", str(cat / f"checkpoint-{STEPS}")), "is no run")
    assert not (folders / "runs" / "new").exists()


def test_a_run_that_exists_or_is_being_written_is_left_alone(cat: Path) -> None:
    existing = neglogp("train", "notes.txt", "--steps", "1", "--out", "cat", *SMALL)
    assert existing.exit_code == 1
    assert "--resume" in existing.stderr
    assert existing.stdout == ""
    writer = runs.Run(cat, keep=2)
    refused(neglogp("train", "--resume", "cat", "--steps", "1"), "being written by another process")
    writer.close()
    assert runs.read(cat).position == STEPS


def test_a_run_without_a_checkpoint_is_no_model_yet(folders: Path, cat: Path) -> None:
    young = folders / "runs" / "young"
    young.mkdir()
    (young / "run.json").write_bytes((cat / "run.json").read_bytes())
    refused(neglogp("score", "a cat", "--model", "young"), "no checkpoint yet")


def test_sigterm_ends_a_run_after_its_step_with_a_checkpoint(folders: Path) -> None:
    command = [
        sys.executable,
        "-P",
        "-m",
        "tui",
        "train",
        "notes.txt",
        "--steps",
        "100000",
        "--out",
        "./ended",
    ]
    with subprocess.Popen(
        [*command, *SMALL], env=os.environ | {"PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True,
        stdout=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        first = process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        _, rest = process.communicate(timeout=30)
    assert first.startswith("step 0/100,000")
    assert process.returncode == 1
    assert "and saved" in rest
    saved = runs.read(folders / "ended")
    assert [step for step, _ in runs.checkpoints(folders / "ended")] == [saved.position]
