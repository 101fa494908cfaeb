"""The candidates: what could come next, what is put into the prompt, and what is searched."""

from itertools import product

from core import messages as m
from core.text import visible
from tests.tui.exploring import PROMPT, Exploration, exploring, raw, text_of


def candidate(rank: int, piece: bytes = b" word", log_prob: float = -3.0) -> m.Candidate:
    return m.Candidate(token_id=rank, piece=piece, log_prob=log_prob - rank / 10, rank=rank)


def seen(ex: Exploration) -> list[str]:
    """The lines of the list that are on the screen."""
    region = ex.candidates.region
    return [line[region.x : region.right] for line in ex.painted[region.y : region.bottom]]


async def test_the_candidates_are_the_models_best_with_rank_probability_surprisal_and_a_bar() -> None:
    async with exploring(size=(160, 60)) as ex:
        header, *lines = text_of(ex.candidates).splitlines()
        assert header.split() == ["rank", "token", "p", "nats"]
        top = ex.table.predictions[-1].top
        assert len(lines) == len(top) == 20
        for rank, (line, each) in enumerate(zip(lines, top, strict=True), start=1):
            assert line.split()[0] == str(rank)
            assert visible(each.piece)[:6] in line and f"{each.surprisal:.2f}" in line
            assert f"{100 * each.probability:.3f} %" in line
        bars = [line.count("█") for line in lines]
        assert bars == sorted(bars, reverse=True)


async def test_the_target_is_in_sight_with_its_rank_wherever_it_stands_among_all_tokens() -> None:
    async with exploring(size=(80, 24)) as ex:
        await ex.press("escape", "home", "2")
        target = ex.table.predictions[0].target
        assert target is not None and target.rank > 20
        marked = [line for line in seen(ex) if "◀" in line]
        assert len(marked) == 1 and f"{target.rank:,}" in marked[0] and "␣fat" in marked[0]
        sizes = [(80, 24), (100, 30), (120, 40), (200, 60)]
        for size, rank in product(sizes, (1, 2, 5, 6, 10, 11, 12, 15, 16, 19, 20)):
            if size != ex.app.size:
                await ex.resize(*size)
            top = tuple(candidate(i) for i in range(1, 21))
            ex.candidates.set_prediction(m.Prediction(entropy=5.0, top=top, target=top[rank - 1]))
            marked = [line for line in seen(ex) if "◀" in line]
            assert len(marked) == 1 and marked[0].strip("▸ ").split()[0] == str(rank), (size, rank)
            ranks = [each.rank for each in ex.candidates.candidates]
            assert sorted(ranks) == list(range(1, 21)), "none is lost, none is there twice"
        await ex.press("end", "end")
        assert any("▸" in line for line in seen(ex)), "the cursor is in sight"


async def test_the_open_row_has_no_target() -> None:
    async with exploring() as ex:
        assert "◀" not in text_of(ex.candidates)


async def test_enter_appends_the_candidate_from_the_last_row_and_can_be_taken_back() -> None:
    async with exploring() as ex:
        await ex.press("escape", "2", "down", "down", "up")
        chosen = ex.candidates.candidates[1]
        await ex.press("enter")
        text = PROMPT + chosen.piece.decode()
        assert ex.prompt.text == ex.table.text == text
        assert ex.rows.cursor == len(ex.table.predictions) - 1
        assert ex.app.focused is ex.candidates, "the next one can be chosen at once"
        second = ex.candidates.candidates[1]
        await ex.press("enter")
        assert ex.prompt.text == ex.table.text == text + second.piece.decode()
        await ex.press("slash", "ctrl+z", "ctrl+z")
        assert ex.prompt.text == ex.table.text == PROMPT
        await ex.press("ctrl+y")
        assert ex.prompt.text == ex.table.text == text


async def test_enter_replaces_what_followed_an_earlier_row() -> None:
    async with exploring() as ex:
        await ex.press("escape", "home", "down", "enter", "home", "enter")
        chosen = ex.asked(m.Score)[-1].text.removeprefix("The fat")
        assert ex.prompt.text == ex.table.text == "The fat" + chosen
        assert len(ex.table.tokens) == 3 and ex.table.tokens[2].piece == chosen.encode()
        assert ex.rows.cursor == 2
        await ex.press("slash", "ctrl+z")
        assert ex.prompt.text == ex.table.text == PROMPT


async def test_a_click_selects_a_candidate_and_a_double_click_puts_it_into_the_prompt() -> None:
    async with exploring() as ex:
        await ex.click("#candidates", 12, 3)
        assert (ex.candidates.cursor, ex.prompt.text) == (2, PROMPT)
        piece = ex.candidates.candidates[4].piece
        await ex.click("#candidates", 12, 5, times=2)
        assert ex.prompt.text == PROMPT + piece.decode()


async def test_a_token_that_is_part_of_a_character_is_refused_with_a_sentence() -> None:
    async with exploring() as ex:
        await ex.press("escape", "2")
        ex.candidates.set_found([candidate(1, b"\xe2")])
        await ex.press("enter")
        assert ex.prompt.text == PROMPT and len(ex.said) == 1
        assert "part of a character" in ex.said[0]


async def test_a_row_inside_a_character_takes_the_token_that_completes_it_and_refuses_others() -> None:
    async with exploring() as ex:
        await ex.write("a 🐈")
        pieces = [token.piece for token in ex.table.tokens]
        assert len(pieces) == 4, "this character is more than one token"
        await ex.press("escape", "end", "up", "2")
        ex.candidates.set_found([candidate(1, b" the"), candidate(2, pieces[-1])])
        await ex.press("enter")
        assert ex.prompt.text == "a 🐈" and len(ex.said) == 1
        await ex.press("down", "enter")
        assert ex.prompt.text == ex.table.text == "a 🐈"


async def test_a_list_that_has_become_shorter_has_its_cursor_on_its_last_line() -> None:
    async with exploring() as ex:
        await ex.press("escape", "2", "end")
        ex.candidates.set_prediction(m.Prediction(entropy=1.0, top=tuple(map(candidate, (1, 2, 3)))))
        marks = [line[0] for line in text_of(ex.candidates).splitlines()]
        assert marks == [" ", " ", " ", "▸"]
        await ex.press("up")
        assert ex.candidates.cursor == 1


# ------------------------------------------------------------------------------------------------- the search


async def test_a_search_shows_the_tokens_that_hold_what_is_typed_and_escape_the_candidates_again() -> None:
    async with exploring() as ex:
        before = text_of(ex.candidates)
        assert not ex.find.display
        await ex.press("f5")
        assert ex.find.display and ex.app.focused is ex.find and ex.find.value == ""
        await ex.type("mat")
        request = ex.asked(m.Find)[-1]
        assert (request.query, request.position) == ("mat", 6)
        shown = ex.candidates.candidates
        assert len(shown) == 20 and all(b"mat" in each.piece for each in shown)
        assert all(f"{each.rank:,}" in text_of(ex.candidates) for each in shown)
        await ex.press("escape")
        assert not ex.find.display and ex.app.focused is ex.candidates
        assert ex.candidates.found is None
        await ex.press("slash")
        assert text_of(ex.candidates) == before
        await ex.press("escape", "f")
        assert ex.find.value == "" and ex.candidates.found is None


async def test_what_was_found_can_be_put_into_the_prompt_and_is_searched_again_after_it() -> None:
    async with exploring() as ex:
        await ex.press("f5")
        await ex.type("mat")
        await ex.press("enter")
        assert ex.app.focused is ex.candidates
        chosen = ex.candidates.candidates[0]
        await ex.press("enter")
        assert ex.prompt.text == ex.table.text == PROMPT + chosen.piece.decode()
        assert ex.asked(m.Find)[-1].position == len(ex.table.tokens) - 1
        row = ex.table.predictions[-1]
        assert ex.candidates.prediction is row and ex.find.display
        await ex.press("escape", "escape")
        assert ex.app.focused is ex.rows


async def test_a_search_follows_the_row_and_the_run() -> None:
    async with exploring() as ex:
        await ex.press("f5")
        await ex.type("sat")
        await ex.click("#table", 5, 3)
        assert ex.asked(m.Find)[-1].position == 2
        at_step_0 = list(ex.candidates.candidates)
        await ex.press("f2")
        assert ex.candidates.candidates != at_step_0
        assert [c.token_id for c in ex.candidates.candidates if c.piece == b" sat"]


async def test_the_targets_mark_stays_on_it_when_a_search_finds_it() -> None:
    async with exploring() as ex:
        await ex.press("escape", "home", "f")
        await ex.type(" fat")
        marked = [line for line in text_of(ex.candidates).splitlines() if "◀" in line]
        assert len(marked) == 1 and "␣fat" in marked[0]


async def test_a_search_for_anything_is_safe_and_says_when_nothing_holds_it() -> None:
    async with exploring() as ex:
        for typed in ("[/", "[/b]", "qqqqqq"):
            await ex.press("f5")
            await ex.type(typed)
            known = typed == "[/"
            assert bool(ex.candidates.candidates) == known
            assert ("no token holds that" in text_of(ex.candidates)) == (not known)
            assert any(typed in line for line in ex.painted)
            await ex.press("enter")
            if not known:
                await ex.press("enter")
                assert ex.prompt.text == PROMPT
            await ex.press("escape")


async def test_control_characters_pasted_into_the_search_reach_no_terminal() -> None:
    async with exploring() as ex:
        await ex.press("f5")
        await ex.paste("\x1b]0;title\x07\u202ecat\nsecond line")
        assert raw(ex.painted) == set()
        assert ex.find.value.endswith("cat") and "second" not in ex.find.value
