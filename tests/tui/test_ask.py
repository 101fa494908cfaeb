"""The dialog that asks for a number."""

import asyncio

from textual import events

from tests.tui.dialogs import UNANSWERED, burst, press, settled, shown
from tui.screens.ask import AskScreen
from tui.screens.dialog import Line


def dialog(value: int | None = None) -> AskScreen:
    return AskScreen("Go to a step", "[/b] is no markup", low=0, high=1200, value=value, accept="Go")


def test_enter_answers_with_the_number() -> None:
    async def scenario(typed: str, number: int) -> None:
        async with shown(dialog(value=5)) as (app, pilot):
            app.dialog.query_one(Line).value = typed
            await press(pilot, "enter")
            assert app.answer == number

    for typed, number in (("0", 0), ("1_000", 1000), (" 1.2e3 ", 1200)):
        asyncio.run(scenario(typed, number))


def test_a_bad_number_is_said_in_place_and_not_taken() -> None:
    cases = [
        ("1201", "1,201 is out of range; it must lie between 0 and 1,200"),
        ("-1", "-1 is out of range; it must lie between 0 and 1,200"),
        ("1.5", "the number is 1.5; it must be a whole number"),
        ("inf", "the number is inf; it must be a whole number"),
        ("abc", "the number is 'abc', which is not a number; write it as 100 or 1e2"),
    ]

    async def scenario() -> None:
        async with shown(dialog()) as (app, pilot):
            for typed, sentence in cases:
                app.dialog.query_one(Line).value = typed
                await press(pilot, "enter")
                assert (app.notice("error").text, app.notice("error").wrong) == (sentence, True)
                assert app.answer is UNANSWERED
                assert app.dialog.query_one("#accept").has_class("-barred")
            await press(pilot, "end", "ctrl+u", "3")
            assert (app.notice("error").text, app.notice("error").wrong) == ("from 0 to 1,200", False)
            await press(pilot, "enter")
            assert app.answer == 3

    asyncio.run(scenario())


def test_keys_in_one_read_are_taken_in_their_order() -> None:
    async def scenario(*keys: str, answer: int) -> None:
        async with shown(dialog(value=5)) as (app, pilot):
            await burst(pilot, *keys)
            assert app.answer == answer

    asyncio.run(scenario("ctrl+u", "1", "enter", answer=1))
    asyncio.run(scenario("1", "2", "backspace", "3", "enter", "7", "ctrl+u", "escape", answer=13))
    asyncio.run(scenario("end", "0", "left", "7", "delete", "8", "enter", "enter", answer=578))


def test_an_empty_field_is_no_answer_and_no_reproach() -> None:
    async def scenario() -> None:
        async with shown(dialog()) as (app, pilot):
            await press(pilot, "enter")
            assert app.answer is UNANSWERED
            assert not app.notice("error").wrong
            await press(pilot, "escape")
            assert app.answer is None

    asyncio.run(scenario())


def test_the_mouse_can_accept_and_cancel() -> None:
    async def scenario() -> None:
        async with shown(dialog(value=42)) as (app, pilot):
            await pilot.click("#accept")
            await settled(pilot)
            assert app.answer == 42
        async with shown(dialog(value=42)) as (app, pilot):
            await pilot.click("#keys", offset=(8, 0))  # "⏎ Go   esc Cancel"
            await settled(pilot)
            assert app.answer is None

    asyncio.run(scenario())


def test_a_pasted_escape_sequence_is_made_visible() -> None:
    async def scenario() -> None:
        async with shown(dialog()) as (app, pilot):
            app.dialog.query_one(Line).post_message(events.Paste("1\x1b[31m\n2"))
            await settled(pilot)
            assert app.dialog.query_one(Line).value == "1␛[31m"
            assert app.notice("error").wrong

    asyncio.run(scenario())
