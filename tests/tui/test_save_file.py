"""The dialog that asks where to write."""

import asyncio
import os
from pathlib import Path

import pytest

from tests.tui.dialogs import UNANSWERED, Host, burst, painted, press, settled, shown
from tui.screens.confirm import ConfirmScreen
from tui.screens.path_line import PathLine
from tui.screens.save_file import FORMATS, SaveFileScreen


def refused(folder: Path, *cases: tuple[str, str]) -> None:
    """Enter takes none of the paths, and each time says its sentence."""

    async def scenario() -> None:
        async with shown(SaveFileScreen(folder)) as (app, pilot):
            for typed, sentence in cases:
                app.dialog.query_one(PathLine).value = typed
                await press(pilot, "enter")
                assert (app.notice("error").text, app.notice("error").wrong) == (sentence, True)
                assert app.answer is UNANSWERED

    asyncio.run(scenario())


@pytest.mark.parametrize("name", ["a.csv", "b.JSON", "c.d.txt"])
def test_a_new_file_is_answered_at_once(tmp_path: Path, name: str) -> None:
    async def scenario() -> None:
        async with shown(SaveFileScreen(tmp_path, name)) as (app, pilot):
            assert app.notice("error").text == FORMATS[Path(name).suffix.lower()]
            await press(pilot, "enter")
            assert app.answer == tmp_path / name

    asyncio.run(scenario())


def test_a_home_folder_may_be_written_as_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    async def scenario() -> None:
        async with shown(SaveFileScreen(tmp_path, "a.csv")) as (app, pilot):
            assert app.dialog.query_one(PathLine).value == "~/a.csv"
            await press(pilot, "enter")
            assert app.answer == tmp_path / "a.csv"

    asyncio.run(scenario())


def test_an_unknown_suffix_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    end = "end it in .csv, .json or .txt"
    refused(
        tmp_path,
        ("a.xls", f".xls is no format known here; {end}"),
        ("a.[b]", f".[b] is no format known here; {end}"),
        ("a", f"the name has no suffix; {end}"),
        ("", f"the name has no suffix; {end}"),
    )


def test_a_place_where_no_file_can_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "d.csv").mkdir()
    os.mkfifo(tmp_path / "p.csv")
    long = "x" * 300 + ".csv"
    refused(
        tmp_path,
        (f"{tmp_path}/no/a.csv", f"there is no folder {tmp_path}/no"),
        ("/[/b]/a.csv", "there is no folder /[/b]"),
        (f"{tmp_path}/file/a.csv", f"{tmp_path}/file is no folder"),
        (f"{tmp_path}/d.csv", f"{tmp_path}/d.csv is a directory; give the name of a file"),
        (f"{tmp_path}/p.csv", f"{tmp_path}/p.csv is a pipe; give the name of a file"),
        (f"{tmp_path}/{long}", f"{tmp_path}/{long} cannot be written: file name too long"),
    )


def test_what_may_not_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "old.csv").write_text("x")
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write whatever its mode says
    refused(
        tmp_path,
        (f"{tmp_path}/a.csv", f"nothing can be written in {tmp_path}: permission denied"),
        (f"{tmp_path}/old.csv", f"{tmp_path}/old.csv cannot be written: permission denied"),
    )


def test_an_existing_file_is_overwritten_only_after_a_yes(tmp_path: Path) -> None:
    (tmp_path / "[/b]\x1b.csv").mkdir(parents=True) if False else None
    old = tmp_path / "o[b]\x1b\n.csv"
    old.write_text("x" * 1234)

    async def asked(app: Host) -> None:
        assert isinstance(app.screen, ConfirmScreen)
        assert "Overwrite o[b]␛↵.csv?" in painted(app)
        assert "The 1.2 kB that are in it now are lost." in painted(app)

    async def scenario() -> None:
        async with shown(SaveFileScreen(tmp_path, old.name)) as (app, pilot):
            await press(pilot, "enter")
            await asked(app)
            await press(pilot, "escape")
            assert app.screen is app.dialog
            assert app.answer is UNANSWERED
            await pilot.click("#accept")
            await settled(pilot)
            await asked(app)
            await press(pilot, "enter")
            assert app.answer == old

    asyncio.run(scenario())
    assert old.read_text() == "x" * 1234


def test_keys_in_one_read_are_taken_in_their_order(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with shown(SaveFileScreen(tmp_path, "a.csv")) as (app, pilot):
            typed = f"{tmp_path}/cat"
            await burst(pilot, "ctrl+u", *typed, "x", "backspace", *".txt", "enter", "ctrl+u", "x")
            assert app.answer == tmp_path / "cat.txt"

    asyncio.run(scenario())


def test_a_second_enter_in_one_read_does_not_answer_the_question_it_was_typed_before(tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()

    async def scenario() -> None:
        async with shown(SaveFileScreen(tmp_path, "a.csv")) as (app, pilot):
            await burst(pilot, "enter", "enter", "y", "n", "escape")
            assert isinstance(app.screen, ConfirmScreen)
            assert app.answer is UNANSWERED
            await press(pilot, "enter")
            assert app.answer == tmp_path / "a.csv"

    asyncio.run(scenario())


def test_escape_answers_with_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with shown(SaveFileScreen(tmp_path)) as (app, pilot):
            await press(pilot, "escape")
            assert app.answer is None

    asyncio.run(scenario())
