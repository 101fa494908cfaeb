"""The help and what it is made from."""

import asyncio
import math

import pytest
from textual.binding import Binding

from tests.tui.dialogs import burst, painted, press, shown
from tui import ramp
from tui.screens.anatomy import AnatomyScreen
from tui.screens.ask import AskScreen
from tui.screens.audit import AuditScreen
from tui.screens.confirm import ConfirmScreen
from tui.screens.help import FIGURES, HelpRow, HelpScreen, help_rows, key_name, legend
from tui.screens.open_file import OpenFileScreen
from tui.screens.retarget import RetargetScreen
from tui.screens.sampling import SamplingScreen
from tui.screens.save_file import SaveFileScreen
from tui.screens.settings import SettingsScreen

BINDINGS = [
    Binding("f2,s", "step", "Step", id="training.step", tooltip="Train one step"),
    Binding("ctrl+n", "unit", "Unit", id="view.unit", tooltip="Show nats or bits [/b]"),
    Binding("space", "run", "Run", id="training.run", tooltip="Run or pause", group=Binding.Group("train")),
    Binding("ctrl+c", "help_quit", show=False, system=True),
]


def test_rows_hold_group_keys_and_text_with_the_keys_of_one_action_joined() -> None:
    assert help_rows(BINDINGS) == [
        HelpRow("training", "F2, s", "Train one step"),
        HelpRow("view", "ctrl+n", "Show nats or bits [/b]"),
        HelpRow("train", "space", "Run or pause"),
    ]


@pytest.mark.parametrize("binding", [Binding("x", "a", tooltip="t"), Binding("x", "a", id="a.b")])
def test_a_binding_without_id_or_text_is_refused(binding: Binding) -> None:
    with pytest.raises(ValueError, match="the binding of 'x' to 'a' needs an id and a tooltip"):
        help_rows([binding])


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("slash", "/"),
        ("question_mark", "?"),
        ("ctrl+t", "ctrl+t"),
        ("f10", "F10"),
        ("space", "space"),
        ("up", "↑"),
    ],
)
def test_keys_are_named_as_on_a_keyboard(key: str, name: str) -> None:
    assert key_name(key) == name


@pytest.mark.parametrize(
    "screen",
    [
        AnatomyScreen,
        AskScreen,
        AuditScreen,
        ConfirmScreen,
        HelpScreen,
        OpenFileScreen,
        RetargetScreen,
        SamplingScreen,
        SaveFileScreen,
        SettingsScreen,
    ],
)
def test_every_binding_of_every_dialog_has_an_id_and_a_tooltip(screen: type) -> None:
    bindings = screen.BINDINGS  # type: ignore[attr-defined]
    assert bindings
    assert all(binding.id and binding.tooltip for binding in bindings)
    help_rows(bindings)


def test_the_legend_is_painted_with_the_ramp_itself() -> None:
    content = legend()
    shown_nats = [float(part) for part in content.plain.split()[:-1]]
    backgrounds = [span.style.background for span in content.spans if not isinstance(span.style, str)]
    assert backgrounds == [ramp.colour(nats) for nats in shown_nats]
    assert math.isclose(shown_nats[-1], 11)


def test_every_figure_of_the_screen_is_explained_in_one_sentence() -> None:
    names = [name for name, _ in FIGURES]
    for figure in ("p", "−log p", "rank", "H(q)", "effective choices", "perplexity", "bits per byte"):
        assert figure in names
    assert all(text.endswith(".") and text.count(". ") == 0 for _, text in FIGURES)


def test_all_of_it_can_be_reached_by_scrolling_and_each_key_closes() -> None:
    async def scenario(close: str) -> None:
        async with shown(HelpScreen(help_rows(BINDINGS))) as (app, pilot):
            assert "Train one step" in painted(app)
            assert "Show nats or bits [/b]" in painted(app)
            scroll = app.dialog.query_one("#help")
            await press(pilot, "down")
            assert scroll.scroll_offset.y == 1
            await press(pilot, "end")
            assert "11 nats and more" in painted(app)
            await press(pilot, "home")
            assert scroll.scroll_offset.y == 0
            await press(pilot, close)
            assert app.answer is None

    for close in ("escape", "f1", "q"):
        asyncio.run(scenario(close))


def test_keys_in_one_read_are_taken_in_their_order() -> None:
    async def scenario() -> None:
        async with shown(HelpScreen(help_rows(BINDINGS))) as (app, pilot):
            await burst(pilot, "end", "home", "down", "down", "up")
            scroll = app.dialog.query_one("#help")
            assert scroll.scroll_offset.y == 1
            await burst(pilot, "down", "pagedown", "pageup", "down", "up")
            assert scroll.scroll_offset.y == 2
            await burst(pilot, "q", "escape", "f1")
            assert app.answer is None

    asyncio.run(scenario())
