"""The list of runs: figures of each, and of what cannot be read the reason, whatever lies in the folder."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.run_folder import RunError
from core.run_list import Listed, listed
from tests.core.run_folders import FRESH, line, made


def only(folder: Path) -> Listed:
    (run,) = listed(folder).runs
    return run


def test_a_run_is_listed_with_its_figures(tmp_path: Path) -> None:
    results = (line(0, validation=4.0), line(1, validation=2.5), line(2, validation=3.0), line(3))
    folder = made(tmp_path / "cat", *results, checkpoint=3)
    os.utime(folder / "metrics.jsonl", (86400, 86400))
    run = only(tmp_path)
    assert (run.name, run.folder) == ("cat", str(folder))
    assert (run.model, run.start, run.text) == ("fresh small", FRESH, "cat.txt")
    assert (run.step, run.goal) == (3, 30)
    assert (run.validation_nats, run.best_validation_nats, run.best_step) == (3.0, 2.5, 1)
    assert run.written == datetime(1970, 1, 2, tzinfo=UTC)
    assert run.bytes == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) > 30_000


def test_the_run_written_last_stands_first(tmp_path: Path) -> None:
    for age, name in enumerate("bca"):
        os.utime(made(tmp_path / name, line(1)) / "metrics.jsonl", (1000 - age, 1000 - age))
    assert [run.name for run in listed(tmp_path).runs] == ["b", "c", "a"]


def test_after_going_back_only_the_steps_before_count(tmp_path: Path) -> None:
    results = (line(0, validation=4.0), line(1, validation=3.0), line(2, validation=1.0))
    made(tmp_path / "cat", *results, results[1])
    run = only(tmp_path)
    assert (run.step, run.validation_nats, run.best_validation_nats, run.best_step) == (1, 3.0, 3.0, 1)


def test_a_run_that_went_on_past_its_schedule_has_no_goal_behind_it(tmp_path: Path) -> None:
    made(tmp_path / "cat", line(40))
    assert only(tmp_path).goal == 40


def test_a_loss_that_is_no_number_is_not_the_best(tmp_path: Path) -> None:
    made(tmp_path / "cat", line(0, validation="nan"), line(1, validation="inf"), line(2, validation=9.0))
    run = only(tmp_path)
    assert (run.best_validation_nats, run.best_step) == (9.0, 2)


def test_a_run_without_a_line_is_listed_without_losses(tmp_path: Path) -> None:
    made(tmp_path / "cat")
    run = only(tmp_path)
    assert (run.step, run.validation_nats, run.best_validation_nats, run.best_step) == (0, None, None, None)


@pytest.mark.parametrize(
    ("start", "model"),
    [
        ({"kind": "fresh", "preset": "medium", "context": 8, "seed": 1}, "fresh medium"),
        ({"kind": "tiny", "sha256": "00"}, "tiny"),
        ({"kind": "book", "seed": 123}, "book"),
        ({"kind": "hub", "id": "openai-community/gpt2", "commit": "00"}, "openai-community/gpt2"),
        ({"kind": "folder", "path": "/models/mine", "name": "mine"}, "mine"),
        (
            {"kind": "folder", "path": "/runs/cat/checkpoint-300", "name": "checkpoint-300"},
            "cat/checkpoint-300",
        ),
        ({}, "?"),
    ],
)
def test_where_a_run_started_is_said_in_a_word_or_two(
    start: dict[str, str | int], model: str, tmp_path: Path
) -> None:
    made(tmp_path / "cat", start=start)
    assert only(tmp_path).model == model


def test_what_is_no_run_is_named_with_the_reason_and_hides_no_run(tmp_path: Path) -> None:
    made(tmp_path / "cat", line(1))
    record = (tmp_path / "cat" / "run.json").read_bytes()
    for name, content in {
        "torn": record[:-20],
        "binary": b'"\xff\xfe',
        "deep": b"[" * 100_000,
        "other": b'{"schema": 1}',
        "wrong": record.replace(b'"batch": 2', b'"batch": 0'),
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_bytes(content)
    for name in ("empty", "folder/run.json", "pipe"):
        (tmp_path / name).mkdir(parents=True)
    os.mkfifo(tmp_path / "pipe" / "run.json")  # to open it would wait for ever
    (made(tmp_path / "lines") / "metrics.jsonl").mkdir()
    found = listed(tmp_path)
    assert [run.name for run in found.runs] == ["cat"]
    reasons = {other.name: other.reason for other in found.no_runs}
    assert {name for name, reason in reasons.items() if "is no run: it holds no run.json" in reason} == {
        "empty",
        "folder",
        "pipe",
    }
    cannot = {name for name, reason in reasons.items() if "/run.json cannot be read: " in reason}
    assert cannot == {"torn", "binary", "deep", "other", "wrong"}
    assert "batch is 0" in reasons["wrong"]
    assert reasons["lines"] == "lines/metrics.jsonl cannot be read: Is a directory"
    assert all(reason.startswith(name) for name, reason in reasons.items())


def test_a_name_that_is_no_unicode_can_be_listed(tmp_path: Path) -> None:
    os.mkdir(os.fsencode(tmp_path) + b"/x\xffy")
    (other,) = listed(tmp_path).no_runs
    assert other.name == "x\ufffdy"
    assert other.reason.encode() == "x\ufffdy is no run: it holds no run.json".encode()


def test_files_and_hidden_folders_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / ".hidden").mkdir()
    assert (listed(tmp_path).runs, listed(tmp_path).no_runs) == ([], [])


def test_what_a_link_leads_to_is_not_counted(tmp_path: Path) -> None:
    folder = made(tmp_path / "runs" / "cat", line(1))
    before = only(tmp_path / "runs").bytes
    (tmp_path / "large").mkdir()
    (tmp_path / "large" / "file").write_bytes(bytes(10_000))
    (folder / "snapshots").symlink_to(tmp_path / "large")
    assert only(tmp_path / "runs").bytes < before + 1000


def test_without_a_runs_folder_there_are_no_runs_and_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    assert listed(tmp_path / "none").runs == []
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="file cannot be read: Not a directory"):
        listed(tmp_path / "file")
