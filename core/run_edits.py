"""What can be done to a whole run: held still, deleted, renamed. Nothing that is not a run's is touched."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.run_folder import (
    AUTOMATIC,
    RunError,
    Saved,
    foreign,
    locked,
    read,
    read_record,
    run_path,
    runs_folder,
)

_LAST = ("run.json", "lock")  # in this order: until then, what is left is a run, which can be deleted again


@contextmanager
def held(folder: Path) -> Iterator[Saved]:
    """A run that no other process can write as long as this lasts. Raises RunError.

    Its folder comes without links, and a link to a run is none: what it leads to is not to be changed by it.
    """
    if folder.is_symlink():
        raise RunError(f"{folder} is a link to {folder.resolve()}: give the folder itself")
    saved = read(folder.resolve())
    with locked(saved.folder):
        yield saved


def require_nothing_else(folder: Path) -> None:
    """Raise RunError where a run's folder holds what no run has put there."""
    strange = foreign(folder)
    if strange:
        more = f" and {len(strange) - 3} more" if len(strange) > 3 else ""
        raise RunError(
            f"nothing was deleted: {folder} also holds {', '.join(strange[:3])}{more}, "
            "which is not the run's; move that elsewhere first"
        )


def delete(folder: Path) -> None:
    """Delete a run that is held. Links in it are taken away, never followed. Raises RunError."""
    require_nothing_else(folder)
    try:
        with os.scandir(folder) as scan:
            entries = [entry for entry in scan if entry.name not in _LAST]
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                os.unlink(entry.path)
        for name in _LAST:
            (folder / name).unlink(missing_ok=True)
        folder.rmdir()
    except OSError as error:
        raise RunError(f"{folder} could not be deleted as a whole: {error.strerror}") from error


def rename(folder: Path, name: str) -> Path:
    """Give a run that is held another name, in the same place; its new folder. Raises RunError."""
    if "/" in name:
        raise RunError(f"{name!r} is a path: give a name, the run stays in the folder it is in")
    target = folder.with_name(run_path(name).name)
    if name.startswith(AUTOMATIC):
        raise RunError(f"names that start with {AUTOMATIC!r} are the screen's, for runs that it drops")
    if os.path.lexists(target):
        raise RunError(f"there is something called {name} already, in {target.parent}: choose another name")
    started = started_from(folder)
    if started:
        raise RunError(f"nothing was renamed: what {', '.join(started)} started from lies in {folder}")
    try:
        folder.rename(target)
    except OSError as error:
        raise RunError(f"{folder} could not be renamed: {error.strerror}") from error
    return target


def started_from(folder: Path) -> list[str]:
    """The names of the runs, in the runs folder or beside it, that started from a checkpoint of a run."""
    names = set()
    for place in {folder.parent, runs_folder()}:
        for record in place.glob("*/run.json"):
            try:
                start = read_record(record.parent).start
            except RunError:
                continue
            if Path(str(start.get("path", ""))).is_relative_to(folder):
                names.add(record.parent.name)
    return sorted(names)
