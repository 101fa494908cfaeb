"""TensorBoard's event files, read back by TensorBoard itself."""

import logging
import math
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from core import runs
from core.messages import StepResult
from tests.commands.command import PROMPT, SMALL, STEPS, neglogp, refused
from tests.core.run_folders import line, made
from tui.headless.event_files import EventFiles

Scalars = dict[str, dict[int, float]]


def read(folder: Path) -> Scalars:
    """Every tag's values by step, as TensorBoard shows them; no step twice."""
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    found = {}
    for tag in events.Tags()["scalars"]:
        scalars = events.Scalars(tag)
        found[tag] = {scalar.step: scalar.value for scalar in scalars}
        assert len(found[tag]) == len(scalars), tag
    return found


def expected(results: list[StepResult]) -> Scalars:
    """The same from the run's metrics, in the single precision of the files."""
    found: Scalars = {}
    tokens = 0
    for result in results:
        tokens += result.tokens
        losses = {"train": result.loss, "evaluation": result.evaluation, "validation": result.validation,
                  "prompt": result.prompt}  # fmt: skip
        for name, nats in losses.items():
            if nats is not None:
                found.setdefault(f"loss/{name}", {})[result.step] = float(np.float32(nats))
                perplexity = float(np.float32(math.exp(float(nats))))
                found.setdefault(f"perplexity/{name}", {})[result.step] = perplexity
        if result.step:
            norm = float(np.float32(result.gradient_norm))
            found.setdefault("gradient_norm", {})[result.step] = norm
            found.setdefault("learning_rate", {})[result.step] = float(np.float32(result.learning_rate))
            found.setdefault("tokens", {})[result.step] = tokens
    return found


def test_a_run_is_exported_as_it_stands_in_its_metrics(cat: Path, folders: Path) -> None:
    result = neglogp("runs", "export", "cat", "--tensorboard", "logs/cat")
    assert result.exit_code == 0 and result.stdout == ""
    assert "up to step 4" in result.stderr and "tensorboard --logdir logs/cat" in result.stderr
    scalars = read(folders / "logs/cat")
    assert scalars == expected(runs.read(cat).results)
    assert {tag for tag in scalars if "/" not in tag} == {"gradient_norm", "learning_rate", "tokens"}
    assert list(scalars["loss/validation"]) == [0, 2, STEPS] and list(scalars["loss/train"]) == [1, 2, 3, 4]
    refused(neglogp("runs", "export", "cat", "--tensorboard", "logs/cat"), "is there already")


def test_a_step_has_the_time_it_was_done_at(folders: Path) -> None:
    made(folders / "timed", *(StepResult(step=step, loss=5.0, seconds=100.0) for step in (1, 2, 3)))
    assert neglogp("runs", "export", "./timed", "--tensorboard", "./times").exit_code == 0
    events = EventAccumulator(str(folders / "times"))
    events.Reload()
    began = (folders / "timed/run.json").stat().st_mtime
    times = [scalar.wall_time - began for scalar in events.Scalars("loss/train")]
    assert times == pytest.approx([100, 200, 300], abs=1e-3)


def test_what_is_not_finite_and_what_lies_ahead_of_the_run(
    folders: Path, caplog: pytest.LogCaptureFixture
) -> None:
    odd = (StepResult(step=2, loss="inf", validation="nan"), line(3, 5.0), StepResult(step=2, loss="inf"))
    made(folders / "odd", line(1, 1000.0), *odd)
    result = neglogp("runs", "export", "./odd", "--tensorboard", "./odd-logs")
    assert result.exit_code == 0 and "from step 3 to 2" in result.stderr
    assert not [record for record in caplog.records if record.levelno < logging.ERROR], (
        "a word of the library's"
    )
    scalars = read(folders / "odd-logs")
    assert scalars["loss/train"] == {1: 1000.0, 2: math.inf}
    assert scalars["perplexity/train"] == {1: math.inf, 2: math.inf}


def test_a_training_writes_as_it_goes_and_a_resumed_one_goes_on(cat: Path, folders: Path) -> None:
    common = ("--prompt", PROMPT, "--tensorboard", "./live")
    first = neglogp("train", "notes.txt", "--steps", "2", "--out", "./watched", *SMALL, *common)
    assert first.exit_code == 0, first.stderr
    half = runs.read(folders / "watched").results
    assert [result.step for result in half] == [0, 1, 2]
    live = read(folders / "live")
    assert {tag: live[tag] for tag in live if "prompt" not in tag} == {
        tag: values for tag, values in expected(half).items() if "prompt" not in tag
    }
    assert list(live["loss/prompt"]) == [0, 1, 2]
    killed = EventFiles(folders / "live", half)  # had come to a step of which the run knows nothing
    killed.add(line(3, 99.0))
    killed.close()
    assert read(folders / "live")["loss/train"][3] == 99.0
    assert neglogp("train", "--resume", "./watched", "--steps", "2", *common).exit_code == 0
    results = runs.read(folders / "watched").results
    live = read(folders / "live")
    assert live["loss/train"] == expected(results)["loss/train"]
    assert live["loss/validation"] == expected(results)["loss/validation"]
    assert live["tokens"] == {1: 16, 2: 32, 3: 48, 4: 64}


def test_without_the_extra_one_sentence_says_how_to_get_it_and_nothing_is_made(
    cat: Path, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    words = "pip install 'neglogp[tensorboard]'"
    refused(neglogp("runs", "export", "cat", "--tensorboard", "none"), words)
    train = ("train", "notes.txt", "--steps", "1", "--out", "./none", *SMALL)
    refused(neglogp(*train, "--tensorboard", "none"), words)
    assert not (folders / "none").exists()


def test_a_folder_that_cannot_be_made_is_refused(cat: Path, folders: Path) -> None:
    file = "notes.txt/logs"
    refused(neglogp("runs", "export", "cat", "--tensorboard", file), file, "cannot be written")
    args = ("--steps", "1", "--out", "./blocked-logs", *SMALL, "--tensorboard", file)
    refused(neglogp("train", "notes.txt", *args), file, "cannot be written")
    assert not (folders / "blocked-logs").exists()
    shutil.rmtree(folders / "logs", ignore_errors=True)


def test_one_thing_is_exported_at_a_time(cat: Path) -> None:
    result = neglogp("runs", "export", "cat", "--tensorboard", "both", "--csv", "-")
    assert result.exit_code == 2 and "one of them" in result.stderr
