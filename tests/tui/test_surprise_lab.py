"""The surprise lab through the screen: what stands painted, by keys and by mouse."""

import pytest
from rich.cells import cell_len

from tests.tui.exploring import Exploration, exploring, raw
from tui.screens.help import HelpScreen
from tui.screens.surprise_lab import SurpriseLab

SIZES = [(80, 24), (120, 40), (200, 60)]
OPEN = ("escape", "L", "2")


def told(ex: Exploration, *words: str) -> list[str]:
    """The painted lines that hold all of these words, in that order."""

    def holds(line: str) -> bool:
        at = 0
        for word in words:
            at = line.find(word, at) + 1
            if not at:
                return False
        return True

    return [line for line in ex.painted if holds(line)]


def fault(ex: Exploration) -> str:
    """What stands painted beside the line that is typed into."""
    place = ex.app.screen.query_one("#lab-fault").region
    lines = ex.painted[place.y : place.bottom]
    return " ".join(" ".join(line[place.x : place.right] for line in lines).split())


@pytest.mark.parametrize("size", SIZES)
async def test_both_measures_and_both_slopes_stand_painted_at_every_landmark(size: tuple[int, int]) -> None:
    async with exploring(size=size) as ex:
        await ex.press(*OPEN)
        for p, sure, log, slope in (
            ("p = 0.5 ", "0.500", "0.693 nats", "−1/p = −2.000 nats"),
            ("p = 0.1 ", "0.900", "2.303 nats", "−1/p = −10.000 nats"),
            ("p = 0.001 ", "0.999", "6.908 nats", "−1/p = −1,000 nats"),
            ("p = 1e-6 ", "0.999999", "13.816 nats", "−1/p = −1,000,000 nats"),
        ):
            assert told(ex, p) and told(ex, "○ 1 − p", sure, "slope −1 everywhere")
            assert told(ex, "● −log p", log, slope)
            assert told(ex, f"› {p[4:]}")
            await ex.press("down")
        for row in (("0.999 ", "0.001", "0.001"), ("0.5 ", "0.500", "0.693"), ("0.1 ", "0.900", "2.303"),
                    ("0.001 ", "0.999", "6.908"), ("1e-6 ", "0.999999", "13.816"),
                    ("0.999 → 0.5", "0.499", "0.692"), ("0.5 → 0.001", "0.499", "6.215")):  # fmt: skip
            assert told(ex, *row), row
        assert told(ex, "1 − p", "−log p nats") and told(ex, "jump", "jump nats")


@pytest.mark.parametrize("size", SIZES)
async def test_dice_one_minus_p_does_not_add_and_minus_log_p_does(size: tuple[int, int]) -> None:
    async with exploring(size=size) as ex:
        await ex.press(*OPEN, "2", "up")
        assert told(ex, "› ", " 1 ", "0.166667", "0.833", "0.833", "1.792", "1.792")
        await ex.press("down")
        assert told(ex, "› ", " 2 ", "0.0277778", "0.972", "1.667", "3.584", "3.584")
        assert told(ex, "1 − p ", "0.833 + 0.833 = 1.667 ≠ 0.972 ", "does not add")
        assert told(ex, "−log p ", "1.792 + 1.792 = 3.584 = 3.584 nats ", "adds")
        assert told(ex, "(1/6)^2, one in 36")
        await ex.press("down")
        assert told(ex, "3 × 0.833 = 2.500 ≠ 0.995", "does not add")
        assert told(ex, "3 × 1.792 = 5.375 = 5.375 nats", "adds")
        await ex.press("end")
        assert told(ex, "(1/6)^10, one in 60,466,176")
        assert told(ex, "10 × 0.833 = 8.333 ≠ 0.99999998", "does not add")
        assert told(ex, "10 × 1.792 = 17.918 = 17.918 nats", "adds")


@pytest.mark.parametrize("size", SIZES)
async def test_one_in_n_is_ln_n_of_known_and_of_typed_n(size: tuple[int, int]) -> None:
    async with exploring(size=size) as ex:
        await ex.press(*OPEN, "3")
        for row in ((" 2 ", "0.5", "0.693", "a coin"), (" 6 ", "0.166667", "1.792", "a die"),
                    (" 50,257 ", "1.98977e-5", "10.825", "GPT-2's vocabulary"),
                    (" 1,000,000 ", "1e-6", "13.816")):  # fmt: skip
            assert told(ex, *row), row
        await ex.press("enter")
        await ex.type("50257")
        assert told(ex, "one in 50,257: −log 1/50,257 = ln 50,257 = 10.825 nats"), "at once"
        await ex.press("enter", "enter")
        await ex.type("1e6")
        await ex.press("enter")
        assert told(ex, "› ", " 1,000,000 ", "1e-6", "13.816", "yours")
        assert told(ex, "ln 1,000,000 = 13.816 nats")
        await ex.press("n")
        assert told(ex, "log₂ 1,000,000 = 19.932 bits") and told(ex, "−log p bits")
        await ex.press("enter")
        await ex.type("1")
        assert told(ex, "= log₂ 1 = 0.000 bits")
        await ex.type("x")
        assert fault(ex) == "N is '1x', which is not a number; write it as 20 or 1e6"
        await ex.press("escape")
        assert told(ex, "log₂ 1,000,000 = 19.932 bits"), "as before"


async def test_bits_change_what_is_information_and_nothing_else() -> None:
    async with exploring() as ex:
        await ex.press(*OPEN, "n")
        assert told(ex, "○ 1 − p", "0.500", "slope −1 everywhere")
        assert told(ex, "● −log p", "1.000 bits", "slope −1.443/p = −2.885 bits")
        assert told(ex, "0.5 → 0.001", "0.499", "8.966") and told(ex, "jump", "jump bits")
        assert told(ex, "0.833 + 0.833 = 1.667 ≠ 0.972")
        assert told(ex, "2.585 + 2.585 = 5.170 = 5.170 bits", "adds")
        assert not told(ex, "nats")
        await ex.press("n", "3", "n", "ctrl+n", "n")
        assert told(ex, "ln 100 = 4.605 nats") == [] and told(ex, "log₂ 100 = 6.644 bits")


def p_of(ex: Exploration) -> float:
    return ex.dialog(SurpriseLab).state.p


async def test_the_cursor_goes_by_steps_by_larger_ones_and_to_both_ends() -> None:
    async with exploring(size=(80, 24)) as ex:
        await ex.press(*OPEN, "left")
        assert told(ex, "p = 0.49 ")
        await ex.press("right", "right")
        assert told(ex, "p = 0.51 ")
        await ex.press("shift+left")
        assert told(ex, "p = 0.5 ")
        await ex.press("pagedown", "shift+right")
        assert told(ex, "p = 0.7 ")
        for _ in range(8):
            await ex.press("pageup")
        assert told(ex, "p = 0.001 · one in 1,000")
        await ex.press("left")
        assert told(ex, "p = 0.0005 ") and told(ex, "○ 1 − p", "0.9995")
        await ex.press("home")
        assert told(ex, "p = 0 · never: if it comes all the same, −log p is ∞")
        assert told(ex, "○ 1 − p", "1.000", "slope −1") and told(ex, "−log p", "∞ nats", "= −∞ nats")
        assert told(ex, "▲"), "the curve goes on above the chart"
        await ex.press("left")
        assert p_of(ex) == 0
        await ex.press("end")
        assert told(ex, "p = 1 · always") and told(ex, "−log p", "0.000 nats", "= −1.000 nats")
        await ex.press("right")
        assert p_of(ex) == 1


async def test_a_p_is_typed_in_many_ways_and_each_is_shown_at_once() -> None:
    async with exploring(size=(80, 24)) as ex:
        await ex.press(*OPEN)
        for typed, value in (("0.001", "6.908"), ("1e-6", "13.816"), ("1/6", "1.792"), ("1 in 20", "2.996"),
                             ("12 %", "2.120")):  # fmt: skip
            await ex.press("enter")
            await ex.type(typed)
            assert told(ex, "● −log p", f"{value} nats")
            await ex.press("enter")
            assert told(ex, "● −log p", f"{value} nats")
        await ex.press("enter")
        await ex.type("1.5")
        assert fault(ex) == "p is 1.5; it must lie between 0 and 1"
        assert p_of(ex) == 1, "the last one that was one"
        await ex.press("enter")
        assert "it must lie" in fault(ex), "it stays open"
        await ex.type("x")
        assert fault(ex) == "p is '1.5x', which is not a number; write 0.001, 1/6, 1 in 20 or 12 %"
        await ex.press("tab")
        assert ex.dialog(SurpriseLab).part == "curves" and "1.5x" in fault(ex)
        await ex.press("escape")
        assert told(ex, "p = 0.12 ") and not told(ex, "1.5x")
        await ex.press("left")
        assert told(ex, "p = 0.11 "), "the keys are the cursor's again"


@pytest.mark.parametrize("size", SIZES)
async def test_by_mouse_a_p_is_set_on_the_chart_and_at_a_landmark_and_parts_are_chosen(
    size: tuple[int, int],
) -> None:
    async with exploring(size=size) as ex:
        await ex.press(*OPEN)
        foot = next(line for line in ex.painted if "└" in line)
        left, right = foot.index("└") + 1, foot.rstrip("╴ ").index("┘") if "┘" in foot else None
        chart = ex.dialog(SurpriseLab).query_one("#curves")
        left -= chart.region.x
        right = chart.size.width - 1
        await ex.click("#curves", left, 3)
        assert p_of(ex) == 0
        await ex.click("#curves", right, 3)
        assert p_of(ex) == 1
        await ex.click("#curves", (left + right) // 2, 3)
        assert p_of(ex) == pytest.approx(0.5, abs=0.03)
        assert ("┴" in foot) and "┊" in "".join(ex.painted)
        await ex.click("#curves", 0, 3)
        assert p_of(ex) == pytest.approx(0.5, abs=0.03), "beside the chart there is no p"
        await ex.click("#landmarks", 4, 4)
        assert p_of(ex) == 0.001 and told(ex, "› 0.001", "0.999", "6.908")
        await ex.click("#landmarks", 4, 6)
        assert p_of(ex) == 0.001, "a heading is no landmark"
        if size[0] == 80:
            await ex.click("#surprise-tabs", 15, 0)
            assert ex.dialog(SurpriseLab).part == "dice" and told(ex, "▸2 dice")
        await ex.click("#dice", 5, 4)
        assert ex.dialog(SurpriseLab).part == "dice"
        assert ex.dialog(SurpriseLab).state.n == 4 and told(ex, "(1/6)^4")


async def test_dice_roll_have_other_faces_and_more_dice_leave_those_that_lie_there() -> None:
    async with exploring(size=(80, 24)) as ex:
        await ex.press(*OPEN, "2")
        assert told(ex, "space rolls them")
        await ex.press("space")
        (line,) = told(ex, "rolled ", ": in this order as rare, 3.584 nats")
        faces = line.split("rolled ")[1].split(":")[0].split()
        assert len(faces) == 2 and all(1 <= int(face) <= 6 for face in faces)
        await ex.press("down")
        (line,) = told(ex, "rolled ", ": in this order as rare, 5.375 nats")
        assert line.split("rolled ")[1].split(":")[0].split()[:2] == faces
        await ex.press("enter")
        await ex.type("2")
        assert told(ex, "3 × 0.500 = 1.500 ≠ 0.875", "does not add")
        assert told(ex, "3 × 0.693 = 2.079 = 2.079 nats", "adds")
        await ex.type("x")
        assert fault(ex) == "a die has 2 (a coin) to 1,000,000 faces; type a whole number"
        await ex.press("escape")
        assert told(ex, "3 × 0.833 = 2.500")
        await ex.press("r")
        assert told(ex, "space rolls them") and told(ex, "› ", " 2 ", "0.0277778")
        await ex.press("space")
        assert told(ex, f"rolled {' '.join(faces)}:"), "seeded: the first roll is always the same"


async def test_keys_that_come_fast_choose_each_row_of_the_dice() -> None:
    async with exploring() as ex:
        await ex.press(*OPEN, "2")
        ex.burst("down", "down", "down", "down", "up")
        await ex.settled()
        assert ex.dialog(SurpriseLab).state.n == 5 and told(ex, "› ", " 5 ", "0.000128601")


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (99, 60), (100, 34), (200, 20), *SIZES[1:]])
async def test_at_every_size_each_part_is_reached_and_its_numbers_are_whole(size: tuple[int, int]) -> None:
    async with exploring(size=size) as ex:
        await ex.press(*OPEN)
        lab = ex.dialog(SurpriseLab)
        tabs = size[0] < 100 or size[1] < 34
        for part, number in (
            ("curves", "0.693 nats"),
            ("dice", "3.584"),
            ("one-in", "4.605"),
            ("curves", "0.6"),
        ):
            assert lab.part == part and told(ex, number)
            panes = [pane for pane in ("curves", "dice", "one-in") if lab.query_one(f"#{pane}-pane").region]
            assert panes == ([part] if tabs else ["curves", "dice", "one-in"])
            assert ex.app.focused is lab.query_one(f"#{part}") and lab.query_one(f"#{part}").size.height >= 4
            painted = ex.painted
            assert len(painted) == size[1] and all(cell_len(line) == size[0] for line in painted)
            assert raw(painted) == set() and "····" not in "".join(painted)
            await ex.press("tab")
        await ex.press("shift+tab", "shift+tab")
        assert lab.part == "one-in"


async def test_it_is_set_up_by_name_and_starts_over() -> None:
    async with exploring(size=(80, 24)) as ex:
        await ex.press(*OPEN)
        lab = ex.dialog(SurpriseLab)
        for name, shown in (("dice", "0.833 + 0.833"), ("one in N", "= ln 100 ="), ("curves", "p = 0.5 ")):
            await ex.press("1", "left", "2", "down", "3", "down")
            lab.set_up(name)
            await ex.settled()
            assert told(ex, shown), name
            assert (lab.state.p, lab.state.n) == (0.5, 2)
        with pytest.raises(ValueError, match="has no 'bets'; it has curves, dice, one in N"):
            lab.set_up("bets")


async def test_the_help_names_every_key_and_the_bar_those_of_the_part() -> None:
    async with exploring() as ex:
        await ex.press(*OPEN)
        assert told(ex, "←→ p") and told(ex, "Type p") and not told(ex, "Roll")
        await ex.press("2")
        assert told(ex, "space Roll") and not told(ex, "Type p")
        await ex.press("f1")
        rows = [row.text for row in ex.dialog(HelpScreen)._rows]
        for text in ("Roll the dice", "A larger step down in p, near 0 a tenth of it", "Nats or bits",
                     "Curves, dice, one in N", "To the part: one in N"):  # fmt: skip
            assert text in rows
        await ex.press("escape", "escape")
        assert ex.app.screen is ex.screen
