"""The sample text under the loss chart: the latest one up to the step in sight."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from core import messages as m
from tests.tui.exploring import PROMPT, Exploration, exploring, raw, text_of
from tui import cells
from tui.screens.ask import AskScreen
from tui.screens.confirm import ConfirmScreen
from tui.widgets.sample_line import SampleLine


def line(ex: Exploration) -> SampleLine:
    return ex.screen.query_one(SampleLine)


async def trained(ex: Exploration, steps: int) -> None:
    await ex.press("escape")
    ex.screen.live.send(m.Run(steps=steps))
    await ex.until(lambda: ex.state.step >= steps and not ex.state.running)
    await ex.settled()


async def test_before_the_first_step_there_is_no_line_and_then_the_chart_makes_room() -> None:
    async with exploring() as ex:
        assert ex.asked(m.SampleEvery) == [m.SampleEvery(steps=50)]
        assert not line(ex).display
        height = ex.chart.size.height
        await trained(ex, 1)
        assert line(ex).display and line(ex).size.height == 2 and ex.chart.size.height == height - 2
        assert text_of(line(ex)).startswith("step 0: The fat cat")


async def test_the_latest_sample_up_to_the_step_in_sight_is_shown() -> None:
    async with exploring() as ex:
        ex.screen.live.send(m.SampleEvery(steps=3, prompt="A dog"))
        await trained(ex, 7)
        assert text_of(line(ex)).startswith("step 6: A dog")
        await ex.press("left_square_bracket")
        assert text_of(line(ex)).startswith("step 6: "), "at step 6"
        await ex.press("left_square_bracket")
        assert text_of(line(ex)).startswith("step 3: "), "at step 5"
        await ex.press("3", "home")
        assert text_of(line(ex)).startswith("step 0: ")
        await ex.press("backslash")
        assert text_of(line(ex)).startswith("step 6: ")
        ex.screen.live.send(m.Rewind(step=4))
        await ex.settled()
        assert text_of(line(ex)).startswith("step 3: "), "the run stands before it"


async def test_a_new_run_has_none_and_one_that_goes_on_has_its_own() -> None:
    async with exploring() as ex:
        await trained(ex, 2)
        shown = text_of(line(ex))
        ex.engine.die()
        await ex.settled()
        assert ex.dialog(ConfirmScreen)
        await ex.press("enter")
        assert len(ex.engines) == 2 and ex.state.step == 2
        assert text_of(line(ex)) == shown and ex.asked(m.SampleEvery) == [m.SampleEvery(steps=50)]
        ex.screen.live.send(m.Reset())
        await ex.settled()
        assert not line(ex).display


async def test_how_often_is_asked_and_the_prompt_is_what_is_gone_on_with() -> None:
    async with exploring() as ex:
        await ex.press("escape")
        ex.screen.action_sample_every()
        await ex.settled()
        ex.dialog(AskScreen).query_one("#number").value = "2"  # type: ignore[attr-defined]
        await ex.press("enter")
        assert ex.asked(m.SampleEvery)[-1] == m.SampleEvery(steps=2, prompt=PROMPT)
        await trained(ex, 2)
        assert text_of(line(ex)).replace("\n", " ").startswith(f"step 2: {PROMPT}")
        ex.screen.action_sample_every()
        await ex.settled()
        assert ex.dialog(AskScreen).query_one("#number").value == "2"  # type: ignore[attr-defined]
        await ex.press("escape")
        assert len(ex.asked(m.SampleEvery)) == 2


@pytest.mark.parametrize(("size", "high"), [((120, 40), 2), ((80, 24), 1), ((60, 15), 0)])
async def test_it_is_as_high_as_there_is_room_for(size: tuple[int, int], high: int) -> None:
    async with exploring(size) as ex:
        await trained(ex, 1)
        await ex.press("3")
        assert len(line(ex).lines) == high and line(ex).size.height == high
        assert all(strip.cell_length <= line(ex).size.width for strip in line(ex).lines)


async def test_a_sample_from_outside_cannot_reach_the_terminal_raw() -> None:
    async with exploring() as ex:
        await trained(ex, 1)
        ex.engine._emit(
            m.Sampled(samples=(m.SampleText(step=1, prompt="[b]\x1b[2J", text="\n\u202e\x07猫"),))
        )
        await ex.settled()
        assert text_of(line(ex)) == "step 1: [b]␛[2J↵<U+202E>␇猫"
        assert raw(ex.painted) == set()


texts = st.text("ab 猫🐈é  ", max_size=60)


@given(texts, st.integers(2, 20))
def test_a_wrapped_text_keeps_its_characters_and_no_line_is_too_wide(text: str, width: int) -> None:
    lines = cells.wrapped(text, width)
    assert max(map(cell_len, lines)) <= width
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_words_are_broken_only_where_they_fit_no_line() -> None:
    assert cells.wrapped("the fat cat sat", 7) == ["the fat", "cat sat"]
    assert cells.wrapped("the antidisestablished cat", 8) == ["the", "antidise", "stablish", "ed cat"]
    assert cells.wrapped("", 5) == [""]
