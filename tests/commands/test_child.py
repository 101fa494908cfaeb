"""`neglogp train --resume RUN` with a changed setting: a run of its own, whose parent stays as it is."""

from pathlib import Path

import pytest

from core import runs
from tests.commands.command import neglogp
from tests.core.run_folders import contents


def test_a_changed_setting_makes_a_run_of_its_own(cat: Path, folders: Path) -> None:
    before = contents(cat)
    made = neglogp("train", "--resume", "cat", "--steps", "2", "--lr", "1e-4", "--out", "gentler")
    assert made.exit_code == 0, made.stderr
    assert contents(cat) == before
    child, parent = runs.read(folders / "runs" / "gentler"), runs.read(cat)
    assert child.record.parent == runs.Parent(name="cat", step=parent.position)
    assert child.results[: len(parent.results)] == parent.results
    assert child.position == parent.position + 2
    assert child.training.learning_rate == 1e-4 and child.record.training == parent.record.training
    assert child.results[-1].learning_rate <= 1e-4
    listed = neglogp("runs").stdout
    assert f"cat@{parent.position}" in listed
    assert f"cat, after step {parent.position}" in neglogp("runs", "show", "gentler").stdout
    again = neglogp("train", "--resume", "gentler", "--steps", "1")
    assert again.exit_code == 0 and "left its own curve" not in again.stderr, again.stderr


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--lr", "1e-4"], "give --out RUN"),
        (["--out", "other"], "--out is for a run with a changed setting"),
        (["--seed", "4", "--out", "other"], "--seed is settled once a run has begun"),
        (["--lr", "1e-4", "--out", "cat"], "choose another name"),
        (["--lr", "1e-4", "--out", "explore-me"], "are the screen's"),
        (["--lr", "99", "--out", "other"], "learning rate is 99"),
    ],
)
def test_what_makes_no_run_is_refused(words: list[str], why: str, cat: Path, folders: Path) -> None:
    before = contents(cat)
    result = neglogp("train", "--resume", "cat", *words)
    assert result.exit_code in (1, 2) and why in result.stderr and not result.stdout
    assert contents(cat) == before and not (folders / "runs" / "other").exists()


def test_a_refusal_lets_go_of_the_run(cat: Path) -> None:
    made = neglogp("train", "--resume", "cat", "--lr", "99", "--out", "other")
    assert made.exit_code
    runs.Run(cat, keep=1).close()  # whose folder is locked as long as somebody holds it
