"""The model writes on: one token, twenty that stream in, and what ends them."""

from core import messages as m
from tests.tui.exploring import PROMPT, Exploration, exploring


async def test_one_token_is_sampled_and_appended_each_time_another_draw_and_can_be_taken_back() -> None:
    async with exploring() as ex:
        await ex.press("ctrl+t")
        first = ex.prompt.text
        assert first.startswith(PROMPT) and len(ex.table.tokens) == 8
        await ex.press("escape", "t")
        assert ex.prompt.text.startswith(first) and len(ex.table.tokens) == 9
        requests = ex.asked(m.Generate)
        assert [(r.text, r.tokens) for r in requests] == [(PROMPT, 1), (first, 1)]
        assert requests[0].seed != requests[1].seed
        await ex.press("slash", "ctrl+z")
        assert ex.prompt.text == ex.table.text == first


async def test_twenty_tokens_stream_into_the_prompt_one_after_the_other() -> None:
    async with exploring() as ex:
        lengths: list[int] = []
        put = ex.prompt.set_text

        def noted(text: str) -> None:
            lengths.append(len(text))
            put(text)

        ex.prompt.set_text = noted  # type: ignore[method-assign]
        await ex.press("escape", "c")
        assert [(r.text, r.tokens) for r in ex.asked(m.Generate)] == [(PROMPT, 20)]
        assert ex.prompt.text.startswith(PROMPT) and ex.table.text == ex.prompt.text
        assert len(lengths) >= 10 and lengths == sorted(lengths)
        assert ex.rows.cursor == len(ex.table.predictions) - 1
        ex.prompt.focus()
        await ex.press("ctrl+z")
        assert ex.prompt.text == ex.table.text == PROMPT, "a stream is one edit"


async def streaming(ex: Exploration) -> str:
    """Start a stream and hold it after some tokens; the prompt as it then is."""
    ex.burst("ctrl+g")
    await ex.until(lambda: len(ex.prompt.text) > len(PROMPT) + 8)
    ex.engine.stall()
    await ex.settled()
    return ex.prompt.text


async def test_typing_ends_a_stream_and_loses_neither_the_key_nor_what_was_written() -> None:
    async with exploring() as ex:
        before = await streaming(ex)
        await ex.type("XY")
        ex.engine.go_on()
        await ex.settled()
        assert ex.prompt.text == ex.table.text == before + "XY"
        assert len(ex.asked(m.Stop)) == 1


async def test_a_key_typed_as_the_next_token_arrives_is_not_overwritten_by_it() -> None:
    async with exploring() as ex:
        await streaming(ex)
        ex.engine.go_on()
        for _ in range(3):
            ex.burst("X")
            await ex.turn()
        await ex.settled()
        assert ex.prompt.text.count("X") == 3
        assert ex.table.text == ex.prompt.text


async def test_a_second_press_ends_a_stream_and_keeps_what_was_written() -> None:
    async with exploring() as ex:
        before = await streaming(ex)
        await ex.press("ctrl+g")
        ex.engine.go_on()
        await ex.settled()
        assert ex.prompt.text == ex.table.text == before
        assert len(ex.asked(m.Generate)) == len(ex.asked(m.Stop)) == 1


async def test_escape_ends_a_stream_first_and_then_leaves_the_prompt() -> None:
    async with exploring() as ex:
        before = await streaming(ex)
        await ex.press("escape")
        ex.engine.go_on()
        await ex.settled()
        assert ex.prompt.text == ex.table.text == before
        assert len(ex.asked(m.Stop)) == 1 and ex.app.focused is ex.prompt
        await ex.press("escape")
        assert ex.app.focused is ex.rows


async def test_a_third_press_streams_on_from_there_and_a_fourth_ends_that() -> None:
    async with exploring() as ex:
        before = await streaming(ex)
        await ex.press("ctrl+g", "ctrl+g")
        ex.engine.go_on()
        await ex.until(lambda: len(ex.prompt.text) > len(before) + 8)
        await ex.press("ctrl+g")
        after = ex.prompt.text
        assert [(r.text, r.tokens) for r in ex.asked(m.Generate)] == [(PROMPT, 20), (before, 20)]
        assert len(ex.asked(m.Stop)) == 2
        assert after.startswith(before) and len(after) < len(before) + 120
        assert ex.table.text == after


async def test_a_stream_that_is_refused_says_why_and_another_can_be_started() -> None:
    async with exploring() as ex:
        ex.engine.fail_next("the model is busy elsewhere", request=m.Generate)
        await ex.press("ctrl+g")
        assert ex.said == ["the model is busy elsewhere"] and ex.prompt.text == PROMPT
        await ex.press("ctrl+t")
        assert len(ex.table.tokens) == 8
