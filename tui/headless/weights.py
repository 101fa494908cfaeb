"""A model to look at, or to start a run of its own from: nothing of a run it belongs to is touched."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from core import messages as m
from core import runs
from core.allocator import keep_freed_memory
from core.checkpoint import read_config
from core.recorder import Recorder
from core.records import BOOK
from core.session import Session
from core.sources import FRESH, is_path


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Where the weights are that a model's name stands for; None for those that are drawn anew."""

    name: str
    folder: Path | None = None

    @property
    def opens(self) -> str:
        """The name under which a session opens them without the run they belong to."""
        return self.name if self.folder is None else str(self.folder)

    def fitting(self, training: m.Training) -> m.Training:
        """The configuration with a context no longer than the model's."""
        longest = training.context if self.folder is None else read_config(self.folder).n_positions
        return msgspec.structs.replace(training, context=min(training.context, longest))


def weights(name: str) -> Weights:
    """What a model's name stands for: of a run, the checkpoint it stands at. Raises ValueError."""
    if name in (FRESH, BOOK):
        return Weights(name=name)
    folder = Path(name).expanduser() if is_path(name) else runs.run_path(name)
    if (folder / "run.json").exists():
        return Weights(name=name, folder=_checkpoint(folder).resolve())
    # Of what is neither a run nor a path the session says what there is instead.
    return Weights(name=name, folder=folder.resolve() if is_path(name) else None)


def look(of: Weights, emit: Callable[[m.AnyEvent], None]) -> Session:
    """A session on a model, to score and to continue texts with; it writes nothing and locks nothing."""
    keep_freed_memory()
    session = Session(emit=emit, between=lambda: None, interrupted=lambda: False, recorder=Recorder())
    session.open(m.Open(model=of.opens, training=of.fitting(m.Training.for_model(of.name))))
    return session


def _checkpoint(folder: Path) -> Path:
    """The last checkpoint up to where a run stands. Raises RunError."""
    position = runs.read(folder).position
    reached = [checkpoint for step, checkpoint in runs.checkpoints(folder) if step <= position]
    if not reached:
        raise runs.RunError(
            f"the run {folder} has no checkpoint yet: it gets one every minute it trains, and at its end"
        )
    return reached[-1]
