"""The certainty lab's state: sentences that can be changed, and what is learned of them."""

import math

import pytest

from core import messages as m
from tests.fake_certainty import FakeLesson
from tui.formats import Unit
from tui.labs.certainty import START, CertaintyState, Kind
from tui.labs.certainty_words import says, within


def learned(state: CertaintyState, kind: Kind, steps: int | None = None) -> m.Learned:
    """Train a course to its end, or break it off after some steps."""
    request = state.begin(kind)
    lesson = FakeLesson(request)
    cost = None
    for _ in range(request.steps if steps is None else steps):
        cost = lesson.step()
        state.heard(request, m.Learning(costs=(cost,), belief=lesson.belief()))
    end = m.Learned(step=lesson.step_count, cost=cost, belief=lesson.belief())
    assert state.ended(request, end) == (steps is None)
    return end


def test_the_lab_begins_with_shares_of_seven_two_and_one_tenth() -> None:
    state = CertaintyState()
    assert [(e.word, e.count) for e in state.endings] == [("mat", 14), ("dog", 4), ("lap", 2)]
    assert state.p == [0.7, 0.2, 0.1] and state.total == 20 and state.ways == 3
    assert state.entropy == pytest.approx(0.8018, abs=5e-5)
    assert state.resting_mean == pytest.approx(0.1336, abs=5e-5)
    assert state.n_words == 9 and state.ignorance == pytest.approx(math.log(9))


@pytest.mark.parametrize(
    ("typed", "ending"),
    [
        ("7", ("dog", 7)),
        ("+7", ("dog", 7)),
        ("0", ("dog", 0)),
        ("rug", ("rug", 4)),
        ("  rug   9 ", ("rug", 9)),
        ("cat 1", ("cat", 1)),
        ("🦤 3", ("🦤", 3)),
    ],
)
def test_a_word_a_count_or_both_can_be_typed(typed: str, ending: tuple[str, int]) -> None:
    state = CertaintyState()
    state.put(1, typed)
    assert (state.endings[1].word, state.endings[1].count) == ending
    assert (state.endings[0], state.endings[2]) == (START[0], START[2])


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("", "'' is not one word"),
        ("big rug 3", "one word, and a count"),
        ("3 rug", "one word, and a count"),
        ("4.5", "4.5: a count is a whole number"),
        ("rug 1,5", "1,5: a count is a whole number"),
        ("-3", "-1 sentences"),
        ("999999999999999999999999", "1016 sentences in all: 1 to 200"),
        ("mat", "mat is there twice"),
        ("x" * 21, "at most 20 letters"),
    ],
)
def test_what_is_wrong_is_said_and_changes_nothing(typed: str, fault: str) -> None:
    state = CertaintyState()
    learned(state, "soft")
    with pytest.raises(ValueError, match=fault):
        state.put(1, typed)
    assert state.endings == START and state.courses


def test_endings_come_and_go_between_two_and_six() -> None:
    state = CertaintyState()
    for _ in range(3):
        state.add()
    assert len({ending.word for ending in state.endings}) == 6
    with pytest.raises(ValueError, match="number of endings is 7"):
        state.add()
    for _ in range(4):
        state.remove(0)
    with pytest.raises(ValueError, match="number of endings is 1"):
        state.remove(0)


def test_a_count_goes_up_and_down_but_not_below_nothing() -> None:
    state = CertaintyState()
    state.count(2, 1)
    assert state.endings[2].count == 3 and state.p[2] == 3 / 21
    for _ in range(3):
        state.count(2, -1)
    assert state.p[2] == 0 and state.ways == 2
    with pytest.raises(ValueError, match="-1 sentences"):
        state.count(2, -1)


def test_of_other_sentences_nothing_is_known() -> None:
    state = CertaintyState()
    learned(state, "one-hot")
    state.count(0, 1)
    assert not state.courses and state.latest is None
    learned(state, "one-hot")
    state.put(0, "mat 15")
    assert state.courses, "they are the same still"


def test_what_was_learned_comes_back_with_the_sentences_but_no_training_that_was_given_up() -> None:
    state = CertaintyState()
    learned(state, "one-hot")
    given_up = state.begin("soft")
    bring_back = state.remember()
    state.put(0, "3")
    bring_back()
    assert state.endings == START and list(state.courses) == ["one-hot"] and state.latest == "one-hot"
    lesson = FakeLesson(given_up)
    state.heard(given_up, m.Learning(costs=(lesson.step(),), belief=lesson.belief()))
    assert not state.ended(given_up, m.Learned(step=1, cost=None, belief=lesson.belief()))
    assert list(state.courses) == ["one-hot"] and state.training is None


def test_an_event_that_comes_after_the_end_does_not_undo_it() -> None:
    state = CertaintyState()
    request = state.begin("soft")
    lesson = FakeLesson(request)
    early = m.Learning(costs=(lesson.step(),), belief=lesson.belief())
    for _ in range(9):
        cost = lesson.step()
    end = m.Learned(step=10, cost=cost, belief=lesson.belief())
    state.ended(request, end)
    state.heard(request, early)
    course = state.courses["soft"]
    assert course.belief == end.belief and course.step == 10 and course.cost == cost


def test_each_state_has_its_sentence_and_a_short_one_for_narrow_screens() -> None:
    state = CertaintyState()
    told = [says(state, Unit.NATS)]
    learned(state, "one-hot")
    told.append(says(state, Unit.NATS))
    assert "q is within 0.001 of p" in told[-1][0] and "0.802 nats" in told[-1][0]
    learned(state, "soft")
    told.append(says(state, Unit.BITS))
    assert told[-1][0].startswith("Both rest at H(p) = 1.157 bits")
    learned(state, "soft", steps=300)
    told.append(says(state, Unit.NATS))
    assert told[-1][0].startswith("Stopped at step 300 of 2,000, where q is within 0.")
    state.begin("one-hot")
    told.append(says(state, Unit.NATS))
    assert told[-1][0].startswith("Step 0 of 2,000: each batch of 4 sentences")
    state.start_over()
    learned(state, "soft")
    told.append(says(state, Unit.NATS))
    learned(state, "soft", steps=0)
    told.append(says(state, Unit.NATS))
    assert told[-1] == ("Stopped before the first step. space trains.",)
    state.start_over()
    state.put(1, "0")
    state.put(2, "0")
    told.append(says(state, Unit.NATS))
    assert "H(p) is 0" in told[-1][0]
    learned(state, "soft")
    told.append(says(state, Unit.NATS))
    assert "H(p) = 0.000 nats" in told[-1][0]
    assert len(set(told)) == len(told)
    assert all(len(wordings[-1]) < 80 for wordings in told)
    assert all(len(wordings[0]) < 140 for wordings in told)


def test_it_is_not_said_to_rest_where_it_does_not() -> None:
    state = CertaintyState()
    request = state.begin("soft")
    lesson = FakeLesson(request)
    for _ in range(50):
        cost = lesson.step()
    state.heard(request, m.Learning(costs=(cost,), belief=lesson.belief()))
    assert state.ended(request, m.Learned(step=request.steps, cost=cost, belief=lesson.belief()))
    assert not state.rests(state.courses["soft"])
    assert says(state, Unit.NATS)[0].startswith("Not quite at rest: q is within 0.")


def test_why_a_training_came_to_nothing_is_said_until_the_next() -> None:
    state = CertaintyState()
    learned(state, "one-hot")
    request = state.begin("soft")
    assert not state.ended(request, "the engine\x1b[2J is busy")
    assert says(state, Unit.NATS) == ("the engine␛[2J is busy",)
    assert state.latest == "one-hot" and state.training is None
    state.begin("soft")
    assert not state.fault


def test_a_distance_is_rounded_up() -> None:
    assert [within(gap) for gap in (0.0, 0.00001, 0.001, 0.0101, 0.25)] == [
        "0.001",
        "0.001",
        "0.001",
        "0.011",
        "0.250",
    ]
