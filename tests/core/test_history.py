"""Snapshots under a budget: the newest stay, the nearest is found, what is dropped leaves no great hole."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.history import History, Snapshot

SIZE = 40  # bytes of one made-up snapshot: ten floats


def snapshot(step: int) -> Snapshot:
    return Snapshot.of(step, parameters={"w": torch.zeros(6)}, moments={"w.exp_avg": torch.zeros(4)})


@settings(max_examples=150, deadline=None)
@given(steps=st.lists(st.integers(0, 60), min_size=1, max_size=60), budget=st.integers(0, 8 * SIZE))
def test_the_budget_holds_and_the_newest_two_stay(steps: list[int], budget: int) -> None:
    history = History(budget)
    for step in steps:
        before = [held for held in history.steps if held < step]
        history.keep(snapshot(step))
        assert history.n_bytes <= budget or len(history.steps) <= 2
        assert history.n_bytes == SIZE * len(history.steps)
        assert step in history.steps
        if before:
            assert max(before) in history.steps


@settings(max_examples=150, deadline=None)
@given(steps=st.sets(st.integers(0, 60)), budget=st.integers(0, 8 * SIZE), wanted=st.integers(0, 60))
def test_nearest_is_the_latest_held_at_or_before(steps: set[int], budget: int, wanted: int) -> None:
    history = History(budget)
    for step in sorted(steps):
        history.keep(snapshot(step))
    found = history.nearest(wanted)
    expected = max((held for held in history.steps if held <= wanted), default=None)
    assert (found.step if found else None) == expected


def test_a_snapshot_counts_all_it_holds() -> None:
    assert snapshot(3).n_bytes == SIZE
    more = Snapshot.of(3, parameters={"w": torch.zeros(6)}, moments={}, recipe={"order": torch.zeros(2)})
    assert more.n_bytes == 32


def test_room_is_made_before_a_snapshot_comes() -> None:
    history = History(SIZE // 2)
    for step in (4, 5, 9):
        history.make_room(step, SIZE)
        assert len(history.steps) <= 1
        history.keep(snapshot(step))
    assert history.steps == [5, 9]


def test_the_way_back_is_short_for_the_near_and_bounded_for_the_far() -> None:
    history = History(12 * SIZE)
    for step in range(1, 301):
        history.keep(snapshot(step))
        for wanted in range(1, step + 1):
            nearest = history.nearest(wanted)
            replay = wanted - (nearest.step if nearest else 0)
            assert replay <= max(1, 1.5 * (step - wanted)), (step, wanted)
    assert history.steps[-2:] == [299, 300]


def test_after_going_back_what_lies_around_the_new_place_is_kept_dense() -> None:
    history = History(10 * SIZE)
    for step in range(1, 101):
        history.keep(snapshot(step))
    for step in range(40, 48):
        history.keep(snapshot(step))
    assert {45, 46, 47} <= set(history.steps)
    assert max(history.steps) > 47  # and what was reached is not thrown away for it
