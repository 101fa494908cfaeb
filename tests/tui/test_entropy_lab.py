"""The entropy lab on the screen: its numbers as they stand painted, its keys, and the model's own doubt."""

import math

import pytest
from textual.binding import Binding

from core import information
from core import messages as m
from tests.tui.exploring import PROMPT, Exploration, exploring, raw
from tui.screens.entropy_lab import EntropyLab
from tui.screens.help import help_rows
from tui.widgets.rows import Rows

SIZES = [(80, 24), (120, 40), (200, 60)]
TRAINED = m.Open(training=m.Training(steps=100))  # until the fake model knows something


async def opened(ex: Exploration, name: str = "start") -> EntropyLab:
    await ex.press("escape", "L", "3")
    lab = ex.dialog(EntropyLab)
    lab.set_up(name)
    await ex.settled()
    return lab


def painted(ex: Exploration, start: str) -> list[str]:
    """The words of the first painted line that begins with `start`, without its bars."""
    line = next(line for line in ex.painted[4:] if line.lstrip(" ›").startswith(start))
    return line.lstrip(" ›").translate(str.maketrans("█░▏▎▍▌▋▊▉", " " * 9)).split()


def figures(ex: Exploration, outcome: str) -> list[str]:
    """What stands in an outcome's row: p, q, −log p, −log q, p·(−log q)."""
    return painted(ex, outcome)[1:6]


def foot(ex: Exploration) -> str:
    return "\n".join(ex.painted)


def fault(ex: Exploration) -> str:
    """What is said beside the line that is typed into, above the keys."""
    return " ".join(" ".join(ex.painted[-3:-1]).split())


async def typed(ex: Exploration, text: str) -> None:
    await ex.press("enter")
    await ex.type(text)
    await ex.press("enter")


# ------------------------------------------------------------------------------- entropy is expected surprise


@pytest.mark.parametrize("size", SIZES)
async def test_a_fair_coin_has_ln_2_nats_which_is_1_bit(size: tuple[int, int]) -> None:
    async with exploring(size) as ex:
        await opened(ex, "coin")
        assert figures(ex, "heads") == ["[0.500]", "0.500", "0.693", "0.693", "0.347"]
        assert figures(ex, "tails") == ["0.500", "0.500", "0.693", "0.693", "0.347"]
        assert painted(ex, "H(p) ")[:6] == ["H(p)", "0.693", "nats", "=", "ln", "2,"]
        await ex.press("n")
        assert painted(ex, "H(p) ")[:6] == ["H(p)", "1.000", "bits", "=", "log₂", "2,"]
        assert figures(ex, "tails")[2:] == ["1.000", "1.000", "0.500"]


async def test_a_die_has_ln_6_nats() -> None:
    async with exploring((80, 24)) as ex:
        await opened(ex, "die")
        assert painted(ex, "H(p) ")[:6] == ["H(p)", "1.792", "nats", "=", "ln", "6,"]
        for outcome in ("one", "two", "three", "four", "five", "six"):
            assert figures(ex, outcome)[2:] == ["1.792", "1.792", "0.299"]


async def test_a_source_of_zeros_has_none_as_0_log_0_is_0() -> None:
    async with exploring((80, 24)) as ex:
        await opened(ex, "zeros")
        assert figures(ex, "one") == ["0.000", "0.000", "∞", "∞", "0.000"]
        assert painted(ex, "H(p) ")[:3] == ["H(p)", "0.000", "nats"]
        assert painted(ex, "H(p, q)")[:4] == ["H(p,", "q)", "0.000", "nats"]


async def test_the_sahara_has_little_of_it_and_london_much() -> None:
    async with exploring((80, 24)) as ex:
        await opened(ex, "sahara")
        assert painted(ex, "H(p) ")[1:3] == ["0.168", "nats"] and painted(ex, "H(q)")[1:3] == [
            "1.366",
            "nats",
        ]
        await ex.press("e")
        assert painted(ex, "H(p) ")[1:3] == ["1.366", "nats"] and painted(ex, "H(q)")[1:3] == [
            "0.168",
            "nats",
        ]
        assert "London" in ex.painted[1]


# ------------------------------------------------------------- surprise is the model's, frequency the world's


@pytest.mark.parametrize("size", SIZES)
async def test_the_cross_entropy_is_the_entropy_and_what_q_costs(size: tuple[int, int]) -> None:
    async with exploring(size) as ex:
        lab = await opened(ex)
        p, q = lab.pair.p, lab.pair.q
        for name, a, b in zip(lab.pair.names, p, q, strict=True):
            assert figures(ex, name)[2:] == [
                f"{-math.log(a):.3f}",
                f"{-math.log(b):.3f}",
                f"{-a * math.log(b):.3f}",
            ]
        cross = -math.fsum(a * math.log(b) for a, b in zip(p, q, strict=True))
        own = -math.fsum(a * math.log(a) for a in p)
        assert f" H(p, q) {cross:.3f} nats = H(p) {own:.3f} nats + KL(p‖q) {cross - own:.3f} nats" in foot(ex)
        assert painted(ex, "KL(p‖q)")[1:3] == [f"{cross - own:.3f}", "nats"]
        back = math.fsum(b * math.log(b / a) for a, b in zip(p, q, strict=True))
        assert painted(ex, "KL(q‖p)")[1:3] == [f"{back:.3f}", "nats"]


async def test_the_bars_add_up() -> None:
    async with exploring((200, 60)) as ex:
        await opened(ex)
        lines = {
            name: next(x for x in ex.painted if x.startswith(f" {name}"))
            for name in ("H(p, q)", "H(p) ", "KL(p‖q)")
        }
        whole, own, cost = (lines[name] for name in ("H(p, q)", "H(p) ", "KL(p‖q)"))
        assert whole.count("█") == own.count("█") > 10 and whole.count("░") == cost.count("░") > 10
        assert whole.index("░") == cost.index("░"), "what q costs begins where H(p) ends"


@pytest.mark.parametrize("size", SIZES)
async def test_q_set_to_p_costs_nothing(size: tuple[int, int]) -> None:
    async with exploring(size) as ex:
        await opened(ex)
        await ex.press("=")
        assert painted(ex, "H(p, q)")[2:4] == painted(ex, "H(p) ")[1:3] == ["0.802", "nats"]
        assert painted(ex, "KL(p‖q)")[1] == painted(ex, "KL(q‖p)")[1] == "0.000"
        assert "H(p, q) = H(p) = 0.802 nats, KL(p‖q) = 0" in foot(ex)


@pytest.mark.parametrize("size", SIZES)
async def test_what_q_calls_impossible_and_happens_costs_without_end_and_it_is_said_why(
    size: tuple[int, int],
) -> None:
    async with exploring(size) as ex:
        await opened(ex)
        await ex.press("down", "tab")
        await typed(ex, "0")
        assert figures(ex, "dog") == ["0.200", "[0.000]", "1.609", "∞", "∞"]
        assert painted(ex, "H(p, q)")[2:4] == ["∞", "nats"] and painted(ex, "KL(p‖q)")[1] == "∞"
        assert (
            "H(p, q) is ∞: dog happens" in foot(ex) and "q(dog) = 0" in foot(ex) and "−log 0 = ∞" in foot(ex)
        )
        assert painted(ex, "H(p) ")[1:3] == ["0.802", "nats"]
        assert painted(ex, "KL(q‖p)")[1] != "∞"


# -------------------------------------------------------------------------- with a one-hot p one term is left


@pytest.mark.parametrize("size", SIZES)
async def test_one_hot_every_other_term_becomes_0_and_back(size: tuple[int, int]) -> None:
    async with exploring(size) as ex:
        await opened(ex)
        before = ex.painted[4:]
        await ex.press("down", "o")
        assert [figures(ex, name)[4] for name in ("mat", "dog", "lap")] == ["0.000", "1.204", "0.000"]
        assert "H(p, q) = −log q(dog) = 1.204 nats" in foot(ex)
        assert painted(ex, "H(p, q)")[2:4] == ["1.204", "nats"] and painted(ex, "H(p) ")[1] == "0.000"
        await ex.press("down", "o")
        assert "H(p, q) = −log q(lap) = 0.693 nats" in foot(ex)
        await ex.press("o", "up", "up")
        assert ex.painted[4:] == before


async def test_the_example_one_hot_is_taken_back_with_the_same_key() -> None:
    async with exploring((80, 24)) as ex:
        lab = await opened(ex, "one-hot")
        assert "H(p, q) = −log q(mat) = 1.609 nats" in foot(ex)
        await ex.press("o")
        assert lab.pair.p == (0.7, 0.2, 0.1)


# ---------------------------------------------------------------------------------------------------- editing


async def test_what_is_typed_is_shown_with_every_key_and_escape_takes_it_back() -> None:
    async with exploring((80, 24)) as ex:
        lab = await opened(ex)
        before = lab.pair
        await ex.press("enter")
        assert "p(mat)" in ex.painted[-2] and "0.7" in ex.painted[-2]
        await ex.type("1/")
        assert lab.pair.p == (1, 0, 0) and "'1/' is not a number" in foot(ex)
        await ex.type("4")
        assert lab.pair.p == pytest.approx((0.25, 0.5, 0.25)), (
            "the others as they were before, not as on the way"
        )
        assert figures(ex, "mat")[0] == "[0.250]" and "in the proportions they had" in ex.painted[1]
        await ex.press("escape")
        assert lab.pair == before and lab.focused is lab.query_one("#outcomes", Rows)
        await typed(ex, "14 4 2")
        assert lab.pair.p == pytest.approx((0.7, 0.2, 0.1)) and painted(ex, "H(p) ")[1] == "0.802"
        await typed(ex, "12 %")
        assert figures(ex, "mat")[0] == "[0.120]"
        await ex.press("enter", "enter")
        assert lab.pair.p[0] == 0.12, "Enter alone changes nothing"
        await typed(ex, "1/3")
        exact = lab.pair.p
        await ex.press("down", "enter", "enter")
        assert lab.pair.p == exact


async def test_a_wrong_number_keeps_the_line_open_and_says_all_of_what_to_do() -> None:
    async with exploring((80, 24)) as ex:
        lab = await opened(ex)
        await ex.press("enter")
        await ex.type("1.5")
        await ex.press("enter")
        assert "p(mat) is from 0 to 1, or 3 weights for all rows" in fault(ex)
        assert lab.focused is lab.query_one("#lab-line")
        assert all(name in foot(ex) for name in ("KL(q‖p)", "H(p, q) 1.609")), (
            "nothing is pushed out of sight"
        )


async def test_tab_leaves_the_line_and_what_is_edited_as_they_are() -> None:
    async with exploring((80, 24)) as ex:
        lab = await opened(ex)
        await ex.press("enter", "tab")
        assert lab.focused is lab.query_one("#lab-line") and lab.pair.edited == "p"
        assert "p(mat)" in ex.painted[-2] and not {"One-hot", "Less", "More"} & set(ex.painted[-1].split())
        await ex.press("escape", "tab")
        assert lab.pair.edited == "q" and "One-hot" in foot(ex)
        await ex.press("m", "enter", "tab")
        assert "left prompt" in ex.painted[-2] and lab.focused is lab.query_one("#lab-line")


async def test_nudges_move_p_or_q_by_a_twentieth() -> None:
    async with exploring((80, 24)) as ex:
        await opened(ex)
        await ex.press("right")
        assert figures(ex, "mat")[:2] == ["[0.750]", "0.200"]
        await ex.press("left", "-")
        assert figures(ex, "mat")[:2] == ["[0.650]", "0.200"]
        await ex.press("tab", "+", "+")
        assert figures(ex, "mat")[:2] == ["0.650", "[0.300]"]
        assert "›q" in ex.painted[4] and "›p" not in ex.painted[4]
        assert "share the other 0.700" in ex.painted[1]
        await ex.press("r")
        assert figures(ex, "mat")[:2] == ["[0.700]", "0.200"]


async def test_outcomes_come_go_and_are_named() -> None:
    async with exploring((80, 24)) as ex:
        lab = await opened(ex)
        await ex.press("a")
        assert lab.row == 3 and figures(ex, "A")[:2] == ["[0.250]", "0.250"]
        await ex.press("w")
        await ex.type("[/b] hat")
        await ex.press("enter")
        assert "[/b] hat" in foot(ex)
        await ex.press("w")
        await ex.type("mat")
        assert "mat is there already" in foot(ex)
        await ex.press("escape", "d")
        assert lab.pair.names == ("mat", "dog", "lap") and "[/b] hat has gone" in ex.painted[1]
        await ex.press("d", "d")
        assert lab.pair.names == ("mat", "dog") and "2 outcomes are as few" in ex.painted[1]
        for _ in range(7):
            await ex.press("a")
        assert len(lab.pair.names) == 8 and "8 outcomes are as many" in ex.painted[1]
        assert all(name in foot(ex) for name in (*lab.pair.names, "KL(q‖p)", "= H(p)", "Model"))


async def test_the_mouse_chooses_a_row_edits_it_and_has_the_keys() -> None:
    async with exploring((80, 24)) as ex:
        lab = await opened(ex)
        await ex.click("#outcomes", 3, 2)
        assert lab.row == 1
        await ex.click("#outcomes", 3, 2, times=2)
        assert "p(dog)" in ex.painted[-2]
        await ex.press("escape")
        for y, words in enumerate(ex.painted[-2:]):
            for label in ("One-hot", "Model"):
                if label in words:
                    await ex.click("#keybar", words.index(label), y)
        assert lab.pair.certain == 1 and lab.prompts


async def test_the_examples_go_round_with_a_key_and_have_names() -> None:
    async with exploring((80, 24)) as ex:
        lab = await opened(ex)
        for name in ("coin", "die", "sahara", "london", "zeros", "one-hot", "start"):
            await ex.press("e")
            assert lab.example == name
        with pytest.raises(ValueError, match=r"the entropy lab has no 'dice'; it has start, coin.*prompts"):
            lab.set_up("dice")


# ------------------------------------------------------------------------------ how sure a model is of itself


def entropy_after(ex: Exploration, text: str) -> float:
    """By numpy, of the fake model's own row."""
    last = ex.engine._tokenizer.encode(text)[-1]
    row = ex.engine._q.row(last, ex.state.step)
    return float(-(row * math.e**row).sum())


@pytest.mark.parametrize("size", SIZES)
async def test_two_prompts_are_held_against_each_other_and_against_uniform(size: tuple[int, int]) -> None:
    async with exploring(size, opening=TRAINED) as ex:
        await ex.press("f3")
        await opened(ex, "prompts")
        left, right = entropy_after(ex, "The fat cat sat on the"), entropy_after(ex, "Armed heNetflix")
        assert right - left > 1
        assert "10.825 nats" in foot(ex) and "= ln 50,257 = 15.617 bits" in foot(ex)
        assert (
            "after “The fat cat sat on the”" in ex.painted[3] and "after “Armed heNetflix”" in ex.painted[3]
        )
        choices = information.effective_choices(left)
        assert painted(ex, "“The fat cat sat on the”")[6:] == [
            f"{left:.3f}",
            "nats",
            f"{choices:,.0f}",
            "effective",
            "choices",
        ]
        assert painted(ex, "“Armed heNetflix”")[2:4] == [f"{right:.3f}", "nats"]
        assert painted(ex, "difference")[1:3] == [f"{right - left:.3f}", "nats"]
        assert "ore in doubt after “Armed heNetflix”: by " in foot(ex)
        await ex.press("n")
        assert "15.617 bits" in foot(ex) and "= log₂ 50,257 = 10.825 nats" in foot(ex)
        assert painted(ex, "“Armed heNetflix”")[2:4] == [f"{right / math.log(2):.3f}", "bits"]


async def test_a_model_that_knows_nothing_is_not_said_to_be_surer_of_anything() -> None:
    async with exploring((80, 24)) as ex:
        await opened(ex, "prompts")
        assert "within 0.50 nats of uniform" in foot(ex) and "more in doubt" not in foot(ex).lower()


async def test_the_candidates_are_the_models_with_bars_on_one_scale() -> None:
    async with exploring((120, 40), opening=TRAINED) as ex:
        await ex.press("f3")
        lab = await opened(ex, "prompts")
        asked = ex.asked(m.Predict)
        assert [request.text for request in asked[-2:]] == ["The fat cat sat on the", "Armed heNetflix"]
        assert all(request.top_k == 10 for request in asked)
        for side in (0, 1):
            rows = lab.query_one(("#left-prompt", "#right-prompt")[side], Rows).rows
            assert len(rows) == 10 and lab.two.predicted is not None
            for row, candidate in zip(rows, lab.two.predicted[side].top, strict=True):
                assert row.share == pytest.approx(candidate.probability / max(0.1, lab.two.largest))
        assert all(row.texts[0] in foot(ex) for row in rows)


async def test_pairs_go_round_and_end_with_the_prompt_on_the_screen() -> None:
    async with exploring((80, 24)) as ex:
        lab = await opened(ex, "prompts")
        for left in ("Once upon a", PROMPT, "The fat cat sat on the"):
            await ex.press("e")
            assert lab.two.texts == (left, "Armed heNetflix")
            assert f"{entropy_after(ex, left):.3f} nats" in foot(ex)
        await ex.press("m")
        assert "outcome" in foot(ex) and "Other prompt" not in foot(ex)
        await ex.press("m")
        assert "Other prompt" in foot(ex) and "outcome" not in foot(ex)
        await ex.press("e")
        lab.set_up("prompts")
        await ex.settled()
        assert lab.two.texts[0] == "The fat cat sat on the"


async def test_prompts_are_read_as_the_screen_reads_its_own() -> None:
    async with exploring((80, 24)) as ex:
        await ex.press("escape", "0")
        lab = await opened(ex, "prompts")
        await ex.press("e", "e")
        assert lab.two.texts[0] == PROMPT
        assert all(request.first_token for request in ex.asked(m.Predict))


async def test_either_prompt_is_edited_and_asked_for_at_once() -> None:
    async with exploring((80, 24)) as ex:
        lab = await opened(ex, "prompts")
        await ex.press("tab", "enter")
        assert "right prompt" in foot(ex)
        await ex.type("Once upon a cat")
        assert lab.two.texts[1] == "Once upon a cat" and "after “Once upon a cat”" in ex.painted[3]
        assert f"{entropy_after(ex, 'Once upon a cat'):.3f} nats" in foot(ex)
        await ex.press("ctrl+u")
        assert "a prompt needs at least one token" in fault(ex) and lab.two.texts[1] == "Once upon a cat"
        await ex.press("escape")
        assert lab.two.texts == ("The fat cat sat on the", "Armed heNetflix")
        assert f"{entropy_after(ex, 'Armed heNetflix'):.3f} nats" in foot(ex)
        await ex.press("left", "enter")
        assert "left prompt" in foot(ex)


async def test_a_prompt_of_several_lines_is_asked_for_as_it_is_unless_it_is_edited() -> None:
    async with exploring((80, 24)) as ex:
        await ex.write("one\n\x1b[31mtwo")
        lab = await opened(ex, "prompts")
        await ex.press("e", "e")
        assert ex.asked(m.Predict)[-2].text == "one\n\x1b[31mtwo"
        assert "␛[31m" in foot(ex) and raw(ex.painted) == set()
        await ex.press("enter", "enter")
        assert lab.two.texts[0] == "one\n\x1b[31mtwo"


async def test_what_was_said_is_shown_with_its_texts_until_the_model_has_answered() -> None:
    async with exploring((80, 24)) as ex:
        lab = await opened(ex, "prompts")
        before = ex.painted[3:]
        ex.engine.stall()
        await ex.press("e")
        assert lab.wanted.texts[0] == "Once upon a" and ex.painted[3:] == before
        await ex.press("e")
        ex.engine.go_on()
        shown = set()
        while lab.two.texts[0] != PROMPT:
            await ex.turn()
            shown.add(lab.two.texts[0])
        assert "Once upon a" not in shown, "nobody waits for it any more"
        assert f"{entropy_after(ex, PROMPT):.3f} nats" in foot(ex)


async def test_without_an_answer_it_is_said_and_the_first_part_goes_on() -> None:
    async with exploring((80, 24)) as ex:
        ex.engine.fail_next("out of memory", request=m.Predict)
        lab = await opened(ex, "prompts")
        assert lab.two.failed and "no answer" in foot(ex) and "r asks again" in foot(ex)
        assert "out of memory" in ex.said[-1]
        await ex.press("m", "right")
        assert figures(ex, "mat")[0] == "[0.750]"
        await ex.press("m", "r")
        assert not lab.two.failed and "10.825 nats" in foot(ex)


async def test_before_the_model_is_there_the_lab_waits_and_the_first_part_works() -> None:
    async with exploring((80, 24), prepare=lambda engine: engine.stall()) as ex:
        await opened(ex, "prompts")
        assert "Waiting for the model" in foot(ex)
        await ex.press("m", "=")
        assert "KL(p‖q) = 0" in foot(ex)
        await ex.press("m")
        ex.engine.go_on()
        await ex.settled()
        assert "10.825 nats" in foot(ex)


async def test_a_lab_closed_while_it_waits_is_left_in_peace() -> None:
    async with exploring((80, 24)) as ex:
        ex.engine.stall()
        lab = await opened(ex, "prompts")
        await ex.press("escape")
        ex.engine.go_on()
        await ex.settled()
        assert ex.app.screen is ex.screen and len(ex.asked(m.Predict)) == 2
        assert lab.two.predicted is None


async def test_every_key_has_its_help() -> None:
    bindings = [each for some in EntropyLab.all_bindings() for each in Binding.make_bindings(some)]
    rows = help_rows(bindings)
    assert {"p one-hot at the row, or back", "Set q to p", "Nats or bits"} <= {row.text for row in rows}
