"""A run that goes its own way from another: a folder that can be gone on with and gone back in like any."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from core.checkpoint import appearing_new, sync, write_json
from core.interventions import Line
from core.messages import SampleText, StepResult
from core.run_folder import AUTOMATIC, FUTURE, RunError, RunRecord, automatic_name, runs_folder

_NAME_LENGTH = 80  # of the parent's name, at most, in its child's


def child_folder(parent: Path, step: int) -> Path:
    """Where a run goes that leaves another's way after `step`: beside it, under a name that is free.

    The child of a run that nobody named is one that nobody named.
    """
    if parent.name.startswith(AUTOMATIC):
        return runs_folder() / automatic_name()
    name = f"{parent.name[:_NAME_LENGTH]}-from-{step}"
    folder, count = parent.with_name(name), 1
    while folder.exists():
        count += 1
        folder = parent.with_name(f"{name}-{count}")
    return folder


def write_child(
    folder: Path,
    record: RunRecord,
    results: Sequence[StepResult],
    samples: Sequence[SampleText],
    interventions: Iterable[Line],
    future: Sequence[StepResult],
) -> None:
    """The new run's folder with the steps and texts it has in common with its parent, whole or not at all.

    The parent's `future` lies beside them, to be looked at.

    Raises RunError where one stands already.
    """
    if (folder / "run.json").exists():
        raise RunError(f"there is a run in {folder} already: choose another name")
    try:
        with appearing_new(folder) as beside:
            for name, lines in (
                ("metrics.jsonl", results),
                ("samples.jsonl", samples),
                ("interventions.jsonl", interventions),
                (FUTURE, future),
            ):
                file = beside / name
                file.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
                sync(file)
            write_json(beside / "run.json", msgspec.to_builtins(record))
    except OSError as error:
        raise RunError(f"the run folder {folder} cannot be written: {error.strerror}") from error
