"""The dialog that opens a file."""

import asyncio
import os
import threading
from pathlib import Path

import pytest
from textual.widgets import Static

from core.text import safe
from tests.tui.dialogs import UNANSWERED, Host, burst, painted, press, settled, shown
from tui.screens import listing, open_file
from tui.screens.choice import Choice
from tui.screens.listing import Listing, completion, matching, size
from tui.screens.open_file import Opened, OpenFileScreen, Purpose
from tui.screens.path_line import PathLine
from tui.textfile import TextFile

HOSTILE = "[b]\x1b[31m\n\u202e.txt"
HOSTILE_SHOWN = "[b]␛[31m↵<U+202E>.txt"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("story.txt", "stone.txt", ".hidden", HOSTILE):
        (tmp_path / name).write_text("The fat cat")
    (tmp_path / "runs").mkdir()
    (tmp_path / "[").mkdir()
    (tmp_path / "[" / "b]").write_text("sat on the mat")
    return tmp_path


def names(app: Host) -> list[str]:
    assert isinstance(app.dialog, OpenFileScreen)
    return [entry.shown for entry in app.dialog.listing.entries]


def path_line(app: Host) -> PathLine:
    return app.dialog.query_one(PathLine)


def test_a_folder_lists_its_folders_first_and_hidden_files_only_when_asked(folder: Path) -> None:
    assert [entry.name for entry in matching(folder, "").entries] == [
        "[",
        "runs",
        HOSTILE,
        "stone.txt",
        "story.txt",
    ]
    assert [entry.name for entry in matching(folder, ".").entries] == [".hidden"]
    assert [entry.name for entry in matching(folder, "STO").entries] == ["stone.txt", "story.txt"]
    assert [entry.size for entry in matching(folder, "sto").entries] == [11, 11]
    assert [entry.size for entry in matching(folder, "runs").entries] == [None]


def test_a_large_folder_is_read_in_part_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "SHOWN_AT_MOST", 3)
    for name in "edcba":
        (tmp_path / name).touch()
    assert [entry.name for entry in matching(tmp_path, "").entries] == ["a", "b", "c"]
    assert matching(tmp_path, "").more
    monkeypatch.setattr(listing, "_NAMES_AT_MOST", 2)
    assert len(matching(tmp_path, "").entries) == 2
    assert matching(tmp_path, "").more

    async def scenario() -> None:
        async with shown(OpenFileScreen(tmp_path)) as (app, _):
            assert app.notice("error").text == "the first 2 entries; type more of the name for others"

    asyncio.run(scenario())


def test_links_that_lead_nowhere_and_pipes_are_listed_without_a_size(tmp_path: Path) -> None:
    os.symlink(tmp_path / "nowhere", tmp_path / "link")
    os.mkfifo(tmp_path / "pipe")
    assert [(entry.name, entry.size) for entry in matching(tmp_path, "").entries] == [
        ("link", None),
        ("pipe", None),
    ]


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (20_479, "20.5 kB"),
        (999_960, "1.0 MB"),
        (5 * 10**13, "50 TB"),
    ],
)
def test_sizes_are_short(count: int, text: str) -> None:
    assert size(count) == text


def test_completion_is_the_longest_common_beginning(folder: Path) -> None:
    assert completion(matching(folder, "S"), "S") == "sto"
    assert completion(matching(folder, "sto"), "sto") is None
    assert completion(matching(folder, "zzz"), "zzz") is None


def test_tab_completes_as_far_as_it_can_and_then_goes_on(folder: Path) -> None:
    async def scenario() -> None:
        async with shown(OpenFileScreen(folder)) as (app, pilot):
            await press(pilot, "s", "tab")
            assert path_line(app).value == f"{folder}/sto"
            assert names(app) == ["stone.txt", "story.txt"]
            await press(pilot, "r", "tab")
            assert path_line(app).value == f"{folder}/story.txt"
            await press(pilot, "tab")
            assert app.dialog.focused is app.dialog.query_one(Choice)
            await press(pilot, "right")
            assert app.notice("explained").text == "its first 20,000 characters"
            await press(pilot, "tab")
            assert app.dialog.focused is app.dialog.query_one("#path")

    asyncio.run(scenario())


def test_keys_in_one_read_are_taken_in_their_order(folder: Path) -> None:
    async def scenario(*keys: str) -> None:
        async with shown(OpenFileScreen(folder)) as (app, pilot):
            await burst(pilot, *keys, "ctrl+u", "x")
            assert isinstance(app.answer, Opened)
            assert app.answer.path == folder / "story.txt"

    asyncio.run(scenario(*"story.txt", "enter"))
    asyncio.run(scenario("ctrl+u", *f"{folder}/stox", "backspace", *"ry.txt", "enter"))
    asyncio.run(scenario("up", "enter"))


def test_tab_faster_than_the_disk_completes_what_stands_there_once_it_is_listed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(*keys: str, value: str) -> None:
        go_on = threading.Event()

        def slow(where: Path, typed: str) -> Listing:
            assert go_on.wait(30)
            return matching(where, typed)

        async with shown(OpenFileScreen(folder)) as (app, pilot):
            monkeypatch.setattr(open_file, "matching", slow)
            for key in keys:
                await pilot.press(key)
            assert path_line(app).value == f"{folder}/{''.join(keys).replace('tab', '')}"
            go_on.set()
            await settled(pilot)
            assert path_line(app).value == f"{folder}/{value}"
            assert app.dialog.focused is path_line(app)

    asyncio.run(scenario(*"stor", "tab", value="story.txt"))
    asyncio.run(scenario(*"sto", "tab", "r", value="stor"))


def test_tab_and_enter_go_into_folders_and_the_typed_path_is_opened(folder: Path) -> None:
    async def scenario() -> None:
        async with shown(OpenFileScreen(folder)) as (app, pilot):
            await press(pilot, "[")
            await press(pilot, "backspace", *"run", "tab")
            assert path_line(app).value == f"{folder}/runs/"
            assert app.notice("error").text == "this folder has nothing to show"
            path_line(app).value = f"{folder}/["
            await press(pilot, "enter")
            assert (path_line(app).value, names(app)) == (f"{folder}/[/", ["b]"])
            path_line(app).value = f"{folder}/[/b]"
            await press(pilot, "enter")
            assert app.answer == Opened(
                path=folder / "[" / "b]", name="b]", text="sat on the mat", purpose=Purpose.TRAINING
            )

    asyncio.run(scenario())


def test_a_hostile_name_is_shown_safely_and_opened_exactly(folder: Path) -> None:
    async def choose(*keys: str) -> None:
        async with shown(OpenFileScreen(folder)) as (app, pilot):
            assert HOSTILE_SHOWN in painted(app)
            assert "\x1b" not in painted(app)
            assert "\u202e" not in painted(app)
            await press(pilot, *keys)
            assert isinstance(app.answer, Opened)
            assert (app.answer.path, app.answer.name) == (folder / HOSTILE, HOSTILE_SHOWN)

    asyncio.run(choose("down", "down", "down", "enter"))
    asyncio.run(choose("[", "b", "tab", "enter"))


def test_a_hostile_folder_is_gone_into_exactly(tmp_path: Path) -> None:
    inner = tmp_path / "a\x1b\n" / "b\x07"
    inner.mkdir(parents=True)
    (inner / "cat").write_text("The fat cat")

    async def scenario() -> None:
        async with shown(OpenFileScreen(tmp_path)) as (app, pilot):
            await press(pilot, "tab", "tab", *"ca", "tab")
            assert path_line(app).value == f"{tmp_path}/a␛↵/b␇/cat"
            await press(pilot, "enter")
            assert isinstance(app.answer, Opened)
            assert app.answer.path == inner / "cat"

    asyncio.run(scenario())


def test_a_name_that_is_no_utf8_is_opened(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/caf\xe9"
    Path(os.fsdecode(raw)).write_text("The fat cat")

    async def scenario() -> None:
        async with shown(OpenFileScreen(tmp_path)) as (app, pilot):
            await press(pilot, "down", "enter")
            assert isinstance(app.answer, Opened)
            assert (os.fsencode(app.answer.path), app.answer.name) == (raw, safe(os.fsdecode(b"caf\xe9")))

    asyncio.run(scenario())


def test_the_mouse_chooses_and_opens(folder: Path) -> None:
    async def scenario() -> None:
        async with shown(OpenFileScreen(folder)) as (app, pilot):
            await pilot.click("#entries", offset=(15, 1))  # runs/
            await settled(pilot)
            assert path_line(app).value == f"{folder}/runs/"
            path_line(app).value = f"{folder}/s"
            await settled(pilot)
            await pilot.click("#purpose", offset=(20, 0))
            await pilot.click("#entries", offset=(15, 1))  # story.txt
            await settled(pilot)
            assert isinstance(app.answer, Opened)
            assert (app.answer.path.name, app.answer.purpose) == ("story.txt", Purpose.PROMPT)

    asyncio.run(scenario())


def test_errors_are_said_in_place_and_nothing_is_closed(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    cases = [
        (f"{folder}/none", f"there is nothing at {folder}/none"),
        (f"{folder}/[/none]", f"there is nothing at {folder}/[/none]"),
        (f"{folder}/pipe", f"{folder}/pipe is a pipe, not a file of text"),
        (f"{folder}/story.txt/x", f"{folder}/story.txt/x leads through something that is no directory"),
        (f"{folder}/", "type or choose a file"),
    ]

    async def scenario() -> None:
        async with shown(OpenFileScreen(folder)) as (app, pilot):
            for typed, sentence in cases:
                path_line(app).value = typed
                await press(pilot, "enter")
                assert (app.notice("error").text, app.notice("error").wrong) == (sentence, True)
            path_line(app).value = f"{folder}/no/"
            await settled(pilot)
            assert (app.notice("error").text, app.notice("error").wrong) == (
                f"there is nothing at {folder}/no",
                True,
            )
            path_line(app).value = f"{folder}/zzz"
            await settled(pilot)
            assert app.notice("error").text == "nothing here begins with that"
            assert app.answer is UNANSWERED
            await press(pilot, "escape")
            assert app.answer is None

    asyncio.run(scenario())


def test_a_prompt_is_cut_to_its_first_characters_and_says_so() -> None:
    file = TextFile(text="x" * 20_001, notes=("a note",))
    cut = open_file.opened(Path("/a/story"), file, Purpose.PROMPT)
    assert cut.text == "x" * 20_000
    assert cut.notes == ("a note", "only the first 20,000 of its 20,001 characters were taken")
    whole = open_file.opened(Path("/a/story"), file, Purpose.TRAINING)
    assert (whole.text, whole.notes, whole.name) == (file.text, ("a note",), "story (file)")
    assert open_file.opened(Path("b"), TextFile(text="x" * 20_000), Purpose.PROMPT).notes == ()


def test_with_one_purpose_there_is_nothing_to_choose(folder: Path) -> None:
    async def scenario() -> None:
        async with shown(OpenFileScreen(folder, [Purpose.PROMPT])) as (app, pilot):
            assert not app.dialog.query(Choice)
            assert app.notice("explained").text == "its first 20,000 characters"
            await press(pilot, *"stor", "tab", "enter")
            assert isinstance(app.answer, Opened)
            assert app.answer.purpose is Purpose.PROMPT

    asyncio.run(scenario())


def test_a_long_reading_leaves_the_dialog_alive_and_can_be_called_off(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def slow(path: Path) -> TextFile:
        assert go_on.wait(30)
        return TextFile(text="late")

    monkeypatch.setattr(open_file, "load_text_file", slow)

    async def scenario() -> None:
        async with shown(OpenFileScreen(folder)) as (app, pilot):
            path_line(app).value = f"{folder}/story.txt"
            await settled(pilot)
            await pilot.press("enter")
            await pilot.pause()
            assert app.notice("error").text == "reading…"
            await pilot.press("escape")
            await pilot.pause()
            assert app.answer is None
            go_on.set()
            await settled(pilot)
            assert app.answer is None

    asyncio.run(scenario())


class Lingering(Static):
    """A widget that is long in going away."""

    def __init__(self) -> None:
        super().__init__()
        self.let = asyncio.Event()

    async def on_unmount(self) -> None:
        await self.let.wait()


@pytest.mark.parametrize(("name", "key"), [("matching", "s"), ("load_text_file", "enter")])
def test_what_comes_from_the_disk_while_the_dialog_closes_is_let_be(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, key: str
) -> None:
    go_on = threading.Event()
    real = getattr(open_file, name)

    def slow(*arguments: object) -> object:
        assert go_on.wait(30)
        return real(*arguments)

    async def scenario() -> None:
        async with shown(OpenFileScreen(folder)) as (app, pilot):
            path_line(app).value = f"{folder}/story.txt"
            lingering = Lingering()
            await app.dialog.mount(lingering)
            await settled(pilot)
            monkeypatch.setattr(open_file, name, slow)
            await pilot.press(key)
            app.dialog.dismiss()
            try:
                async with asyncio.timeout(10):
                    while app.dialog.query("#entries"):
                        await asyncio.sleep(0)
                go_on.set()
                await app.workers.wait_for_complete()
            finally:
                lingering.let.set()
            await settled(pilot)
            assert app.answer is None
            assert len(app.screen_stack) == 1

    asyncio.run(scenario())


class Leaving(OpenFileScreen):
    """Its last work comes back from the disk when its own widgets have gone and it has not."""

    CSS_PATH = [Path(open_file.__file__).with_name(str(name)) for name in OpenFileScreen.CSS_PATH]

    def __init__(self, folder: Path, go_on: threading.Event) -> None:
        super().__init__(folder)
        self.go_on = go_on
        self.found_gone = False

    async def on_unmount(self) -> None:
        self.found_gone = not self.query("#entries")
        self.go_on.set()
        async with asyncio.timeout(10):
            await self.workers.wait_for_complete()


def test_a_list_that_comes_while_the_program_ends_is_let_be(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def slow(where: Path, typed: str) -> Listing:
        assert go_on.wait(30)
        return matching(where, typed)

    dialog = Leaving(folder, go_on)

    async def scenario() -> None:
        async with shown(dialog) as (app, pilot):
            path_line(app).value = f"{folder}/story.txt"
            await settled(pilot)
            monkeypatch.setattr(open_file, "matching", slow)
            await pilot.press("s")

    asyncio.run(scenario())
    assert dialog.found_gone
