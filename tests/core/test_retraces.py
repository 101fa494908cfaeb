"""A prompt as it was at a step at which nobody looked at it: replayed aside, and the run stays."""

import pytest

from core import messages as m
from core.session import Session
from core.session.base import Stopped
from core.watching import Overtaken
from tests.core.sessions import TEXT, Stage, folder_of, parameters, train
from tests.core.tiny import same

OTHER = "on the mat"
LONG = "the cat sat on the mat and " * 6


def trained(stage: Stage, steps: int) -> Session:
    """A session that looked at one text while it trained; the way to any earlier step begins at step 0."""
    session = stage.opened(snapshot_bytes=0)
    session.score(m.Score(text=TEXT))
    train(session, steps)
    return session


def seen(table: m.Table) -> list[tuple[object, ...]]:
    return [(p.entropy, p.top, p.target) for p in table.predictions]


def recorded(session: Session, text: str, upto: int) -> list[int]:
    found = {session.recall(m.Recall(text=text, step=step)).step for step in range(upto + 1)}
    return sorted(found)


@pytest.mark.parametrize("first_token", [False, True])
def test_a_text_nobody_looked_at_is_shown_as_going_there_shows_it(stage: Stage, first_token: bool) -> None:
    session = trained(stage, 6)
    for step in (4, 0, 6, 3):
        there = session.retrace(m.Retrace(text=OTHER, step=step, first_token=first_token))
        assert (there.step, there.text, there.first_token) == (step, OTHER, first_token)
        session.rewind(m.Rewind(step=step))
        assert seen(session.score(m.Score(text=OTHER, first_token=first_token))) == seen(there)


def test_the_run_goes_on_as_if_nobody_had_looked_back(stage: Stage) -> None:
    plain = trained(stage, 6)
    train(plain, 3)
    session = trained(stage, 6)
    stood, metrics = parameters(session), (folder_of(session) / "metrics.jsonl").read_bytes()
    now = session.score(m.Score(text=TEXT))
    session.retrace(m.Retrace(text=OTHER, step=2))
    assert session.status().step == 6 and session.status().warning is None
    assert same(parameters(session), stood)
    assert (folder_of(session) / "metrics.jsonl").read_bytes() == metrics
    assert seen(session.score(m.Score(text=TEXT))) == seen(now)
    train(session, 3)
    assert same(parameters(session), parameters(plain))
    losses = [[r.loss for r in each.history(m.History()).results] for each in (session, plain)]
    assert losses[0] == losses[1]


def test_what_lies_on_the_way_is_recorded_too_unless_the_text_is_long(stage: Stage) -> None:
    session = trained(stage, 6)
    session.retrace(m.Retrace(text=OTHER, step=4))
    assert recorded(session, OTHER, 6) == [1, 2, 3, 4]
    session.retrace(m.Retrace(text=LONG, step=4))
    assert recorded(session, LONG, 6) == [4]
    assert [p.what for p in stage.told(m.Progress)][-4:] == ["replaying"] * 4
    assert [(p.done, p.total) for p in stage.told(m.Progress)][-4:] == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_the_past_is_compared_with_the_present_of_the_same_text(stage: Stage) -> None:
    session = trained(stage, 6)
    now = session.score(m.Score(text=OTHER))
    past = session.retrace(m.Retrace(text=OTHER, step=2))
    assert past.moved_from == 6
    for then, today in zip(past.predictions, now.predictions, strict=True):
        if then.target is not None and today.target is not None:
            assert then.moved == pytest.approx(then.target.surprisal - today.target.surprisal, abs=1e-5)


def test_a_stop_leaves_the_run_where_it_is_and_what_was_recorded_on_the_way(stage: Stage) -> None:
    session = trained(stage, 6)
    stood = parameters(session)
    stage.events.clear()
    session._emit = lambda event: setattr(
        stage, "interrupted", isinstance(event, m.Progress) and event.done == 3
    )
    with pytest.raises(Stopped):
        session.retrace(m.Retrace(text=OTHER, step=5))
    assert session.status().step == 6 and same(parameters(session), stood)
    assert recorded(session, OTHER, 6) == [1, 2, 3]


def test_a_newer_text_does_not_wait_for_it(stage: Stage) -> None:
    session = trained(stage, 6)
    stage.overtaken = True
    with pytest.raises(Overtaken):
        session.retrace(m.Retrace(text=OTHER, step=5))
    stage.overtaken = False
    assert session.status().step == 6 and recorded(session, OTHER, 6) == [1]


def test_a_step_that_was_never_reached_and_no_text_are_refused(stage: Stage) -> None:
    session = trained(stage, 3)
    with pytest.raises(ValueError, match="step 4 is not there yet: choose one from 0 to 3"):
        session.retrace(m.Retrace(text=OTHER, step=4))
    with pytest.raises(ValueError, match="no prompt to look at"):
        session.retrace(m.Retrace(text="", step=2))
