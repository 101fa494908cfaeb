"""The time cursor: the prompt as it was, without anything of the run being moved."""

from core import messages as m
from tests.tui.exploring import PROMPT, Exploration, exploring, text_of


async def trained(ex: Exploration, steps: int) -> None:
    await ex.press("escape")
    for _ in range(steps):
        await ex.press("s")
        await ex.settled()


async def test_brackets_look_back_and_on_and_the_run_stays_where_it_is() -> None:
    async with exploring() as ex:
        await trained(ex, 3)
        now = ex.table
        await ex.press("left_square_bracket")
        await ex.settled()
        assert ex.table.step == 2 and ex.table.predictions != now.predictions
        assert ex.title("table-pane").startswith("as it was at step 2 ") and "vs 3" in text_of(ex.rows)
        assert ex.state.step == 3 and not ex.asked(m.Rewind)
        await ex.press("left_square_bracket", "left_square_bracket", "left_square_bracket")
        await ex.settled()
        assert ex.table.step == 0
        await ex.press("right_square_bracket")
        await ex.settled()
        assert ex.table.step == 1
        await ex.press("backslash")
        await ex.settled()
        assert ex.table == now and ex.title("table-pane").startswith("prefix")


async def test_on_the_chart_the_arrows_move_the_cursor_and_enter_takes_the_run_there() -> None:
    async with exploring() as ex:
        await trained(ex, 4)
        await ex.press("3", "left", "left")
        await ex.settled()
        assert ex.table.step == 2 and ex.chart.looked_at == 2
        assert "At step 2; later steps are known up to 4." in ex.chart.describe()
        await ex.press("home")
        await ex.settled()
        assert ex.table.step == 0
        await ex.press("end")
        await ex.settled()
        assert ex.chart.looked_at is None and ex.table.step == 4
        await ex.press("left", "enter")
        await ex.settled()
        assert ex.asked(m.Rewind) == [m.Rewind(step=3)]
        assert ex.state.step == 3 and ex.chart.looked_at is None and ex.table.step == 3
        await ex.press("right")
        await ex.settled()
        assert ex.table.step == 4, "what comes after is known, too"
        await ex.press("escape")
        await ex.settled()
        assert ex.table.step == 3


async def test_before_the_first_step_there_is_nothing_to_look_back_at() -> None:
    async with exploring() as ex:
        await ex.press("escape", "left_square_bracket")
        assert "No step has been trained yet" in ex.said[-1]


async def test_while_it_trains_the_past_stays_in_sight_and_is_compared_with_the_present() -> None:
    async with exploring() as ex:
        await trained(ex, 2)
        await ex.press("left_square_bracket", "left_square_bracket")
        await ex.settled()
        await ex.press("s")
        await ex.settled()
        assert ex.state.step == 3 and ex.table.step == 0 and ex.table.moved_from == 3


async def test_typing_comes_back_to_the_present() -> None:
    async with exploring() as ex:
        await trained(ex, 2)
        await ex.press("left_square_bracket")
        await ex.settled()
        await ex.write("A dog")
        assert ex.chart.looked_at is None and ex.table.text == "A dog" and ex.table.step == 2


async def test_a_new_run_ends_the_look_back() -> None:
    async with exploring() as ex:
        await trained(ex, 2)
        await ex.press("left_square_bracket", "left_square_bracket")
        await ex.settled()
        ex.screen.live.send(m.Reset())
        await ex.settled()
        assert ex.chart.looked_at is None and ex.table.text == PROMPT and ex.table.step == 0


async def test_the_past_has_no_logits_to_audit() -> None:
    async with exploring() as ex:
        await trained(ex, 2)
        await ex.press("left_square_bracket")
        await ex.settled()
        await ex.press("a")
        await ex.settled()
        assert "logits of the past are not kept" in ex.said[-1] and not ex.asked(m.Audit)
