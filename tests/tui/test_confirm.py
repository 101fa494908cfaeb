"""The dialog that asks before something is lost."""

import asyncio

import pytest

from tests.tui.dialogs import burst, painted, press, settled, shown
from tui.screens.confirm import ConfirmScreen


def dialog(lost: str = "12 steps [/b] are lost.") -> ConfirmScreen:
    return ConfirmScreen("Reset [/the] run?", lost, accept="Reset")


@pytest.mark.parametrize(("key", "answer"), [("enter", True), ("y", True), ("escape", False), ("n", False)])
def test_a_key_answers(key: str, answer: bool) -> None:
    async def scenario() -> None:
        async with shown(dialog()) as (app, pilot):
            await press(pilot, "tab", key)
            assert app.answer is answer

    asyncio.run(scenario())


def test_the_first_of_several_keys_in_one_read_answers() -> None:
    async def scenario(*keys: str, answer: bool) -> None:
        async with shown(dialog()) as (app, pilot):
            await burst(pilot, *keys)
            assert app.answer is answer

    asyncio.run(scenario("n", "enter", "y", answer=False))
    asyncio.run(scenario("x", "escape", "enter", answer=False))
    asyncio.run(scenario("y", "escape", "n", answer=True))


def test_the_mouse_answers() -> None:
    async def scenario() -> None:
        async with shown(dialog()) as (app, pilot):
            await pilot.click("#accept")
            await settled(pilot)
            assert app.answer is True
        async with shown(dialog()) as (app, pilot):
            await pilot.click("#keys", offset=(11, 0))  # "⏎ Reset   esc No"
            await settled(pilot)
            assert app.answer is False

    asyncio.run(scenario())


def test_question_and_loss_are_shown_as_they_are() -> None:
    async def scenario() -> None:
        async with shown(dialog()) as (app, _):
            assert "Reset [/the] run?" in painted(app)
            assert "12 steps [/b] are lost." in painted(app)

    asyncio.run(scenario())


def test_a_long_text_does_not_push_the_answers_off_the_screen() -> None:
    async def scenario() -> None:
        async with shown(dialog("a line\n" * 60)) as (app, _):
            assert "esc No" in painted(app)

    asyncio.run(scenario())


def test_ctrl_q_still_quits() -> None:
    async def scenario() -> None:
        async with shown(dialog()) as (app, pilot):
            await pilot.press("ctrl+q")
            assert not app.is_running

    asyncio.run(scenario())
