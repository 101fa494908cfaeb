"""Any target: typed or picked, in the table, below the candidates, as training goes on, and put back."""

import math

import pytest
from rich.cells import cell_len

from core import messages as m
from core.text import visible
from core.tokenizer import gpt2
from tests.tui.exploring import PROMPT, Exploration, exploring, raw, text_of
from tui import formats
from tui.screens.dialog import Notice
from tui.screens.retarget import RetargetScreen
from tui.widgets.figures import Figures
from tui.widgets.gradient import GradientRows

MIX = "mat 0.7, dog 0.2, lap 0.1"
MAT, DOG, LAP = 2603, 3290, 14779


def row(ex: Exploration, position: int) -> str:
    """A row of the table as it is shown."""
    return str(ex.rows.lines[1 + position].text)


def gradient(ex: Exploration) -> list[str]:
    """The lines below the candidates; none where they are not there."""
    rows = ex.screen.query_one(GradientRows)
    return text_of(rows).splitlines() if rows.display else []


def outcome(ex: Exploration) -> Notice:
    return ex.dialog(RetargetScreen).query_one("#outcome", Notice)


def understood(ex: Exploration) -> list[str]:
    return text_of(ex.dialog(RetargetScreen).query_one(Figures)).splitlines()


def log_q(ex: Exploration, position: int, token_id: int) -> float:
    """What the fake model makes of a token after a position, from its own row of log q."""
    return float(ex.engine._q.row(ex.table.tokens[position].token_id, ex.table.step)[token_id])


def shares(*pairs: tuple[int, float]) -> tuple[m.Share, ...]:
    return tuple(m.Share(token_id=i, share=share) for i, share in pairs)


async def set_target(ex: Exploration, typed: str) -> None:
    await ex.press("x")
    await ex.press("ctrl+u")
    await ex.type(typed)
    await ex.press("enter")


async def test_a_token_takes_the_place_of_the_target_marked_with_its_own_surprisal() -> None:
    async with exploring() as ex:
        await ex.press("escape", "home")
        before, summary = row(ex, 0), ex.words("summary")
        assert "*" not in before and not ex.screen.query_one("#replaced").display and not gradient(ex)
        await set_target(ex, "dog")
        nats = -log_q(ex, 0, DOG)
        cells = row(ex, 0).split("*")[1].split()
        assert cells[:4] == ["␣dog", *formats.probability(math.exp(-nats)).split(), f"{nats:.2f}"]
        rank = 1 + sum(x > -nats for x in ex.engine._q.row(ex.table.tokens[0].token_id, 0))
        assert cells[4] == f"{rank:,}"
        assert ex.words("summary") == summary, "the mean stays that of the real text"
        assert (
            ex.words("replaced") == "* a target of your own, not counted: the mean is that of the real text"
        )
        assert ex.screen.query_one("#replaced").display
        assert all("*" not in row(ex, position) for position in range(1, 7))
        assert ex.screen.target_of_row(0) == shares((DOG, 1.0))


async def test_a_mix_shows_its_cross_entropy_and_below_the_candidates_what_it_is_made_of() -> None:
    async with exploring(size=(160, 60)) as ex:
        await ex.press("escape", "home", "down")
        await set_target(ex, MIX)
        p = {MAT: 0.7, DOG: 0.2, LAP: 0.1}
        cross = -math.fsum(share * log_q(ex, 1, i) for i, share in p.items())
        entropy = -math.fsum(share * math.log(share) for share in p.values())
        assert row(ex, 1).split("*")[1].split()[:3] == ["␣mat", "+2", f"{cross:.2f}"]
        assert ex.words("divergence") == f"KL(p‖q) {cross - entropy:.2f} nats: what believing q costs"
        assert ex.words("terms") == f"= H(p, q) {cross:.2f} nats − H(p) {entropy:.2f} nats"
        header, *rows, rest = gradient(ex)
        assert header.split() == ["token", "p", "yours", "q", "model", "q", "−", "p"]
        for line, (token_id, share) in zip(rows, p.items(), strict=False):
            q = math.exp(log_q(ex, 1, token_id))
            assert line.startswith(f"*{visible(gpt2().piece(token_id))} ")
            assert f"{100 * share:.1f} %" in line and formats.probability(q) in line
            assert line.split()[-1] == f"{q - share:+.4f}".replace("-", "−")
        others = [line.split() for line in rows[3:]]
        assert others and all(line[1] == "0" and line[-1].startswith("+") for line in others)
        assert rest.split()[:3] == ["…", f"{50257 - len(rows):,}", "more"]
        numbers = [float(line.split()[-1].replace("−", "-")) for line in (*rows, rest)]
        assert math.fsum(numbers) == pytest.approx(0, abs=5e-4), "all of it sums to nothing"
        assert ex.screen.target_of_row(1) == shares(*p.items())
        await ex.press("n")
        assert f"H(p) {entropy / formats.LN2:.2f} bits" in ex.words("terms")
        assert f"{cross / formats.LN2:.2f}" in row(ex, 1)
        await ex.press("down")
        assert not gradient(ex) and not ex.screen.query_one("#divergence").display, "another row has none"
        await ex.press("up")
        assert gradient(ex)


async def test_it_follows_the_run_which_may_learn_what_is_asked_for() -> None:
    async with exploring() as ex:
        await ex.press("escape", "home")
        await set_target(ex, "dog")
        weighed = len(ex.asked(m.Weigh))
        costs = [row(ex, 0)]
        for step in (1, 2, 3):
            await ex.press("s")
            assert ex.table.step == step
            nats = f"{-log_q(ex, 0, DOG):.2f}"
            assert nats in row(ex, 0) and nats in ex.words("divergence")
            costs.append(row(ex, 0))
        assert len(ex.asked(m.Weigh)) - weighed <= 2 * 3 and costs[0] != costs[-1]


async def test_what_is_typed_is_understood_while_it_is_typed() -> None:
    async with exploring(size=(80, 24)) as ex:
        await ex.press("escape", "up", "x")
        assert outcome(ex).text == "Empty: the real target, ␣mat." and understood(ex) == []
        await ex.type("dog")
        header, line = understood(ex)
        assert header.split() == ["token", "p", "yours", "q", "model", "rank"]
        q = math.exp(log_q(ex, 5, DOG))
        assert line.split()[:3] == ["␣dog", "100.0", "%"] and formats.probability(q) in line
        assert outcome(ex).text == f"−log p {-math.log(q):.2f} nats"
        await ex.type(" 0.7")
        assert outcome(ex).wrong and outcome(ex).text == "the shares sum to 0.7; they must sum to 1"
        assert understood(ex) == []
        await ex.press("enter")
        assert isinstance(ex.app.screen, RetargetScreen), "nothing is set that is none"
        await ex.type(", mat 0.3")
        assert [each.split()[0] for each in understood(ex)[1:]] == ["␣dog", "␣mat"]
        assert outcome(ex).text.startswith("H(p, q) ") and "KL(p‖q)" in outcome(ex).text
        await ex.press("ctrl+u")
        await ex.type("aardvark")
        assert outcome(ex).text.startswith("'aardvark' is 4 tokens: ␣a ard v ark; a target is one")
        await ex.press("escape")
        assert "*" not in row(ex, 5) and ex.screen.target_of_row(5) == shares((MAT, 1.0))


async def test_keys_in_one_read_are_understood_before_they_are_taken() -> None:
    async with exploring() as ex:
        await ex.press("escape", "home")
        ex.burst("x", *"dog", "enter")
        await ex.settled()
        assert ex.app.screen is ex.screen and ex.screen.target_of_row(0) == shares((DOG, 1.0))


async def test_enter_waits_for_the_answer_to_the_last_key_and_escape_for_nothing() -> None:
    async with exploring() as ex:
        await ex.press("escape", "home")
        for way_out, target in (("escape", 3735), ("", DOG)):
            ex.engine.stall()
            await ex.press("x", *"dog", "enter")
            assert isinstance(ex.app.screen, RetargetScreen) and understood(ex) == []
            if way_out:
                await ex.press(way_out)
                assert ex.app.screen is ex.screen
            ex.engine.go_on()
            await ex.settled()
            assert ex.app.screen is ex.screen and ex.screen.target_of_row(0) == shares((target, 1.0))


async def test_an_empty_field_puts_the_real_target_back() -> None:
    async with exploring() as ex:
        await ex.press("escape", "home")
        before = row(ex, 0)
        await set_target(ex, "dog 0.75, mat 0.25")
        assert row(ex, 0) != before
        await ex.press("x")
        assert ex.dialog(RetargetScreen)._value == "dog 0.75, mat 0.25", "what was set can be changed"
        await ex.press("ctrl+u", "enter")
        assert row(ex, 0) == before and not gradient(ex)
        assert not ex.screen.query_one("#replaced").display
        target = ex.table.predictions[0].target
        assert target is not None and ex.screen.target_of_row(0) == shares((target.token_id, 1.0))


async def test_the_open_row_has_no_target_until_it_is_given_one() -> None:
    async with exploring() as ex:
        await ex.press("escape")
        assert ex.screen.target_of_row(6) is None is ex.screen.target_of_row(7)
        assert ex.screen.target_of_row(-1) is None
        await ex.press("x")
        assert outcome(ex).text == "Empty: nothing follows here, as it was."
        await ex.press("escape")
        await set_target(ex, "dog")
        assert f"{-log_q(ex, 6, DOG):.2f}" in row(ex, 6).split("*␣dog")[0] + row(ex, 6).split("*")[1]
        assert ex.screen.target_of_row(6) == shares((DOG, 1.0))
        await ex.write(PROMPT + " and")
        assert ex.screen.target_of_row(6) == shares((DOG, 1.0)), "its prefix is still there"
        assert "*" in row(ex, 6) and ex.screen.target_of_row(7) is None


async def test_a_candidate_is_picked_with_the_same_key_and_picked_again_lets_go() -> None:
    async with exploring() as ex:
        await ex.press("escape", "home", "2", "down", "x")
        second = ex.candidates.candidates[1]
        assert ex.app.screen is ex.screen and ex.screen.target_of_row(0) == shares((second.token_id, 1.0))
        assert f"{second.surprisal:.2f}" in row(ex, 0).split("*")[1]
        assert [line for line in text_of(ex.candidates).splitlines() if f"*{visible(second.piece)}" in line]
        await ex.press("x")
        assert "*" not in row(ex, 0) and "*" not in text_of(ex.candidates)
        await ex.press("f")
        await ex.type("dog")
        found = {each.token_id: row for row, each in enumerate(ex.candidates.candidates)}
        await ex.press("enter", *["down"] * found[DOG], "x")
        assert ex.screen.target_of_row(0) == shares((DOG, 1.0)), "any token that was found"
        await ex.press("1", "x")
        assert ex.dialog(RetargetScreen)._value == "dog"


async def test_the_real_target_picked_is_the_real_target() -> None:
    async with exploring() as ex:
        await ex.press("escape", "home")
        await set_target(ex, "dog")
        await ex.press("2")
        target = ex.table.predictions[0].target
        assert target is not None
        at = [each.token_id for each in ex.candidates.candidates].index(target.token_id)
        await ex.press(*["down"] * at, "x")
        assert "*" not in row(ex, 0)


async def test_a_token_of_the_training_text_can_be_picked_too_and_its_figures_wait_for_their_turn() -> None:
    async with exploring(size=(160, 60)) as ex:
        await ex.press("escape", "home", "p", "2", "down", "x")
        follower = ex.followers.candidates[1]
        assert ex.screen.target_of_row(0) == shares((follower.token_id, 1.0))
        told = ex.followers.followed
        assert told is not None and not gradient(ex)
        assert f"KL(p‖q) {float(told.kl or 0):.2f}" in ex.words("divergence"), "of the text, as the list says"
        await ex.press("p")
        assert gradient(ex) and f"KL(p‖q) {follower.surprisal:.2f}" in ex.words("divergence")


async def test_targets_go_with_their_prefix_and_each_row_has_its_own() -> None:
    async with exploring() as ex:
        await ex.press("escape", "home")
        await set_target(ex, "dog")
        await ex.press("down", "down", "down", "down")
        await set_target(ex, "lap")
        assert "*" in row(ex, 0) and "*" in row(ex, 4)
        assert {request.position for request in ex.asked(m.Weigh)[-2:]} == {0, 4}
        await ex.write("The fat dog sat on the mat")
        assert "*" in row(ex, 0) and "*" not in row(ex, 4)
        assert ex.screen.target_of_row(0) == shares((DOG, 1.0))
        await ex.write(PROMPT)
        assert "*" not in row(ex, 4), "what is gone is gone"
        await ex.write("")
        assert not ex.screen.query_one("#replaced").display and not gradient(ex)


async def test_the_past_is_shown_as_it_was_and_its_targets_cannot_be_changed() -> None:
    async with exploring() as ex:
        await ex.press("s", "s", "escape", "s", "s", "home")
        await set_target(ex, "dog")
        await ex.press("left_square_bracket")
        assert ex.screen.looking_at == 1 and "*" not in row(ex, 0) and not gradient(ex)
        await ex.press("x")
        assert ex.app.screen is ex.screen and ex.said[-1].startswith("The logits of the past are not kept")
        assert ex.screen.target_of_row(0) == shares((DOG, 1.0))
        await ex.press("backslash")
        assert "*" in row(ex, 0) and gradient(ex)


async def test_without_a_row_there_is_nothing_to_give_a_target() -> None:
    async with exploring() as ex:
        await ex.write("")
        await ex.press("escape", "x")
        assert ex.app.screen is ex.screen and ex.said[-1].startswith("There is no row to give a target yet")


async def test_what_the_engine_refuses_is_said_in_the_dialog() -> None:
    async with exploring() as ex:
        await ex.press("escape", "home", "x")
        ex.engine.fail_next("no [/b] model", request=m.Interpret)
        await ex.type("d")
        assert outcome(ex).text == "no [/b] model" and outcome(ex).wrong


async def test_the_audit_stays_with_what_really_came() -> None:
    async with exploring() as ex:
        await ex.press("escape", "home")
        await set_target(ex, "dog")
        await ex.press("a")
        target = ex.table.predictions[0].target
        assert target is not None and visible(target.piece) in "\n".join(ex.painted)
        assert ex.asked(m.Audit) == [m.Audit(position=0)]


async def test_it_has_room_at_every_size_and_nothing_is_cut() -> None:
    async with exploring(size=(120, 40)) as ex:
        await ex.press("escape", "home")
        await set_target(ex, MIX)
        await ex.press("2")
        for size in ((80, 24), (60, 15), (100, 30), (120, 40), (200, 60)):
            await ex.resize(*size)
            lines = gradient(ex)
            assert (len(lines) >= 2 and "more" in lines[-1]) or "others" in lines[-1], size
            assert not any("··" in line for line in lines), size
            rows = ex.screen.query_one(GradientRows)
            assert len(lines) <= rows.size.height, size
            assert all(cell_len(line) <= rows.scrollable_content_region.width for line in lines), size
            assert ex.candidates.size.height >= 2, size
            assert 0 < len(ex.words("divergence")) <= ex.screen.query_one("#divergence").content_size.width
            assert all(cell_len(line) == size[0] for line in ex.painted)
        for size in ((60, 15), (80, 24)):
            await ex.resize(*size)
            await ex.press("1")
            assert "␣mat +2" in row(ex, 0) and 0 < len(ex.words("replaced")) <= size[0] - 2
            await ex.press("x")
            assert "Set" in "\n".join(ex.painted) and "cancel" in "\n".join(ex.painted).lower()
            await ex.press("escape")


async def test_nothing_raw_is_painted_of_what_is_typed_or_set() -> None:
    async with exploring() as ex:
        await ex.press("escape", "home", "x")
        await ex.paste("\x1b[31m [/b] \u202e")
        assert raw(ex.painted) == set() and outcome(ex).wrong
        await ex.press("ctrl+u")
        await ex.type("#216 0.5, [/ 0.5")
        assert raw(ex.painted) == set() and not outcome(ex).wrong
        await ex.press("enter")
        assert raw(ex.painted) == set() and "*" in row(ex, 0)
