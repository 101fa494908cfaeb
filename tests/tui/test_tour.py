"""The tour: each stop stands on the screen as it says, is asked, revealed, left, and found again."""

import math
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import ClassVar

import pytest
from textual.app import ComposeResult
from textual.widgets import Static

from core import messages as m
from tests.tui.exploring import Exploration, exploring, text_of
from tui.formats import Unit
from tui.screens import labs
from tui.screens.anatomy import AnatomyScreen
from tui.screens.lab import Around, LabScreen
from tui.screens.labs import LabsScreen
from tui.tour.stop import Batch, FreshModel, Pane, Prompt, Row, Steps, Stop, TheirModel
from tui.tour.stop import Lab as OpensLab
from tui.tour.stops import STOPS
from tui.tour.walk import Walk
from tui.widgets.tour_panel import TourPanel

STEPS = 20  # that the stop about training makes


class SmallLab(LabScreen):
    """A lab that keeps what it was set up as."""

    CSS_PATH: ClassVar[list[str | PurePath]] = [Path(labs.__file__).with_name("lab.tcss")]
    HEADING: ClassVar[str] = "a small lab"

    def __init__(self, around: Around) -> None:
        super().__init__(around)
        self.stands = "as it began"

    def body(self) -> ComposeResult:
        yield Static(id="stands", markup=False)

    def show(self) -> None:
        self.query_one("#stands", Static).update(self.stands)

    def set_up(self, name: str) -> None:
        self.stands = name
        self.show()

    def action_start_over(self) -> None:
        self.set_up("start")


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A state folder of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "neglogp" / "tour"


@pytest.fixture
def small_labs(monkeypatch: pytest.MonkeyPatch) -> dict[str, type[SmallLab]]:
    """A small lab under each of the labs' names."""
    kinds = {lab.name: type(f"Small{lab.title}", (SmallLab,), {}) for lab in labs.LABS}

    def of(kind: type[LabScreen]) -> Callable[[], type[LabScreen]]:
        return lambda: kind

    monkeypatch.setattr(labs, "LABS", tuple(lab._replace(screen=of(kinds[lab.name])) for lab in labs.LABS))
    return kinds


async def begin(ex: Exploration) -> None:
    await ex.app.run_action("tour", ex.screen)
    await ex.settled()


def panel(ex: Exploration) -> TourPanel:
    """The one on the screen that is seen."""
    return ex.app.screen.query_one(TourPanel)


def told(ex: Exploration) -> str:
    """The words on it, as one line."""
    return " ".join(text_of(panel(ex)).replace("│", " ").split())


def plain(words: str) -> str:
    return words.replace("~", " ")


def at(ex: Exploration) -> str:
    walk = ex.screen.walk
    assert walk is not None, "the tour is not on"
    return walk.stop.name


def stands(ex: Exploration, stop: Stop, labs: dict[str, type[SmallLab]]) -> None:
    """Hold the screen against what the stop says it sets up."""
    assert ex.screen.unit is Unit.NATS
    for each in stop.instructions:
        match each:
            case Prompt(text):
                assert ex.prompt.text == text == ex.table.text
            case Row(position):
                last = len(ex.table.predictions) - 1
                assert ex.rows.cursor == (last if position is None else position)
            case Pane(name):
                assert ex.app.screen is ex.screen and ex.screen.tab == name
                assert ex.app.focused is not None and ex.app.focused.id == name
            case Batch():
                step = ex.dialog(AnatomyScreen).step
                assert step is not None and step.step == ex.state.step + 1
            case OpensLab(name, set_up):
                lab = ex.dialog(labs[name])
                assert lab.stands == set_up and lab.unit is Unit.NATS
                if stop.prompt is not None:
                    assert lab.around.table is not None and lab.around.table.text == stop.prompt
                    assert lab.around.position == ex.rows.cursor
            case TheirModel():
                assert ex.state.model.name == "tiny"
            case FreshModel():
                assert ex.state.model.fresh
            case Steps(n):
                assert ex.state.step == n == ex.table.step


def opened(stop: Stop) -> OpensLab | None:
    """The lab that a stop opens."""
    return next((each for each in stop.sets_up if isinstance(each, OpensLab)), None)


# ----------------------------------------------------------------------------------------------- the stops


def test_a_stop_has_four_sentences_at_most_a_question_and_an_answer() -> None:
    for stop in STOPS:
        assert 1 <= len(stop.sentences) <= 4
        for sentence in stop.sentences:
            for words in (sentence,) if isinstance(sentence, str) else (sentence.figured, sentence.without):
                assert words[-1] in ".?" and ". " not in words and "? " not in words, words
        assert stop.question.endswith("?") and stop.answer.endswith(".")
        assert len(stop.answer.split(". ")) <= 4
    assert len({stop.name for stop in STOPS}) == len(STOPS) == 13


NAMED = {
    "softmax": ("left", "right", "enter"),
    "target": ("space", "l"),
    "surprise": ("left", "right"),
    "dice": ("space",),
    "entropy": ("plus", "e"),
    "cross": ("tab", "plus", "minus", "equals_sign"),
    "one-hot": ("o",),
    "doubt": ("e", "enter"),
    "certainty": ("1", "2"),
    "perplexity": ("m",),
}
"""The keys of labs that the words of a stop name."""


@pytest.mark.parametrize("stop", [stop for stop in STOPS if opened(stop)], ids=lambda stop: stop.name)
async def test_the_labs_have_what_the_stops_set_up_and_the_keys_that_they_name(stop: Stop) -> None:
    async with exploring((80, 24), opening=m.Open(model="tiny")) as ex:
        walk = Walk.from_start()
        while walk.stop is not stop:
            walk.on()
        ex.screen.take(walk)
        await ex.settled()
        lab = opened(stop)
        assert lab is not None and type(ex.app.screen) is labs.lab(lab.name).screen()
        keys = ex.app.screen.active_bindings
        assert [key for key in NAMED[stop.name] if key not in keys or not keys[key].enabled] == []
        with pytest.raises(ValueError, match="no such thing"):
            ex.dialog(LabScreen).set_up("no such thing")


# ------------------------------------------------------------------------------------------------ the walk


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (150, 40)], ids=str)
async def test_the_keys_lead_through_all_stops_and_each_stands_as_it_says(
    size: tuple[int, int], small_labs: dict[str, type[SmallLab]]
) -> None:
    async with exploring(size, opening=m.Open(model="tiny")) as ex:
        await begin(ex)
        for number, stop in enumerate(STOPS, 1):
            assert at(ex) == stop.name
            stands(ex, stop, small_labs)
            words = told(ex)
            assert f"tour {number}/{len(STOPS)}" in words and stop.title in words
            for sentence in stop.sentences:
                assert not isinstance(sentence, str) or plain(sentence) in words
            assert plain(f"? {stop.question}") in words and plain(stop.answer) not in words
            seen = panel(ex).region
            assert seen.height <= 7 or size[0] == 150
            assert len(panel(ex).lines) <= seen.height, "some words are out of sight"
            before = seen
            await ex.press("alt+down")
            assert plain(f"? {stop.question} ! {stop.answer}") in told(ex) and panel(ex).region == before
            stands(ex, stop, small_labs)
            await ex.press("alt+down")
            assert told(ex) == words
            await ex.press("alt+right")
        assert ex.screen.walk is None and not ex.app.screen.query(TourPanel)
        assert ex.said[-1].startswith("That was the tour.")


async def test_back_sets_the_stop_before_up_again(small_labs: dict[str, type[SmallLab]]) -> None:
    async with exploring(opening=m.Open(model="tiny")) as ex:
        await begin(ex)
        await ex.press("alt+left")
        assert at(ex) == "rows"
        for _ in range(len(STOPS) - 1):
            await ex.press("alt+right")
        for stop in reversed(STOPS):
            assert at(ex) == stop.name
            stands(ex, stop, small_labs)
            await ex.press("alt+left")
        assert at(ex) == "rows"


async def test_what_a_person_has_turned_on_is_off_at_the_next_stop(
    small_labs: dict[str, type[SmallLab]],
) -> None:
    async with exploring(opening=m.Open(model="tiny")) as ex:
        await begin(ex)
        await ex.press("n", "i", "p", "0", "down", "f2", "left_square_bracket")
        assert ex.screen.unit is Unit.BITS and ex.rows.ids and ex.screen.beside and ex.screen.first_token
        assert ex.screen.looking_at is not None
        await begin(ex)
        stands(ex, STOPS[0], small_labs)
        assert not (ex.rows.ids or ex.screen.beside or ex.screen.first_token)
        assert ex.screen.looking_at is None


async def test_a_person_can_play_at_a_stop_and_the_keys_of_the_tour_stay_out_of_the_prompt(
    small_labs: dict[str, type[SmallLab]],
) -> None:
    async with exploring(opening=m.Open(model="tiny")) as ex:
        await begin(ex)
        await ex.press("slash")
        await ex.type(" > and < more")
        assert ex.prompt.text.endswith("mat > and < more") and at(ex) == "rows"
        await ex.press("alt+down", "alt+right")
        assert at(ex) == "batch" and ex.prompt.text.endswith("mat > and < more")
        await ex.press("alt+left")
        assert ex.prompt.text == STOPS[0].prompt
        await ex.press("greater_than_sign", "less_than_sign")
        assert at(ex) == "rows", "letters do it outside the prompt"


async def test_escape_in_a_lab_comes_back_to_the_screen_with_the_words_still_there(
    small_labs: dict[str, type[SmallLab]],
) -> None:
    async with exploring(opening=m.Open(model="tiny")) as ex:
        await begin(ex)
        await ex.press("alt+right", "alt+right")
        words = told(ex)
        await ex.press("escape")
        assert ex.app.screen is ex.screen and told(ex) == words
        await ex.press("L", "1")
        assert ex.dialog(small_labs["logits"]).stands == "as it began", "one of the person's own"
        assert told(ex) == words
        await ex.press("alt+right")
        stands(ex, STOPS[3], small_labs)


async def test_the_keys_do_nothing_in_a_dialog_and_nothing_without_a_tour(
    small_labs: dict[str, type[SmallLab]],
) -> None:
    async with exploring(opening=m.Open(model="tiny")) as ex:
        await ex.press("escape", "greater_than_sign", "alt+right", "alt+down", "alt+left", "alt+up")
        assert ex.screen.walk is None and ex.said == [] and ex.app.focused is ex.rows
        await begin(ex)
        await ex.press("f1", "alt+right")
        assert at(ex) == "rows" and ex.app.screen is not ex.screen
        await ex.press("escape", "alt+right")
        assert at(ex) == "batch"


async def test_the_words_can_be_clicked(small_labs: dict[str, type[SmallLab]]) -> None:
    for size in ((80, 24), (60, 24), (150, 40)):
        async with exploring(size, opening=m.Open(model="tiny")) as ex:
            await begin(ex)

            async def click(words: str, ex: Exploration = ex) -> None:
                lines = [line.text for line in panel(ex).lines]
                y = next(y for y, line in enumerate(lines) if words in line)
                await ex.pilot.click(panel(ex), offset=(lines[y].index(words) + 1, y))
                await ex.settled()

            await click("↓ answer")
            assert STOPS[0].answer in told(ex)
            await click("↓ words")
            assert STOPS[0].answer not in told(ex)
            await click("→ next")
            assert at(ex) == "batch"
            await click("← back")
            assert at(ex) == "rows" and "← back" not in told(ex)
            await click("↑ leave")
            assert ex.screen.walk is None


async def test_on_a_small_screen_all_words_can_be_scrolled_to(small_labs: dict[str, type[SmallLab]]) -> None:
    async with exploring((60, 18), opening=m.Open(model="tiny")) as ex:
        await begin(ex)
        assert panel(ex).region.height == 7 < len(panel(ex).lines)
        panel(ex).focus()
        for _ in range(len(panel(ex).lines) - 7):
            assert "examples?" not in " ".join(ex.painted)
            await ex.press("down")
        painted = ex.painted[panel(ex).region.y : panel(ex).region.bottom]
        assert "tour 1/13" in painted[0] and "↓ answer" in painted[1] and "more" in painted[1]
        assert painted[-1].strip() == "examples?"


# ------------------------------------------------------------------------------------------ left and resumed


async def test_it_is_left_anywhere_and_goes_on_there_also_in_another_program(
    small_labs: dict[str, type[SmallLab]],
) -> None:
    for number, stop in enumerate(STOPS, 1):
        async with exploring(opening=m.Open(model="tiny")) as ex:
            await begin(ex)
            assert at(ex) == stop.name
            stands(ex, stop, small_labs)
            await ex.press("alt+up")
            assert ex.screen.walk is None and not ex.app.screen.query(TourPanel)
            assert ex.said[-1] == f"The tour goes on at stop {number}: Tour in ctrl+p, or neglogp tour."
            await begin(ex)
            stands(ex, stop, small_labs)
            await ex.press("alt+right")
    assert Walk.resumed().stop is STOPS[0], "behind the last one it begins anew"


async def test_it_begins_with_the_program_and_from_the_start_where_that_is_wanted(
    small_labs: dict[str, type[SmallLab]],
) -> None:
    Walk.from_start().on()
    for walk, name in ((Walk.resumed(), "batch"), (Walk.from_start(), "rows")):
        async with exploring(opening=m.Open(model="tiny"), walk=walk) as ex:
            assert at(ex) == name
            stands(ex, walk.stop, small_labs)


async def test_the_menu_of_the_labs_leads_to_it(small_labs: dict[str, type[SmallLab]]) -> None:
    for keys in (("t",), ("end", "enter")):
        async with exploring((80, 24), opening=m.Open(model="tiny")) as ex:
            await ex.press("ctrl+l")
            assert isinstance(ex.app.screen, LabsScreen)
            assert any("Tour" in line and "in order" in line for line in ex.painted)
            await ex.press(*keys)
            assert at(ex) == "rows"
            stands(ex, STOPS[0], small_labs)


@pytest.mark.parametrize(
    "foreign", [b"", b"no stop of ours", b"\xff\xfe\x00", b"x" * 10_000, "folder", "no folder"], ids=str
)
async def test_a_place_that_cannot_be_read_is_no_harm(foreign: bytes | str, state: Path) -> None:
    if foreign == "no folder":
        state.parent.parent.mkdir(exist_ok=True)
        state.parent.write_text("a file where the folder should be")
    elif foreign == "folder":
        state.mkdir(parents=True)
    else:
        state.parent.mkdir()
        state.write_bytes(foreign)  # type: ignore[arg-type]
    async with exploring(opening=m.Open(model="tiny")) as ex:
        await begin(ex)
        assert at(ex) == "rows" and "tour 1/13" in told(ex)
        await ex.press("alt+up")
        could = not isinstance(foreign, str)
        assert ("goes on at stop 1" if could else "could not be written down") in ex.said[-1]


# ------------------------------------------------------------------------------------------- the models


def openings(ex: Exploration) -> list[m.Open]:
    return ex.asked(m.Open)


async def test_the_stop_about_training_has_a_run_of_its_own_and_gives_the_persons_back(
    small_labs: dict[str, type[SmallLab]],
) -> None:
    async with exploring(opening=m.Open(model="tiny")) as ex:
        await ex.press("f2", "f2", "f2")
        theirs = ex.state.run
        assert theirs is not None and ex.state.step == 3
        walk = Walk.from_start()
        while walk.stop.name != "training":
            walk.on()
        ex.screen.take(walk)
        await ex.settled()
        assert ex.state.model.fresh and ex.state.step == STEPS and ex.state.run not in (None, theirs)
        ours, known = ex.state.run, dict(ex.engine.runs[theirs].results)
        await ex.press("f2", "f2")
        assert ex.state.step == STEPS + 2 and at(ex) == "training"
        await ex.press("alt+left")
        assert (ex.state.run, ex.state.step) == (theirs, 3)
        await ex.press("alt+right")
        assert (ex.state.run, ex.state.step) == (ours, STEPS), "the same run again, taken back to its step"
        await ex.press("f4", "f4", "alt+right", "alt+left")
        assert (ex.state.run, ex.state.step) == (ours, STEPS)
        await ex.press("alt+up")
        assert (ex.state.run, ex.state.step) == (theirs, 3)
        assert ex.engine.runs[theirs].results == known and set(ex.engine.runs) == {theirs, ours}


async def test_a_run_the_person_opens_at_that_stop_is_theirs(small_labs: dict[str, type[SmallLab]]) -> None:
    async with exploring(opening=m.Open(model="tiny")) as ex:
        walk = Walk.from_start()
        while walk.stop.name != "training":
            walk.on()
        ex.screen.take(walk)
        await ex.settled()
        await ex.app.run_action("tiny", ex.screen)
        await ex.press("f2")
        run = ex.state.run
        await ex.press("alt+right")
        assert ex.state.run == run and ex.state.step == 1


async def test_a_run_that_goes_on_is_no_hindrance(small_labs: dict[str, type[SmallLab]]) -> None:
    async with exploring(opening=m.Open(model="tiny"), steps_allowed=5) as ex:
        await ex.press("f3")
        assert ex.state.running
        walk = Walk.from_start()
        while walk.stop.name != "training":
            walk.on()
        ex.screen.take(walk)
        await ex.until(lambda: ex.state.model.fresh and ex.state.running)
        ex.engine.allow_steps(STEPS)
        await ex.until(lambda: ex.state.step == STEPS and not ex.state.running)
        ex.engine.allow_steps(3)
        await ex.press("f3", "alt+down")
        assert ex.state.running and ex.state.step == STEPS + 3
        await begin(ex)
        await ex.until(lambda: ex.state.step == STEPS and not ex.state.running)
        assert ex.state.model.fresh


async def test_stops_gone_through_faster_than_the_engine_answers_leave_the_last_one_standing(
    small_labs: dict[str, type[SmallLab]],
) -> None:
    async with exploring(opening=m.Open(model="tiny")) as ex:
        await begin(ex)
        for _ in range(11):
            await ex.press("alt+right")
        await ex.press("alt+left")
        ex.engine.stall()
        await ex.press("alt+right", "alt+right", "alt+left", "alt+right")
        ex.engine.go_on()
        await ex.settled()
        assert at(ex) == "perplexity"
        stands(ex, STOPS[-1], small_labs)


async def test_what_is_said_of_the_model_at_hand_is_what_it_shows(
    small_labs: dict[str, type[SmallLab]],
) -> None:
    async with exploring(opening=m.Open(model="tiny")) as ex:
        await begin(ex)
        while at(ex) != "doubt":
            await ex.press("alt+right")
        entropy = float(ex.table.predictions[-1].entropy)
        figures = f"has H(q) = {entropy:.2f} nats, as if it chose among"
        assert figures in told(ex)
        await ex.press("escape", "n")
        assert f"H(q) = {entropy / 0.6931471805599453:.2f} bits" in told(ex)
        await ex.press("n", "f2")
        moved = float(ex.table.predictions[-1].entropy)
        assert moved != entropy and f"H(q) = {moved:.2f} nats" in told(ex)
        await ex.press("slash")
        await ex.type(" time")
        assert "H(q) =" not in told(ex) and "effective choices" in told(ex)
        await ex.press("alt+right", "alt+right", "alt+right")
        assert at(ex) == "perplexity"
        mean = float(ex.table.summary.mean or 0)
        assert f"This prompt has a mean of {mean:.2f} nats here" in told(ex)


async def test_without_an_engine_the_words_are_there_and_a_lab_of_closed_forms_opens(
    small_labs: dict[str, type[SmallLab]],
) -> None:
    async with exploring(opening=m.Open(model="tiny"), prepare=lambda engine: engine.stall()) as ex:
        await begin(ex)
        assert "tour 1/13" in told(ex)
        await ex.press("alt+right", "alt+right")
        stands_at = ex.dialog(small_labs["logits"])
        assert stands_at.stands == "start"


def test_the_figures_of_closed_forms_are_right() -> None:
    said = [x if isinstance(x, str) else x.figured for stop in STOPS for x in (*stop.sentences, stop.answer)]
    words = plain(" ".join(said))
    e = [math.exp(x) for x in (10.3, 7.6, 9.9)]
    p = [x / sum(e) for x in e]
    assert f"p is {p[0]:.4f}, {p[1]:.4f} and {p[2]:.4f}" in words
    assert f"its p is {p[1]:.4f}, and the loss is −log {p[1]:.4f} = {-math.log(p[1]):.2f} nats" in words
    assert f"[{p[0]:.4f}, −{1 - p[1]:.4f}, {p[2]:.4f}], 0 in sum" in words
    assert f"e^0.4 = {math.exp(0.4):.2f} times" in words
    assert f"goes from {-math.log(0.5):.3f} to {-math.log(0.001):.3f} nats" in words
    assert f"{-math.log(1e-6):.3f} nats against {-math.log(0.001):.3f}" in words
    assert f"1 − p grows by {0.5 - 0.001:.3f}, no more than from 0.999 to 0.5" in words
    assert f"1 − p goes from {5 / 6:.3f} to {35 / 36:.3f}" in words
    assert f"−log p goes from {math.log(6):.3f} to {math.log(36):.3f} nats" in words
    assert f"ln 2 = {math.log(2):.3f} nats, which is 1 bit; a die has ln 6 = {math.log(6):.3f} nats" in words
    assert f"ln 50,257 = {math.log(50257):.3f} nats, which is {math.log2(50257):.3f} bits" in words
    assert f"ln 50,257 = {math.log(50257):.3f} nats makes it 50,257" in words
    h = -sum(x * math.log(x) for x in (0.7, 0.2, 0.1))
    assert f"H(p) = {h:.3f} nats" in words
