"""The screen at every size: nothing is lost, every pane is reached, and the ways to all actions."""

from functools import partial

import pytest
from rich.cells import cell_len
from textual.command import CommandPalette

from core import messages as m
from tests.tui.exploring import PROMPT, Exploration, exploring, raw, text_of
from tui.bindings import KEYS
from tui.screens.help import HelpScreen, key_name

PANES = ("prompt-pane", "table-pane", "candidates-pane", "chart-pane")


def shown(ex: Exploration) -> list[str]:
    """The panes that have a place on the screen."""
    return [id for id in PANES if ex.screen.query_one(f"#{id}").region.area > 0]


def cut_off(ex: Exploration) -> list[str]:
    """The lines of words that are wider than their place."""
    lines = ("summary", "entropy", "controls", "remaining")
    return [
        id
        for id in lines
        if (place := ex.screen.query_one(f"#{id}").content_size).width and len(ex.words(id)) > place.width
    ]


async def test_one_column_shows_the_prompt_and_one_pane_at_a_time_and_tabs_reach_them_all() -> None:
    async with exploring(size=(80, 24)) as ex:
        await ex.press("f2", "escape")
        for size in ((80, 24), (60, 15), (99, 60), (200, 20)):
            await ex.resize(*size)
            for key, name in (("2", "candidates"), ("3", "chart"), ("1", "table")):
                await ex.press(key)
                assert shown(ex) == ["prompt-pane", f"{name}-pane"], size
                assert ex.app.focused is not None and ex.app.focused.id == name
                assert ex.screen.query_one(f"#{name}").size.height >= 5
                assert cut_off(ex) == [], size
                painted = ex.painted
                assert all(label in painted[_tabs(ex)] for label in ("1 prefixes", "2 next token", "3 loss"))
                assert len(painted) == size[1] and all(cell_len(line) == size[0] for line in painted)


def _tabs(ex: Exploration) -> int:
    return ex.screen.query_one("#tabs").region.y


async def test_a_click_on_a_tab_shows_its_pane() -> None:
    async with exploring(size=(80, 24)) as ex:
        x = {label: ex.painted[_tabs(ex)].index(label) for label in ("1 prefixes", "2 next token", "3 loss")}
        for label, name in (("2 next token", "candidates"), ("3 loss", "chart"), ("1 prefixes", "table")):
            await ex.click("#tabs", x[label] + 1, 0)
            assert shown(ex) == ["prompt-pane", f"{name}-pane"]
            assert "▸" + label in ex.painted[_tabs(ex)]
            assert ex.app.focused is not None and ex.app.focused.id == name
        await ex.click("#tabs", 79, 0)
        assert ex.screen.tab == "table"


async def test_two_columns_show_all_panes_at_once() -> None:
    async with exploring() as ex:
        await ex.press("f2")
        for size in ((100, 30), (120, 40), (200, 60)):
            await ex.resize(*size)
            assert shown(ex) == list(PANES)
            assert ex.screen.query_one("#tabs").region.area == 0
            for id in ("table", "candidates", "chart"):
                assert ex.screen.query_one(f"#{id}").size.height >= 5
            regions = [ex.screen.query_one(f"#{id}").region for id in PANES]
            assert not any(a.overlaps(b) for a in regions for b in regions if a is not b)
            assert cut_off(ex) == [], size
        await ex.press("escape", "2")
        assert ex.app.focused is ex.candidates
        await ex.press("3")
        assert ex.app.focused is ex.chart
        await ex.press("1")
        assert ex.app.focused is ex.rows


async def test_a_row_and_a_search_are_shown_where_they_are_asked_for_also_in_one_column() -> None:
    async with exploring(size=(80, 24)) as ex:
        await ex.press("escape", "home", "down", "enter")
        assert shown(ex) == ["prompt-pane", "candidates-pane"] and ex.app.focused is ex.candidates
        assert ex.title("candidates-pane") == "next token after “The fat”"
        await ex.press("1", "end", "f")
        assert shown(ex) == ["prompt-pane", "candidates-pane"] and ex.app.focused is ex.find
        await ex.press("escape", "escape")
        assert shown(ex) == ["prompt-pane", "table-pane"] and ex.app.focused is ex.rows


async def test_the_title_of_the_candidates_tells_as_much_of_the_prefix_as_there_is_room_for() -> None:
    async with exploring(size=(80, 24)) as ex:
        await ex.write("All of the long morning the very fat cat sat on the mat by the door")
        await ex.press("escape", "2")
        narrow = ex.title("candidates-pane")
        assert narrow.endswith("cat sat on the mat by the door”") and len(narrow) <= 78
        await ex.resize(120, 40)
        assert ex.title("candidates-pane").endswith("by the door”")
        assert len(ex.title("candidates-pane")) <= ex.screen.query_one("#candidates-pane").content_size.width
        await ex.resize(80, 24)
        assert ex.title("candidates-pane") == narrow


async def test_a_terminal_that_is_too_small_says_so_and_all_is_back_once_it_is_larger() -> None:
    async with exploring() as ex:
        await ex.type("!")
        await ex.resize(50, 12)
        words = " ".join(" ".join(ex.painted).split())
        assert "This terminal has 50 x 12 cells; neglogp needs at least 60 x 15." in words
        assert "prefix" not in words
        await ex.resize(59, 40)
        assert "59 x 40" in " ".join(ex.painted)
        await ex.resize(120, 40)
        assert shown(ex) == list(PANES) and ex.prompt.text == ex.table.text == PROMPT + "!"
        assert ex.app.focused is ex.prompt
        await ex.type("?")
        assert ex.prompt.text == ex.table.text == PROMPT + "!?"


async def test_a_terminal_that_is_too_small_from_the_start_can_be_left() -> None:
    async with exploring(size=(40, 10)) as ex:
        assert "40 x 10" in " ".join(ex.painted)
        await ex.press("ctrl+q")
        assert ex.app.return_code == 0


async def test_the_pane_that_has_the_focus_is_the_one_that_is_seen_when_the_terminal_becomes_narrow() -> None:
    async with exploring() as ex:
        for pane in (ex.chart, ex.candidates, ex.rows):
            pane.focus()
            await ex.settled()
            await ex.resize(80, 24)
            assert ex.app.focused is pane and ex.screen.tab == pane.id
            await ex.resize(120, 40)
            assert ex.app.focused is pane


async def test_escape_in_the_prompt_goes_to_the_pane_that_is_seen() -> None:
    async with exploring(size=(80, 24)) as ex:
        await ex.press("escape", "3", "slash", "escape")
        assert ex.app.focused is ex.chart
        await ex.press("escape")
        assert ex.app.focused is ex.rows and ex.screen.tab == "table"


async def test_sizes_may_change_while_a_run_goes_on() -> None:
    async with exploring(steps_allowed=0) as ex:
        await ex.press("f3")
        for step, size in enumerate([(80, 24), (50, 12), (200, 60), (120, 40)], start=1):
            await ex.resize(*size)
            ex.engine.allow_steps(1)
            await ex.until(partial(_at, ex, step))
            await ex.settled()
            assert all(len(line) <= size[0] for line in ex.painted) and len(ex.painted) == size[1]
        assert shown(ex) == list(PANES)
        widths = {strip.cell_length for strip in ex.rows.lines}
        assert widths == {ex.rows.scrollable_content_region.width}
        assert "4/500 · ▶ running" in ex.status


def _at(ex: Exploration, step: int) -> bool:
    return ex.table.step == step


# --------------------------------------------------------------------------------------- ways to all actions


async def test_the_help_lists_every_key_of_the_screen() -> None:
    async with exploring(size=(120, 40)) as ex:
        for keys in (("f1",), ("escape", "question_mark")):
            await ex.press(*keys)
            dialog = ex.dialog(HelpScreen)
            listed = {(name, row.text) for row in dialog._rows for name in row.keys.split(", ")}
            for key in KEYS:
                for name in filter(None, (key.key, key.letter)):
                    assert (key_name(name), key.tooltip) in listed
            for name, text in (("ctrl+q", "Leave; the run is saved"), ("ctrl+p", "Every action by its name"),
                               ("⏎", "To the candidates"), ("k", "The row above")):  # fmt: skip
                assert (name, text) in listed
            assert any("Train one step" in line for line in ex.painted)
            await ex.press("escape")
        assert ex.app.focused is ex.rows


async def test_the_palette_has_every_action_with_its_keys_and_does_it() -> None:
    async with exploring() as ex:
        commands = {c.title: c for c in ex.app.get_system_commands(ex.app.screen)}
        for key in KEYS:
            names = [key_name(name) for name in (key.key, key.letter) if name]
            title = f"{key.label} ({', '.join(names)})" if names else key.label
            assert commands.pop(title).help == key.tooltip
        assert set(commands) == {"Screenshot", "Quit (ctrl+q)"}
        await ex.press("ctrl+p")
        assert isinstance(ex.app.screen, CommandPalette)
        await ex.type("fresh")
        palette = ex.app.screen
        await ex.until(lambda: "Fresh model" in "\n".join(ex.painted))
        await ex.press("down", "enter")
        await ex.until(lambda: ex.app.screen is not palette)
        await ex.until(lambda: ex.asked(m.Configure))
        assert ex.app.screen is ex.screen


async def test_the_footer_names_the_keys_that_matter_most_also_at_80_columns() -> None:
    async with exploring(size=(80, 24)) as ex:
        await ex.until(lambda: "Quit" in ex.painted[-1])
        for label in ("Help", "Step", "Run", "Back", "Settings", "Bits", "Quit"):
            assert label in ex.painted[-1]


@pytest.mark.parametrize("before", ["f3", "f5", "f9", "f1", "ctrl+p"])
async def test_ctrl_q_leaves_at_once_in_any_state_and_lets_go_of_the_engine(before: str) -> None:
    async with exploring(steps_allowed=3) as ex:
        await ex.press(before, "ctrl+q")
        assert ex.app.return_code == 0 and ex.app._exit
    assert ex.engine._over


async def test_nothing_raw_is_painted_in_any_pane_at_any_size() -> None:
    async with exploring() as ex:
        await ex.write("a\x1b[31m \u202eb 👩‍👩‍👧 c\x00 [/b]")
        for size in ((100, 30), (60, 15)):
            await ex.resize(*size)
            for tab in ("table", "candidates", "chart"):
                ex.screen.action_tab(tab)
                await ex.settled()
                assert raw(ex.painted) == set(), (size, tab)
        assert "␛" in text_of(ex.tokens) and "␀" in text_of(ex.tokens) and "[/b]" in text_of(ex.tokens)
