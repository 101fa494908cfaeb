"""`neglogp runs`: the list, a run's page, what is exported of it, and how it is renamed and deleted."""

import csv
import json
import math
import os
import pty
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import torch
from transformers import GPT2LMHeadModel

from core import runs
from core.messages import StepResult
from tests.commands.command import PROMPT, ROOT, STEPS, loaded_by, neglogp, refused
from tests.core.run_folders import contents, line, made
from tui import cells, cli
from tui.headless.run_table import span

AUTOMATIC = "explore-20250131-154500-000000"
SUBCOMMANDS = ["delete", "export", "rename", "show"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runs folder of its own, and a current folder."""
    monkeypatch.setenv("NEGLOGP_RUNS", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


def written_ago(run: Path, **ago: int) -> None:
    at = (datetime.now(UTC) - timedelta(**ago)).timestamp()
    os.utime(run / "metrics.jsonl", (at, at))


def test_the_list_has_a_line_a_run_newest_first_and_names_what_is_none(home: Path) -> None:
    measured = (line(0, validation=10.82), line(10, validation=4.5), line(20, validation=4.75))
    written_ago(made(home / "cat", *measured), hours=3)
    written_ago(made(home / "dog", line(1), start={"kind": "book", "seed": 123}), minutes=5)
    (home / "mine\x1b[31m").mkdir()
    result = neglogp("runs")
    assert result.exit_code == 0 and result.stderr == ""
    legend, heading, dog, cat, _, total, _, _, mine = result.stdout.splitlines()
    assert "validation loss in nats" in legend
    assert heading.split() == ["run", "from", "text", "steps", "last", "best", "written", "size"]
    assert cat.split()[:-2] == ["cat", "fresh", "small", "cat.txt", "20/30", "4.750", "4.500", "3", "h"]
    assert dog.split()[:-2] == ["dog", "book", "cat.txt", "1/30", "–", "–", "5", "min"]
    assert total.startswith("2 runs, ") and total.endswith(f"in {home}")
    assert mine.strip() == "mine␛[31m is no run: it holds no run.json"
    assert "\x1b" not in result.stdout


def test_the_list_fits_80_columns_and_cuts_no_runs_name(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    hub: dict[str, str | int] = {"kind": "hub", "id": "somebody/with-a-long-name", "commit": "0" * 40}
    for name in ("cat", AUTOMATIC, "x" * 60):
        made(home / name, line(999_999, validation=10.825), start=hub)
    (home / ("folder" * 30)).mkdir()
    lines = neglogp("runs").stdout.splitlines()
    table = lines[: lines.index("")]
    assert [line for line in lines if cells.cell_len(line) > 80 and str(home) not in line] == []
    assert {"cat", AUTOMATIC, "x" * 60} <= {words[0] for line in table if (words := line.split())}
    figures = [line for line in table if "999,999/999,999" in line]
    assert len(figures) == 3 and len({line.index("999,999/") for line in figures}) == 1
    monkeypatch.setenv("COLUMNS", "130")
    (automatic,) = [line for line in neglogp("runs").stdout.splitlines() if AUTOMATIC in line]
    assert "999,999/999,999" in automatic


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "now"),
        (59, "now"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (86399, "23 h"),
        (86400, "1 d"),
    ],
)
def test_how_long_ago_is_said_in_the_largest_unit_that_fits(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_the_list_as_json(home: Path) -> None:
    folder = made(home / "cat", line(0, validation="nan"))
    written_ago(folder, hours=3)
    (home / "mine").mkdir()
    result = neglogp("runs", "--json")
    record = json.loads(result.stdout)
    assert result.stdout.count("\n") == 1
    assert list(record) == ["schema", "folder", "runs", "no_runs"]
    assert (record["schema"], record["folder"]) == (1, str(home))
    (run,) = record["runs"]
    assert run["name"] == "cat" and run["folder"] == str(folder)
    assert run["start"]["preset"] == "small"
    assert run["validation_nats"] == "nan"
    ago = datetime.now(UTC) - datetime.fromisoformat(run["written"])
    assert timedelta(hours=3) <= ago < timedelta(hours=3, minutes=2)
    assert record["no_runs"] == [
        {"name": "mine", "folder": str(home / "mine"), "reason": "mine is no run: it holds no run.json"}
    ]


def test_where_there_are_no_runs_it_is_said_how_to_make_one(home: Path) -> None:
    result = neglogp("runs")
    assert (result.exit_code, result.stdout) == (0, f"no runs in {home}\n")
    assert "neglogp train FILE --out RUN" in result.stderr


def test_a_runs_page_says_what_it_was_made_from_and_has_its_curve(cat: Path) -> None:
    result = neglogp("runs", "show", "cat")
    assert result.exit_code == 0 and result.stderr == ""
    head, curve = result.stdout.split("loss in nats")
    said = {line[:13].strip(): line[13:] for line in head.splitlines()}
    assert head.startswith("cat\n")
    assert said["folder"] == str(cat)
    assert said["from"].startswith("fresh small, context 16")
    assert said["text"].startswith(f"notes.txt (SHA-256 {runs.read(cat).record.text_sha256[:12]}")
    assert said["steps"] == f"{STEPS} of {STEPS}"
    assert said["checkpoints"] == f"step {STEPS}"
    assert "dropout 0.1" in head and "torch " + torch.__version__ in head
    last = runs.read(cat).results[-1]
    assert curve.splitlines()[4].split()[:3] == [str(STEPS), f"{last.loss:.3f}", f"{last.validation:.3f}"]
    perplexity = f"{math.exp(float(last.validation or 0)):,.0f}"
    assert f"{last.validation:.3f} (perplexity {perplexity}) at step {STEPS}" in curve


def test_a_run_that_went_back_shows_the_steps_to_where_it_stands(home: Path) -> None:
    made(home / "cat", line(0, validation=4.0), line(1, 3.0), line(2, 2.0), line(1, 3.0))
    shown = neglogp("runs", "show", "cat").stdout
    assert "1 of 30 (it went back from step 2)" in shown
    assert "lowest 2.000" not in shown and "3.000 (perplexity 20.1) at step 1" in shown
    result = neglogp("runs", "export", "cat", "--csv", "-")
    assert [row.split(",")[0] for row in result.stdout.splitlines()] == ["step", "0", "1"]
    assert "went back from step 2 to 1" in result.stderr


def test_the_csv_holds_every_figure_of_every_step_with_its_unit(cat: Path, tmp_path: Path) -> None:
    file = tmp_path / "cat.csv"
    result = neglogp("runs", "export", "cat", "--csv", str(file))
    assert (result.exit_code, result.stdout) == (0, "")
    with file.open(newline="", encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    on_file = [json.loads(entry) for entry in (cat / "metrics.jsonl").read_text().splitlines()]
    assert list(rows[0]) == [
        "step", "loss_nats", "evaluation_nats", "validation_nats", "prompt_nats",
        "learning_rate", "gradient_norm", "tokens", "seconds", "kind",
    ]  # fmt: skip
    assert len(rows) == len(on_file) == STEPS + 1
    for row, entry in zip(rows, on_file, strict=True):
        for heading, cell in row.items():
            value = entry.get(heading.removesuffix("_nats"), getattr(StepResult(step=0), heading, None))
            assert (float(cell) if cell else None) == value
    assert neglogp("runs", "export", "cat", "--csv", "-").stdout == file.read_text(encoding="utf-8")
    refused(neglogp("runs", "export", "cat", "--csv", str(file)), "there already")
    refused(neglogp("runs", "export", "cat", "--csv", str(tmp_path)), "Is a directory")


def test_an_exported_model_is_the_runs_to_transformers_and_to_us(cat: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    result = neglogp("runs", "export", "cat", "--model", str(folder))
    assert (result.exit_code, result.stdout) == (0, "")
    assert f"at step {STEPS}" in result.stderr
    ids = torch.arange(16)[None]
    with torch.no_grad():
        ours, theirs = (
            GPT2LMHeadModel.from_pretrained(path).eval()(ids).logits
            for path in (folder, cat / f"checkpoint-{STEPS}")
        )
    assert torch.equal(ours, theirs)
    scores = [neglogp("score", PROMPT, "--model", name, "--csv").stdout for name in ("cat", str(folder))]
    assert scores[0] == scores[1]
    refused(neglogp("runs", "export", "cat", "--model", str(folder)), "there already")


def test_a_renamed_run_is_found_by_its_new_name_and_kept(home: Path, cat: Path) -> None:
    shutil.copytree(cat, home / AUTOMATIC)
    result = neglogp("runs", "rename", AUTOMATIC, "kept")
    assert (result.exit_code, result.stdout) == (0, "")
    for number in range(6):
        made(home / f"explore-{number}")
    runs.drop_old_automatic_runs()
    assert neglogp("score", PROMPT, "--model", "kept").exit_code == 0
    refused(neglogp("runs", "rename", "kept", "explore-5"), "explore-")
    refused(neglogp("runs", "rename", AUTOMATIC, "x"), "is no run")


def test_a_pipe_deletes_only_with_yes(home: Path) -> None:
    folder = made(home / "cat", line(1))
    before = contents(folder)
    refused(neglogp("runs", "delete", "cat", stdin="y\n"), "--yes")
    assert contents(folder) == before
    result = neglogp("runs", "delete", "cat", "--yes")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "neglogp: cat is deleted\n")
    assert not folder.exists()


def test_what_started_from_a_deleted_run_is_named(home: Path) -> None:
    folder = made(home / "cat", line(1), checkpoint=1)
    made(home / "kitten", start={"kind": "folder", "path": str(folder / "checkpoint-1"), "name": "x"})
    result = neglogp("runs", "delete", "./runs/cat", "--yes")
    assert result.exit_code == 0
    assert "cannot be opened any more: kitten" in result.stderr


def test_what_is_no_run_or_is_being_written_is_not_deleted(home: Path) -> None:
    folder = made(home / "cat", line(1))
    (home / "mine").mkdir()
    writer = runs.Run(folder, keep=2)
    refused(neglogp("runs", "delete", "cat", "--yes"), "being written by another process")
    refused(neglogp("runs", "rename", "cat", "dog"), "being written by another process")
    writer.close()
    refused(neglogp("runs", "delete", "mine", "--yes"), "is no run")
    refused(neglogp("runs", "delete", "..", "--yes"), "no name for a run")
    refused(neglogp("runs", "delete", "./runs", "--yes"), "is no run")
    refused(neglogp("runs", "delete", "nobody", "--yes"), "is no run")
    assert sorted(path.name for path in home.iterdir()) == ["cat", "mine"]


@pytest.mark.parametrize(("answer", "code", "left"), [("n", 1, True), ("", 1, True), ("y", 0, False)])
def test_on_a_terminal_it_is_asked_and_only_yes_deletes(
    answer: str, code: int, left: bool, home: Path
) -> None:
    folder = made(home / "cat", line(1))
    theirs, ours = pty.openpty()
    os.write(theirs, answer.encode() + b"\n")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "tui", "runs", "delete", "cat"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=ours, stderr=ours, stdout=subprocess.PIPE, check=False,
    )  # fmt: skip
    os.close(ours)
    said = os.read(theirs, 4096).decode()
    os.close(theirs)
    assert "Delete the run cat, at step 1, " in said and "[y/N]" in said
    assert (done.returncode, done.stdout) == (code, b"")
    assert folder.exists() is left


@pytest.mark.parametrize(
    "args",
    [
        ("nonsense",),
        ("--json", "show", "cat"),
        ("show",),
        ("export", "cat"),
        ("export", "cat", "--csv", "-", "--model", "x"),
        ("rename", "cat"),
        ("delete",),
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2(args: tuple[str, ...], home: Path) -> None:
    result = neglogp("runs", *args)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Usage: neglogp runs")


@pytest.mark.parametrize("command", SUBCOMMANDS)
def test_help_teaches_by_example(command: str) -> None:
    result = neglogp("runs", command, "--help")
    assert result.exit_code == 0
    assert f"\n  neglogp runs {command} " in result.stdout
    assert command in neglogp("runs", "--help").stdout
    assert "runs" in cli.neglogp.commands


def test_the_list_is_there_without_torch(home: Path) -> None:
    assert loaded_by("tui.headless.runs", {"torch", "numpy", "textual"}) == set()
