"""A run deleted or renamed as a whole, and everything that is no run's, or is in use, left as it is."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from core import run_edits
from core.run_folder import RunError, locked, read
from core.runs import Run
from tests.core.run_folders import contents, line, made


@pytest.fixture
def cat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run in the runs folder, with a checkpoint."""
    monkeypatch.setenv("NEGLOGP_RUNS", str(tmp_path / "runs"))
    return made(tmp_path / "runs" / "cat", line(0), line(3), checkpoint=3)


def delete(folder: Path) -> None:
    with run_edits.held(folder) as saved:
        run_edits.delete(saved.folder)


def rename(folder: Path, name: str) -> Path:
    with run_edits.held(folder) as saved:
        return run_edits.rename(saved.folder, name)


def as_dog(folder: Path) -> object:
    return rename(folder, "dog")


both = pytest.mark.parametrize("edit", [delete, as_dog])


def test_a_run_is_deleted_with_all_a_writer_puts_there(cat: Path) -> None:
    other = made(cat.parent / "other")
    for name in ("interventions.jsonl", "recording.bin", ".run.json.77.partial"):
        (cat / name).write_text("x")
    (cat / "snapshots").mkdir()
    (cat / "snapshots" / "7.safetensors").write_text("x")
    delete(cat)
    assert list(cat.parent.iterdir()) == [other]


def test_links_in_a_run_are_taken_away_and_never_followed(cat: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "precious").write_text("x")
    (cat / "snapshots").symlink_to(mine)
    (cat / "checkpoint-7").symlink_to(mine)
    (cat / "checkpoint-3" / "inner").symlink_to(mine)
    delete(cat)
    assert not cat.exists()
    assert contents(mine) == {"precious": b"x"}


@both
def test_a_link_to_a_run_is_no_run_folder(edit: Callable[[Path], object], cat: Path) -> None:
    link = cat.parent / "link"
    link.symlink_to(cat)
    before = contents(cat)
    with pytest.raises(RunError, match=r"is a link to .*cat"):
        edit(link)
    assert contents(cat) == before
    assert link.is_symlink()


@both
def test_a_folder_that_is_no_run_is_left_alone(edit: Callable[[Path], object], tmp_path: Path) -> None:
    for content in (None, "{", '{"schema": 1}'):
        folder = tmp_path / "mine"
        folder.mkdir(exist_ok=True)
        if content:
            (folder / "run.json").write_text(content)
        before = contents(folder)
        with pytest.raises(RunError, match=r"run\.json"):
            edit(folder)
        assert contents(folder) == before


@both
def test_a_run_that_is_being_written_is_left_alone(edit: Callable[[Path], object], cat: Path) -> None:
    before = contents(cat)
    writer = Run(cat, keep=2)
    with pytest.raises(RunError, match="written by another process"):
        edit(cat)
    writer.close()
    assert contents(cat) == before
    edit(cat)
    assert not cat.exists()


def test_nobody_can_write_a_run_that_is_held(cat: Path) -> None:
    with run_edits.held(cat), pytest.raises(RunError, match="written by another process"):
        Run(cat, keep=2)
    Run(cat, keep=2).close()


def test_a_lock_that_is_a_link_makes_no_file_elsewhere(cat: Path, tmp_path: Path) -> None:
    (cat / "lock").unlink()
    (cat / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError, match="cannot be written"):
        locked(cat)
    assert not (tmp_path / "elsewhere").exists()


def test_a_run_in_a_folder_with_other_things_is_not_deleted(cat: Path) -> None:
    (cat / "thesis.txt").write_text("x")
    (cat / "checkpoint-3.old").mkdir()
    before = contents(cat)
    with pytest.raises(
        RunError, match=r"nothing was deleted: .* holds checkpoint-3\.old, thesis\.txt, which"
    ):
        delete(cat)
    assert contents(cat) == before


def test_a_run_whose_deletion_broke_off_is_still_a_run_to_delete(
    cat: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", fails)
        with pytest.raises(RunError, match="could not be deleted as a whole: Permission denied"):
            delete(cat)
    assert read(cat).folder == cat
    delete(cat)
    assert not cat.exists()


def test_a_run_is_renamed_where_it_lies(cat: Path, tmp_path: Path) -> None:
    before = contents(cat)
    dog = rename(cat, "dog")
    assert dog == cat.parent / "dog"
    assert contents(dog) == before
    assert not cat.exists()
    elsewhere = made(tmp_path / "elsewhere" / "explore-1")
    assert rename(elsewhere, "kept") == tmp_path / "elsewhere" / "kept"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a b", "no name for a run"),
        ("../cat2", "is a path"),
        ("explore-mine", "the screen's"),
        ("empty", "already"),
        ("file", "already"),
        ("link", "already"),
    ],
)
def test_a_name_that_cannot_be_given_is_refused(name: str, words: str, cat: Path) -> None:
    (cat.parent / "empty").mkdir()
    (cat.parent / "file").write_text("")
    (cat.parent / "link").symlink_to("nowhere")
    with pytest.raises(RunError, match=words):
        rename(cat, name)
    assert sorted(path.name for path in cat.parent.iterdir()) == ["cat", "empty", "file", "link"]


def test_a_run_others_started_from_keeps_its_name(cat: Path, tmp_path: Path) -> None:
    start: dict[str, str | int] = {
        "kind": "folder",
        "path": str(cat / "checkpoint-3"),
        "name": "checkpoint-3",
    }
    made(cat.parent / "kitten", start=start)
    made(cat.parent / "stranger")
    (cat.parent / "broken").mkdir()
    (cat.parent / "broken" / "run.json").write_text("{")
    assert run_edits.started_from(cat) == ["kitten"]
    with pytest.raises(RunError, match="what kitten started from"):
        rename(cat, "dog")
    assert cat.exists()
