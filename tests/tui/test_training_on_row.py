"""A step on one row: asked for, made, told of, taken back; and the future that another way leaves."""

import msgspec
import pytest

from core import messages as m
from tests.tui.exploring import PROMPT, Exploration, exploring, raw, text_of
from tui.screens.row_step import RowStepScreen

ROW = 2  # "The fat cat" and what follows it


async def on_row(ex: Exploration, *, steps: int = 1, rate: str | None = None) -> None:
    """Some steps, then one on a row."""
    await ex.press("escape", *["s"] * steps)
    ex.rows.select(ROW)
    await ex.press("u")
    if rate is not None:
        ex.dialog(RowStepScreen).query_one("#rate").value = rate  # type: ignore[attr-defined]
    await ex.press("enter")


def note(ex: Exploration) -> str:
    return ex.screen._note or ""


async def test_a_step_on_the_selected_row_is_asked_for_with_its_learning_rate() -> None:
    async with exploring() as ex:
        await ex.press("escape", "s")
        ex.rows.select(ROW)
        await ex.press("u")
        dialog = ex.dialog(RowStepScreen)
        painted = "\n".join(ex.painted)
        assert "The fat cat → ␣sat" in painted and "learning rate" in painted
        assert dialog.query_one("#rate").value == "0.01"  # type: ignore[attr-defined]  # ten times the run's
        await ex.press("enter")
        (asked,) = ex.asked(m.TrainOnRow)
        target = ex.table.predictions[ROW].target
        assert target is not None
        shares = (m.Share(token_id=target.token_id, share=1.0),)
        assert asked == m.TrainOnRow(position=ROW, target=shares, learning_rate=0.01)
        assert ex.state.step == 2 and (ex.table.step, ex.table.moved_from) == (2, 1)


async def test_what_the_step_did_is_said_in_one_line_as_long_as_the_run_stands_there() -> None:
    async with exploring() as ex:
        await on_row(ex)
        moves = [p.moved for p in ex.table.predictions if p.moved is not None]
        target = ex.table.predictions[ROW].target
        assert target is not None
        others = [float(moved) for i, moved in enumerate(moves) if i != ROW]
        rose, fell = sum(x > 0.0005 for x in others), sum(x < -0.0005 for x in others)
        after, before = target.surprisal, target.surprisal - float(moves[ROW])
        assert note(ex) == (
            f"Step 2 was made on row {ROW + 1} alone: its −log p went from {before:.2f} to {after:.2f} nats. "
            f"Of {len(others)} other rows {rose} rose (paid) and {fell} fell. F4 takes it back."
        )
        assert "▴" in text_of(ex.chart) and "Made on one row: step 2." in ex.chart.describe()
        await ex.press("n")
        assert "bits" in note(ex)
        await ex.press("s")
        assert note(ex) == ""


async def test_back_takes_it_back_and_the_next_step_is_an_ordinary_one() -> None:
    async with exploring() as ex:
        await ex.press("escape", "s")
        before = ex.table
        await on_row(ex, steps=0)
        await ex.press("b")
        assert ex.state.step == 1 and note(ex) == "" and "▴" not in text_of(ex.chart)
        assert [p.target for p in ex.table.predictions] == [p.target for p in before.predictions]
        assert ex.screen.furthest == 1
        await ex.press("s")
        assert ex.state.step == 2 and note(ex) == "" and "Made on one row" not in ex.chart.describe()


async def test_the_last_learning_rate_is_remembered() -> None:
    async with exploring() as ex:
        await on_row(ex, rate="3e-4")
        await ex.press("u")
        assert ex.dialog(RowStepScreen).query_one("#rate").value == "0.0003"  # type: ignore[attr-defined]
        assert [each.learning_rate for each in ex.asked(m.TrainOnRow)] == [3e-4]


@pytest.mark.parametrize(
    ("typed", "words"),
    [("", "learning rate is empty"), ("x", "is not a number"), ("0", "must lie between"), ("nan", "is nan")],
)
async def test_a_rate_that_is_none_is_named_and_nothing_is_done(typed: str, words: str) -> None:
    async with exploring() as ex:
        await on_row(ex, rate=typed)
        assert words in "\n".join(ex.painted)
        await ex.press("escape")
        assert not ex.asked(m.TrainOnRow)


async def test_the_open_row_has_no_target_yet() -> None:
    async with exploring() as ex:
        await ex.press("escape", "u")
        assert "x chooses a target" in ex.said[-1] and not ex.asked(m.TrainOnRow)


async def test_while_the_run_trains_it_is_refused_with_what_to_do() -> None:
    async with exploring(steps_allowed=1) as ex:
        await ex.press("escape")
        ex.rows.select(ROW)
        await ex.press("space", "u")
        assert "F3 pauses it" in ex.said[-1] and not ex.asked(m.TrainOnRow)


async def test_while_looking_back_it_is_refused_with_what_to_do() -> None:
    async with exploring() as ex:
        await ex.press("escape", "s", "s", "left_square_bracket")
        ex.rows.select(ROW)
        await ex.press("u")
        assert "comes back to the present" in ex.said[-1] and not ex.asked(m.TrainOnRow)


async def test_a_refusal_is_said_and_the_next_step_is_not_taken_for_it() -> None:
    async with exploring(prepare=lambda engine: engine.fail_next("no", request=m.TrainOnRow)) as ex:
        await on_row(ex)
        assert ex.said[-1] == "no" and ex.state.step == 1
        await ex.press("s")
        assert ex.state.step == 2 and note(ex) == ""


async def test_from_an_earlier_step_the_old_future_stays_on_the_chart_until_it_is_dropped() -> None:
    async with exploring() as ex:
        await ex.press("escape", *["s"] * 8, "b", "b", "b", "b")
        run = ex.state.run
        await on_row(ex, steps=0)
        assert ex.state.run != run and ex.state.ghost == 4
        words = "The future that the run left at step 4 is known up to step 8."
        assert words in ex.chart.describe()
        with_it = text_of(ex.chart)
        await ex.press("s")
        assert words in ex.chart.describe()
        await ex.press("b", "D")
        assert ex.state.ghost == 0 and "future" not in ex.chart.describe()
        assert text_of(ex.chart) != with_it
        await ex.press("D")
        assert "no old future" in ex.said[-1]


async def test_nothing_of_a_hostile_row_reaches_the_terminal() -> None:
    async with exploring((80, 24)) as ex:
        await ex.write("\x1b[31m[/b] \x07 " + PROMPT * 3)
        await on_row(ex)
        await ex.press("u")
        assert not raw(ex.painted) - {"\n"}


async def test_towards_a_mix_its_cross_entropy_is_told_before_and_after() -> None:
    async with exploring() as ex:
        await ex.press("escape", "s")
        ex.rows.select(ROW)
        await ex.press("x")
        await ex.type(
            "mat 0.57, dog 0.288, lap 0.081, hat 0.061"
        )  # weighed again, these shares are rounded anew
        await ex.press("enter", "u", "enter")
        (asked,) = ex.asked(m.TrainOnRow)
        row = ex.engine._q.row(ex.table.tokens[ROW].token_id, 2)
        after = -sum(float(each.share) * float(row[each.token_id]) for each in asked.target)
        step = ex.engine._at.results[2]  # of which the loss is that of the row before the update
        before = float(step.loss or 0)
        told = f"its H(p, q) went from {before:.2f} to {after:.2f} nats. Of"
        assert note(ex).startswith(f"Step 2 was made on row {ROW + 1} alone: {told}")


async def test_towards_something_else_the_row_is_told_of_by_the_token_that_follows() -> None:
    async with exploring() as ex:
        mix = (m.Share(token_id=3290, share=0.5), m.Share(token_id=2603, share=0.5))
        ex.screen.target_of_row = lambda position: mix  # type: ignore[method-assign]
        await ex.press("escape", "s", "u")  # on the open row
        assert "a mix of 2 tokens" in "\n".join(ex.painted)
        await ex.press("enter")
        (asked,) = ex.asked(m.TrainOnRow)
        last = len(ex.table.tokens) - 1
        assert asked == msgspec.structs.replace(asked, position=last, target=mix)
        assert note(ex).startswith(f"Step 2 was made on row {last + 1} alone. Of {last} other rows")
