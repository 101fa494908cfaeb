"""`neglogp runs`: the runs on disk, listed, shown, exported, deleted and renamed."""

import csv
import io
import json
import shlex
import shutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from core import run_edits
from core.messages import StepResult
from core.run_folder import Saved, read, run_path, runs_folder
from core.run_list import listed, summary
from core.text import safe
from tui.headless.event_files import EventFiles
from tui.headless.run_table import page, table
from tui.headless.talk import STDIN, note
from tui.screens.listing import size

_PIPED = (100, 24)  # columns and lines where there is no terminal to ask
_NATS = ("loss", "evaluation", "validation", "prompt")


def show_all(*, as_json: bool) -> None:
    """Print the list of the runs. Raises ValueError."""
    found = listed(runs_folder())
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(found), allow_nan=False))
        return
    for line in table(found, datetime.now(UTC), _width()):
        click.echo(line)
    if not found.runs:
        note("the screen saves one as soon as it trains, and neglogp train FILE --out RUN makes one")


def show(name: str) -> None:
    """Print what a run was made from, and its curve. Raises ValueError."""
    for line in page(read(run_path(name)), _width()):
        click.echo(line)


def export_csv(name: str, file: str) -> None:
    """Write a run's steps to a new file, or to stdout with "-". Raises ValueError."""
    saved = read(run_path(name))
    data = metrics(saved.done)
    _say_what_is_left_out(saved)
    if file == STDIN:
        click.echo(data, nl=False)
        return
    path = Path(file).expanduser()
    _write_new(path, data)
    click.echo(f"{safe(str(path))} is written, one line a step, up to step {saved.position:,}", err=True)


def export_events(name: str, folder: str) -> None:
    """Write a run's steps as TensorBoard event files into a new folder. Raises ValueError."""
    saved, path = read(run_path(name)), Path(folder).expanduser()
    if path.exists() or path.is_symlink():
        raise ValueError(f"{path} is there already: choose a folder that is not there yet")
    files = EventFiles(path)
    _say_what_is_left_out(saved)
    at = (saved.folder / "run.json").stat().st_mtime
    for result in saved.done:
        at += result.seconds
        files.add(result, at)
    files.close()
    click.echo(
        f"{safe(str(path))} is written, up to step {saved.position:,}\n"
        f"look at it with: tensorboard --logdir {shlex.quote(str(path))}",
        err=True,
    )


def _say_what_is_left_out(saved: Saved) -> None:
    if saved.furthest > saved.position:
        went = f"from step {saved.furthest:,} to {saved.position:,}"
        note(f"the run went back {went}: the steps between are left out")


def metrics(results: Sequence[StepResult]) -> bytes:
    """Steps as CSV in UTF-8, one a line; what was not measured is empty, what is not finite a word."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = StepResult.__struct_fields__
    writer.writerow(f"{name}_nats" if name in _NATS else name for name in names)
    writer.writerows([getattr(result, name) for name in names] for result in results)
    return text.getvalue().encode()


def _write_new(path: Path, data: bytes) -> None:
    """Write a file that is not there yet, or into a pipe or device. Raises ValueError."""
    try:
        with path.open("xb" if path.is_file() or not path.exists() else "wb") as file:
            file.write(data)
    except FileExistsError:
        raise ValueError(
            f"{path} is there already: choose another name, or write over it with - > FILE"
        ) from None
    except OSError as error:
        raise ValueError(f"{path} cannot be written: {error.strerror}") from error


def export_model(name: str, folder: str) -> None:
    """Write the model a run stands at into a new folder. Raises ValueError."""
    from core.run_export import export_model as export  # torch, which nothing else here takes

    path = Path(folder).expanduser()
    checkpoint = export(run_path(name), path)
    step = checkpoint.name.removeprefix("checkpoint-")
    click.echo(f"{safe(str(path))} is written: the model of {safe(name)} at step {step}", err=True)


def delete(name: str, *, yes: bool) -> None:
    """Delete a run, once a person has said so; `yes` says so already. Raises ValueError where it stays."""
    if not (yes or (sys.stdin.isatty() and sys.stderr.isatty())):
        raise ValueError("nothing was deleted: there is no terminal to ask on, so give --yes if you are sure")
    with run_edits.held(run_path(name)) as saved:
        run_edits.require_nothing_else(saved.folder)
        if started := run_edits.started_from(saved.folder):
            note(f"without it, what started from it cannot be opened any more: {', '.join(started)}")
        question = f"Delete the run {safe(name)}, at step {saved.position:,}, {size(summary(saved).bytes)}?"
        if not (yes or click.confirm(question, err=True)):
            raise ValueError("nothing was deleted")
        run_edits.delete(saved.folder)
    note(f"{name} is deleted")


def rename(name: str, new: str) -> None:
    """Give a run another name. Raises ValueError."""
    with run_edits.held(run_path(name)) as saved:
        run_edits.rename(saved.folder, new)
    note(f"{name} is called {new} now")


def _width() -> int:
    return shutil.get_terminal_size(_PIPED).columns
