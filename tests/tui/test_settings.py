"""The settings of a run."""

import asyncio
from pathlib import Path

from textual.widget import Widget
from textual.widgets import Input

from core.messages import ModelInfo, Training
from tests.tui.dialogs import UNANSWERED, Host, burst, painted, press, settled, shown
from tui.screens.choice import Choice
from tui.screens.dialog import Line
from tui.screens.open_file import OpenFileScreen
from tui.screens.path_line import PathLine
from tui.screens.settings import Settings, SettingsScreen

PRESETS = {"small": "quick", "large": "slower and better"}


def model(*, fresh: bool, name: str = "fresh", context: int = 64) -> ModelInfo:
    return ModelInfo(
        name=name,
        parameters=7_000_000,
        n_layer=4,
        n_head=4,
        n_embd=128,
        context=context,
        vocab_size=50257,
        device="cpu",
        dtype="float32",
        fresh=fresh,
    )


def dialog(
    training: Training | None = None, *, of: ModelInfo | None = None, folder: Path = Path("/")
) -> SettingsScreen:
    return SettingsScreen(
        training or Training(), presets=PRESETS, model=of or model(fresh=True), folder=folder
    )


def field(app: Host, name: str) -> Line:
    return app.dialog.query_one(f"#{name}", Line)


TYPED = [
    ("learning_rate", "1e-4", 1e-4),
    ("batch", "0_4", 4),
    ("context", "32", 32),
    ("steps", "2e3", 2000),
    ("seed", "9223372036854775807", 2**63 - 1),
    ("dropout", "0.1", 0.1),
    ("warmup", "0", 0),
    ("weight_decay", "1e-2", 0.01),
    ("clip", ".5", 0.5),
    ("evaluate_every", " 10 ", 10),
]

BAD = [
    ("learning_rate", "20", "learning rate is 20"),
    ("learning_rate", "nan", "learning rate is nan"),
    ("learning_rate", "1e-3x", "learning rate is '1e-3x', which is not a number; write it as 0.001 or 1e-3"),
    ("learning_rate", "", "learning rate is empty; give a number such as 0.001 or 1e-3"),
    ("batch", "0", "batch is 0; it must lie between 1 and 4096"),
    ("batch", "1.5", "batch is 1.5; it must be a whole number"),
    ("batch", "many", "batch is 'many', which is not a number; write it as 100 or 1e2"),
    ("context", "1", "context is 1; it must lie between 2 and"),
    ("steps", "", "steps is empty; give a whole number such as 100"),
    ("seed", "-1", "seed is -1; it must lie between 0 and"),
    ("seed", "1e400", "seed is 1e400; it must be a whole number"),
    ("dropout", "1", "dropout is 1"),
    ("warmup", "-5", "warmup is -5; it must lie between 0 and"),
    ("weight_decay", "11", "weight decay is 11"),
    ("clip", "0", "clip is 0"),
    ("evaluate_every", "0", "evaluate every is 0; it must lie between 1 and"),
]


def test_all_fields_are_taken_into_the_training() -> None:
    async def scenario() -> None:
        async with shown(dialog()) as (app, pilot):
            for name, typed, _ in TYPED:
                field(app, name).value = typed
            field(app, "clip").focus()
            await press(pilot, "enter")
            assert isinstance(app.answer, Settings)
            for name, _, value in TYPED:
                assert getattr(app.answer.training, name) == value, name
            assert (app.answer.training.text, app.answer.training.preset) == ("story", "small")

    asyncio.run(scenario())


def test_a_bad_value_is_said_at_its_field_while_typing_and_mended_by_a_good_one() -> None:
    async def scenario() -> None:
        async with shown(dialog()) as (app, pilot):
            for name, typed, part in BAD:
                about, good = app.notice(f"about-{name}"), field(app, name).value
                before = about.text
                field(app, name).value = typed
                await pilot.pause()
                assert about.text.startswith(part)
                assert about.wrong
                assert app.notice("consequence").text.startswith("Cannot be applied yet: "), name
                field(app, name).value = good
                await pilot.pause()
                assert (about.text, about.wrong) == (before, False)
                assert not app.notice("consequence").wrong

    asyncio.run(scenario())


def test_applying_with_faults_goes_to_the_first_one_and_says_which_there_are() -> None:
    async def scenario() -> None:
        async with shown(dialog()) as (app, pilot):
            field(app, "warmup").value = "x"
            field(app, "steps").value = "0"
            for apply in ("ctrl+s", "enter"):
                await press(pilot, apply)
                assert app.answer is UNANSWERED
                assert app.dialog.focused is field(app, "steps")
                field(app, "seed").focus()
            said = "Cannot be applied yet: steps, warm-up need another value."
            assert app.notice("consequence").text == said
            await pilot.click("#accept")
            await settled(pilot)
            assert app.answer is UNANSWERED

    asyncio.run(scenario())


def test_a_loaded_model_limits_the_context_and_keeps_its_size() -> None:
    async def scenario() -> None:
        async with shown(dialog(of=model(fresh=False, name="ti[/b]ny\x1b"))) as (app, pilot):
            assert app.notice("about-preset").text == "the model is ti[/b]ny␛, its size is given"
            assert not app.dialog.query("#preset")
            field(app, "context").value = "65"
            await settled(pilot)
            assert app.notice("about-context").text == "context is 65; this model reads 64 tokens at most"
        async with shown(dialog()) as (app, pilot):
            field(app, "context").value = "65"
            await settled(pilot)
            assert not app.notice("about-context").wrong

    asyncio.run(scenario())


def test_the_consequence_is_said_before_applying() -> None:
    anew, again = (
        "Starts a new run from step 0 with a freshly initialised model.",
        "Starts a new run from step 0.",
    )
    same = "Nothing is changed: the run goes on as it is."

    async def scenario(fresh: bool, *cases: tuple[str, str, str]) -> None:
        async with shown(dialog(of=model(fresh=fresh))) as (app, pilot):
            for name, typed, sentence in cases:
                before, field(app, name).value = field(app, name).value, typed
                await pilot.pause()
                assert app.notice("consequence").text == sentence, name
                field(app, name).value = before

    asyncio.run(
        scenario(
            True, ("batch", "4", again), ("seed", "4", anew), ("context", "32", anew), ("seed", "0_123", same)
        )
    )
    asyncio.run(scenario(False, ("batch", "4", again), ("seed", "4", again), ("context", "32", again)))


def test_a_size_is_chosen_with_the_arrows_or_the_mouse() -> None:
    async def scenario() -> None:
        async with shown(dialog()) as (app, pilot):
            await press(pilot, "down", "right", "right")
            assert app.notice("about-preset").text == "slower and better"
            assert app.notice("consequence").text.endswith("with a freshly initialised model.")
            await press(pilot, "ctrl+s")
            assert app.answer == Settings(training=Training(preset="large"))
        async with shown(dialog()) as (app, pilot):
            await pilot.click("#preset", offset=(10, 0))  # " small   large "
            await pilot.click("#accept")
            await settled(pilot)
            assert app.answer == Settings(training=Training(preset="large"))

    asyncio.run(scenario())


def test_keys_in_one_read_are_taken_in_their_order() -> None:
    async def scenario(accept: str) -> None:
        async with shown(dialog()) as (app, pilot):
            field(app, "batch").focus()
            await settled(pilot)
            keys = ("ctrl+u", "1", "2", "down", "ctrl+u", "3", "3", "backspace", "2", "up", "end", "8")
            await burst(pilot, *keys, accept, "ctrl+u", "9", "escape")
            assert isinstance(app.answer, Settings)
            assert (app.answer.training.batch, app.answer.training.context) == (128, 32)

    for accept in ("enter", "ctrl+s"):
        asyncio.run(scenario(accept))


def test_a_size_chosen_in_one_read_with_enter_is_applied() -> None:
    async def scenario() -> None:
        async with shown(dialog()) as (app, pilot):
            await burst(pilot, "down", "right", "left", "right", "enter")
            assert app.answer == Settings(training=Training(preset="large"))

    asyncio.run(scenario())


def test_keys_behind_the_one_that_opens_the_file_dialog_are_typed_into_it_and_not_into_a_setting(
    tmp_path: Path,
) -> None:
    (tmp_path / "cat.txt").write_text("The fat cat")

    async def scenario() -> None:
        async with shown(dialog(folder=tmp_path)) as (app, pilot):
            field(app, "batch").focus()
            await settled(pilot)
            before = field(app, "batch").value
            await burst(pilot, "ctrl+o", *"cat.txt", "enter")
            assert app.screen is app.dialog
            assert "a file of 11 characters" in app.notice("about-text").text
            await burst(pilot, "ctrl+o", "escape", "9", "ctrl+u", "enter")
            assert app.screen is app.dialog
            assert app.answer is UNANSWERED
            assert field(app, "batch").value == before

    asyncio.run(scenario())


def test_escape_and_an_unchanged_form_answer_with_nothing() -> None:
    async def scenario() -> None:
        async with shown(dialog()) as (app, pilot):
            field(app, "batch").value = "4"
            await press(pilot, "escape")
            assert app.answer is None
        async with shown(dialog(Training(learning_rate=1 / 3))) as (app, pilot):
            await press(pilot, "enter")
            assert app.answer is None

    asyncio.run(scenario())


def test_an_opened_file_becomes_the_text_and_can_be_left_again(tmp_path: Path) -> None:
    (tmp_path / "c[b]\x1b.txt").write_bytes(b"The fat c\xe4t")

    async def scenario() -> None:
        async with shown(dialog(folder=tmp_path)) as (app, pilot):
            await press(pilot, "ctrl+o", "down", "enter")
            assert app.screen is app.dialog
            assert (
                app.notice("about-text").text
                == "a file of 11 characters; 1 byte was not UTF-8 and shows as \ufffd"
            )
            assert app.notice("consequence").text == "Starts a new run from step 0."
            assert "c[b]␛.txt" in painted(app)
            app.dialog.query_one("#text", Choice).focus()
            await press(pilot, "left")
            assert app.notice("consequence").text.startswith("Nothing is changed")
            await press(pilot, "right", "enter")
            settings = app.answer
            assert isinstance(settings, Settings)
            assert settings.opened is not None
            assert settings.training.text == settings.opened.name == "c[b]␛.txt"
            assert settings.opened.text == "The fat c\ufffdt"
            assert settings.opened.path == tmp_path / "c[b]\x1b.txt"

    asyncio.run(scenario())


def test_the_same_file_opened_again_is_a_change(tmp_path: Path) -> None:
    (tmp_path / "cats.txt").write_text("other cats now")

    async def scenario() -> None:
        async with shown(dialog(Training(text="cats.txt"), folder=tmp_path)) as (app, pilot):
            await pilot.click("#open")
            await settled(pilot)
            assert isinstance(app.screen, OpenFileScreen)
            assert app.screen.query_one(PathLine).path == tmp_path
            await press(pilot, "tab", "enter", "ctrl+s")
            assert isinstance(app.answer, Settings)
            assert app.answer.opened is not None
            assert (app.answer.training, app.answer.opened.text) == (
                Training(text="cats.txt"),
                "other cats now",
            )

    asyncio.run(scenario())


def test_a_cancelled_file_dialog_leaves_the_settings_as_they_were(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with shown(dialog(folder=tmp_path)) as (app, pilot):
            field(app, "batch").value = "4"
            await press(pilot, "ctrl+o", "escape")
            assert field(app, "batch").value == "4"
            assert app.answer is UNANSWERED

    asyncio.run(scenario())


def test_every_field_is_wholly_visible_when_it_has_the_focus_on_a_small_screen() -> None:
    async def scenario() -> None:
        async with shown(dialog(), size=(80, 24)) as (app, pilot):
            seen = set()
            for way, times in (("down", 12), ("up", 12)):
                for _ in range(times):
                    await pilot.press(way)
                    focused = app.dialog.focused
                    assert focused is not None
                    row = next(node for node in focused.ancestors_with_self if node.has_class("row"))
                    visible = app.dialog.query_one("#fields").region
                    assert isinstance(row, Widget)
                    assert visible.contains_region(row.region), focused.id
                    if isinstance(focused, Input):
                        seen.add(focused.id)
            assert len(seen) == 10
            assert "^s Apply" in painted(app)

    asyncio.run(scenario())


def test_everything_stands_on_a_large_screen_without_scrolling() -> None:
    async def scenario() -> None:
        async with shown(dialog(), size=(120, 40)) as (app, _):
            assert app.dialog.query_one("#fields").max_scroll_y == 0

    asyncio.run(scenario())
