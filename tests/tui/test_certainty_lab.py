"""The certainty lab on the screen: what is trained comes to rest, and what stands painted is what it says."""

import re

import pytest
from rich.color import Color

from core import messages as m
from core.certainty import Lesson
from tests.fake_engine import FakeEngine
from tests.tui.exploring import Exploration, exploring, raw
from tui.labs.certainty import START
from tui.labs.certainty_lines import FAINT
from tui.screens.certainty_lab import CertaintyLab
from tui.screens.confirm import ConfirmScreen
from tui.screens.help import HelpScreen
from tui.widgets.curve_view import CurveView
from tui.widgets.rows import Rows

ROWS = (("mat", 14, 0.7), ("dog", 4, 0.2), ("lap", 2, 0.1))
SIZES = [(80, 24), (120, 40), (200, 60)]


async def opened(ex: Exploration) -> CertaintyLab:
    await ex.press("escape", "L", "4")
    return ex.dialog(CertaintyLab)


def line(ex: Exploration, start: str) -> str:
    """The one painted line that begins like this, its runs of spaces as one."""
    (found,) = [words for words in painted(ex) if words.startswith(start)]
    return found


def painted(ex: Exploration) -> list[str]:
    return [" ".join(text.strip(" ›").split()) for text in ex.painted]


def sentence(ex: Exploration) -> str:
    return painted(ex)[1]


@pytest.mark.parametrize("size", SIZES)
async def test_shares_entropy_and_where_losses_rest_stand_there_from_the_start(
    size: tuple[int, int],
) -> None:
    async with exploring(size) as ex:
        await opened(ex)
        assert line(ex, "mat").startswith("mat 14 0.700 – –")
        assert line(ex, "dog").startswith("dog 4 0.200 – –")
        assert line(ex, "lap").startswith("lap 2 0.100 – –")
        assert line(ex, "all others").startswith("all others 0 0.000 – –")
        assert line(ex, "The fat cat sat on the… count p q one-hot q soft")
        assert line(ex, "last position").startswith("last position H(p) 0.802 – – nats")
        assert line(ex, "mean of all 6").startswith("mean of all 6 H(p)/6 0.134 – – nats")
        told = line(ex, "20 sentences")
        assert "these 9 words, not" in told and "50,257" in told and "ln 9 = 2.197 nats" in told
        shown = "\n".join(painted(ex))
        assert "H(p) 0.802 nats" in shown and "H(p)/6 0.134 nats" in shown, "the rules of the chart"
        assert "space trains" in shown and "space Train" in " ".join(painted(ex)[-2:])
        assert raw(ex.painted) == set()


@pytest.mark.parametrize("size", SIZES)
async def test_a_real_training_comes_to_rest_where_it_says(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.fake_engine.FakeLesson", Lesson)  # the engine's own training, in this process
    async with exploring(size) as ex:
        await opened(ex)
        await ex.press("1")
        assert re.match(r"(Every target was s|S)ure.* q is within 0\.00\d of p.*0\.802 nats", sentence(ex))
        await ex.press("2")
        assert sentence(ex).startswith("Both rest at H(p) = 0.802 nats")
        for word, count, share in (*ROWS, ("all others", 0, 0.0)):
            told = line(ex, word).removeprefix(f"{word} ").split()
            assert (int(told[0]), float(told[1])) == (count, share)
            assert float(told[2]) == pytest.approx(share, abs=0.02)
            assert float(told[3]) == pytest.approx(share, abs=0.001)
        for name, label, rest in (("last position", "H(p)", 0.802), ("mean of all 6", "H(p)/6", 0.134)):
            told = line(ex, name).removeprefix(f"{name} {label} ").split()
            assert float(told[0]) == rest
            assert float(told[1]) == pytest.approx(rest, abs=0.03)
            assert float(told[2]) == pytest.approx(rest, abs=0.001)
        shown = "\n".join(painted(ex))
        if size == (80, 24):
            assert (
                line(ex, "by position:")
                == "by position: fat 0.000 cat 0.000 sat 0.000 on 0.000 the 0.000 ? 0.802 nats"
            )
        else:
            assert "on → the 0.000" in shown and "the → ? 0.802" in shown
            assert "Why the mean rests lower: 5 of the 6 positions" in shown
        ends = [text for text in painted(ex) if re.search(r"12 ?┈* ?H\(p\)", text)]
        assert len(ends) == 2, "both curves end at both rules, told apart by their numbers"
        assert "H(p) 0.802 nats" in ends[0] and "H(p)/6 0.134 nats" in ends[1]


async def test_single_batches_are_drawn_beneath_and_of_one_hot_targets_alone() -> None:
    async with exploring() as ex:
        lab = await opened(ex)

        def dim() -> int:
            chart = lab.query_one(CurveView)
            segments = [segment for strip in chart.lines for segment in strip]
            return sum(len(s.text) for s in segments if s.style and s.style.color == Color.parse(FAINT))

        await ex.press("2")
        assert dim() == 0
        await ex.press("1")
        assert dim() > 50


async def test_space_trains_with_both_targets_in_turn_and_shows_how_far_it_is() -> None:
    async with exploring() as ex:
        lab = await opened(ex)
        ex.burst("space")
        await ex.until(lambda: lab.lab.training is not None and lab.lab.training.step > 500)
        ex.engine.stall()
        await ex.settled()
        course = lab.lab.training
        assert course is not None and sentence(ex).startswith(
            f"Step {course.step:,} of 2,000: each batch of 4"
        )
        assert "█ q one-hot │ p" in line(ex, "The fat cat")
        assert line(ex, "mat").endswith("│") and "█" in line(ex, "mat"), "p as a stroke, q as a bar"
        ex.engine.go_on()
        await ex.settled()
        assert [request.targets for request in ex.asked(m.Certainty)] == ["one-hot", "soft"]
        assert all(request.endings == START for request in ex.asked(m.Certainty))
        assert "█ q soft │ p" in line(ex, "The fat cat")
        assert ex.said == [] and not ex.state.running


@pytest.mark.parametrize("key", ["space", "1", "2"])
async def test_a_second_press_stops_and_the_next_trains_from_the_beginning(key: str) -> None:
    async with exploring() as ex:
        lab = await opened(ex)
        ex.burst("space")
        await ex.until(lambda: lab.lab.training is not None and lab.lab.training.step > 500)
        ex.engine.stall()
        ex.burst(key)
        await ex.settled()
        ex.engine.go_on()
        await ex.settled()
        assert len(ex.asked(m.Stop)) == len(ex.asked(m.Certainty)) == 1
        course = lab.lab.courses["one-hot"]
        assert 500 < course.step < 2000 and lab.lab.training is None
        assert sentence(ex).startswith(f"Stopped at step {course.step:,} of 2,000, where q is within 0.")
        await ex.press("2")
        assert lab.lab.courses["soft"].complete
        await ex.press("space")
        assert sentence(ex).startswith("Both rest at")


async def test_an_ending_is_typed_and_p_and_its_entropy_follow_at_once() -> None:
    async with exploring() as ex:
        lab = await opened(ex)
        await ex.press("down", "enter")
        assert line(ex, "word and count:").startswith("word and count: dog 4")
        await ex.type("rug 14")
        assert line(ex, "rug").startswith("rug 14 0.467")
        assert line(ex, "last position").startswith("last position H(p) 0.892")
        assert line(ex, "30 sentences")
        await ex.press("enter")
        assert isinstance(ex.app.focused, Rows) and lab.lab.endings[1] == m.Ending(word="rug", count=14)
        await ex.press("enter")
        await ex.type("mat")
        assert "mat is there twice" in line(ex, "word and count:")
        assert line(ex, "ma 14").startswith("ma 14 0.467"), "what was right last"
        await ex.press("enter")
        assert "mat is there twice" in line(ex, "word and count:"), "it stays until it is right"
        await ex.press("escape")
        assert line(ex, "rug").startswith("rug 14 0.467") and isinstance(ex.app.focused, Rows)


async def test_escape_brings_back_what_was_learned_of_the_sentences_as_they_were() -> None:
    async with exploring() as ex:
        await opened(ex)
        await ex.press("space")
        before = painted(ex)
        await ex.press("enter")
        await ex.type("5")
        assert line(ex, "mat").startswith("mat 5 0.455 – –")
        await ex.press("escape")
        assert painted(ex) == before


async def test_counts_and_endings_change_by_a_key_and_what_cannot_be_is_said() -> None:
    async with exploring() as ex:
        lab = await opened(ex)
        await ex.press("down", "plus", "right", "minus")
        assert line(ex, "dog").startswith("dog 5 0.238")
        await ex.press("a")
        assert line(ex, "rug").startswith("rug 1 0.045") and lab.query_one(Rows).cursor == 3
        await ex.press("minus", "left")
        assert line(ex, "rug").startswith("rug 0 0.000")
        assert ex.said == ["-1 sentences: 0 is the least"]
        await ex.press("d", "d")
        assert [ending.word for ending in lab.lab.endings] == ["mat", "dog"]
        await ex.press("delete")
        assert ex.said[-1] == "the number of endings is 1; it must lie between 2 and 6"
        await ex.press("a", "a", "a", "a", "a")
        assert ex.said[-1] == "the number of endings is 7; it must lie between 2 and 6"
        await ex.press("end", "down")
        assert lab.query_one(Rows).cursor == 5, "all others have no row of their own"


async def test_other_sentences_end_the_training_of_the_old_ones_whose_news_is_left_out() -> None:
    async with exploring() as ex:
        lab = await opened(ex)
        ex.burst("space")
        await ex.until(lambda: lab.lab.training is not None and lab.lab.training.step > 500)
        ex.engine.stall()
        ex.burst("plus")
        await ex.settled()
        assert line(ex, "mat").startswith("mat 15 0.714 – –")
        ex.burst("1")
        await ex.settled()
        ex.engine.go_on()
        await ex.settled()
        assert [r.endings[0].count for r in ex.asked(m.Certainty)] == [14, 15]
        assert len(ex.asked(m.Stop)) == 1
        assert lab.lab.courses["one-hot"].request.endings[0].count == 15
        steps = [cost.step for cost in lab.lab.courses["one-hot"].costs]
        assert steps == sorted(set(steps)) and lab.lab.courses["one-hot"].complete


async def test_leaving_the_lab_stops_its_training_and_it_opens_anew() -> None:
    async with exploring() as ex:
        lab = await opened(ex)
        ex.burst("space")
        await ex.until(lambda: lab.lab.training is not None and lab.lab.training.step > 500)
        await ex.press("escape")
        assert ex.app.screen is ex.screen and len(ex.asked(m.Stop)) == 1
        assert len(ex.asked(m.Certainty)) == 1, "the soft targets were not asked for any more"
        again = await opened(ex)
        assert again is not lab and not again.lab.courses
        await ex.press("2")
        assert [r.targets for r in ex.asked(m.Certainty)] == ["one-hot", "soft"]
        assert again.lab.courses["soft"].complete
        await ex.press("escape", "f2")
        assert ex.state.step == 1, "the run goes on as ever"


async def test_an_engine_that_refuses_is_a_sentence_and_the_lab_goes_on() -> None:
    def busy(engine: FakeEngine) -> None:
        engine.fail_next("there is not enough memory for that", request=m.Certainty)

    async with exploring(prepare=busy) as ex:
        lab = await opened(ex)
        await ex.press("space")
        assert sentence(ex) == "there is not enough memory for that" and not lab.lab.courses
        assert len(ex.asked(m.Certainty)) == 1
        await ex.press("space")
        assert sentence(ex).startswith("Both rest at")


async def test_an_engine_that_dies_is_a_sentence_and_after_its_restart_the_lab_trains_again() -> None:
    async with exploring() as ex:
        lab = await opened(ex)
        ex.burst("space")
        await ex.until(lambda: lab.lab.training is not None and lab.lab.training.step > 500)
        ex.engine.die()
        await ex.until(lambda: isinstance(ex.app.screen, ConfirmScreen))
        await ex.settled()
        await ex.press("escape")
        assert ex.app.screen is lab and lab.lab.training is None
        assert sentence(ex) == "The engine has ended, and the training with it."
        await ex.press("plus", "n", "n")
        assert line(ex, "mat").startswith("mat 15 0.714")
        await ex.press("space")
        assert sentence(ex).startswith("The engine is not running")
        await ex.press("escape", "ctrl+r")
        await opened(ex)
        await ex.press("space")
        assert sentence(ex).startswith("Both rest at")


async def test_in_bits_every_figure_is_in_bits_and_the_axis_too() -> None:
    async with exploring() as ex:
        await opened(ex)
        await ex.press("space", "n")
        assert sentence(ex).startswith("Both rest at H(p) = 1.157 bits")
        assert line(ex, "last position").startswith("last position H(p) 1.157 ")
        assert line(ex, "mean of all 6").startswith("mean of all 6 H(p)/6 0.193 ")
        shown = "\n".join(painted(ex))
        assert "log₂ 9 = 3.170 bits" in shown and "H(p) 1.157 bits" in shown and "nats" not in shown
        assert any(re.match(r"3(\.0)?┤", text) for text in painted(ex)), "the axis goes on beyond 3 bits"


async def test_it_starts_over_and_is_set_up_by_name() -> None:
    async with exploring() as ex:
        lab = await opened(ex)
        start = painted(ex)
        await ex.press("plus", "a", "space", "r")
        assert painted(ex) == start and not lab.lab.courses
        for name, targets in (("one-hot", "one-hot"), ("soft", "soft")):
            lab.set_up(name)
            await ex.settled()
            assert list(lab.lab.courses) == [targets] and lab.lab.courses[lab.lab.latest or "soft"].complete
        lab.set_up("start")
        await ex.settled()
        assert painted(ex) == start
        with pytest.raises(ValueError, match="no state 'hot'; it has start, one-hot, soft"):
            lab.set_up("hot")


async def test_with_six_endings_all_of_it_is_seen_in_80_by_24() -> None:
    async with exploring((80, 24)) as ex:
        lab = await opened(ex)
        await ex.press("a", "a", "a", "space")
        shown = painted(ex)
        for ending in lab.lab.endings:
            assert any(text.startswith(f"{ending.word} {ending.count} ") for text in shown), ending
        for start in ("all others", "last position", "mean of all 6", "by position:", "1 one-hot", "step 0"):
            assert any(text.startswith(start) for text in shown), start
        assert any("12" in text and "H(p) " in text for text in shown)
        assert all(len(text) <= 80 for text in ex.painted)


async def test_a_word_from_outside_is_painted_safely() -> None:
    async with exploring((80, 24)) as ex:
        lab = await opened(ex)
        lab.lab.put(0, "\u202e[/b]\x1b]0; 14")
        lab.show()
        await ex.settled()
        assert raw(ex.painted) == set()
        assert any("<U+202E>[/b]␛]0;" in text for text in ex.painted)


async def test_the_mouse_chooses_edits_and_trains() -> None:
    async with exploring() as ex:
        lab = await opened(ex)
        await ex.click("#certainty-rows", 4, 3)
        assert lab.query_one(Rows).cursor == 2
        await ex.click("#certainty-rows", 4, 3, times=2)
        assert line(ex, "word and count:").startswith("word and count: lap 2")
        await ex.press("escape")
        bar = next(text for text in reversed(ex.painted) if "Train" in text)
        await ex.click("#keybar", bar.index("Train"), 0)
        assert sentence(ex).startswith("Both rest at")


async def test_the_help_has_the_labs_keys() -> None:
    async with exploring((120, 60)) as ex:
        await opened(ex)
        await ex.press("f1")
        assert isinstance(ex.app.screen, HelpScreen)
        shown = "\n".join(painted(ex))
        assert "Train with one-hot targets, then with soft ones; or stop" in shown and "certainty" in shown
