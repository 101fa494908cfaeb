"""What goes wrong on the engine's side is told in a sentence, and nothing that was done is lost."""

import pytest
from textual.widgets import Static

from core import messages as m
from tests.fake_engine import FakeEngine
from tests.tui.exploring import PROMPT, Exploration, exploring, raw, text_of
from tui.screens.confirm import ConfirmScreen
from tui.screens.settings import SettingsScreen
from tui.widgets.status import StatusLine

HOSTILE = "Traceback [/b] [red]\n\x1b]0;owned\x07MemoryError: \u202egone\nlast \x9bline"


async def lost(ex: Exploration) -> str:
    """The dialog that offers to start the engine again, as painted."""
    await ex.until(lambda: isinstance(ex.app.screen, ConfirmScreen))
    await ex.settled()
    return "\n".join(ex.painted)


async def idle(ex: Exploration) -> None:
    await ex.press("f2", "f2")


async def running(ex: Exploration) -> None:
    ex.engine.allow_steps(-998)  # two more
    await ex.press("f3")
    await ex.until(lambda: ex.state.step == 2)


async def scoring(ex: Exploration) -> None:
    await ex.press("f2", "f2")
    ex.engine.stall()
    await ex.type("!")


async def streaming(ex: Exploration) -> None:
    await ex.press("f2", "f2")
    ex.burst("ctrl+g")
    await ex.until(lambda: len(ex.prompt.text) > len(PROMPT))
    ex.engine.stall()
    await ex.settled()


@pytest.mark.parametrize("doing", [idle, running, scoring, streaming])
async def test_an_engine_that_dies_leaves_its_last_words_and_a_new_one_goes_on_where_the_run_stood(
    doing: object,
) -> None:
    async with exploring(steps_allowed=1000) as ex:
        await doing(ex)  # type: ignore[operator]
        text = ex.prompt.text
        ex.engine.die(HOSTILE)
        shown = await lost(ex)
        assert "The engine has ended. Start it again?" in shown
        assert "[/b] [red]" in shown and "MemoryError" in shown and "last" in shown
        assert raw(ex.painted) == set()
        assert "The run stood at step 2 and goes on from there." in shown
        await ex.press("enter")
        assert len(ex.engines) == 2 and ex.app.screen is ex.screen
        assert ex.asked(m.Open) == [m.Open(model="explore-1", training=m.Training())]
        assert ex.prompt.text == ex.table.text == text
        assert ex.state.step == ex.table.step == 2
        assert ex.status.startswith(" step 2/500 · ‖ paused")
        assert ex.chart.describe().startswith(
            "Training loss 10.68 nats (perplexity 43,436) at step 2, 10.82 at step 1"
        )
        await ex.press("f2", "ctrl+t")
        assert ex.state.step == 3 and len(ex.prompt.text) > len(text)


async def test_an_engine_that_died_can_be_left_so_and_started_again_later() -> None:
    async with exploring() as ex:
        await ex.press("f2")
        ex.engine.die("")
        assert "It left no word in its log." in await lost(ex)
        await ex.press("escape")
        assert ex.status == " the engine has ended: ctrl+r starts it again where the run stood"
        await ex.type("!")
        assert ex.prompt.text == PROMPT + "!", "one can still type"
        for number, keys in enumerate((("f2",), ("f3",), ("f4",), ("ctrl+t",)), start=1):
            await ex.press(*keys)
            assert ex.said == ["The engine is not running: ctrl+r starts it again."] * number, keys
        await ex.press("ctrl+n", "f6", "f5", "escape", "escape", "home", "3", "1", "slash")
        await ex.press("ctrl+r")
        assert len(ex.engines) == 2
        assert ex.table.text == PROMPT + "!" and ex.state.step == 1
        await ex.press("ctrl+t")
        assert len(ex.asked(m.Generate)) == 1


async def test_a_dialog_that_is_open_when_the_engine_dies_is_still_good_for_the_next_engine() -> None:
    async with exploring() as ex:
        await ex.press("f9")
        settings = ex.dialog(SettingsScreen)
        settings.query_one("#batch").value = "4"  # type: ignore[attr-defined]
        ex.engine.die("gone")
        await lost(ex)
        await ex.press("enter")
        assert ex.app.screen is settings
        await ex.press("enter")
        assert ex.asked(m.Configure) == [m.Configure(training=m.Training(batch=4))]


async def test_a_dialog_opened_while_the_engine_starts_again_does_not_break_that_off() -> None:
    stalled = [False]

    def prepare(engine: FakeEngine) -> None:
        if stalled[0]:
            engine.stall()

    async with exploring(prepare=prepare) as ex:
        await ex.press("f2")
        ex.engine.die("gone")
        await lost(ex)
        stalled[0] = True
        await ex.press("enter", "f10", "escape")
        await ex.type("!")
        ex.engine.go_on()
        await ex.until(lambda: ex.table.text == PROMPT + "!" and ex.table.step == 1)


async def test_an_engine_that_dies_again_and_again_is_offered_each_time() -> None:
    async with exploring() as ex:
        for number in range(1, 4):
            ex.engine.die(f"death {number}")
            assert f"death {number}" in await lost(ex)
            assert len(ex.app.screen_stack) == 2
            await ex.press("enter")
            assert len(ex.engines) == number + 1 and ex.table.text == PROMPT


async def test_an_engine_that_cannot_be_started_is_told_of_and_can_be_tried_again() -> None:
    def prepare(engine: FakeEngine) -> None:
        engine.die("python: no module named torch")

    async with exploring(prepare=prepare) as ex:
        assert "python: no module named torch" in await lost(ex)
        await ex.press("escape")
        assert ex.status.startswith(" the engine has ended")
        await ex.press("f9")
        assert ex.said == ["No model is open yet: a moment."]


async def test_a_request_that_is_refused_is_a_sentence_and_the_next_one_is_served() -> None:
    refused: list[tuple[tuple[str, ...], type]] = [
        (("f2",), m.Run),
        (("f3",), m.Run),
        (("ctrl+t",), m.Generate),
        (("f2", "f4"), m.Rewind),
        (("ctrl+r", "enter"), m.Reset),
        (("f10", "enter"), m.Extend),
        (("x",), m.Score),
    ]
    async with exploring() as ex:
        for number, (keys, request_type) in enumerate(refused, start=1):
            sentence = f"no [/b] room\x1b[2J for {number}"
            ex.engine.fail_next(sentence, request=request_type)
            await ex.press(*keys)
            assert ex.said[-1] == sentence.replace("\x1b", "␛") and len(ex.said) == number
            await ex.until(lambda: any("no [/b] room␛[2J" in line for line in ex.painted))
            assert raw(ex.painted) == set() and ex.app.screen is ex.screen
        assert ex.state.step == 1 and not ex.state.running
        await ex.press("f2")
        assert ex.state.step == 2
        await ex.write("A cat")
        assert ex.table.text == "A cat"


@pytest.mark.parametrize("wanted", ["nope", "../[/b]\x1b"])
async def test_a_model_that_is_not_to_be_had_is_told_of_and_a_fresh_one_is_open_instead(wanted: str) -> None:
    async with exploring(opening=m.Open(model=wanted)) as ex:
        assert len(ex.said) == 2
        assert ex.said[0].startswith("there is no model") and ex.said[1] == "A fresh model is open instead."
        assert raw(ex.painted) == set()
        assert ex.state.model.name == "fresh" and ex.table.text == PROMPT
        await ex.press("f2")
        assert ex.state.step == 1


async def test_a_text_that_is_gone_with_its_engine_leaves_a_fresh_model_on_the_story() -> None:
    async with exploring() as ex:
        await ex.screen.live.train_on("dog.txt", "the dog and the cat\n" * 50, m.Training(text="dog.txt"))
        await ex.settled()
        assert ex.state.text.name == "dog.txt"
        ex.engine.die("gone")
        await lost(ex)
        await ex.press("enter")
        assert ex.state.text.name == "story" and ex.table.text == PROMPT
        assert ex.said[-1] == "A fresh model is open instead."


async def test_where_no_model_can_be_opened_the_status_line_keeps_the_reason() -> None:
    def prepare(engine: FakeEngine) -> None:
        engine.fail_next("not enough memory for a model", request=m.Open)

    async with exploring(prepare=prepare) as ex:
        assert ex.status == " not enough memory for a model"


async def test_an_engine_that_stalls_holds_up_neither_typing_nor_looking_nor_leaving() -> None:
    async with exploring() as ex:
        await ex.press("f2")
        ex.engine.stall()
        await ex.type(" and more")
        assert ex.prompt.text == PROMPT + " and more"
        await ex.press("escape", "home", "down", "n", "i", "2", "down", "3", "d", "slash")
        assert ex.rows.cursor == 1 and "bits" in text_of(ex.candidates)
        await ex.press("f1")
        assert ex.app.screen is not ex.screen and ex.app.screen.query(Static)
        await ex.press("escape", "ctrl+q")
        assert ex.app.return_code == 0


async def test_before_there_is_a_model_the_status_line_tells_how_far_its_download_is() -> None:
    def prepare(engine: FakeEngine) -> None:
        engine.fail_next("not enough memory for a model", request=m.Open)

    async with exploring(prepare=prepare) as ex:
        status = ex.screen.query_one(StatusLine)
        status.set_progress(m.Progress(what="downloading \x1bgpt2", done=12, total=548, unit="MB"))
        assert ex.status == " downloading ␛gpt2 12/548 MB"
        status.say(" it was broken off")
        assert ex.status == " it was broken off"
