"""The runs of a folder as a list: what each was made from, how far it is, and what else lies there."""

import math
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from core.messages import Real
from core.run_folder import RunError, RunRecord, Saved, read
from core.text import clean

SCHEMA = 1


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A run. Its validation losses are in nats, of the steps up to where it stands; None where none is.

    `start` is what run.json says of the model it was made from, `model` the same in a word or two; `written`
    is when its last step was; `parent` the run it went its own way from, after the step `parent_step`.
    """

    name: str
    folder: str
    model: str
    start: dict[str, str | int]
    text: str
    step: int
    goal: int
    validation_nats: Real | None
    best_validation_nats: Real | None
    best_step: int | None
    written: datetime
    bytes: int
    parent: str | None = None
    parent_step: int | None = None


class NoRun(msgspec.Struct, frozen=True, kw_only=True):
    """A folder that no run can be read from, and the reason in a sentence."""

    name: str
    folder: str
    reason: str


class RunList(msgspec.Struct, frozen=True, kw_only=True):
    """What `neglogp runs --json` prints: the runs, newest first, and the folders that are none, by name."""

    schema: int = SCHEMA
    folder: str
    runs: list[Listed]
    no_runs: list[NoRun]


def listed(folder: Path) -> RunList:
    """The folders in a runs folder; hidden ones and files are left out. Raises RunError."""
    found: list[Listed] = []
    others: list[NoRun] = []
    for entry in _folders(folder):
        try:
            found.append(summary(read(entry)))
        except (RunError, OSError) as error:
            # By its name alone: all of them lie in the same folder.
            reason = clean(str(error).replace(str(entry), entry.name))
            others.append(NoRun(name=clean(entry.name), folder=clean(str(entry)), reason=reason))
    found.sort(key=lambda run: (run.written, run.name), reverse=True)
    return RunList(folder=clean(str(folder)), runs=found, no_runs=others)


def _folders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as scan:
            names = [entry.name for entry in scan if entry.is_dir() and not entry.name.startswith(".")]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunError(f"the runs folder {folder} cannot be read: {error.strerror}") from error
    return [folder / name for name in sorted(names)]


def summary(saved: Saved) -> Listed:
    """A run as it is listed. Raises OSError where it is gone meanwhile."""
    parent = saved.record.parent
    measured = [(r.step, r.validation) for r in saved.done if r.validation is not None]
    best = min(measured, key=lambda point: _or_worst(point[1]), default=None)
    return Listed(
        name=clean(saved.folder.name),
        folder=clean(str(saved.folder)),
        model=origin(saved.record),
        start=saved.record.start,
        text=saved.record.training.text,
        step=saved.position,
        goal=saved.goal,
        validation_nats=measured[-1][1] if measured else None,
        best_validation_nats=best[1] if best else None,
        best_step=best[0] if best else None,
        written=_written(saved.folder),
        bytes=_bytes(saved.folder),
        parent=clean(parent.name) if parent else None,
        parent_step=parent.step if parent else None,
    )


def origin(record: RunRecord) -> str:
    """The model a run was made from: "fresh small", "tiny", an id of the hub, the name of a folder."""
    start = record.start
    kind = str(start.get("kind", "?"))
    if kind == "fresh":
        return f"fresh {start.get('preset', '')}".rstrip()
    if kind == "hub":
        return str(start.get("id", kind))
    if kind != "folder":
        return kind
    path = Path(str(start.get("path", kind)))
    # A checkpoint's own name says nothing without its run's.
    return "/".join(path.parts[-2:]) if path.name.startswith("checkpoint-") else path.name


def _or_worst(loss: Real) -> float:
    """The loss, or infinity for one that is not a number."""
    value = float(loss)
    return math.inf if math.isnan(value) else value


def _written(folder: Path) -> datetime:
    file = folder / "metrics.jsonl"
    seconds = (file if file.exists() else folder / "run.json").stat().st_mtime
    return datetime.fromtimestamp(seconds, UTC)


def _bytes(folder: Path) -> int:
    """What the files in a folder hold; where a link leads to does not count."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # deleted meanwhile, by the run's writer
                total += os.lstat(os.path.join(parent, name)).st_size
    return total
