"""Runs in words: the list of them as a table, and one of them with all it was made from."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from core.messages import Real, SampleText
from core.run_folder import Saved, checkpoints
from core.run_list import Listed, RunList, summary
from core.text import safe
from tui import cells
from tui.formats import Unit, information
from tui.headless.curve import told
from tui.screens.listing import size

_HEADINGS = ("run", "from", "text", "steps", "last", "best", "written", "size")
_WORDS = 3  # of the columns, which stand to the left; numbers to the right
_MOST = 11  # cells of a model's or a text's name
_PARENT = 15  # of the name of the run that one went its own way from, and of the step
_GAP = "  "
_TIE = "\u00a0"  # a space at which no line is broken
_SAID = ("kind", "preset", "id", "name")  # of the start; the model's name says it


def table(found: RunList, now: datetime, width: int) -> Iterator[str]:
    """The runs, one a line of at most `width` cells, and below them the folders that are none.

    No run's name is cut, since it is what one has to type: one that is too long has a line of its own.
    """
    if found.runs:
        yield "last, best: validation loss in nats; written: how long ago"
        yield from _columns([_row(run, now) for run in found.runs], width)
        yield ""
        count = "1 run" if len(found.runs) == 1 else f"{len(found.runs)} runs"
        yield f"{count}, {size(sum(run.bytes for run in found.runs))}, in {safe(found.folder)}"
    else:
        yield f"no runs in {safe(found.folder)}"
    if found.no_runs:
        yield ""
        yield "what else lies there"
    for other in found.no_runs:
        yield textwrap.fill(safe(other.reason), width, initial_indent="  ", subsequent_indent="    ")


def _row(run: Listed, now: datetime) -> list[str]:
    return [
        safe(run.name),
        _short(run.model) if run.parent is None else _short_parent(run.parent, run.parent_step or 0),
        _short(run.text),
        f"{run.step:,}/{run.goal:,}",
        _nats(run.validation_nats),
        _nats(run.best_validation_nats),
        span((now - run.written).total_seconds()),
        size(run.bytes),
    ]


def _columns(rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    widths = [max(map(cells.cell_len, column)) for column in zip(_HEADINGS, *rows, strict=True)]
    rest = sum(widths[1:]) + len(_GAP) * len(widths[1:])
    widths[0] = min(widths[0], max(len(_HEADINGS[0]), width - rest))
    for name, *others in (_HEADINGS, *rows):
        if cells.cell_len(name) > widths[0]:
            yield name
            name = ""
        put = [cells.left] * _WORDS + [cells.right] * (len(widths) - _WORDS)
        line = zip(put, (name, *others), widths, strict=True)
        yield _GAP.join(place(cell, wide) for place, cell, wide in line)


def span(seconds: float) -> str:
    """How long ago: now, 5 min, 3 h, 12 d."""
    minutes = int(seconds // 60)
    if minutes < 1:
        return "now"
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 24 * 60 else f"{minutes // (24 * 60):,} d"


def page(saved: Saved, width: int) -> Iterator[str]:
    """One run: what it was made from, where it stands, and its curve."""
    run, record = summary(saved), saved.record
    settings = msgspec.structs.asdict(saved.training)
    text = settings.pop("text")
    start = {key: value for key, value in run.start.items() if key not in _SAID}
    back = f" (it went back from step {saved.furthest:,})" if saved.furthest > run.step else ""
    yield safe(run.name)
    yield ""
    said = {
        "folder": run.folder,
        "from": _listing({run.model: "", **start}),
        **({"parent": f"{run.parent}, after step {run.parent_step:,}"} if run.parent else {}),
        "text": f"{text} (SHA-256 {record.text_sha256[:12]}…)",
        "settings": _listing(settings),
        "made with": _listing(record.conditions),
        "steps": f"{run.step:,} of {run.goal:,}{back}",
        "checkpoints": ", ".join(f"step {step:,}" for step, _ in checkpoints(saved.folder)) or "none yet",
        "samples": _samples(saved.samples),
        "written": f"{run.written.astimezone():%Y-%m-%d %H:%M:%S}",
        "size": size(run.bytes),
    }
    indent = max(map(len, said)) + len(_GAP)
    for name, words in said.items():
        entry = name.ljust(indent) + safe(words)
        filled = textwrap.fill(entry, width, subsequent_indent=" " * indent, break_on_hyphens=False)
        yield filled.replace(_TIE, " ")
    yield ""
    yield told(saved.done) if saved.done else "no step is done yet"


def _samples(samples: Sequence[SampleText]) -> str:
    return f"{len(samples):,}, the last one at step {samples[-1].step:,}" if samples else "none"


def _listing(said: Mapping[str, object]) -> str:
    return ", ".join(f"{key.replace('_', _TIE)}{_TIE}{value}".rstrip() for key, value in said.items())


def _short_parent(name: str, step: int) -> str:
    """cat@120, however long the name is."""
    at = f"@{step}"
    room = max(1, _PARENT - len(at))
    return cells.left(safe(name), min(room, cells.cell_len(safe(name)))) + at


def _short(name: str) -> str:
    return cells.left(safe(name), min(_MOST, cells.cell_len(safe(name))))


def _nats(loss: Real | None) -> str:
    return information(loss, Unit.NATS, 3)
