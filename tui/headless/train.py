"""`neglogp train`: a run from a file to a folder, or on from a folder."""

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import click
import msgspec

from core import messages as m
from core import runs
from core.allocator import keep_freed_memory
from core.recorder import Recorder
from core.session import Session
from core.text import safe
from core.texts import STORY
from tui.headless.curve import told
from tui.headless.event_files import EventFiles
from tui.headless.interrupts import Interrupts
from tui.headless.progress import ProgressLine
from tui.headless.talk import note
from tui.headless.weights import weights
from tui.textfile import load_text_file


class Beside(NamedTuple):
    """What goes on beside a run and changes nothing of it.

    `prompt` is a text whose loss is followed, `samples` says when the model writes one, `tensorboard` is a
    folder for event files.
    """

    prompt: str | None
    samples: m.SampleEvery
    tensorboard: str | None


def train(
    file: str,
    model: str,
    training: m.Training,
    out: str,
    beside: Beside,
    *,
    fit: bool,
) -> None:
    """Train a model on a file into the new run `out`.

    `fit` shortens the context to what the model has. Raises ValueError: what
    is wrong, or why the run ended before its last step.
    """
    _require_not_automatic(out)
    of = weights(model)
    training = of.fitting(training) if fit else training
    with Interrupts() as interrupts, _Run(interrupts, name=out) as run:
        training = msgspec.structs.replace(training, text=run.take_in(file))
        run.session.open(m.Open(model=of.opens, training=training))
        run.go(training.steps, beside)


def resume(
    name: str,
    file: str | None,
    steps: int | None,
    beside: Beside,
    *,
    out: str | None,
    changed: Mapping[str, Any],
) -> None:
    """Go on with a run where it stands, to its last step or for `steps` more. Raises as `train` does.

    `file` hands its text over once more, for a machine that does not have it. With settings that `changed` it
    goes on as the new run `out`, and the run itself stays as it is.
    """
    if out is not None:
        _require_not_automatic(out)
        if (runs.run_path(out) / "run.json").exists():
            raise ValueError(f"there is a run in {runs.run_path(out)} already: choose another name")
    folder = runs.run_path(name)
    runs.read(folder)  # a folder that is no run would open as a model to start a new one from
    with Interrupts() as interrupts, _Run(interrupts, name=name if out is None else out) as run:
        if file is not None:
            run.take_in(file)
        state = run.session.open(m.Open(model=str(folder.resolve())))
        if changed:
            training = msgspec.structs.replace(state.training, **changed)
            run.session.fork()
            state = run.session.change_settings(m.ChangeSettings(training=training))
        if state.warning:
            note(state.warning)
        if steps is None and state.step >= state.goal:
            raise ValueError(f"all {state.goal:,} steps of {name} are done: with --steps N it trains N more")
        run.go(state.goal - state.step if steps is None else steps, beside)


def _require_not_automatic(name: str) -> None:
    if name.startswith(runs.AUTOMATIC):
        raise ValueError(f"names that start with {runs.AUTOMATIC!r} are the screen's, for runs that it drops")


class _Run:
    """A session that trains into a folder, with a line that tells how far it is."""

    def __init__(self, interrupts: Interrupts, *, name: str) -> None:
        self._name = name
        self._folder = runs.run_path(name)
        self._interrupts = interrupts
        self._progress = ProgressLine(sys.stderr)
        self._events: EventFiles | None = None
        keep_freed_memory()
        self.session = Session(
            emit=self._happened,
            between=lambda: None,
            interrupted=lambda: interrupts.asked,
            recorder=Recorder(folder=self._folder, strict=True),
            snapshot_bytes=0,  # nobody goes back here
        )

    def __enter__(self) -> "_Run":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.session.close()  # also of a run that was opened and not gone on with: its folder is locked

    def _happened(self, event: m.AnyEvent) -> None:
        self._progress.happened(event)
        if self._events is not None and isinstance(event, m.Stepped):
            for result in event.results:
                self._events.add(result)

    def take_in(self, file: str) -> str:
        """Hand a file over to the session; the name to train on it under. Raises TextFileError."""
        path = Path(file)
        if file == STORY and not path.exists():
            return STORY
        loaded = load_text_file(path)
        for line in loaded.notes:
            note(f"{path}: {line}")
        name = path.name if path.name != STORY else f"./{STORY}"  # that name alone is the built-in text's
        text = loaded.text
        for start in range(0, len(text), m.UPLOAD_CHUNK):
            end = start + m.UPLOAD_CHUNK
            piece = m.Upload(name=name, text=text[start:end], first=start == 0, last=end >= len(text))
            self.session.upload(piece)
        return name

    def go(self, steps: int, beside: Beside) -> None:
        """Train, save, and print the curve. Raises ValueError where the run ended before its last step."""
        session = self.session
        if (
            beside.prompt is not None
            and not session.score(m.Score(text=beside.prompt, top_k=1)).summary.scored
        ):
            raise ValueError("there is nothing to score in --prompt: it needs at least two tokens")
        if beside.tensorboard is not None:
            done = [
                result
                for result in session.history(m.History()).results
                if result.step <= session.status().step
            ]
            self._events = EventFiles(Path(beside.tensorboard).expanduser(), done)
        session.sample_every(beside.samples)
        goal = self._progress.goal = session.status().step + steps
        session.run(m.Run(steps=steps))
        try:
            while session.running and not self._interrupts.asked:
                session.advance()
        finally:
            self._progress.end()
            state = session.status()
            session.close()
            if self._events is not None:
                self._events.close()
        results = session.history(m.History()).results
        if results:
            click.echo(told(results))
        again = f"neglogp train --resume {shlex.quote(self._name)}"
        if state.step >= goal:
            if state.warning:
                note(state.warning)
            click.echo(
                f"saved in {safe(str(runs.newest_checkpoint(self._folder)))}\n"
                f"look at it with: neglogp --model {shlex.quote(self._name)}",
                err=True,
            )
        elif self._interrupts.asked and not results:
            raise ValueError("stopped before the first step: nothing was written")
        elif self._interrupts.asked:
            raise ValueError(f"stopped after step {state.step:,} of {goal:,} and saved; go on with: {again}")
        else:
            raise ValueError(f"the run ended at step {state.step:,} of {goal:,}: {state.warning}")
