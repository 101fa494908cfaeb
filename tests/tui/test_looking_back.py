"""The time cursor: the prompt as it was, without anything of the run being moved."""

import pytest

from core import messages as m
from tests.fake_engine import FakeEngine
from tests.tui.exploring import PROMPT, Exploration, exploring, text_of
from tui.actions import looking_back


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


async def test_a_step_to_look_at_can_be_given_by_its_number() -> None:
    async with exploring() as ex:
        await ex.press("escape", "M")
        assert "No step has been trained yet" in ex.said[-1]
        await trained(ex, 5)
        await ex.press("M", "2", "enter")
        assert ex.table.step == 2 and ex.state.step == 5 and not ex.asked(m.Rewind)
        await ex.press("M", "6", "enter")
        assert "6 is out of range" in "\n".join(ex.painted) and ex.table.step == 2
        await ex.press("escape", "M", "5", "enter")
        assert ex.chart.looked_at is None and ex.table.step == 5


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


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cursor that stands still for a moment has rested."""
    monkeypatch.setattr(looking_back, "RESTED", 1e-3)


async def typed_after_training(ex: Exploration, steps: int) -> None:
    """A prompt nobody had looked at while it trained."""
    await trained(ex, steps)
    await ex.write("A dog")
    await ex.press("escape")
    await ex.settled()


@pytest.mark.usefixtures("at_once")
async def test_a_step_at_which_the_prompt_was_not_recorded_is_replayed_and_the_run_stays() -> None:
    async with exploring() as ex:
        await typed_after_training(ex, 5)
        await ex.press("left_square_bracket")
        await ex.until(lambda: ex.table.step == 4)
        assert ex.asked(m.Retrace) == [m.Retrace(text="A dog", step=4)]
        assert ex.title("table-pane").startswith("as it was at step 4 ") and "vs 5" in text_of(ex.rows)
        assert ex.state.step == 5 and not ex.asked(m.Rewind)
        await ex.press("left_square_bracket")
        await ex.settled()
        assert ex.table.step == 3, "it lay on the way"
        assert len(ex.asked(m.Retrace)) == 1


async def test_until_the_cursor_rests_the_nearest_recorded_step_is_shown_as_such() -> None:
    async with exploring() as ex:
        await typed_after_training(ex, 5)
        await ex.press("left_square_bracket")
        await ex.settled()
        assert ex.table.step == 5 and not ex.asked(m.Retrace)
        assert ex.title("table-pane").startswith("as it was at step 5, the nearest recorded to 4 ")
        await ex.press("backslash")
        await ex.settled()
        assert ex.title("table-pane").startswith("prefix") and not ex.asked(m.Retrace)


def stalls_in_a_replay(engine: FakeEngine) -> None:
    tell = engine._emit

    def told(event: m.AnyEvent) -> None:
        tell(event)
        if isinstance(event, m.Progress):
            engine.stall()

    engine._emit = told  # type: ignore[method-assign]


@pytest.mark.usefixtures("at_once")
async def test_a_replay_tells_how_far_it_is_and_escape_breaks_it_off() -> None:
    async with exploring() as ex:
        await typed_after_training(ex, 9)
        stalls_in_a_replay(ex.engine)
        await ex.press("left_square_bracket")
        await ex.until(lambda: "replaying 1/8" in ex.status)
        assert ex.title("table-pane").startswith("at step 9, replaying to 8: esc stops ")
        await ex.press("escape")
        ex.engine.go_on()
        await ex.until(lambda: ex.asked(m.Stop))
        await ex.settled()
        assert ex.table.step == 9 and ex.title("table-pane").startswith("prefix")
        assert "replaying" not in ex.status and not ex.said
        assert ex.state.step == 9


@pytest.mark.usefixtures("at_once")
async def test_another_step_takes_the_place_of_the_one_on_its_way() -> None:
    async with exploring() as ex:
        await typed_after_training(ex, 9)
        stalls_in_a_replay(ex.engine)
        await ex.press("left_square_bracket")
        await ex.until(lambda: "replaying" in ex.status)
        await ex.press("left_square_bracket")
        del ex.engine._emit  # stalls no more
        ex.engine.go_on()
        await ex.until(lambda: ex.table.step == 7)
        assert [r.step for r in ex.asked(m.Retrace)] == [8, 7]
        assert ex.title("table-pane").startswith("as it was at step 7 ")


@pytest.mark.usefixtures("at_once")
async def test_what_cannot_be_replayed_is_said_once() -> None:
    async with exploring() as ex:
        await typed_after_training(ex, 5)
        ex.engine.fail_next("the loss is not finite at step 3", "bad_request", m.Retrace)
        await ex.press("left_square_bracket")
        await ex.until(lambda: ex.said)
        await ex.settled()
        assert ex.said == ["the loss is not finite at step 3"] and len(ex.asked(m.Retrace)) == 1
        assert ex.title("table-pane").startswith("as it was at step 5, the nearest recorded to 4 ")
