"""Row 0: the prompt read after <|endoftext|>, so that its first token is scored as well."""

import pytest

from core import messages as m
from tests.tui.exploring import PROMPT, exploring, text_of
from tui.formats import Unit, information
from tui.widgets.words import Words


async def test_a_key_shows_row_0_and_the_mean_with_it_and_without() -> None:
    async with exploring() as ex:
        before = ex.table
        await ex.press("escape", "0")
        assert ex.asked(m.Score)[-1] == m.Score(text=PROMPT, first_token=True)
        shown = text_of(ex.rows).splitlines()
        assert shown[1].split()[:3] == ["0", "<|endoft…", "The"]
        assert shown[2].split()[:3] == ["1", "The", "␣fat"], "the other rows keep their numbers"
        summary = ex.table.summary
        mean, without = (information(x, Unit.NATS, 4) for x in (summary.mean, summary.without_first))
        assert f"loss {mean} nats, {without} without row 0" in ex.words("summary")
        assert mean != without
        assert text_of(ex.tokens).startswith("<|endoftext|>The")
        await ex.press("0")
        assert ex.table == before and "without" not in ex.words("summary")


async def test_endoftext_stands_before_a_prefix_where_there_is_room_for_it() -> None:
    async with exploring((200, 40)) as ex:
        await ex.press("escape", "0")
        shown = [line.split("→")[0] for line in text_of(ex.rows).splitlines()]
        assert "<|endoftext|>The " in shown[2] and "<|endoftext|>The fat cat " in shown[4]
        assert shown[7].split(maxsplit=1)[1].startswith(("…", "<|endoftext|>The", "The"))


async def test_the_selected_row_stays_on_its_prefix() -> None:
    async with exploring() as ex:
        await ex.press("escape", "home", "down", "down")
        target = ex.rows.selected and ex.rows.selected.target
        await ex.press("0")
        assert ex.rows.cursor == 3 and ex.rows.selected is not None
        assert ex.rows.selected.target == target
        await ex.press("0")
        assert ex.rows.cursor == 2
        await ex.press("0", "home", "0")
        assert ex.rows.cursor == 0, "where row 0 goes, row 1 is the nearest"
        await ex.press("end", "0")
        assert ex.rows.cursor == 7 and ex.rows.follows_end


async def test_the_arithmetic_and_the_list_are_of_row_0() -> None:
    async with exploring() as ex:
        await ex.press("escape", "0", "home")
        assert "<|endoftext|>" in ex.title("candidates-pane")
        await ex.press("a")
        assert ex.asked(m.Audit)[-1] == m.Audit(position=0)
        heading = text_of(ex.app.screen.query_one("#equations")).splitlines()[0]  # type: ignore[arg-type]
        assert "after “<|endoftext|>” →  The " in heading and "row 0 · step 0" in heading


async def test_a_candidate_is_put_after_the_prefix_without_endoftext() -> None:
    async with exploring() as ex:
        await ex.press("escape", "0", "home", "down", "2", "enter")
        chosen = ex.candidates.candidates
        assert chosen and ex.prompt.text.startswith("The") and "<|" not in ex.prompt.text
        assert len(ex.table.tokens) == 3 and ex.table.first_token


async def test_an_empty_prompt_shows_how_a_text_may_begin_and_can_be_continued() -> None:
    async with exploring() as ex:
        await ex.write("")
        await ex.press("escape", "0")
        assert ex.table.text == "" and len(ex.table.predictions) == 1 and ex.candidates.candidates
        assert ex.words("summary").startswith("The prompt is empty: the list shows")
        await ex.press("t")
        assert ex.asked(m.Generate)[-1].first_token and ex.prompt.text and not ex.said


async def test_a_look_back_ends_and_begins_anew_with_what_is_recorded_of_it() -> None:
    async with exploring() as ex:
        await ex.press("escape", "s", "left_square_bracket")
        assert ex.table.step == 0
        await ex.press("0")
        assert ex.screen.looking_at is None and ex.table.step == 1 and ex.table.first_token
        await ex.press("s", "left_square_bracket")
        assert ex.asked(m.Recall)[-1] == m.Recall(text=PROMPT, step=1, first_token=True)
        assert ex.table.step == 1 and ex.table.first_token


async def test_the_curve_of_the_prompt_begins_anew() -> None:
    async with exploring() as ex:
        await ex.press("escape", "s", "s")
        assert len(ex.chart._curves.prompt.steps) == 3
        await ex.press("0")
        assert list(ex.chart._curves.prompt.steps) == [2]
        assert list(ex.chart._curves.prompt.values) == [pytest.approx(float(ex.table.summary.mean or 0))]


@pytest.mark.parametrize("size", [(80, 24), (60, 15)])
async def test_the_means_are_told_where_there_is_little_room(size: tuple[int, int]) -> None:
    async with exploring(size) as ex:
        await ex.press("escape", "0")
        assert "without row 0" in ex.words("summary") and "…" not in ex.words("summary")
        width = ex.screen.query_one("#summary", Words).size.width
        assert all(strip.cell_length <= width for strip in ex.rows.lines)
        assert "endof" in text_of(ex.rows).splitlines()[1]


async def test_a_table_of_the_other_kind_that_comes_late_is_not_shown() -> None:
    async with exploring() as ex:
        plain = ex.table
        await ex.press("escape", "0")
        ex.engine._emit(m.Rescored(table=plain))
        await ex.settled()
        assert ex.table.first_token
