"""Usage, help, refusals and what is loaded when."""

import os
import pty
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import msgspec
import pytest

from core.messages import Training
from tests.commands.command import ROOT, loaded_by, neglogp, refused
from tui import cli
from tui.tour.walk import Walk


@pytest.mark.parametrize(
    "args",
    [
        ("nonsense",),
        ("score",),
        ("score", "a cat", "--json", "--csv"),
        ("train",),
        ("train", "notes.txt"),
        ("train", "notes.txt", "--out", "x", "--steps", "0"),
        ("train", "notes.txt", "--out", "x", "--batch", "0"),
        ("train", "notes.txt", "--out", "x", "--context", "1"),
        ("train", "notes.txt", "--out", "x", "--lr", "nan"),
        ("train", "notes.txt", "--out", "x", "--dropout", "1"),
        ("train", "notes.txt", "--out", "x", "--seed", "-1"),
        ("train", "--resume", "x", "--steps", "0"),
        ("train", "--resume", "x", "--lr", "0.1"),
        ("train", "--resume", "x", "--out", "y"),
        ("generate", "a cat", "--tokens", "0"),
        ("generate", "a cat", "--temperature", "-1"),
        ("generate", "a cat", "--top-k", "0"),
        ("generate", "a cat", "--top-p", "0"),
        ("--seed", "-1"),
        ("--engine", ""),
        ("--engine", "ssh 'gpubox"),
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2(args: tuple[str, ...]) -> None:
    result = neglogp(*args)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("Usage: neglogp")


def test_every_setting_of_a_run_is_an_option_with_its_own_default() -> None:
    options = {parameter.name: parameter.default for parameter in cli.neglogp.commands["train"].params}
    settings = {name: getattr(Training(), name) for name in Training.__struct_fields__}
    assert {name: options[name] for name in settings.keys() - {"text", "steps"}} == {
        name: value for name, value in settings.items() if name not in ("text", "steps")
    }


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), Training()),
        (("--model", "book"), Training.for_model("book")),
        (
            ("--model", "book", "--batch", "8", "--steps", "7"),  # 8 is the default of other models
            msgspec.structs.replace(Training.for_model("book"), batch=8, steps=7),
        ),
        (("--steps", "7", "--lr", "0.01"), Training(steps=7, learning_rate=0.01)),
    ],
)
def test_a_run_has_the_settings_of_its_model_but_for_those_given(
    options: tuple[str, ...], expected: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Training] = []
    monkeypatch.setattr(
        "tui.headless.train.train", lambda file, model, training, *rest, **more: asked.append(training)
    )
    assert neglogp("train", "notes.txt", "--out", "x", *options).exit_code == 0
    assert asked == [expected]


def test_the_screen_asks_for_the_settings_of_its_model(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, ...]] = []
    monkeypatch.setattr("tui.app.run", lambda *args: asked.append(args))
    for stream in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(f"tui.cli.sys.{stream}", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setenv("TERM", "xterm")
    explore = cli.neglogp.commands["explore"].callback
    assert explore is not None
    with pytest.raises(SystemExit):
        explore(model="book", compare="tiny", engine=None, seed=7)
    assert asked == [("book", msgspec.structs.replace(Training.for_model("book"), seed=7), None, "tiny")]


def test_the_tour_goes_on_where_it_was_left_unless_it_is_to_begin_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    taken: list[tuple[Any, ...]] = []
    monkeypatch.setattr("tui.app.tour", lambda *args: taken.append(args))
    for stream in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(f"tui.cli.sys.{stream}", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    Walk.from_start().on()
    tour = cli.neglogp.commands["tour"].callback
    assert tour is not None
    for from_start in (False, True):
        with pytest.raises(SystemExit):
            tour(model="tiny", from_start=from_start)
    settings = ("tiny", Training.for_model("tiny"))
    assert [args[:2] for args in taken] == [settings, settings]
    assert [args[2].number for args in taken] == [2, 1]


@pytest.mark.parametrize("command", [None, *sorted(cli.neglogp.commands)])
def test_help_teaches_by_example(command: str | None) -> None:
    result = neglogp(*([command] if command else []), "--help")
    assert result.exit_code == 0
    assert "\n  neglogp " in result.stdout


def test_the_screen_refuses_to_open_without_a_terminal() -> None:
    for args in ((), ("explore",), ("--model", "cat"), ("tour",)):
        refused(neglogp(*args), "terminal", "score", "train", "generate")


def test_the_screen_refuses_to_open_on_a_dumb_terminal() -> None:
    theirs, ours = pty.openpty()
    environment = os.environ | {"TERM": "dumb", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-P", "-m", "tui"]
    done = subprocess.run(command, stdin=ours, stdout=ours, stderr=ours, env=environment, check=False)
    os.close(ours)
    said = os.read(theirs, 4096).decode()
    os.close(theirs)
    assert done.returncode == 1
    assert said.startswith("neglogp: the screen needs a terminal")
    assert "\x1b" not in said


def test_the_commands_are_there_before_torch_textual_and_the_session() -> None:
    late = {
        "torch",
        "numpy",
        "tiktoken",
        "textual",
        "rich",
        "importlib.metadata",
        "core.session",
        "tui.headless",
        "tui.tour",
    }
    assert loaded_by("tui.cli", late) == set()


def test_each_command_is_documented_in_one_line() -> None:
    context = click.Context(cli.neglogp)
    for name in cli.neglogp.list_commands(context):
        assert not cli.neglogp.commands[name].get_short_help_str(60).endswith("...")
