"""The prompt: what is typed is scored, whatever it is, and nothing that is typed does anything else."""

import asyncio
from random import Random
from typing import cast

import pytest
from rich.cells import cell_len
from textual.keys import key_to_character

from core import messages as m
from tests.fake_engine import FakeEngine
from tests.tui.exploring import PROMPT, Exploration, exploring, raw, text_of
from tui.bindings import KEYS
from tui.screens.explore import FIRST_PROMPT
from tui.widgets.document import SafeDocument

HOSTILE = {
    "markup": "a [/b] [red]x[/] [@click=app.quit]y[/] ][/ \\[",
    "emoji": "a 🐈 cat, 👩‍👩‍👧 and ❤️ of 🇫🇷",
    "right to left": "the שלום عالم \u202ereversed\u202c end",
    "controls": "a\x1b[31mred\x1b]0;title\x07 b\x00c\x7fd\x9b5me\ttab",
    "invisible": "zero\u200bwidth \ufeffbom \u2028line\u2029 \xadsoft \u3164fill",
    "marks": "e\u0301 \u0301\u0302 x\u20e3",
    "odd line ends": "one\x0btwo\x0cthree\x85four\x1cfive",
}


def scored(ex: Exploration) -> list[str]:
    return [request.text for request in ex.asked(m.Score)]


async def test_the_prompt_has_the_focus_at_once_and_its_first_text_is_scored() -> None:
    async with exploring() as ex:
        assert ex.app.focused is ex.prompt
        assert ex.prompt.text == FIRST_PROMPT == PROMPT
        assert ex.table.text == PROMPT
        await ex.type("!")
        assert ex.prompt.text == ex.table.text == PROMPT + "!"


def shown_tables(ex: Exploration) -> list[tuple[str, str]]:
    """The texts of the tables that are shown from now on, each with the prompt as it then is."""
    shown: list[tuple[str, str]] = []
    take = ex.rows.set_table

    def noted(table: m.Table, comparison: m.Comparison | None = None) -> None:
        shown.append((table.text, ex.prompt.text))
        take(table, comparison)

    ex.rows.set_table = noted  # type: ignore[method-assign]
    return shown


async def test_while_one_text_is_scored_only_the_latest_of_those_typed_meanwhile_follows() -> None:
    async with exploring() as ex:
        shown = shown_tables(ex)
        ex.engine.stall()
        await ex.type(" abc")
        assert ex.prompt.text == PROMPT + " abc", "typing waits for the engine"
        ex.engine.go_on()
        await ex.settled()
        assert scored(ex) == [PROMPT, PROMPT + " abc"]
        assert shown == [(PROMPT + " abc", PROMPT + " abc")], "no table of another text than the prompt's"


async def test_a_burst_of_keys_ends_with_the_table_of_the_last_text() -> None:
    async with exploring() as ex:
        shown = shown_tables(ex)
        ex.burst(*" and the dog slept", *["backspace"] * 4)
        await ex.settled()
        assert ex.prompt.text == ex.table.text == PROMPT + " and the dog s"
        assert shown and all(table == prompt for table, prompt in shown)


async def test_after_a_score_that_failed_the_next_text_is_scored_all_the_same() -> None:
    async with exploring() as ex:
        ex.engine.fail_next("no memory left for this", request=m.Score)
        await ex.type("a")
        assert ex.said == ["no memory left for this"]
        await ex.type("b")
        assert ex.table.text == ex.prompt.text == PROMPT + "ab"


async def test_a_slow_line_never_has_more_than_two_tables_to_carry() -> None:
    flowing = asyncio.Event()
    flowing.set()

    def slow(engine: FakeEngine) -> None:
        read = engine.read

        async def held_up() -> bytes:
            line = await read()
            await flowing.wait()
            return line

        engine.read = held_up  # type: ignore[method-assign]

    async with exploring(prepare=slow) as ex:
        flowing.clear()
        await ex.type("abcdef")
        assert scored(ex) == [PROMPT, PROMPT + "a", PROMPT + "ab"]
        flowing.set()
        await ex.settled()
        assert scored(ex)[3:] == [PROMPT + "abcdef"]
        assert ex.table.text == PROMPT + "abcdef"


async def test_enter_begins_a_new_line_and_a_paste_of_several_lines_is_one_edit() -> None:
    async with exploring() as ex:
        await ex.press("enter")
        await ex.paste("and\r\nthe dog\rslept\n")
        text = PROMPT + "\nand\nthe dog\nslept\n"
        assert ex.prompt.text == ex.table.text == text
        assert "↵" in text_of(ex.tokens)
        await ex.press("ctrl+z")
        assert ex.prompt.text == ex.table.text == PROMPT + "\n"


async def test_a_text_of_any_characters_is_scored_as_it_is_and_nothing_of_it_reaches_the_terminal_raw() -> (
    None
):
    async with exploring() as ex:
        for name, text in HOSTILE.items():
            await ex.write("")
            ex.prompt.focus()
            await ex.paste(text)
            assert ex.prompt.text == ex.table.text == text, name
            assert raw(ex.painted) == set(), name
            for key in ("escape", "i", "home", "down", "down", "down", "n"):
                await ex.press(key)
                assert raw(ex.painted) == set(), (name, key)
            widths = {cell_len(strip.text) for strip in ex.rows.lines}
            assert widths == {ex.rows.scrollable_content_region.width}, name


async def test_the_cursor_moves_over_a_control_character_as_over_any_other() -> None:
    async with exploring() as ex:
        await ex.write("a\x1bb\u200bc")
        columns = [ex.prompt.cursor_screen_offset.x]
        for _ in range(5):
            await ex.press("left")
            columns.append(ex.prompt.cursor_screen_offset.x)
        assert [columns[0] - x for x in columns] == [0, 1, 2, 3, 4, 5]
        assert any("a␛b�c" in line for line in ex.painted)
        await ex.press("right", "delete", "delete")
        assert ex.prompt.text == ex.table.text == "a\u200bc"


async def test_what_is_copied_from_the_prompt_is_what_was_pasted_into_it() -> None:
    async with exploring() as ex:
        await ex.write("a\x1bb\nc\u200bd")
        await ex.press("f7")
        assert ex.app.screen is not ex.screen, "F7 opens a file, also from the prompt"
        await ex.press("escape")
        ex.prompt.select_all()
        assert ex.prompt.selected_text == "a\x1bb\nc\u200bd"


@pytest.mark.parametrize("seed", range(2))
async def test_any_edits_of_any_characters_in_any_order_can_be_undone_and_done_again(seed: int) -> None:
    random = Random(seed)
    pieces = [
        "x",
        "word ",
        "\n",
        "one\ntwo\nthree\nfour\n",
        "\x1b[2J",
        "🐈\u200d\u0301",
        "\t",
        "\x0c",
        "猫" * 40,
    ]
    async with exploring(size=(60, 15)) as ex:
        ex.engine.stall()  # the table is of no account here
        prompt = ex.prompt
        text, states = prompt.text, [prompt.text]
        for _ in range(40):
            if random.random() < 0.3:
                prompt.set_text(text := "".join(random.choices(pieces, k=random.randrange(4))))
            else:
                start, end = sorted(random.randrange(len(text) + 1) for _ in "ab")
                end = min(end, start + 3)
                piece = random.choice(pieces)
                locate = cast(SafeDocument, prompt.document).get_location_from_index
                prompt.replace(piece, locate(start), locate(end))
                text = text[:start] + piece + text[end:]
            prompt.history.checkpoint()
            assert prompt.text == text
            states.append(text)
            if random.random() < 0.2:
                await ex.settled()
        changed = [state for state, before in zip(states, [None, *states], strict=False) if state != before]
        for way, expected in ((prompt.undo, changed[-2::-1]), (prompt.redo, changed[1:])):
            reached = prompt.text
            for state in expected:
                for _ in range(3):  # an edit that changed nothing is in the history as well
                    if prompt.text == reached:
                        way()
                assert prompt.text == state
                reached = state
                if random.random() < 0.5:
                    await ex.settled()
        assert raw(ex.painted) == set()


async def test_an_empty_prompt_and_one_of_one_token_are_told_of_in_a_sentence() -> None:
    async with exploring() as ex:
        await ex.write("The")
        assert ex.words("summary") == "One token so far, and nothing before it to predict it from: type on."
        assert len(ex.table.predictions) == 1
        assert text_of(ex.candidates).count("\n") == 20
        await ex.write("")
        assert ex.words("summary").startswith("The prompt is empty: type a sentence")
        assert ex.rows.table is None and text_of(ex.rows) == ""
        assert text_of(ex.tokens) == "" and ex.title("candidates-pane") == "next token"
        assert ex.candidates.candidates == [] and ex.words("entropy") == ""
        await ex.press("ctrl+t", "ctrl+g", "escape", "enter", "2", "enter", "slash")
        assert ex.prompt.text == "" and ex.asked(m.Generate) == []
        assert set(ex.said) == {"There is nothing to continue yet: type a prompt first."}
        await ex.type("A")
        assert ex.table.text == "A"


async def test_an_emptied_prompt_leaves_nothing_found() -> None:
    async with exploring() as ex:
        await ex.press("f5")
        await ex.type("cat")
        assert ex.candidates.candidates
        await ex.write("")
        assert ex.candidates.candidates == []


async def test_every_letter_of_a_key_typed_into_the_prompt_arrives_as_text() -> None:
    async with exploring() as ex:
        letters = [key.letter for key in KEYS if key.letter]
        typed = "".join(_character(letter) for letter in letters)
        await ex.press("space", *letters)
        assert ex.prompt.text == f"{PROMPT} {typed}"
        assert {type(request) for request in ex.engine.asked} == {m.Open, m.SampleEvery, m.History, m.Score}
        assert ex.app.screen is ex.screen and ex.screen.tab == "table" and ex.app.focused is ex.prompt


async def test_escape_leaves_the_prompt_and_slash_goes_back_without_being_typed() -> None:
    async with exploring() as ex:
        await ex.press("escape")
        assert ex.app.focused is ex.rows
        await ex.press("slash")
        assert ex.app.focused is ex.prompt and ex.prompt.text == PROMPT
        await ex.press("escape", "3", "slash")
        assert ex.app.focused is ex.prompt


async def test_tab_goes_through_the_panes_and_stays_out_of_the_text() -> None:
    async with exploring() as ex:
        visited = []
        for _ in range(4):
            visited.append(ex.app.focused)
            await ex.press("tab")
        assert visited == [ex.prompt, ex.rows, ex.candidates, ex.chart]
        assert ex.app.focused is ex.prompt and ex.prompt.text == PROMPT


async def test_the_tokens_under_the_prompt_are_its_text_and_a_click_on_one_selects_its_row() -> None:
    async with exploring() as ex:
        assert text_of(ex.tokens) == "The␣fat␣cat␣sat␣on␣the␣mat"
        await ex.click("#tokens", 8, 0)  # on ␣cat
        assert ex.rows.cursor == 2
        underlined = [s.text for line in ex.tokens.lines for s in line if s.style and s.style.underline]
        assert underlined == ["␣cat"]
        await ex.click("#tokens", 60, 0)  # beside the text
        assert ex.rows.cursor == 2


def _character(letter: str) -> str:
    """What a key's name stands for, as Textual knows it or, of two, does not."""
    unknown = {"slash": "/", "backslash": "\\"}
    return unknown.get(letter) or key_to_character(letter) or letter


async def test_a_prompt_is_pinned_and_let_go_by_the_same_key_and_its_pane_says_so() -> None:
    async with exploring() as ex:
        assert ex.title("prompt-pane") == "prompt"
        await ex.press("escape", "K")
        await ex.settled()
        assert ex.state.kept == (m.Prompt(text=PROMPT),) and ex.title("prompt-pane") == "prompt · kept"
        await ex.press("slash", "x")
        await ex.settled()
        assert ex.title("prompt-pane") == "prompt"
        await ex.press("backspace")
        await ex.settled()
        assert ex.title("prompt-pane") == "prompt · kept"
        await ex.press("escape", "K")
        await ex.settled()
        assert ex.state.kept == () and ex.title("prompt-pane") == "prompt"


async def test_a_prompt_is_pinned_as_it_is_read_with_its_first_token_or_without() -> None:
    async with exploring() as ex:
        await ex.press("escape")
        ex.screen.action_first_token()
        await ex.settled()
        await ex.press("K")
        await ex.settled()
        assert ex.state.kept == (m.Prompt(text=PROMPT, first_token=True),)
        assert ex.title("prompt-pane") == "prompt · kept"
        ex.screen.action_first_token()
        await ex.settled()
        assert ex.title("prompt-pane") == "prompt"
        ex.screen.action_first_token()
        await ex.settled()
        await ex.press("K")
        await ex.settled()
        assert ex.state.kept == () and ex.title("prompt-pane") == "prompt"
