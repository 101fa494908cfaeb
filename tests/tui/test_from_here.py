"""Changed settings while the run stands at a step: from here on, or for a new run."""

import msgspec

from core import messages as m
from tests.tui.exploring import Exploration, exploring
from tui.screens.dialog import Notice
from tui.screens.from_here import FromHereScreen
from tui.screens.settings import SettingsScreen


async def changed(ex: Exploration, name: str, value: str) -> None:
    """Change a setting and apply it."""
    await ex.press("f9")
    ex.dialog(SettingsScreen).query_one(f"#{name}").value = value  # type: ignore[attr-defined]
    await ex.press("enter")


async def test_settings_go_on_from_here_in_the_run() -> None:
    async with exploring() as ex:
        await ex.press("escape", "s", "s")
        run = ex.state.run
        await changed(ex, "learning_rate", "1e-4")
        said = ex.dialog(FromHereScreen).query_one("#words", Notice).text
        assert "the steps after step 2 are made with the new settings, in this run" in said
        await ex.press("enter")
        training = msgspec.structs.replace(m.Training(), learning_rate=1e-4)
        assert ex.asked(m.ChangeSettings) == [m.ChangeSettings(training=training)]
        assert not ex.asked(m.Configure)
        assert (ex.state.step, ex.state.run, ex.state.training) == (2, run, training)


async def test_from_an_earlier_step_they_are_a_run_of_its_own() -> None:
    async with exploring() as ex:
        await ex.press("escape", "s", "s", "s", "b")
        run = ex.state.run
        await changed(ex, "batch", "4")
        assert "as a run of its own" in ex.dialog(FromHereScreen).query_one("#words", Notice).text
        await ex.press("enter")
        assert ex.state.step == 2 and ex.state.run != run and ex.state.ghost == 1
        assert "is known up to step 3" in ex.chart.describe()


async def test_or_for_a_new_run_or_not_at_all() -> None:
    async with exploring() as ex:
        await ex.press("escape", "s")
        await changed(ex, "batch", "4")
        ex.dialog(FromHereScreen)
        await ex.press("escape")
        assert not ex.asked(m.Configure) and not ex.asked(m.ChangeSettings)
        await changed(ex, "batch", "4")
        await ex.press("n")
        assert ex.asked(m.Configure) == [m.Configure(training=m.Training(batch=4))]
        assert not ex.asked(m.ChangeSettings)


async def test_what_needs_a_new_run_is_not_asked_about() -> None:
    async with exploring() as ex:
        await ex.press("escape", "s")
        await changed(ex, "seed", "7")
        assert ex.asked(m.Configure) == [m.Configure(training=m.Training(seed=7))]


async def test_a_run_that_trains_is_paused_for_it_and_goes_on() -> None:
    async with exploring(steps_allowed=3) as ex:
        await ex.press("escape", "space")
        await changed(ex, "batch", "4")
        await ex.press("enter")
        kinds = [
            type(each) for each in ex.engine.asked if isinstance(each, (m.Pause, m.ChangeSettings, m.Run))
        ]
        assert kinds == [m.Run, m.Pause, m.ChangeSettings, m.Run]
        assert ex.state.running and ex.state.training.batch == 4
