"""The loss chart on a screen of its own."""

import asyncio
import math
import time
from collections.abc import Sequence

import numpy
import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from core.messages import Real, Reference, StepResult
from tui import plotting
from tui.formats import Unit
from tui.series import Series
from tui.widgets import loss_chart
from tui.widgets.loss_chart import LossChart

LN_V = Reference(name="ln V", nats=10.8249)


def falling(steps: int, first: int = 1) -> list[StepResult]:
    """Losses that fall from 10.8 to 4, all different, with a validation every 20 steps."""
    curve = [
        (step, 4 + 6.8 * math.exp(-step / 60) + 0.1 * math.sin(step)) for step in range(first, steps + 1)
    ]
    return [
        StepResult(step=step, loss=loss, validation=loss + 0.5 if step % 20 == 0 else None, prompt=loss - 0.5)
        for step, loss in curve
    ]


class Alone(App[None]):
    def __init__(self, results: Sequence[StepResult] = ()) -> None:
        super().__init__()
        self.results = results

    def compose(self) -> ComposeResult:
        chart = LossChart()
        chart.references = (LN_V,)
        chart.goal = 500
        chart.replace(self.results)
        yield chart


def chart_of(pilot: Pilot[None]) -> LossChart:
    return pilot.app.query_one(LossChart)


def words(chart: LossChart) -> str:
    return chart.lines[0].text.rstrip()


def picture(chart: LossChart) -> str:
    return "\n".join(line.text for line in chart.lines[1:])


async def drawn(chart: LossChart) -> None:
    """Wait until nothing is left to draw."""
    end = time.monotonic() + 5
    while chart.pending:
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


def count_drawings(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[plotting.Line]]:
    drawings: list[Sequence[plotting.Line]] = []
    draw = plotting.draw

    def counted(lines: Sequence[plotting.Line], *args: object, **options: object) -> object:
        drawings.append(lines)
        return draw(lines, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(plotting, "draw", counted)
    return drawings


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(30, 8), (58, 14)])
async def test_without_a_step_it_says_which_keys_train_and_draws_no_axes(size: tuple[int, int]) -> None:
    async with Alone([StepResult(step=0, validation=10.83)]).run_test(size=size) as pilot:
        chart = chart_of(pilot)
        assert "F2" in picture(chart) and "F3" in picture(chart)
        assert "┤" not in picture(chart)
        assert "◆" in words(chart) and "10.83" in words(chart)
        assert chart.describe() == "No training step has been made yet."


@pytest.mark.asyncio
async def test_the_words_tell_the_newest_numbers_with_unit_and_marks() -> None:
    results = [*falling(119), StepResult(step=120, loss=5.31, validation=5.62, prompt=4.87)]
    async with Alone(results).run_test(size=(100, 20)) as pilot:
        average = plain_average([float(result.loss or 0) for result in results])
        assert words(chart_of(pilot)) == (
            f"step 120 · ● train 5.31 (avg {average:.2f}) · ◆ validation 5.62 · ■ this prompt 4.87 nats"
            " · perplexity ◆ 276"
        )
        assert f"{math.exp(5.62):.0f}" == "276"
        await pilot.resize_terminal(120, 20)
        await pilot.pause()
        assert words(chart_of(pilot)).endswith(" nats · perplexity ● 202 ◆ 276 ■ 130")
        chart_of(pilot).unit = Unit.BITS
        assert words(chart_of(pilot)).endswith(" bits · perplexity ● 202 ◆ 276 ■ 130"), "it has no unit"
        await pilot.resize_terminal(96, 20)
        await pilot.pause()
        assert words(chart_of(pilot)).endswith("this prompt 7.03 bits"), "it takes nothing's room"


def plain_average(values: Sequence[float]) -> float:
    """Each value with its weight: its own share, times what each later one left of it."""
    shares = [1.0] + [2 / (min(20, max(1, n / 10)) + 1) for n in range(2, len(values) + 1)]
    weights = [share * math.prod(1 - later for later in shares[i + 1 :]) for i, share in enumerate(shares)]
    return float(numpy.dot(values, weights))


def test_the_average_is_the_weighted_mean_also_after_a_change_in_the_middle() -> None:
    series = Series("train", "train", "●", "#ffffff", "#333333")
    values = [10 - 0.03 * n + math.sin(n) for n in range(250)]
    for step, value in enumerate(values, 1):
        series.put(step, value)

    def expected() -> list[float]:
        return [plain_average(values[:n]) for n in range(1, len(values) + 1)]

    assert series.averages() == pytest.approx(expected())
    values[2] = 3.0
    series.put(3, 3.0)
    assert series.averages() == pytest.approx(expected())
    series.put(3, math.nan)
    del values[2]
    assert series.averages() == pytest.approx(expected())
    assert series.latest(4) == (4, values[2])
    assert str(series.latest(3)) == "(3, nan)"
    assert series.latest(2) == (2, values[1])


def test_the_average_keeps_close_to_a_young_curve_that_falls_fast_and_calms_an_old_one() -> None:
    series = Series("train", "train", "●", "#ffffff", "#333333")
    for step in range(1, 41):
        series.put(step, 11 - 0.13 * step)
    assert abs(series.averages()[-1] - series.values[-1]) < 0.25
    for step in range(41, 500):
        series.put(step, 5 + (0.5 if step % 2 else -0.5))
    assert abs(series.averages()[-1] - 5) < 0.06


@pytest.mark.asyncio
@pytest.mark.parametrize("width", [28, 30, 40, 46, 58, 70, 80, 120])
async def test_the_words_fit_and_keep_numbers_unit_and_marks(width: int) -> None:
    async with Alone(falling(120)).run_test(size=(width, 12)) as pilot:
        line = chart_of(pilot).lines[0]
        assert line.cell_length <= width
        assert all(part in line.text for part in ("●", "◆", "■", "nats"))


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(46, 12), (58, 14), (100, 40)])
async def test_the_picture_has_round_ticks_a_named_reference_and_the_ends_of_three_curves(
    size: tuple[int, int],
) -> None:
    async with Alone(falling(300)).run_test(size=size) as pilot:
        lines = picture(chart_of(pilot)).split("\n")
        assert len(lines) == size[1] - 1
        assert lines[-1].split()[:3] in (["step", "0", "200"], ["step", "0", "100"])
        assert {"0", "10"} <= {line.split("┤")[0].strip() for line in lines if "┤" in line}
        assert "ln V 10.82 nats" in picture(chart_of(pilot))
        assert all(picture(chart_of(pilot)).count(mark) == 1 for mark in "●◆■")


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(23, 12), (60, 5)])
async def test_where_there_is_no_room_only_the_words_are_shown(size: tuple[int, int]) -> None:
    async with Alone(falling(30)).run_test(size=size) as pilot:
        assert "●" in words(chart_of(pilot))
        assert picture(chart_of(pilot)).strip() == ""


@pytest.mark.asyncio
async def test_a_resize_is_drawn_at_the_new_size() -> None:
    async with Alone(falling(30)).run_test(size=(60, 14)) as pilot:
        await pilot.resize_terminal(90, 24)
        await pilot.pause()
        chart = chart_of(pilot)
        assert len(chart.lines) == 24
        assert chart.lines[-1].cell_length == 90


@pytest.mark.asyncio
async def test_one_more_step_repaints_less_than_half_of_the_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loss_chart, "REDRAW", 0.05)
    async with Alone(falling(150)).run_test(size=(100, 40)) as pilot:
        chart = chart_of(pilot)
        await drawn(chart)
        painted: list[int] = []
        monkeypatch.setattr(chart, "refresh_line", painted.append)
        chart.add(falling(151, first=151))
        await drawn(chart)
        assert 0 in painted
        assert len(painted) < 20


@pytest.mark.asyncio
async def test_streaming_draws_once_a_second_and_then_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Alone(falling(10)).run_test(size=(60, 14)) as pilot:
        chart = chart_of(pilot)
        await drawn(chart)
        drawings = count_drawings(monkeypatch)
        began = time.monotonic()
        for result in falling(60, first=11):
            chart.add([result])
        assert chart.pending and len(drawings) <= 1
        await drawn(chart)
        assert len(drawings) <= 1 + (time.monotonic() - began)
        assert "train" in words(chart) and f"{float(falling(60)[-1].loss or 0):.2f}" in words(chart)
        assert not chart.pending


@pytest.mark.asyncio
async def test_a_step_after_a_pause_is_drawn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Alone(falling(10)).run_test(size=(60, 14)) as pilot:
        chart = chart_of(pilot)
        await drawn(chart)
        later = time.monotonic() + 1.5
        monkeypatch.setattr(time, "monotonic", lambda: later)
        chart.add([StepResult(step=11, loss=9.87)])
        assert "9.87" in words(chart)
        assert not chart.pending


@pytest.mark.asyncio
async def test_the_unit_turns_everything_at_once() -> None:
    async with Alone([StepResult(step=1, loss=10.8249)]).run_test(size=(60, 14)) as pilot:
        chart = chart_of(pilot)
        chart.unit = Unit.BITS
        assert "15.62" in words(chart) and words(chart).endswith("bits")
        assert "ln V 15.62 bits" in picture(chart)
        (row,) = [line for line in picture(chart).split("\n") if "ln V" in line]
        assert "●" in row and "↓" not in row  # the loss is ln V itself
        assert "nats" not in words(chart) + picture(chart) + chart.describe()


@pytest.mark.asyncio
@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
async def test_a_loss_that_is_no_number_is_told_and_not_drawn(value: Real) -> None:
    results = [*falling(40), StepResult(step=41, loss=value)]
    async with Alone(results).run_test(size=(100, 20)) as pilot:
        chart = chart_of(pilot)
        assert {"nan": "NaN", "inf": "∞", "-inf": "-∞"}[str(value)] in words(chart)
        assert "●" in picture(chart)
        chart.replace([StepResult(step=1, loss=value)])
        assert "●" not in picture(chart) and "┤" in picture(chart)


@pytest.mark.asyncio
async def test_a_cursor_before_the_end_is_marked_and_later_steps_are_faint() -> None:
    async with Alone(falling(100)).run_test(size=(100, 20)) as pilot:
        chart = chart_of(pilot)
        assert "┊" not in picture(chart)
        chart.cursor = 60
        await drawn(chart)
        assert words(chart).startswith("step 60 ")
        assert "┊" in picture(chart)
        column = chart.lines[-2].text.index("┴")
        assert column < chart.lines[-1].text.index("100")
        faint = {"#66532f", "#37556c", "#5b4473", "#3d3420"}
        for line in chart.lines[1:-2]:
            at = 0
            for segment in line:
                colour = segment.style.color.name if segment.style and segment.style.color else ""
                if any("\u2801" <= character <= "\u28ff" for character in segment.text):
                    assert (colour in faint) == (at > column) or abs(at - column) <= 1
                at += segment.cell_length
        assert "later steps are known up to 100" in chart.describe()


@pytest.mark.asyncio
async def test_steps_made_again_replace_the_known_ones_and_move_the_cursor() -> None:
    async with Alone(falling(100)).run_test(size=(100, 20)) as pilot:
        chart = chart_of(pilot)
        chart.cursor = 60
        chart.add([StepResult(step=61, loss=1.25)])
        assert chart.cursor == 61
        await drawn(chart)
        assert words(chart).startswith("step 61 · ● train 1.25")
        chart.cursor = 100
        await drawn(chart)
        assert "┊" not in picture(chart)
        assert "lowest 1.25 at step 61" in chart.describe()


@pytest.mark.asyncio
async def test_an_edited_prompt_begins_a_curve_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loss_chart, "REDRAW", 0.05)
    async with Alone(falling(50)).run_test(size=(100, 20)) as pilot:
        chart = chart_of(pilot)
        chart.clear_prompt()
        await drawn(chart)
        assert "■" not in words(chart) + picture(chart)
        chart.add([StepResult(step=51, loss=5.0, prompt=7.5)])
        await drawn(chart)
        assert "this prompt 7.50" in words(chart)
        assert "This prompt's loss 7.50 nats (perplexity 1,808) at step 51." in chart.describe()


@pytest.mark.asyncio
async def test_the_sentences_tell_first_present_lowest_and_where_it_goes() -> None:
    losses = [10.82, 9.0, 5.12, 5.31]
    results = [StepResult(step=step, loss=loss) for step, loss in enumerate(losses, 1)]
    async with Alone(results).run_test(size=(60, 14)) as pilot:
        assert chart_of(pilot).describe() == (
            "Training loss 5.31 nats (perplexity 202) at step 4, 10.82 at step 1, lowest 5.12 at step 3, "
            "falling. Reference: ln V 10.82 nats."
        )


@pytest.mark.asyncio
async def test_many_steps_are_thinned_before_they_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Alone().run_test(size=(60, 14)) as pilot:
        drawings = count_drawings(monkeypatch)
        chart_of(pilot).replace([StepResult(step=step, loss=4 + step % 7 / 10) for step in range(1, 20_001)])
        assert len(drawings) == 1
        assert [line.colour for line in drawings[0]] == ["#e8b04b", "#6fb7e9", "#c58af9"]
        assert all(len(line.x) <= 4 * 60 for line in drawings[0])


@pytest.mark.asyncio
async def test_curves_that_end_together_keep_their_three_marks() -> None:
    results = [StepResult(step=step, loss=5.0, validation=5.0, prompt=5.0) for step in range(1, 51)]
    async with Alone(results).run_test(size=(60, 14)) as pilot:
        chart = chart_of(pilot)
        assert "■◆●" in picture(chart)  # at the right edge they go to the left
        chart.replace(results[:40])
        assert "●◆■" in picture(chart)


@pytest.mark.asyncio
@pytest.mark.parametrize("apart", [1.3, 0.2, 0.0])
async def test_lines_that_lie_close_are_all_named(apart: float) -> None:
    async with Alone(falling(300)).run_test(size=(60, 14)) as pilot:
        chart = chart_of(pilot)
        chart.references = (
            LN_V,
            Reference(name="unigram entropy", nats=7.0 + apart),
            Reference(name="trigrams", nats=7.0),
        )
        rows = picture(chart).splitlines()
        named = {name: [n for n, row in enumerate(rows) if name in row] for name in ("unigram", "trigrams")}
        assert [len(found) for found in named.values()] == [1, 1], rows
        assert named["unigram"][0] <= named["trigrams"][0]
        assert (
            f"Reference: unigram entropy {7 + apart:.2f} nats. Reference: trigrams 7.00 nats."
            in chart.describe()
        )


@pytest.mark.asyncio
async def test_names_of_references_cannot_bring_control_characters() -> None:
    async with Alone(falling(20)).run_test(size=(100, 20)) as pilot:
        chart = chart_of(pilot)
        chart.references = (Reference(name="[/b]\x1b[2J\x9b1m\u202e", nats=9.0),)
        told = words(chart) + "".join(line.text for line in chart.lines) + chart.describe()
        assert all(character.isprintable() for character in told)
        assert "[/b]" in picture(chart)
