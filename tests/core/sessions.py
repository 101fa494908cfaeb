"""Sessions in this process, over a folder of the test's own, on a model that trains within a test."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from core import messages as m
from core import runs
from core.checkpoint import save_model
from core.messages import Training
from core.models.gpt2 import Config
from core.opening import SNAPSHOT_BYTES
from core.recorder import Recorder
from core.session import Session
from tests.core import tiny

TEXT = "The fat cat sat on the mat"
TRAINING = Training(batch=2, context=8, steps=20, warmup=2, dropout=0.1, evaluate_every=5)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Stage:
    """Sessions over one folder for runs, with what they tell."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.model = folder / "tiny"
        self.clock = Clock()
        self.events: list[m.AnyEvent] = []
        self.between: Callable[[], None] = lambda: None
        self.interrupted = False
        self.overtaken = False
        self.sessions: list[Session] = []
        model = tiny.model(Config(n_positions=8, n_embd=8, n_layer=1, n_head=2))
        self.model.mkdir()
        save_model(model, model.to_hf(), self.model)

    def session(self, *, snapshot_bytes: int = SNAPSHOT_BYTES, **recorder: Any) -> Session:
        made = Session(
            emit=self.events.append,
            between=lambda: self.between(),
            interrupted=lambda: self.interrupted,
            overtaken=lambda: self.overtaken,
            recorder=Recorder(clock=self.clock, **recorder),
            snapshot_bytes=snapshot_bytes,
        )
        self.sessions.append(made)
        return made

    def opened(self, training: Training = TRAINING, **means: Any) -> Session:
        session = self.session(**means)
        session.open(m.Open(model=str(self.model), training=training))
        return session

    def told(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


def train(session: Session, steps: int) -> m.State:
    session.run(m.Run(steps=steps))
    while session.running:
        session.advance()
    return session.status()


def folder_of(session: Session) -> Path:
    name = session.status().run
    assert name is not None
    return runs.run_path(name)


def parameters(session: Session) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in session.at.model.named_parameters()}


def waited(session: Session) -> list[int]:
    """The steps on disk once nothing is being written."""
    on_disk = session._recorder._snapshots
    assert on_disk is not None
    on_disk.wait()
    return on_disk.steps


def train_and_wait(session: Session, steps: int) -> None:
    for _ in range(steps):
        train(session, 1)
        waited(session)
