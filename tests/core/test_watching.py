"""What the watched text remembers, and how much of a run's time it may take."""

import time

import pytest

from core.models.gpt2 import Config
from core.scoring import Scorer
from core.tokenizer import gpt2
from core.watching import Pace, Watch
from tests.core import tiny

TEXT = "The fat cat sat"


def scorer(seed: int) -> Scorer:
    return Scorer(tiny.model(Config(n_positions=8, n_embd=8, n_layer=1, n_head=2), seed), gpt2())


def test_rows_are_compared_with_the_last_other_step_however_often_one_is_looked_at() -> None:
    watch = Watch(text=TEXT, ids=gpt2().encode(TEXT))
    first, second = scorer(1), scorer(2)
    watch.measure(first, 4)
    watch.measure(second, 6)
    watch.measure(second, 6)
    table, again = watch.table(second, 6), watch.table(second, 6)
    assert table == again and (table.step, table.moved_from) == (6, 4)
    before = first.surprisals(watch.ids).tolist()
    for prediction, old in zip(table.predictions, before, strict=False):
        assert prediction.target is not None
        assert float(prediction.moved or 0) == pytest.approx(prediction.target.surprisal - old, abs=1e-6)


def test_a_step_is_joined_with_what_the_text_was_worth_after_it() -> None:
    watch = Watch(text=TEXT, ids=gpt2().encode(TEXT))
    watch.measure(scorer(1), 3)
    result = tiny.trainer().step()
    assert watch.joined(result).prompt is None  # step 1 was not measured
    watch.measure(scorer(2), 1)
    mean = scorer(2).surprisals(watch.ids).mean().item()
    assert float(watch.joined(result).prompt or 0) == pytest.approx(mean)


def test_another_run_is_compared_with_nothing_of_the_one_before() -> None:
    watch = Watch(text=TEXT, ids=gpt2().encode(TEXT))
    watch.measure(scorer(1), 3)
    watch.forget()
    assert watch.curve == {} and watch.table(scorer(2), 0).moved_from is None


def test_a_text_without_a_scored_row_has_no_curve() -> None:
    for text in ("", "The"):
        watch = Watch(text=text, ids=gpt2().encode(text))
        watch.measure(scorer(1), 0)
        assert watch.curve == {}


def test_measuring_waits_until_training_has_taken_its_part(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    pace = Pace()
    assert pace.may_measure
    with pace.measuring():
        now[0] += 1.0
    pace.trained(19.0)
    assert not pace.may_measure
    pace.trained(1.0)  # one second is a twentieth of twenty
    assert pace.may_measure


def test_a_slow_table_is_shown_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    for took, until in ((0.01, 0.2), (1.0, 5.0)):
        now[0] = 100.0
        pace = Pace()
        assert pace.may_show
        with pace.showing():
            now[0] += took
        now[0] = 100.0 + until - 0.001
        assert not pace.may_show
        now[0] = 100.0 + until + 0.001
        assert pace.may_show
