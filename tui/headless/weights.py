"""A model to look at, or to start a run of its own from: nothing of a run it belongs to is touched."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from core import messages as m
from core import runs
from core.allocator import keep_freed_memory
from core.checkpoint import read_config
from core.hub import Hub
from core.opening import hub_model
from core.recorder import Recorder
from core.session import Session
from core.sources import FRESH, is_path
from core.training import BOOK, TINY
from tui.headless.progress import ProgressLine


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Where the weights are that a model's name stands for; None for those that are drawn anew.

    `opens` is the name under which a session opens them without the run they belong to.
    """

    name: str
    opens: str
    folder: Path | None = None

    def fitting(self, training: m.Training) -> m.Training:
        """The configuration with a context no longer than the model's."""
        longest = training.context if self.folder is None else read_config(self.folder).n_positions
        return msgspec.structs.replace(training, context=min(training.context, longest))


def weights(name: str) -> Weights:
    """What a model's name stands for: of a run, the checkpoint it stands at. Raises ValueError.

    A model of the hub that the cache does not have is downloaded, with a line on stderr that tells how far.
    """
    if name in (TINY, FRESH, BOOK):
        return Weights(name=name, opens=name)
    folder = Path(name).expanduser() if is_path(name) else runs.run_path(name)
    if (folder / "run.json").exists():
        folder = runs.standing_checkpoint(folder).resolve()
    elif is_path(name):
        folder = folder.resolve()
    else:
        return Weights(name=name, opens=name, folder=_fetched(name))
    return Weights(name=name, opens=str(folder), folder=folder)


def _fetched(name: str) -> Path:
    """The folder of a model of the hub. Raises ValueError."""
    line = ProgressLine(sys.stderr)
    try:
        return hub_model(name, Hub(line.happened, lambda: False)).path
    finally:
        line.end()


def look(of: Weights, emit: Callable[[m.AnyEvent], None]) -> Session:
    """A session on a model, to score and to continue texts with; it writes nothing and locks nothing."""
    keep_freed_memory()
    session = Session(emit=emit, between=lambda: None, interrupted=lambda: False, recorder=Recorder())
    session.open(m.Open(model=of.opens, training=of.fitting(m.Training.for_model(of.name))))
    return session
