"""`book` as a session opens it: kept in a run folder, resumed, reset, configured."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import torch

from core import messages as m
from core import runs
from core.recorder import Recorder
from core.session import Session
from tests.core.book import SHAPE, SMALL, STORY

TEXT = STORY * 2  # 16 windows and more to train on: an epoch of some 8 steps


class Stage:
    """Sessions on the small book, each with a run folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sessions: list[Session] = []

    def session(self, run: str) -> Session:
        recorder = Recorder(folder=self.folder / run, strict=True)
        made = Session(
            emit=lambda event: None, between=lambda: None, interrupted=lambda: False, recorder=recorder
        )
        self.sessions.append(made)
        return made

    def opened(self, run: str, training: m.Training = SMALL) -> Session:
        session = self.session(run)
        session.upload(m.Upload(name="part", text=TEXT, first=True, last=True))
        session.open(m.Open(model="book", training=msgspec.structs.replace(training, text="part")))
        return session

    def resumed(self, run: str) -> Session:
        session = self.session(run)
        session.open(m.Open(model=str(self.folder / run)))
        return session


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("NEGLOGP_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("core.book.SHAPE", dataclasses.replace(SHAPE, vocab_size=50257))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # on so little, several wait for one another more than they work
    stage = Stage(tmp_path)
    yield stage
    for session in stage.sessions:
        session.close()
    torch.set_num_threads(threads)


def train(session: Session, steps: int) -> None:
    session.run(m.Run(steps=steps))
    while session.running:
        session.advance()


def figures(session: Session) -> list[tuple[object, ...]]:
    results = session.history(m.History()).results
    return [(r.step, r.loss, r.evaluation, r.validation) for r in results]


def weights(session: Session) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in session.at.model.parameters()])


def test_a_run_resumed_within_an_epoch_equals_one_that_was_never_stopped(stage: Stage) -> None:
    whole, stopped = stage.opened("whole"), stage.opened("stopped")
    train(whole, 16)
    epoch = whole.status().text.train_windows // SMALL.batch
    train(stopped, epoch + 2)
    stopped.close()
    stage.sessions.remove(stopped)
    resumed = stage.resumed("stopped")
    assert resumed.status().step == epoch + 2 < 16 and resumed.status().model.name == "stopped"
    train(resumed, 16 - epoch - 2)
    assert figures(resumed) == figures(whole)
    assert torch.equal(weights(resumed), weights(whole))
    assert resumed.status().warning is None


def test_a_run_killed_before_its_first_checkpoint_is_made_again(stage: Stage) -> None:
    whole, killed = stage.opened("whole"), stage.opened("killed")
    train(whole, 8)
    train(killed, 6)
    killed._recorder._run.close()  # type: ignore[union-attr]
    killed._recorder._run = None  # nothing is saved
    stage.sessions.remove(killed)
    assert not runs.checkpoints(stage.folder / "killed")
    resumed = stage.resumed("killed")
    train(resumed, 2)
    assert figures(resumed) == figures(whole)
    assert torch.equal(weights(resumed), weights(whole))


def test_what_is_saved_on_a_reset_is_the_run_that_ends(stage: Stage) -> None:
    """The new run seeds a generator anew before the old one is written down: it has to be another one."""
    whole, reset = stage.opened("whole"), stage.opened("reset")
    train(whole, 5)
    train(reset, 3)
    reset.reset(m.Reset())
    assert reset.status().step == 0
    resumed = stage.resumed("reset")
    train(resumed, 2)
    assert figures(resumed) == figures(whole)


def test_looking_and_going_back_leave_the_curve(stage: Stage) -> None:
    plain, watched = stage.opened("plain"), stage.opened("watched")
    train(plain, 11)
    watched.score(m.Score(text="The fat cat sat on the mat"))
    watched.at.trainer.history._budget = 0
    for step, back in ((3, 2), (9, 0), (11, 10)):
        train(watched, step - watched.status().step)
        watched.generate(m.Generate(text="The cat", tokens=3))
        watched.rewind(m.Rewind(step=back))
        watched.rewind(m.Rewind(step=step))
    assert figures(watched) == figures(plain)
    assert torch.equal(weights(watched), weights(plain))
    assert watched.status().warning is None


def test_samples_draw_nothing_from_the_books_generator(stage: Stage) -> None:
    plain, sampled = stage.opened("plain"), stage.opened("sampled")
    sampled.sample_every(m.SampleEvery(steps=2, tokens=4))
    train(plain, 11)
    train(sampled, 11)
    samples = sampled.history(m.History()).samples
    assert [(s.step, s.prompt) for s in samples] == [(n, "Every effort moves you") for n in range(0, 11, 2)]
    assert figures(sampled) == figures(plain)
    assert torch.equal(weights(sampled), weights(plain))
    assert torch.equal(
        sampled.at.trainer.recipe.state()["generator"], plain.at.trainer.recipe.state()["generator"]
    )


def test_step_0_has_both_losses_of_the_untrained_network(stage: Stage) -> None:
    session = stage.opened("run")
    train(session, 1)
    first = session.history(m.History()).results[0]
    assert first.step == 0 and first.loss is None
    assert first.evaluation is not None and first.validation is not None


def test_another_configuration_is_the_books_run_with_it(stage: Stage) -> None:
    session = stage.opened("run")
    drawn = weights(session)
    training = msgspec.structs.replace(session.status().training, seed=7, batch=3)
    state = session.configure(m.Configure(training=training))
    assert state.model.name == "book" and not torch.equal(weights(session), drawn)
    assert session.at.trainer.recipe.batch(0)[0].shape == (3, 8)


def test_a_checkpoint_that_lost_the_generator_is_refused(stage: Stage) -> None:
    session = stage.opened("run")
    train(session, 2)
    session.close()
    stage.sessions.remove(session)
    (stage.folder / "run" / "checkpoint-2" / "recipe.safetensors").unlink()
    with pytest.raises(ValueError, match="the state of the generator is missing"):
        stage.resumed("run")
    (stage.folder / "run" / "checkpoint-2" / "recipe.safetensors").write_bytes(b"no tensors")
    with pytest.raises(runs.RunError, match=r"recipe\.safetensors cannot be loaded"):
        stage.resumed("run")


def test_a_run_json_without_a_seed_is_refused(stage: Stage) -> None:
    session = stage.opened("run")
    train(session, 1)
    session.close()
    stage.sessions.remove(session)
    file = stage.folder / "run" / "run.json"
    record = msgspec.json.decode(file.read_bytes())
    del record["start"]["seed"]
    file.write_bytes(msgspec.json.encode(record))
    with pytest.raises(runs.RunError, match="names no model"):
        stage.resumed("run")
