"""Every action on the run: each key does what its tooltip says, from the prompt and from outside it."""

import asyncio
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.widgets import Input

from core import messages as m
from tests.fake_engine import FakeEngine
from tests.tui.exploring import PROMPT, Exploration, exploring, raw, text_of
from tui.screens.ask import AskScreen
from tui.screens.choice import Choice
from tui.screens.confirm import ConfirmScreen
from tui.screens.open_file import OpenFileScreen
from tui.screens.settings import SettingsScreen

SHORT = m.Open(training=m.Training(steps=3))


def orders(ex: Exploration) -> list[m.AnyRequest]:
    """What was asked that changes something of the run."""
    looking = (m.Open, m.SampleEvery, m.History, m.Score, m.Find, m.Status)
    return [request for request in ex.engine.asked if not isinstance(request, looking)]


def openings(ex: Exploration) -> list[m.AnyRequest]:
    return [request for request in ex.engine.asked if isinstance(request, m.Open)]


async def test_the_trigram_line_is_asked_for_by_its_name_and_joins_the_chart() -> None:
    async with exploring(steps_allowed=2) as ex:
        await ex.press("f2")
        await ex.app.run_action("trigrams", ex.app.screen)
        await ex.settled()
        assert orders(ex)[1:] == [m.Trigrams()]
        nats = ex.state.references[-1].nats
        assert f"Reference: trigrams {nats:.2f} nats." in ex.chart.describe()
        assert f"trigrams {nats:.2f}" in text_of(ex.chart)
        await ex.app.run_action("trigrams", ex.app.screen)
        await ex.settled()
        assert orders(ex)[2:] == [], "it is there already"
        labels = [command.title for command in ex.app.get_system_commands(ex.app.screen)]
        assert "Trigram line" in labels


def diverging(at: int) -> Callable[[FakeEngine], None]:
    def prepare(engine: FakeEngine) -> None:
        engine.diverges_at = at

    return prepare


async def test_a_run_that_diverges_offers_the_step_it_was_best_at() -> None:
    async with exploring(prepare=diverging(4)) as ex:
        await ex.press("f3")
        await ex.until(lambda: isinstance(ex.app.screen, ConfirmScreen))
        await ex.settled()
        asked = " ".join("\n".join(ex.painted).split())
        assert "This run has diverged. Go back to step 0?" in asked
        assert "of step 4 is not finite: the run stays at step 3" in asked
        assert "lowest at step 0: 10.82 nats" in asked
        assert "0.001, leads here again: F9 starts a new run with a lower one" in asked
        ex.engine.diverges_at = None
        await ex.press("enter")
        assert orders(ex)[-1] == m.Rewind(step=0) and ex.state.step == 0
        assert ex.state.diverged is None and "is nan" not in "\n".join(ex.painted)


async def test_who_stays_there_reads_which_keys_help_and_is_asked_again_only_when_it_happens_again() -> None:
    async with exploring(prepare=diverging(3)) as ex:
        await ex.press("f2", "f2", "f2")
        await ex.until(lambda: isinstance(ex.app.screen, ConfirmScreen))
        await ex.press("escape")
        assert orders(ex)[-1] == m.Run(steps=1) and ex.state.step == 2
        assert "the loss of step 3 is nan (F9), or go back (F4)" in " ".join("\n".join(ex.painted).split())
        await ex.write("The dog")
        assert not isinstance(ex.app.screen, ConfirmScreen)
        await ex.press("f2")
        await ex.until(lambda: isinstance(ex.app.screen, ConfirmScreen))
        await ex.press("escape", "f4")
        assert orders(ex)[-1] == m.Rewind(step=1) and ex.state.step == 1
        assert not isinstance(ex.app.screen, ConfirmScreen)


async def test_where_the_start_itself_is_broken_there_is_nothing_to_go_back_to() -> None:
    async with exploring(prepare=diverging(1)) as ex:
        await ex.press("f2")
        await ex.until(lambda: ex.state.diverged is not None)
        await ex.settled()
        assert not isinstance(ex.app.screen, ConfirmScreen)
        shown = " ".join("\n".join(ex.painted).split())
        assert "the loss of step 1 is nan (F9)" in shown and "F4)" not in shown


async def answer(ex: Exploration, text: str, *, last: str = "enter") -> None:
    """Type over what stands in the dialog's field, and close it."""
    field = ex.app.screen.query_one("#number", Input)
    field.value = text
    await ex.press(last)


async def test_the_status_line_tells_the_perplexity_of_a_batch_where_that_takes_nothings_room() -> None:
    async with exploring(size=(240, 40)) as ex:
        await ex.press("f2")
        whole = ex.status
        loss = math.exp(float(ex.chart.describe().split()[2]))
        assert float(whole.split("perplexity ")[1].split()[0].replace(",", "")) == pytest.approx(
            loss, rel=0.01
        )
        without = whole.replace(f" · perplexity {whole.split('perplexity ')[1].split()[0]}", "")
        told = 0
        for width in range(60, 200, 7):
            await ex.resize(width, 40)
            parts = ex.status.split(" · ")
            told += any(part.startswith("perplexity") for part in parts)
            others = [part for part in parts if not part.startswith("perplexity")]
            assert without.split(" · ")[: len(others)] == others
            more = without.split(" · ")[len(others) : len(others) + 1]
            assert not more or len(" · ".join([*others, *more])) > width
        assert told > 3


@pytest.mark.parametrize("leave", [(), ("escape",)], ids=["in the prompt", "outside it"])
async def test_step_run_pause_and_back_do_so_and_the_status_line_says_where_the_run_is(
    leave: tuple[str, ...],
) -> None:
    step, run, back = ("s", "space", "b") if leave else ("f2", "f3", "f4")
    async with exploring(steps_allowed=2) as ex:
        await ex.press(*leave)
        assert ex.status.startswith(" step 0/500 · ‖ paused · fresh model, 7.2 M parameters · text story")
        await ex.press(step)
        assert orders(ex) == [m.Run(steps=1)]
        assert ex.status.startswith(" step 1/500 · ‖ paused · batch loss 10.82 nats · lr 1.0e-03 · ")
        assert " tok/s" in ex.status and ex.table.step == 1
        assert ex.chart.describe().startswith("Training loss 10.82 nats (perplexity 50,257) at step 1.")
        await ex.press(run)
        await ex.until(lambda: ex.state.step == 2)
        await ex.settled()
        assert ex.status.startswith(" step 2/500 · ▶ running · batch loss")
        await ex.press(run)
        assert orders(ex)[1:] == [m.Run(), m.Pause()]
        assert ex.status.startswith(" step 2/500 · ‖ paused")
        await ex.press(back)
        assert orders(ex)[3:] == [m.Rewind(step=1)]
        assert ex.status.startswith(" step 1/500 · ‖ paused") and ex.table.step == 1
        assert ex.chart.cursor == 1, "the later step stays in the chart"
        await ex.press(back, back)
        assert orders(ex)[4:] == [m.Rewind(step=0)]
        assert ex.said == ["This is step 0: there is nothing before it."]
        assert ex.prompt.text == PROMPT


async def test_each_press_of_a_burst_is_a_step_forwards_or_back() -> None:
    async with exploring() as ex:
        ex.burst("f2", "f2", "f2", "f2")
        await ex.settled()
        assert ex.state.step == ex.table.step == 4
        ex.engine.stall()
        await ex.press("f4", "f4", "f4")
        ex.engine.go_on()
        await ex.settled()
        assert ex.state.step == ex.table.step == 1


async def test_a_run_pauses_at_its_goal_and_the_run_key_then_offers_to_extend_it() -> None:
    async with exploring(opening=SHORT) as ex:
        await ex.press("f3")
        await ex.until(lambda: ex.state.step == 3)
        await ex.settled()
        assert ex.status.startswith(" step 3/3 · ■ done")
        await ex.press("f3")
        ex.dialog(AskScreen)
        await answer(ex, "2")
        await ex.until(lambda: ex.state.step == 5)
        await ex.settled()
        assert orders(ex) == [m.Run(), m.Extend(steps=2), m.Run()]
        assert ex.status.startswith(" step 5/5 · ■ done")


async def test_a_run_can_be_extended_at_any_time_and_escape_leaves_it_as_it_is() -> None:
    async with exploring(opening=SHORT, steps_allowed=0) as ex:
        await ex.press("f10")
        await answer(ex, "7", last="escape")
        assert orders(ex) == []
        await ex.press("escape", "e")
        await answer(ex, "7")
        assert orders(ex) == [m.Extend(steps=7), m.Run()]
        assert ex.state.goal == 10 and ex.state.running


async def test_how_much_disk_going_back_may_take_is_asked_for() -> None:
    async with exploring(opening=SHORT) as ex:
        ex.screen.action_room()
        await ex.until(lambda: isinstance(ex.app.screen, AskScreen) and bool(ex.app.screen.query("#number")))
        await answer(ex, "25")
        await ex.settled()
        assert orders(ex) == [m.Allow(snapshot_gb=25)] and ex.state.snapshot_gb == 25


async def test_the_run_goes_to_a_step_that_is_asked_for_and_to_none_that_is_not_there() -> None:
    async with exploring() as ex:
        await ex.press("f8")
        assert ex.said == ["No step has been trained yet: F2 trains one, F3 goes on."]
        await ex.press("f2", "f2", "f2", "f2", "f8")
        assert "from 0 to 4" in "\n".join(ex.painted)
        for wrong in ("5", "-1", "two", ""):
            await answer(ex, wrong)
            ex.dialog(AskScreen)
        await answer(ex, "2")
        assert orders(ex)[4:] == [m.Rewind(step=2)] and ex.table.step == 2
        await ex.press("escape", "m")
        await answer(ex, "4")
        assert ex.table.step == 4, "a later step that is known"
        await ex.press("m", "escape")
        assert len(orders(ex)) == 6


async def test_a_running_run_that_is_sent_to_a_step_pauses_there() -> None:
    async with exploring(steps_allowed=3) as ex:
        await ex.press("f3")
        await ex.until(lambda: ex.state.step == 3)
        await ex.press("f8")
        await answer(ex, "1")
        assert ex.state.step == 1 and not ex.state.running


async def test_reset_asks_and_no_keeps_everything() -> None:
    async with exploring() as ex:
        await ex.press("f2", "f2", "ctrl+r")
        ex.dialog(ConfirmScreen)
        shown = "\n".join(ex.painted)
        assert "The 2 steps done leave the chart." in shown and "explore-1" in shown
        await ex.press("escape")
        assert ex.state.step == ex.table.step == 2 and m.Reset() not in orders(ex)
        await ex.press("escape", "r", "enter")
        assert orders(ex)[-1] == m.Reset()
        assert ex.state.step == ex.table.step == 0
        assert "F2 trains" in text_of(ex.chart), "the steps have left the chart"
        assert ex.screen.furthest == 0


async def test_a_fresh_model_has_the_next_seed_and_the_last_one_is_followed_by_the_first() -> None:
    async with exploring() as ex:
        before = ex.table.predictions[0].top
        await ex.screen.run_action("fresh")
        await ex.settled()
        assert orders(ex) == [m.Configure(training=m.Training(seed=124))]
        assert ex.table.predictions[0].top != before
        await ex.write("")
        ex.screen.live.send(m.Configure(training=m.Training(seed=2**63 - 1)))
        await ex.settled()
        await ex.screen.run_action("fresh")
        await ex.settled()
        assert orders(ex)[-1] == m.Configure(training=m.Training(seed=0))


async def test_from_a_loaded_model_to_a_fresh_one_and_to_the_one_that_comes_along() -> None:
    training = m.Training.for_model(m.TINY)
    async with exploring(opening=m.Open(model=m.TINY, training=training)) as ex:
        assert ex.state.model.name == "tiny" and not ex.state.model.fresh
        await ex.screen.run_action("fresh")
        await ex.settled()
        assert openings(ex)[1:] == [m.Open(training=m.Training())]
        assert ex.state.model.name == "fresh" and ex.table.text == PROMPT, "the prompt is scored again"
        await ex.press("escape", "s")
        await ex.screen.run_action("tiny")
        await ex.settled()
        assert openings(ex)[2:] == [m.Open(model=m.TINY, training=training)]
        assert ex.state.model.name == "tiny" and ex.state.step == 0 and ex.screen.furthest == 0
        assert ex.table.text == PROMPT


async def test_an_engine_that_ends_after_another_model_was_opened_comes_back_with_that_one() -> None:
    async with exploring(opening=m.Open(model=m.TINY, training=m.Training.for_model(m.TINY))) as ex:
        await ex.screen.run_action("fresh")
        await ex.settled()
        ex.engine.die()
        await ex.settled()
        await ex.press("enter")
        await ex.settled()
        assert ex.state.model.name == "fresh"


async def test_settings_send_a_configuration_when_applied_and_nothing_when_not() -> None:
    async with exploring() as ex:
        await ex.press("f2", "f9")
        dialog = ex.dialog(SettingsScreen)
        dialog.query_one("#batch", Input).value = "4"
        await ex.press("escape")
        assert orders(ex) == [m.Run(steps=1)]
        await ex.press("escape", "comma")
        dialog = ex.dialog(SettingsScreen)
        assert dialog.query_one("#batch", Input).value == "8"
        dialog.query_one("#batch", Input).value = "4"
        dialog.query_one("#steps", Input).value = "50"
        await ex.press("enter", "n")  # a new run with them
        assert orders(ex)[1:] == [m.Configure(training=m.Training(batch=4, steps=50))]
        assert ex.status.startswith(" step 0/50 · ‖ paused") and ex.table.step == 0


async def test_a_key_pressed_twice_opens_one_dialog() -> None:
    async with exploring() as ex:
        ex.burst("f9", "f9")
        await ex.settled()
        ex.dialog(SettingsScreen).query_one("#batch", Input).value = "4"
        assert len(ex.app.screen_stack) == 2
        await ex.screen.run_action("extend")
        await ex.settled()
        ex.dialog(SettingsScreen)
        await ex.press("enter")
        assert orders(ex) == [m.Configure(training=m.Training(batch=4))]


async def test_the_chart_is_told_in_words() -> None:
    async with exploring() as ex:
        await ex.press("escape", "d")
        assert ex.said == ["No training step has been made yet."]
        await ex.press("s", "s", "d")
        assert ex.said[-1].startswith(
            "Training loss 10.68 nats (perplexity 43,436) at step 2, 10.82 at step 1"
        )
        assert "Reference: ln V 10.82 nats." in ex.said[-1]


# -------------------------------------------------------------------------------------------------- a file


async def opened(ex: Exploration, path: Path, *, purpose: str = "TRAINING") -> None:
    """Have the dialog that is open take a file, and wait until it is read."""
    dialog = ex.dialog(OpenFileScreen)
    dialog.query_one("#path", Input).value = str(path)
    if purpose == "PROMPT":
        dialog.query_one(Choice).focus()
        await ex.press("right")
    async with asyncio.timeout(5):
        while dialog._listed != str(path):
            await ex.turn()
    await ex.press("enter")
    await ex.until(lambda: ex.app.screen is not dialog)
    await ex.settled()


async def test_a_file_is_opened_as_training_text(tmp_path: Path) -> None:
    text = "the dog and the lap and the cat\n" * 30
    (tmp_path / "dog.txt").write_text(text)
    async with exploring() as ex:
        await ex.press("f2", "f7")
        await opened(ex, tmp_path / "dog.txt")
        assert orders(ex)[1:] == [
            m.Upload(name="dog.txt", text=text, first=True, last=True),
            m.Configure(training=m.Training(text="dog.txt")),
        ]
        assert "text dog.txt, " in ex.status and ex.table.step == 0
        await ex.press("escape", "o")
        assert ex.dialog(OpenFileScreen).query_one("#path", Input).value == f"{tmp_path}/"


async def test_a_large_file_is_handed_over_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(m, "UPLOAD_CHUNK", 500)
    text = "the dog, the lap, the cat and the 🐈 sat here\n" * 26
    (tmp_path / "dog.txt").write_text(text)
    async with exploring() as ex:
        await ex.press("f7")
        await opened(ex, tmp_path / "dog.txt")
        pieces = ex.asked(m.Upload)
        assert "".join(piece.text for piece in pieces) == text and len(pieces) == 3
        assert [piece.first for piece in pieces] == [True, False, False]
        assert [piece.last for piece in pieces] == [False, False, True]
        assert ex.state.text.name == "dog.txt"


async def test_opening_another_dialog_does_not_break_off_a_text_that_is_handed_over(tmp_path: Path) -> None:
    (tmp_path / "dog.txt").write_text("the dog and the lap and the cat\n" * 30)
    async with exploring() as ex:
        await ex.press("f7")
        ex.engine.stall()
        await opened(ex, tmp_path / "dog.txt")
        await ex.press("f9", "escape")
        ex.engine.go_on()
        await ex.until(lambda: ex.state.text.name == "dog.txt")


async def test_a_file_is_opened_as_the_prompt_and_undo_brings_the_old_one_back(tmp_path: Path) -> None:
    (tmp_path / "cat.txt").write_bytes(b"The cat\r\nsat [/b] on\x1b \xff a mat.\n")
    async with exploring() as ex:
        await ex.press("f7")
        await opened(ex, tmp_path / "cat.txt", purpose="PROMPT")
        assert ex.prompt.text == ex.table.text
        assert ex.prompt.text.startswith("The cat\nsat [/b] on\x1b \ufffd a mat.")
        assert raw(ex.painted) == set() and orders(ex) == []
        assert len(ex.said) == 1, "what was not UTF-8 is told of"
        ex.prompt.focus()
        await ex.press("ctrl+z")
        assert ex.prompt.text == PROMPT


async def test_a_text_that_is_too_short_to_train_on_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("the dog")
    async with exploring() as ex:
        await ex.press("f2", "f7")
        await opened(ex, tmp_path / "short.txt")
        assert len(ex.said) == 1 and ex.said[0].startswith("the text has 2 tokens")
        assert ex.state.training.text == "story" and ex.state.step == 1
