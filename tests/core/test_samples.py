"""Sample texts: the most probable ones of their step, and the run as if nobody had asked for them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from core import messages as m
from core import runs
from core.checkpoint import save_model
from core.generation import Generation
from core.messages import SampleText
from core.models.gpt2 import Config
from core.recorder import Recorder
from core.session import Session
from core.session.samples import beginning
from core.tokenizer import gpt2
from tests.core import tiny
from tests.core.sessions import train

TRAINING = m.Training(
    batch=2, context=8, steps=20, warmup=2, dropout=0.1, evaluate_every=3, learning_rate=0.05
)
EVERY_2 = m.SampleEvery(steps=2, prompt="The fat cat", tokens=6)


class Stage:
    """Sessions on one small model, each with a run folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.events: list[m.AnyEvent] = []
        self.interrupted = False
        self.sessions: list[Session] = []
        self.served = 0
        model = tiny.model(Config(n_positions=16, n_embd=16, n_layer=2, n_head=2))
        (folder / "tiny").mkdir()
        save_model(model, model.to_hf(), folder / "tiny")

    def session(self, run: str) -> Session:
        made = Session(
            emit=self.events.append,
            between=self._between,
            interrupted=lambda: self.interrupted,
            recorder=Recorder(folder=self.folder / run, strict=True),
        )
        self.sessions.append(made)
        return made

    def _between(self) -> None:
        self.served += 1

    def opened(self, run: str, sampling: m.SampleEvery | None = EVERY_2) -> Session:
        session = self.session(run)
        session.open(m.Open(model=str(self.folder / "tiny"), training=TRAINING))
        if sampling is not None:
            session.sample_every(sampling)
        return session

    @property
    def told(self) -> list[SampleText]:
        return [s for event in self.events if isinstance(event, m.Sampled) for s in event.samples]


@pytest.fixture
def stage(own_folder: Path) -> Iterator[Stage]:
    stage = Stage(own_folder)
    yield stage
    for session in stage.sessions:
        session.close()


def state(session: Session) -> dict[str, torch.Tensor]:
    return tiny.state(session.at.trainer)


def figures(session: Session) -> list[tuple[object, ...]]:
    return [(r.step, r.loss, r.validation, r.gradient_norm) for r in session.history(m.History()).results]


def greedy(session: Session, prompt: str, tokens: int) -> str:
    """By a plain loop that reads all of it anew for every token."""
    ids = gpt2().encode(prompt)
    n = len(ids)
    with torch.no_grad():
        for _ in range(tokens):
            hidden = session.at.model(torch.tensor([ids]))
            ids.append(int(session.at.model.logits(hidden[0, -1]).argmax()))
    return gpt2().decode(ids[n:]).decode("utf-8", "replace")


def test_a_run_with_samples_is_the_run_without_to_the_last_bit(stage: Stage) -> None:
    plain, sampled = stage.opened("plain", None), stage.opened("sampled", m.SampleEvery(steps=1, tokens=12))
    train(plain, 9)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    train(sampled, 9)
    assert len(stage.told) == 10, "one before the first step and one after each"
    assert tiny.same(state(plain), state(sampled)) and figures(plain) == figures(sampled)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_sample_is_what_the_model_of_its_step_writes(stage: Stage) -> None:
    session = stage.opened("run")
    train(session, 5)
    assert [(s.step, s.prompt) for s in stage.told] == [(step, "The fat cat") for step in (0, 2, 4)]
    for sample in stage.told:
        session.rewind(m.Rewind(step=sample.step))
        assert sample.text == greedy(session, "The fat cat", 6)
    assert len({sample.text for sample in stage.told}) > 1, "it has to have learned something meanwhile"
    assert session.history(m.History()).samples == tuple(stage.told)
    assert [s.step for s in session.history(m.History(since=1)).samples] == [2, 4]


def test_others_are_served_while_a_sample_is_written(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    session = stage.opened("run")
    inside = []
    step = Generation.step

    def watched(generation: Generation) -> Any:
        inside.append(stage.served)
        return step(generation)

    monkeypatch.setattr(Generation, "step", watched)
    train(session, 1)
    assert len(inside) == 6 and inside == list(range(inside[0], inside[0] + 6))


def test_a_sample_that_is_broken_off_is_left_out(stage: Stage) -> None:
    session = stage.opened("run")
    stage.interrupted = True
    train(session, 2)
    assert stage.told == [] and session.history(m.History()).samples == ()
    stage.interrupted = False
    train(session, 2)
    assert [s.step for s in stage.told] == [4]


def test_samples_are_read_again_where_a_run_goes_on_and_a_torn_one_is_not(stage: Stage) -> None:
    session = stage.opened("run")
    train(session, 4)
    told = tuple(stage.told)
    session.close()
    file = stage.folder / "run" / "samples.jsonl"
    with file.open("ab") as torn:
        torn.write(file.read_bytes().splitlines()[0][:-9])
    assert tuple(runs.read(stage.folder / "run").samples) == told
    again = stage.session("run")
    again.open(m.Open(model=str(stage.folder / "run")))
    assert again.history(m.History()).samples == told
    again.sample_every(EVERY_2)
    train(again, 2)
    assert [s.step for s in runs.read(stage.folder / "run").samples] == [0, 2, 4, 6]
    assert again.history(m.History()).samples == (*told, stage.told[-1])


def test_steps_that_are_done_again_have_one_sample_each_the_latest(stage: Stage) -> None:
    session = stage.opened("run")
    train(session, 4)
    first = session.history(m.History()).samples
    session.rewind(m.Rewind(step=1))
    assert session.history(m.History()).samples == first, "the future is still known"
    session.sample_every(m.SampleEvery(steps=2, prompt="A dog", tokens=6))
    train(session, 2)
    saved = runs.read(stage.folder / "run")
    assert [(s.step, s.prompt) for s in saved.samples] == [
        (0, "The fat cat"),
        (2, "A dog"),
        (4, "The fat cat"),
    ]
    assert tuple(saved.samples) == session.history(m.History()).samples


def test_another_run_begins_without_samples_and_goes_on_taking_them(stage: Stage) -> None:
    session = stage.session("runs/first")
    session._recorder = Recorder()
    session.open(m.Open(model=str(stage.folder / "tiny"), training=TRAINING))
    session.sample_every(EVERY_2)
    train(session, 2)
    session.reset(m.Reset())
    assert session.history(m.History()).samples == ()
    train(session, 1)
    assert [s.step for s in session.history(m.History()).samples] == [0]
    session.sample_every(m.SampleEvery(steps=0))
    train(session, 5)
    assert [s.step for s in stage.told] == [0, 2, 0]


def test_a_model_that_predicts_nothing_any_more_trains_on_without_a_sample(stage: Stage) -> None:
    session = stage.opened("run")
    train(session, 1)
    with torch.no_grad():
        session.at.model.ln_f.weight.fill_(torch.nan)
    session._sample_if_due()
    session.sample_every(m.SampleEvery(steps=1))
    session._sample_if_due()
    assert [s.step for s in stage.told] == [0]


def test_a_sample_that_cannot_be_written_is_said(stage: Stage) -> None:
    session = stage.opened("run")
    session._recorder.begin(session.at)
    (stage.folder / "run" / "samples.jsonl").mkdir()
    with pytest.raises(runs.RunError, match="the text of step 0 could not be written"):
        train(session, 1)


@pytest.mark.parametrize(
    ("text", "begun"),
    [
        ("Where the Fat Cat Sat\n\nThe fat cat sat on the mat.", "The fat cat"),
        ("I HAD always thought Jack Gisburn rather a cheap genius", "I HAD always"),
        ("<|endoftext|>A title<|endoftext|>one two three four five six", "one two three"),
        ("a b", "a b"),
        ("\n \n", "The"),
    ],
)
def test_without_a_prompt_the_beginning_of_the_texts_prose_is_gone_on_with(text: str, begun: str) -> None:
    assert beginning(text) == begun


def test_the_story_has_a_beginning_that_fits(stage: Stage) -> None:
    session = stage.opened("run", m.SampleEvery(steps=1, tokens=1))
    train(session, 1)
    assert {sample.prompt for sample in stage.told} == {"The fat cat"}


def test_an_empty_prompt_is_refused(stage: Stage) -> None:
    session = stage.opened("run")
    with pytest.raises(ValueError, match="nothing to continue"):
        session.sample_every(m.SampleEvery(steps=1, prompt=""))
    train(session, 2)
    assert [s.step for s in stage.told] == [0, 2], "as it was before"
