"""The sampling controls: the dialog that sets them, what they leave of a prediction, what is drawn."""

import asyncio
import math

from core import messages as m
from tests.tui.dialogs import UNANSWERED, Host, burst, painted, press, settled, shown
from tests.tui.exploring import PROMPT, Exploration, exploring, text_of
from tui.controls import Controls
from tui.screens.dialog import Line
from tui.screens.sampling import SamplingScreen


class Dialog:
    """The dialog with what it tried."""

    def __init__(self, controls: Controls | None = None) -> None:
        self.tried: list[Controls] = []
        self.screen = SamplingScreen(controls or Controls(), tried=self.tried.append)


def field(app: Host, name: str) -> Line:
    return app.dialog.query_one(f"#{name}", Line)


BAD = [
    ("temperature", "-1", "temperature is -1.0; it must lie between 0 and 100"),
    ("temperature", "", "temperature is empty; give a number such as 0.7, or 1 for p as it is"),
    ("temperature", "warm", "temperature is 'warm', which is not a number"),
    ("temperature", "nan", "temperature is nan; it must lie between 0 and 100"),
    ("top_k", "0", "top-k is 0; it must lie between 1 and 1000000"),
    ("top_k", "2.5", "top-k is 2.5; it must be a whole number"),
    ("top_k", "1e300", "top-k is 1"),
    ("top_p", "1.1", "top-p is 1.1; it must be above 0 and at most 1"),
    ("top_p", "0", "top-p is 0; it must be above 0 and at most 1"),
    ("seed", "-3", "seed is -3; it must lie between 0 and"),
]


def test_all_controls_are_taken_and_each_valid_change_is_tried() -> None:
    async def scenario() -> None:
        dialog = Dialog()
        async with shown(dialog.screen) as (app, pilot):
            keys = ("ctrl+u", "0", ".", "7", "down", "4", "0", "down", ".", "9", "down", "7", "enter")
            await burst(pilot, *keys)
            sampling = m.SampleConfig(temperature=0.7, top_k=40, top_p=0.9)
            assert app.answer == Controls(sampling=sampling, seed=7) == dialog.tried[-1]
            assert Controls(sampling=m.SampleConfig(temperature=0.7)) in dialog.tried

    asyncio.run(scenario())


def test_what_is_set_is_shown_and_ctrl_r_makes_it_plain_again() -> None:
    async def scenario() -> None:
        sampling = m.SampleConfig(temperature=0.25, top_k=3, top_p=0.5)
        async with shown(Dialog(Controls(sampling=sampling, seed=11)).screen) as (app, pilot):
            values = [field(app, name).value for name in ("temperature", "top_k", "top_p", "seed")]
            assert values == ["0.25", "3", "0.5", "11"]
            await press(pilot, "ctrl+r", "enter")
            assert app.answer == Controls()

    asyncio.run(scenario())


def test_a_bad_value_is_said_at_its_field_not_tried_and_not_applied() -> None:
    async def scenario() -> None:
        dialog = Dialog()
        async with shown(dialog.screen) as (app, pilot):
            for name, typed, part in BAD:
                about, good = app.notice(f"about-{name}"), field(app, name).value
                before = about.text
                field(app, name).value = typed
                await settled(pilot)
                tried = len(dialog.tried)
                assert about.text.startswith(part) and about.wrong
                assert app.notice("consequence").text == "Cannot be applied yet."
                await press(pilot, "enter")
                assert app.answer is UNANSWERED and app.dialog.focused is field(app, name)
                assert len(dialog.tried) == tried
                field(app, name).value = good
                await settled(pilot)
                assert (about.text, about.wrong) == (before, False)

    asyncio.run(scenario())


def test_all_of_the_dialog_is_seen_on_a_small_screen() -> None:
    async def scenario() -> None:
        async with shown(Dialog().screen, size=(80, 24)) as (app, pilot):
            field(app, "temperature").value = "0"
            await settled(pilot)
            for words in (
                "Sampling",
                "ctrl+t and ctrl+g take the most probable token",
                "^r Defaults",
                "Cancel",
            ):
                assert words in painted(app)

    asyncio.run(scenario())


def test_controls_in_words_leave_out_what_changes_nothing() -> None:
    def words(seed: int | None = None, **sampling: float) -> tuple[str, ...]:
        return Controls(sampling=m.SampleConfig(**sampling), seed=seed).wordings  # type: ignore[arg-type]

    assert words() == ()
    assert words(temperature=0.7, top_k=40)[-1] == "T 0.7 · top-k 40"
    assert words(top_p=0.9, seed=3)[-1] == "top-p 0.9 · seed 3"
    assert words(temperature=0, top_k=40, seed=3)[-1] == "greedy: the most probable token"


# --------------------------------------------------------------------------------------------- on the screen


async def set_controls(ex: Exploration, **typed: str) -> None:
    """Open the dialog, type into its fields, apply."""
    await ex.press("f12")
    dialog = ex.dialog(SamplingScreen)
    for name, text in typed.items():
        dialog.query_one(f"#{name}", Line).value = text
    await ex.settled()
    await ex.press("enter")


async def test_what_is_sampled_and_streamed_uses_the_controls() -> None:
    async with exploring() as ex:
        await set_controls(ex, temperature="0.7", top_k="40", seed="7")
        await ex.press("ctrl+t")
        await ex.press("escape", "c")
        requests = ex.asked(m.Generate)
        assert [r.sampling for r in requests] == [m.SampleConfig(temperature=0.7, top_k=40)] * 2
        assert [r.seed for r in requests] == [7, 7]
        await set_controls(ex, seed="")
        await ex.press("ctrl+t", "ctrl+t")
        assert len({r.seed for r in ex.asked(m.Generate)[2:]}) == 2, "each draw is another one again"


async def test_the_same_seed_draws_the_same_token_again() -> None:
    async with exploring() as ex:
        await set_controls(ex, seed="5")
        assert not ex.asked(m.Control), "a seed changes no prediction"
        await ex.press("ctrl+t")
        first = ex.prompt.text
        await ex.press("ctrl+z", "ctrl+t")
        assert ex.prompt.text == first != PROMPT


async def test_the_candidates_show_p_before_and_after_the_controls_and_a_dash_for_what_is_cut() -> None:
    async with exploring(size=(160, 60)) as ex:
        assert "drawn" not in text_of(ex.candidates)
        await set_controls(ex, temperature="0.5", top_k="3")
        header, *lines = text_of(ex.candidates).splitlines()
        assert header.split() == ["rank", "token", "p", "p", "drawn", "nats"]
        top = ex.table.predictions[-1].top
        weights = [math.exp(2 * float(c.log_prob)) for c in top[:3]]
        for line, each, weight in zip(lines, top, weights, strict=False):
            assert f"{100 * each.probability:.3f} %" in line
            assert f"{100 * weight / sum(weights):.1f} %" in line
        assert all("–" in line for line in lines[3:]) and not any("–" in line for line in lines[:3])
        assert ex.words("controls") == "drawn at temperature 0.5 · top-k 3"
        assert ex.words("remaining").startswith("3 of 50,257 tokens left · H 1.")
        assert ex.words("remaining").endswith(" nats")
        await ex.press("escape", "n")
        assert ex.words("remaining").endswith(" bits")


async def test_the_column_is_live_while_the_controls_are_typed_and_goes_back_when_called_off() -> None:
    async with exploring(size=(160, 60)) as ex:
        await ex.press("f12")
        await ex.press("ctrl+u", "0")
        assert ex.words("remaining").startswith("1 of 50,257 tokens left · H 0.00")
        assert "100.0 %" in text_of(ex.candidates)
        await ex.press("escape")
        assert "drawn" not in text_of(ex.candidates)
        remaining = ex.screen.query_one("#remaining")
        assert not remaining.display and not ex.screen.query_one("#controls").display
        await ex.press("ctrl+t")
        assert ex.asked(m.Generate)[0].sampling == m.SampleConfig()


async def test_the_column_follows_the_row_the_run_the_prompt_and_the_search() -> None:
    async with exploring(size=(160, 60)) as ex:
        await set_controls(ex, top_p="0.5")

        def agrees() -> bool:
            last = ex.asked(m.Control)[-1]
            drawn = ex.candidates.drawn
            ids = tuple(c.token_id for c in ex.candidates.candidates)
            return (
                (last.position, last.token_ids) == (ex.rows.cursor, ids) and drawn is not None and bool(drawn)
            )

        assert agrees()
        await ex.press("escape", "home")
        assert ex.rows.cursor == 0 and agrees()
        before = dict(ex.candidates.drawn or {})
        await ex.press("s", "s", "s")
        assert agrees() and ex.candidates.drawn != before
        await ex.press("f")
        await ex.type("mat")
        assert agrees()
        await ex.press("escape", "slash")
        await ex.write("The dog")
        assert agrees()
        await ex.write("")
        assert ex.candidates.drawn is None and not ex.screen.query_one("#remaining").display


async def test_of_many_moves_only_the_first_and_the_latest_are_looked_through() -> None:
    async with exploring(size=(160, 60)) as ex:
        await set_controls(ex, top_k="5")
        await ex.press("escape", "home")
        asked = len(ex.asked(m.Control))
        ex.engine.stall()
        for _ in range(5):
            ex.burst("down")
            await ex.settled()
        assert ex.candidates.drawn == {}, "figures of another row are not shown"
        ex.engine.go_on()
        await ex.settled()
        assert [r.position for r in ex.asked(m.Control)[asked:]] == [1, 5]
        assert ex.candidates.drawn


async def test_the_column_has_room_at_every_size_and_keeps_the_target_in_sight() -> None:
    async with exploring(size=(80, 24)) as ex:
        await ex.press("escape", "home", "2")
        await set_controls(ex, temperature="0.7", top_k="8", top_p="0.95", seed="123456")
        for size in ((80, 24), (60, 15), (100, 30), (120, 40), (200, 60)):
            await ex.resize(*size)
            header, *lines = text_of(ex.candidates).splitlines()
            assert "p drawn" in header and not {"·", "…"} & set(header), size
            assert sum("◀" in line for line in lines) == 1
            assert not any("··" in line for line in lines), size
            for id in ("controls", "remaining"):
                assert ex.words(id) and len(ex.words(id)) <= ex.screen.query_one(f"#{id}").content_size.width
