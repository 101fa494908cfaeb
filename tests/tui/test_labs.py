"""The labs together: how each is opened and left, and that its keys can be read."""

import re
from importlib import resources
from importlib.util import find_spec

import pytest
from textual.binding import Binding
from textual.command import CommandPalette

from tests.tui.exploring import Exploration, exploring
from tui.bindings import KEYS
from tui.screens.help import HelpScreen, help_rows
from tui.screens.lab import LabScreen, TypedLine
from tui.screens.labs import LABS, Lab, LabsScreen, lab
from tui.screens.logits_lab import LogitsLab
from tui.widgets.rows import Rows

# Those whose screen is there.
THERE = [each for each in LABS if find_spec(f"tui.screens.{each.name}_lab")]


def named(each: Lab) -> str:
    return each.name


def number(each: Lab) -> str:
    return str(1 + LABS.index(each))


async def left(ex: Exploration) -> None:
    """Escape leads back to the prompt's table."""
    await ex.press("escape")
    assert ex.app.screen is ex.screen and ex.app.focused is ex.rows


@pytest.mark.parametrize("each", THERE, ids=named)
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_digit_opens_a_lab_and_escape_leaves_it(each: Lab, size: tuple[int, int]) -> None:
    async with exploring(size=size) as ex:
        await ex.press("escape", "L")
        ex.dialog(LabsScreen)
        await ex.press(number(each))
        assert isinstance(ex.app.screen, each.screen())
        assert ex.dialog(LabScreen).HEADING in "\n".join(ex.painted)
        await left(ex)


@pytest.mark.parametrize("each", THERE, ids=named)
async def test_the_menu_opens_a_lab_by_the_arrows_also_from_within_the_prompt(each: Lab) -> None:
    async with exploring() as ex:
        assert ex.app.focused is ex.prompt
        await ex.press("ctrl+l", *["down"] * LABS.index(each), "enter")
        assert isinstance(ex.app.screen, each.screen())
        await ex.press("escape")
        assert ex.app.focused is ex.prompt


@pytest.mark.parametrize("each", THERE, ids=named)
async def test_two_clicks_open_a_lab(each: Lab) -> None:
    async with exploring() as ex:
        await ex.press("escape", "L")
        await ex.click("#labs", 4, 1 + LABS.index(each))
        assert ex.dialog(LabsScreen).query_one(Rows).cursor == LABS.index(each)
        await ex.click("#labs", 4, 1 + LABS.index(each), times=2)
        assert isinstance(ex.app.screen, each.screen())
        await left(ex)


async def test_the_palette_opens_a_lab() -> None:
    async with exploring() as ex:
        await ex.press("escape", "ctrl+p")
        palette = ex.app.screen
        assert isinstance(palette, CommandPalette)
        await ex.type("logits lab")
        await ex.until(lambda: "Logits lab" in "\n".join(ex.painted[3:]))
        await ex.press("down", "enter")
        await ex.until(lambda: isinstance(ex.app.screen, LogitsLab))
        await ex.settled()
        await left(ex)


def test_the_palette_has_every_lab() -> None:
    assert [key.action for key in KEYS if key.action.startswith("lab(")] == [
        f"lab('{each.name}')" for each in LABS
    ]


async def test_the_menu_is_left_without_a_lab_and_names_all_of_them() -> None:
    async with exploring(size=(80, 24)) as ex:
        await ex.press("escape", "L")
        painted = "\n".join(ex.painted)
        assert all(each.title in painted and each.about in painted for each in LABS)
        await left(ex)


def test_a_lab_there_is_none_of_is_refused() -> None:
    assert [lab(each.name) for each in LABS] == list(LABS)
    with pytest.raises(ValueError, match="there is no lab 'x'; there are logits, surprise"):
        lab("x")


@pytest.mark.parametrize("each", THERE, ids=named)
async def test_help_shows_the_labs_own_keys(each: Lab) -> None:
    async with exploring(size=(140, 120)) as ex:
        await ex.press("escape", "L", number(each), "f1")
        shown = "\n".join(ex.painted)
        assert isinstance(ex.app.screen, HelpScreen)
        for row in help_rows(Binding.make_bindings(each.screen().BINDINGS)):
            assert row.text in shown and row.keys in shown
        assert "Train one step" not in shown
        await ex.press("escape")
        assert isinstance(ex.app.screen, each.screen())


@pytest.mark.parametrize("each", THERE, ids=named)
def test_every_binding_has_an_id_of_its_own_and_words(each: Lab) -> None:
    bindings = [binding for node in each.screen().all_bindings() for binding in node]
    ids = [binding.id for binding in bindings if isinstance(binding, Binding)]
    assert len(ids) == len(bindings) == len(set(ids)) and all(ids)
    help_rows(Binding.make_bindings(bindings))


@pytest.mark.parametrize("each", THERE, ids=named)
async def test_no_widget_of_a_lab_is_reached_by_a_rule_for_the_prompts_screen(each: Lab) -> None:
    sheet = resources.files("tui.screens").joinpath("explore.tcss").read_text("utf-8")
    async with exploring() as ex:
        await ex.press("escape", "L", number(each))
        ids = [widget.id for widget in ex.app.screen.query("*") if widget.id not in (None, "keybar")]
        assert len(ids) == len(set(ids)) and "lab-body" in ids
        assert [id for id in ids if re.search(rf"#{id}\b(?!-)", sheet)] == []


async def test_while_a_line_is_typed_only_its_own_keys_are_named() -> None:
    async with exploring(size=(80, 24)) as ex:
        await ex.press("escape", "L", "1", "enter")
        assert isinstance(ex.app.focused, TypedLine)
        foot = ex.painted[-1]
        assert "Keep" in foot and "esc Undo" in foot
        for words in ("Start over", "Row", "Close", "Nudge"):
            assert words not in foot
        await ex.press("enter")
        assert "Keep" not in ex.painted[-1] and "Start over" in ex.painted[-2]


async def test_all_keys_of_a_lab_are_named_at_its_foot_and_there_to_click_at_80_columns() -> None:
    async with exploring(size=(80, 24)) as ex:
        await ex.press("escape", "L", "1")
        for binding in Binding.make_bindings(LogitsLab.BINDINGS):
            assert not binding.show or binding.description in "\n".join(ex.painted[-2:])
        assert "Take back" in ex.painted[-1] and "Edit" in ex.painted[-2]


async def test_a_fault_that_is_longer_than_the_line_goes_on_below_it() -> None:
    async with exploring(size=(80, 24)) as ex:
        await ex.press("escape", "L", "1", "enter", "x")
        assert "which is no number" in ex.painted[-3] and "type one such as 7.6" in ex.painted[-2]
        assert "Keep" in ex.painted[-1]
