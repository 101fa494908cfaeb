"""The benches' own arithmetic, on made-up numbers; what they measure is measured when they are run."""

import pytest

from tests.bench.__main__ import benches
from tests.bench.contest import compared, ratios
from tests.bench.table import markdown
from tests.bench.training_text import END, TIMES, prepared


def test_ratios_are_paired_by_round_so_that_a_slow_moment_that_hits_both_does_not_count() -> None:
    line = ratios([1.0, 10.0, 2.0], [2.0, 20.0, 8.0])
    assert line == {"ratio": 2.0, "spread": [2.0, 3.0], "lowest": 2.0, "runs": 3}


def test_one_round_is_its_own_spread_and_none_or_unequal_ones_are_refused() -> None:
    assert ratios([2.0], [3.0]) == {"ratio": 1.5, "spread": [1.5, 1.5], "lowest": 1.5, "runs": 1}
    with pytest.raises(ValueError, match="no rounds"):
        ratios([], [])
    with pytest.raises(ValueError, match="zip"):
        ratios([1.0], [1.0, 2.0])


def test_a_comparison_tells_milliseconds_for_one_unit_of_work() -> None:
    line = compared([0.2, 0.4], [0.8, 0.8], units=4)
    assert (line["ours_ms"], line["peer_ms"], line["ratio"]) == (75.0, 200.0, 3.0)


def test_every_bench_is_found_and_no_helper_is() -> None:
    names = benches()
    assert names[0] == "spin"
    assert {"first_frame", "engine_ready", "training_step", "long_run"} <= set(names)
    assert not {"contest", "plain", "ours", "trainees", "table"} & set(names)
    assert not {"between", "training_text"} & set(names), "these make something, of files that are named"


def test_the_table_has_a_row_for_each_record_and_for_each_bench_that_failed() -> None:
    record = {"name": "a", "size": "d128", "peer": "b", "ratio": 2.0, "spread": [1.5, 2.5], "ours_ms": 3.1}
    rows = markdown([record], ["c"]).splitlines()
    assert rows[2] == "| a | size d128, peer b | 2.0 | 1.5–2.5 | ours_ms 3.1 |  |  |"
    assert rows[3].startswith("| c | failed |")
    assert len({row.count("|") for row in rows}) == 1


def test_books_are_spaced_by_turns_and_tales_begin_more_often_but_what_is_held_out_stays() -> None:
    books = ["I\nOne.\n\nTwo.\n", "A\nOnce upon a hill.\nAnd so.\nNo more.\n", '"Once upon a time."\n']
    held = [f"H{n}\nOnce upon a time it was held out.\n" for n in range(10)]
    given = END.join([*books, *held, ""])
    made = prepared(given, days=False).split(END)
    assert made[:3] == [books[0], "A\n\nOnce upon a hill.\n\nAnd so.\n\nNo more.\n\n", books[2]]
    assert made[3:-11] == ["Once upon a hill.\nAnd so.", 'Once upon a time."\n'] * TIMES
    assert made[-11:] == [*held, ""]


def test_with_days_the_passages_that_tell_of_one_stand_again_too() -> None:
    book = (
        "Once upon a time.\nIt was.\nHe sat. On a dark, cold night he left.\nOn a chair he sat.\n"
        "He said: She came upon a Monday.\nHe fell upon a chair.\n"
    )
    held = ["On a day it was held out.\n"] * 10
    made = prepared(END.join([book, *held]), days=True).split(END)
    assert made == [
        book,
        *["Once upon a time.\nIt was.", "On a dark, cold night he left.", "He said: She came upon a Monday."]
        * TIMES,
        *held,
    ]
