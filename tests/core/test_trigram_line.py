"""The trigram line: on which windows it is measured, by which thread, and how it gets into the state."""

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from core import messages as m
from core import opening, trigram_line
from core.book import EVALUATION_BATCHES, BookCorpus, BookRecipe
from core.recipe import VALIDATION_TOKENS, Addressed
from core.session import Session, refers
from core.tokenizer import gpt2
from core.trigram import KneserNey
from core.trigram_line import TrigramLine, summed, trigram_reference
from tests.commands.command import STORY
from tests.core import tiny
from tests.core.sessions import TRAINING, Stage, train

PATIENCE = 30.0  # seconds
Shown = tuple[m.Reference, ...]


def test_the_sum_is_that_of_each_target_after_its_window_up_to_it() -> None:
    corpus = tiny.corpus(tiny.TRAINING)
    model = KneserNey(corpus.training)
    inputs, targets = next(corpus.validation_batches())
    expected = 0.0
    for row, wanted in zip(inputs.tolist(), targets.tolist(), strict=True):
        for at, target in enumerate(wanted):
            expected -= np.log(model.distribution(row[: at + 1])[target])
    assert summed(model, inputs, targets) == pytest.approx(expected, rel=1e-12)


def test_the_line_goes_over_the_very_windows_of_a_runs_validation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.recipe.VALIDATION_TOKENS", 24)  # of 64 there are
    trainer = tiny.trainer()
    seen: list[torch.Tensor] = []
    total = trainer._total
    trainer._total = lambda inputs, targets: (seen.append(inputs), total(inputs, targets))[1]  # type: ignore[method-assign, func-returns-value]
    trainer.evaluate()
    recipe, ids = trainer.recipe, tiny.corpus(tiny.TRAINING).training
    heard: list[torch.Tensor] = []
    recipe.validated(lambda inputs, targets: (heard.append(inputs), 0.0)[1])  # type: ignore[func-returns-value]
    assert len(seen) == len(heard) > 0 and all(map(torch.equal, seen, heard))
    model, windows = KneserNey(ids), torch.cat(heard)
    assert 1 < len(windows) <= 3 < tiny.corpus(tiny.TRAINING).validation_windows
    line = trigram_reference(ids, recipe)
    rows = [[*row, 0] for row in windows.tolist()]
    known = model.surprisals(np.array(rows))[:, :-1]  # of all targets but each window's last
    assert line is not None and line.name == "trigrams"
    lasts = []
    for row in windows.tolist():
        after = _following(tiny.corpus(tiny.TRAINING)._validation.tolist(), row)
        lasts.append(-np.log(model.distribution(row)[after]))
    assert line.nats == pytest.approx((known.sum() + sum(lasts)) / windows.numel(), rel=1e-12)


def _following(text: list[int], window: list[int]) -> int:
    """The token after a window in a text."""
    places = [i for i in range(len(text)) if text[i : i + len(window)] == window]
    (place,) = places
    return text[place + len(window)]


def test_of_the_books_run_the_line_goes_over_the_batches_of_its_evaluations() -> None:
    training = msgspec.structs.replace(m.Training.for_model("book"), batch=1, context=4)
    corpus = BookCorpus(np.array(gpt2().encode(STORY)), training, gpt2())
    recipe = BookRecipe(corpus, training, torch.Generator().manual_seed(1))
    told: list[tuple[int, float]] = []

    def total(inputs: torch.Tensor, targets: torch.Tensor) -> float:
        told.append((int(inputs.sum()), float(targets.sum())))
        return float(targets.sum())

    before = recipe.state()["generator"]
    validation = recipe.validated(total)
    assert torch.equal(recipe.state()["generator"], before)
    mine = list(told)
    told.clear()
    evaluation = recipe.evaluation(1, total)
    assert evaluation is not None and evaluation.validation == validation
    assert told[-len(mine) :] == mine and len(mine) == EVALUATION_BATCHES < corpus.validation_batches


def test_there_is_no_line_where_nothing_validates_or_there_is_too_little_to_count() -> None:
    corpus = tiny.corpus(tiny.TRAINING, tokens=20)
    assert corpus.validation_windows == 0
    assert trigram_reference(corpus.training, Addressed(corpus, tiny.TRAINING)) is None
    recipe = Addressed(tiny.corpus(tiny.TRAINING), tiny.TRAINING)
    assert trigram_reference(np.array([1, 2]), recipe) is None
    assert VALIDATION_TOKENS > 0


class Heard:
    """What the threads of a session tell it, and the end of them."""

    def __init__(self) -> None:
        self.woken = threading.Event()
        self.threads: set[int] = set()
        self.told: list[m.Progress] = []

    def tell(self, progress: m.Progress) -> None:
        self.threads.add(threading.get_native_id())
        self.told.append(progress)

    def line(self) -> TrigramLine:
        recipe = Addressed(tiny.corpus(tiny.TRAINING), tiny.TRAINING)
        ids = tiny.corpus(tiny.TRAINING).training
        return TrigramLine(ids, recipe, tell=self.tell, wake=self.woken.set)


def test_a_thread_that_lets_all_others_go_first_makes_it_and_tells_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_to: list[tuple[int, int, int]] = []
    monkeypatch.setattr(os, "setpriority", lambda *words: set_to.append(words))
    heard = Heard()
    line = heard.line()
    assert heard.woken.wait(PATIENCE)
    assert line.over and line.failure is None
    recipe = Addressed(tiny.corpus(tiny.TRAINING), tiny.TRAINING)
    assert line.reference == trigram_reference(tiny.corpus(tiny.TRAINING).training, recipe)
    assert [(event.done, event.total, event.unit) for event in heard.told] == [
        (1, 3, "orders"),
        (2, 3, "orders"),
        (3, 3, "orders"),
    ]
    (thread,) = heard.threads
    assert thread != threading.get_native_id()
    assert set_to == ([(os.PRIO_PROCESS, thread, 19)] if sys.platform == "linux" else [])


def ended() -> None:
    """Wait for the threads that make lines."""
    for thread in threading.enumerate():
        if thread.name == "trigrams":
            thread.join(PATIENCE)


def waiting(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event]:
    """Have every line wait before its first order: an event that it does, and one that lets it go on."""
    asked, on = threading.Event(), threading.Event()

    class Waits(KneserNey):
        def __init__(self, ids: np.ndarray, order: int = 3, *, counted: Callable[[int], None]) -> None:
            asked.set()
            assert on.wait(PATIENCE)
            super().__init__(ids, order, counted=counted)

    monkeypatch.setattr(trigram_line, "KneserNey", Waits)
    return asked, on


def test_nothing_is_told_of_a_line_that_is_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, on = waiting(monkeypatch)
    heard = Heard()
    line = heard.line()
    assert asked.wait(PATIENCE)
    line.abandon()
    on.set()
    ended()
    assert heard.told == [] and not heard.woken.is_set() and not line.over


# ------------------------------------------------------------------------------------------ in a session


def names(state: m.State) -> list[str]:
    return [line.name for line in state.references]


def long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the story be a long text, and one that is not counted unasked."""
    monkeypatch.setattr(opening, "AT_ONCE", 0)
    monkeypatch.setattr(refers, "BY_ITSELF", 0)


def session_of(stage: Stage) -> tuple[Session, threading.Event]:
    woken = threading.Event()
    session = stage.opened()
    session._wake = woken.set
    return session, woken


def test_of_a_short_text_the_line_is_there_with_the_others(stage: Stage) -> None:
    session, _ = session_of(stage)
    assert names(session.status()) == ["ln V", "unigram entropy", "trigrams"]
    session.tend()
    session.trigrams(m.Trigrams())
    ended()
    session.tend()
    assert names(session.status()) == ["ln V", "unigram entropy", "trigrams"] and stage.events == []


def test_of_a_longer_text_it_comes_by_itself_and_changes_nothing_of_the_run(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = stage.opened().status().references
    losses = [result.loss for result in trained(stage.opened())]
    monkeypatch.setattr(opening, "AT_ONCE", 0)
    session, woken = session_of(stage)
    assert names(session.status()) == ["ln V", "unigram entropy"]
    session.tend()
    with_it = trained(session)
    assert woken.wait(PATIENCE)
    session.tend()
    assert session.status().references == at_once
    assert [event.state.references for event in stage.told(m.Changed)] == [at_once]
    session.tend()
    assert len(stage.told(m.Changed)) == 1
    assert [result.loss for result in with_it] == losses


def trained(session: Session) -> tuple[m.StepResult, ...]:
    train(session, 4)
    return session.history(m.History()).results


def test_of_a_very_long_text_it_is_made_when_it_is_asked_for(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    long(monkeypatch)
    session, woken = session_of(stage)
    session.tend()
    assert not [thread for thread in threading.enumerate() if thread.name == "trigrams"]
    state = session.trigrams(m.Trigrams())
    assert names(state) == ["ln V", "unigram entropy"]
    assert woken.wait(PATIENCE)
    session.tend()
    assert names(stage.told(m.Changed)[-1].state) == ["ln V", "unigram entropy", "trigrams"]


def test_another_run_breaks_it_off(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    long(monkeypatch)
    asked, on = waiting(monkeypatch)
    session, woken = session_of(stage)
    session.trigrams(m.Trigrams())
    assert asked.wait(PATIENCE)
    session.configure(m.Configure(training=msgspec.structs.replace(TRAINING, seed=5)))
    on.set()
    ended()
    session.tend()
    assert names(session.status()) == ["ln V", "unigram entropy"]
    assert not woken.is_set() and stage.told(m.Changed) == []


def test_what_goes_wrong_is_said_once_and_tried_again_when_it_is_asked_for(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "AT_ONCE", 0)
    session, woken = session_of(stage)
    with monkeypatch.context() as patch:

        def full(*given: object, **named: object) -> KneserNey:
            raise MemoryError

        patch.setattr(trigram_line, "KneserNey", full)
        session.tend()
        assert woken.wait(PATIENCE)
        session.tend()
    (changed,) = stage.told(m.Changed)
    assert changed.state.warning == "the trigram line could not be made: MemoryError"
    session.tend()
    assert len(stage.told(m.Changed)) == 1
    woken.clear()
    session.trigrams(m.Trigrams())
    assert woken.wait(PATIENCE)
    session.tend()
    assert "trigrams" in names(session.status())


def test_it_takes_a_part_of_the_text_that_validates(stage: Stage, tmp_path: Path) -> None:
    session, _ = session_of(stage)
    session.configure(m.Configure(training=msgspec.structs.replace(TRAINING, held_out=0.0)))
    assert names(session.status()) == ["ln V", "unigram entropy"]
    with pytest.raises(ValueError, match="no part of the text is held out"):
        session.trigrams(m.Trigrams())
