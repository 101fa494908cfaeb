"""Charts as lines of cells: ticks, ranges, thinning, and what is drawn."""

import math
import subprocess
import sys
from itertools import pairwise
from typing import Any

import plotext  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.strip import Strip

from tui.axes import Range, nice_ticks, step_range, thin, tick_labels, widen
from tui.plotting import Line, Mark, Raster, Rule, draw

AMBER, BLUE = "#e8b04b", "#6fb7e9"
X, Y = Range(0, 100), Range(0, 12)
FALLING = Line([float(i) for i in range(101)], [11 - i / 10 for i in range(101)], AMBER)


def texts(strips: list[Strip]) -> list[str]:
    return [strip.text for strip in strips]


def braille(strips: list[Strip]) -> dict[tuple[int, int], str]:
    return {
        (row, column): character
        for row, strip in enumerate(strips)
        for column, character in enumerate(strip.text)
        if "\u2801" <= character <= "\u28ff"
    }


@pytest.mark.parametrize(
    ("low", "high", "most", "least", "ticks"),
    [
        (0, 12, 4, 0, [0, 5, 10]),
        (0, 12, 7, 0, [0, 2, 4, 6, 8, 10, 12]),
        (8, 12, 5, 0, [8, 9, 10, 11, 12]),
        (0, 1, 6, 0, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (-1, 1, 5, 0, [-1, -0.5, 0, 0.5, 1]),
        (0.11, 0.39, 4, 0, [0.2, 0.3]),
        (0, 500, 6, 1, [0, 100, 200, 300, 400, 500]),
        (0, 3, 10, 1, [0, 1, 2, 3]),
    ],
)
def test_ticks_are_round(low: float, high: float, most: int, least: float, ticks: list[float]) -> None:
    assert nice_ticks(low, high, most, least) == ticks


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(1, 40))
def test_ticks_lie_within_evenly_apart_and_are_not_too_many(low: float, span: float, most: int) -> None:
    ticks = nice_ticks(low, low + span, most)
    assert len(ticks) <= most
    assert all(low - 1e-6 * span <= tick <= low + span * (1 + 1e-6) for tick in ticks)
    for one, two in pairwise(ticks):
        mantissa = float(f"{two - one:.4e}".split("e")[0])
        assert min(abs(mantissa - nice) for nice in (1, 2, 5, 10)) < 2e-3


@pytest.mark.parametrize(
    ("ticks", "labels"),
    [
        ([0, 0.2, 0.4], ["0", "0.2", "0.4"]),
        ([10.0, 10.5, 11.0], ["10.0", "10.5", "11.0"]),
        ([0, 2000, 4000, 6000], ["0", "2000", "4000", "6000"]),
        ([0, 5000, 10000], ["0", "5k", "10k"]),
        ([0, 500_000, 1_000_000], ["0", "0.5M", "1.0M"]),
        ([], []),
    ],
)
def test_tick_labels_are_of_one_kind(ticks: list[float], labels: list[str]) -> None:
    assert tick_labels(ticks) == labels


def test_a_range_that_holds_the_values_stays() -> None:
    assert widen(Range(4, 12), [4.0, 5.0, 12.0]) == Range(4, 12)


@settings(max_examples=200)
@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=8))
def test_a_widened_range_holds_every_drawable_value(values: list[float]) -> None:
    start = widen(None, values)
    wider = widen(start, [*values, 3.0])
    assert wider.low <= start.low < start.high <= wider.high
    drawable = [value for value in values if abs(value) <= 1e100]
    slack = 1e-9 * max(1.0, *map(abs, drawable), 1.0)
    assert all(start.low - slack <= value <= start.high + slack for value in drawable)


def test_a_range_of_losses_moves_a_few_times_in_a_run_and_never_below_zero() -> None:
    losses = [0.2 + 10.6 * math.exp(-i / 60) for i in range(300)]
    present: Range | None = None
    seen: list[Range] = []
    for loss in losses:
        present = widen(present, [loss])
        if not seen or present != seen[-1]:
            seen.append(present)
    assert len(seen) <= 8
    assert seen[-1] == Range(0, 12)
    assert all(each.low >= 0 for each in seen)


@pytest.mark.parametrize(
    ("last", "goal", "high"),
    [
        (1, 500, 20),
        (21, 500, 50),
        (51, 500, 100),
        (201, 500, 500),
        (201, 300, 300),
        (150, 210, 210),
        (3, 5, 5),
        (9_001, 0, 10_000),
    ],
)
def test_the_steps_shown_end_at_a_round_number_or_the_goal(last: int, goal: int, high: float) -> None:
    assert step_range(last, goal) == Range(0, high)


def test_thinning_keeps_spikes_and_bounds_the_points() -> None:
    y = [5.0] * 10_000
    y[7_777], y[3_333] = 40.0, 0.5
    x, thinned = thin(range(10_000), y, Range(0, 10_000), 50)
    assert len(x) == len(thinned) <= 100
    assert (7_777, 40.0) in zip(x, thinned, strict=True)
    assert (3_333, 0.5) in zip(x, thinned, strict=True)
    assert list(x) == sorted(x)


def test_one_more_point_changes_one_column_of_the_thinned() -> None:
    y = [math.sin(i * i) for i in range(1_000)]
    before = thin(range(999), y[:999], Range(0, 2_000), 40)
    after = thin(range(1_000), y, Range(0, 2_000), 40)
    assert set(zip(*after, strict=True)) - set(zip(*before, strict=True)) <= {(999, y[999])}


def test_thinning_leaves_few_points_and_both_ends_as_they_are() -> None:
    x, y = [0.0, 50.0, 100.0], [3.0, 2.0, 1.0]
    assert thin(x, y, Range(0, 100), 10) == (x, y)
    assert thin(x, y, Range(10, 60), 10) == ([50.0], [2.0])


def test_a_falling_curve_falls() -> None:
    cells = braille(draw([FALLING], 60, 20, X, Y))
    rows = [min(row for row, at in cells if at == column) for column in sorted({at for _, at in cells})]
    assert rows == sorted(rows)
    assert rows[0] < 3 and rows[-1] > 14
    assert len(rows) > 50


@pytest.mark.parametrize("size", [(12, 4), (24, 6), (46, 12), (200, 60)])
def test_a_chart_has_the_size_it_was_asked_for(size: tuple[int, int]) -> None:
    width, height = size
    strips = draw([FALLING], width, height, X, Y, x_name="step")
    assert [strip.cell_length for strip in strips] == [width] * height
    assert [len(text) for text in texts(strips)] == [width] * height


def test_ticks_stand_on_the_axes() -> None:
    lines = texts(draw([FALLING], 60, 20, X, Y, x_name="step"))
    assert [line[:5] for line in lines if line[4] == "┤"] == [
        "  12┤",
        "  10┤",
        "   8┤",
        "   6┤",
        "   4┤",
        "   2┤",
        "   0┤",
    ]
    assert lines[-1].split() == ["step", "0", "20", "40", "60", "80", "100"]
    assert lines[-2].count("┬") == 6


def test_the_dots_are_those_of_plotext_on_the_whole_canvas() -> None:
    y = [6 + 4 * math.sin(i / 9) for i in range(101)]
    drawn = draw([Line(range(20, 81), y[20:81], AMBER)], 60, 20, X, Y)
    left = texts(drawn)[0].index("│") if "│" in texts(drawn)[0] else texts(drawn)[0].index("┤")
    plotext.clear_figure()
    plotext.limit_size(False, False)
    plotext.plot_size(60 - left - 1, 18)
    plotext.frame(False)
    plotext.xfrequency(0)
    plotext.yfrequency(0)
    plotext.theme("clear")
    plotext.xlim(*X)
    plotext.ylim(*Y)
    plotext.plot(list(range(20, 81)), y[20:81], marker="braille")
    whole = plotext.uncolorize(plotext.build()).split("\n")
    assert [line[left + 1 :] for line in texts(drawn)[:18]] == [
        line.ljust(60 - left - 1) for line in whole[:18]
    ]


def test_what_is_not_finite_never_reaches_plotext(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float] = []
    plot = plotext.plot

    def recording(xs: list[float], ys: list[float], **options: object) -> None:
        given.extend([*xs, *ys])
        plot(xs, ys, **options)

    monkeypatch.setattr(plotext, "plot", recording)
    bad = Line([0, 25, 50, 75, 100], [math.nan, 3, math.inf, 1e300, -math.inf], AMBER)
    far = Line([0, 50, 1e9], [5, 1e90, 5], BLUE)
    cells = braille(draw([bad, far], 40, 12, X, Y))
    assert cells
    assert given and all(math.isfinite(value) for value in given)
    assert max(map(abs, given)) <= 100


def test_nothing_to_draw_draws_axes_only() -> None:
    strips = draw([Line([1.0], [math.nan], AMBER), Line([], [], BLUE)], 40, 12, X, Y)
    assert not braille(strips)
    assert any("┤" in text for text in texts(strips))


def test_curves_that_coincide_are_both_seen_and_cover_those_under_them() -> None:
    other, under = Line(FALLING.x, FALLING.y, BLUE), Line(FALLING.x, FALLING.y, "#333333")
    strips = draw([FALLING, other], 60, 20, X, Y, under=[under])
    colours = [
        segment.style.color.name
        for strip in strips
        for segment in strip
        if segment.style and segment.style.color
    ]
    assert colours.count(AMBER) > 10 and colours.count(BLUE) > 10
    assert "#333333" not in colours


@given(st.floats(0, 100), st.floats(0, 12))
def test_a_mark_stands_where_the_curve_has_its_dot(x: float, y: float) -> None:
    ((place, _),) = braille(draw([Line([x], [y], AMBER)], 46, 12, X, Y)).items()
    marked = texts(draw([], 46, 12, X, Y, marks=[Mark(x, y, "●", AMBER)]))
    assert marked[place[0]][place[1]] == "●"


def test_a_rule_is_named_where_it_lies() -> None:
    lines = texts(draw([FALLING], 60, 20, X, Y, rules=[Rule(10.8249, ("ln V 10.82 nats", "ln V"))]))
    (line,) = [line for line in lines if "ln V 10.82 nats" in line]
    assert lines.index(line) == 1  # 1.18 below the top at 1.5 rows a nat
    assert line.count("┈") > 30


def test_a_rule_takes_its_shorter_name_where_room_is_short_and_curves_are_left_alone() -> None:
    bare = braille(draw([FALLING], 30, 8, X, Y))
    ruled = draw([FALLING], 30, 8, X, Y, rules=[Rule(6, ("a name that is far too long for this", "six"))])
    assert braille(ruled) == bare
    assert any(" six " in text for text in texts(ruled))


def test_a_name_goes_left_of_the_curve_that_lies_on_its_rule() -> None:
    flat = Line([60, 100], [6, 6], AMBER)
    ruled = draw([flat], 60, 20, X, Y, rules=[Rule(6, ("six",))])
    assert braille(ruled) == braille(draw([flat], 60, 20, X, Y))
    (line,) = [text for text in texts(ruled) if "six" in text]
    assert 20 < line.index("six") < min(column for _, column in braille(ruled))


def test_rules_out_of_range_are_named_at_their_edge() -> None:
    lines = texts(draw([FALLING], 60, 12, X, Y, rules=[Rule(20, ("above",)), Rule(-3, ("below",))]))
    assert "↑ above" in lines[0] and "↓ below" in lines[-3]
    assert not any("┈" in line for line in lines)
    assert texts(draw([], 60, 12, X, Y, rules=[Rule(math.nan, ("none",))])) == texts(draw([], 60, 12, X, Y))


def test_names_cannot_bring_control_characters_or_move_cells() -> None:
    strips = draw([], 60, 12, X, Y, rules=[Rule(6, ("a\x1b[31mb\x9b0m\x07\n漢字 e\u0301",))])
    assert all(strip.cell_length == 60 == Strip(list(strip)).cell_length for strip in strips)
    assert all(character.isprintable() for text in texts(strips) for character in text)
    assert any("漢字" in text for text in texts(strips))


def test_the_upright_crosses_what_is_free_and_marks_the_axis() -> None:
    bare = braille(draw([FALLING], 60, 20, X, Y))
    strips = draw([FALLING], 60, 20, X, Y, rules=[Rule(6, ("six",))], upright=40.0)
    lines = texts(strips)
    assert braille(strips) == bare
    column = lines[-2].index("┴")
    assert all(line[column] == "┊" for row, line in enumerate(lines[:-2]) if (row, column) not in bare)


def test_plotext_is_not_loaded_before_the_first_curve() -> None:
    code = "import sys, tui.widgets.loss_chart; sys.exit('plotext' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_curves_that_stay_are_not_drawn_again_and_any_that_change_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raster = Raster()
    x, y = Range(0, 10), Range(0, 4)
    curve, other = Line([0, 4, 9], [3, 1, 2], "#6fb7e9"), Line([1, 8], [0.5, 3.5], "#e8b04b")
    pictures: list[dict[str, Any]] = [
        {"lines": [curve]},
        {"lines": [curve], "upright": 4.0},
        {"lines": [curve], "marks": [Mark(4, 1, "●", "#ffffff")], "rules": [Rule(2.5, ["half"])]},
        {"lines": [curve]},
        {"lines": [curve, other], "upright": 4.0},
        {"lines": [curve], "under": [other], "upright": 4.0},
        {"lines": [Line([0, 4, 9], [3, 1.5, 2], "#6fb7e9")]},
        {"lines": [Line([0, 4, 9], [3, 1.5, 2], "#e8b04b")]},
    ]
    drawn = 0
    build = plotext.build

    def counted() -> str:
        nonlocal drawn
        drawn += 1
        return str(build())

    monkeypatch.setattr(plotext, "build", counted)
    counts = []
    for each in pictures:
        lines = each.pop("lines")
        before = drawn
        kept = draw(lines, 40, 10, x, y, raster=raster, **each)
        counts.append(drawn - before)
        assert kept == draw(lines, 40, 10, x, y, **each)
    assert counts == [1, 0, 0, 0, 2, 2, 1, 1]
    same = ((41, 10), (x, y)), ((40, 11), (x, y)), ((40, 10), (Range(0, 9), y)), ((40, 10), (x, Range(0, 5)))
    for size, ranges in same:
        assert draw([curve], *size, *ranges, raster=raster) == draw([curve], *size, *ranges)
