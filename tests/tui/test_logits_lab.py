"""The logits lab: what stands painted, what each key does, and what the model fills it with."""

import math

import pytest
from rich.cells import cell_len
from textual.widgets import Input

from core import messages as m
from core.text import visible
from tests.tui.exploring import Exploration, exploring, raw, text_of
from tui.screens.dialog import Notice
from tui.screens.logits_lab import LogitsLab
from tui.widgets.curve_view import CurveView
from tui.widgets.dials import Dials
from tui.widgets.lines import LineView
from tui.widgets.pane import Pane
from tui.widgets.rows import Rows
from tui.widgets.words import Words


class Lab:
    """The lab that is open, and what it shows."""

    def __init__(self, ex: Exploration) -> None:
        self.screen = ex.dialog(LogitsLab)
        self.tokens = self.screen.query_one("#logits-rows", Rows)
        self.losses = self.screen.query_one("#logits-losses", Rows)

    def row(self, number: int) -> list[str]:
        """The texts of a token: name, logit, softmax, one-hot, the gradients, the chosen loss first."""
        return list(self.tokens.rows[number].texts)

    def column(self, title: str) -> list[str]:
        """What stands painted below a heading, row by row, and below the rows."""
        head, *lines = text_of(self.tokens).splitlines()
        end = head.index(title) + len(title)
        return [(line[:end].split() or [""])[-1] for line in lines]

    def loss(self, number: int) -> list[str]:
        """The texts of a loss: name, value, gradient at the target, nudges, p after them."""
        return list(self.losses.rows[number].texts)

    @property
    def says(self) -> str:
        return text_of(self.screen.query_one("#lab-says", Words)).strip()

    @property
    def fault(self) -> str:
        return self.screen.query_one("#lab-fault", Notice).text

    @property
    def line(self) -> Input:
        return self.screen.query_one("#lab-line", Input)

    @property
    def worked(self) -> str:
        return text_of(self.screen.query_one("#logits-worked", LineView))

    def title(self, id: str) -> str:
        return self.screen.query_one(f"#{id}", Pane).title

    def chart(self, id: str) -> str:
        return text_of(self.screen.query_one(f"#{id}", CurveView))

    @property
    def logits(self) -> tuple[float, ...]:
        return self.screen.state.logits


async def opened(ex: Exploration, *keys: str) -> Lab:
    await ex.press("escape", "L", "1", *keys)
    return Lab(ex)


async def typed(ex: Exploration, text: str) -> None:
    """A text in place of all that stands in the line."""
    await ex.press("ctrl+u", "ctrl+k")
    await ex.type(text)


# ------------------------------------------------------------------------------------------------ the numbers


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_the_start_stands_painted(size: tuple[int, int]) -> None:
    async with exploring(size=size) as ex:
        lab = await opened(ex)
        assert lab.column("logit") == ["10.300", "7.600", "9.900", "sum"]
        assert lab.column("softmax") == ["0.5755", "0.0387", "0.3858", "1.0000"]
        assert lab.column("one-hot") == ["0", "1", "0", "1"]
        assert lab.column("∇ −log p") == ["0.5755", "−0.9613", "0.3858", "0.0000"]
        painted = "\n".join(ex.painted)
        for figure in ("3.25 nats", "0.961 ", "1.404 ", "◀ target", "●○◆"):
            assert figure in painted, figure
        assert "softmax gives the target p = 0.0387: −log p is 3.25 nats." in painted
        await ex.press("n")
        assert "4.69 bits" in "\n".join(ex.painted) and "nats." not in lab.says
        assert lab.title("loss-pane") == "−log p, bits, over its nudges"


async def test_the_gradient_is_that_of_the_chosen_loss_and_sums_to_nothing() -> None:
    async with exploring() as ex:
        lab = await opened(ex)
        assert [lab.loss(i)[2] for i in range(3)] == ["−0.9613", "−0.0372", "−0.1086"]
        await ex.press("l")
        # p times that of −log p: 0.03868 of 0.5755, −0.9613, 0.3858
        assert lab.column("∇ 1 − p") == ["0.0223", "−0.0372", "0.0149", "0.0000"]
        assert "that of −log p times p, here 0.0387" in lab.says
        await ex.press("l")
        # 2 q (d − q·d), where d is −0.9613 at the target and q elsewhere: q·d is 0.44290
        assert lab.column("∇ distance²") == ["0.1527", "−0.1086", "−0.0441", "0.0000"]
        assert lab.title("loss-pane") == "Σ(q − one-hot)², over its nudges"
        await ex.press("l")
        assert lab.losses.cursor == 0


async def test_all_three_gradients_stand_side_by_side_where_there_is_room() -> None:
    async with exploring(size=(200, 60)) as ex:
        lab = await opened(ex)
        assert lab.column("∇ −log p")[1] == "−0.9613"
        assert lab.column("∇ 1 − p")[1] == "−0.0372"
        assert lab.column("∇ distance²") == ["0.1527", "−0.1086", "−0.0441", "0.0000"]


async def test_bars_are_as_long_as_the_probabilities() -> None:
    async with exploring() as ex:
        lab = await opened(ex)
        lengths = []
        for line in lab.tokens.lines[1:4]:
            bar = "".join(c for c in line.text if c in "▏▎▍▌▋▊▉█")
            lengths.append(sum(8 if c == "█" else 1 + "▏▎▍▌▋▊▉".index(c) for c in bar))
        for length, p in zip(lengths, (0.5755, 0.0387, 0.3858), strict=True):
            assert length / sum(lengths) == pytest.approx(p, abs=0.02)


async def test_a_row_is_worked_out_for_each_loss() -> None:
    async with exploring() as ex:
        lab = await opened(ex)
        assert lab.title("worked-pane") == "␣mat, worked out"
        for line in (
            "e^7.6 / (e^10.3 + e^7.6 + e^9.9) = 0.0387",
            "−log 0.0387 = 3.25 nats",
            "0.0387 − 1 = −0.9613",
            "7.600 − 0.5 · (−0.9613) = 8.081",
        ):
            assert line in lab.worked
        await ex.press("l")
        assert "1 − 0.0387 = 0.961" in lab.worked and "0.0387 · (0.0387 − 1) = −0.0372" in lab.worked
        await ex.press("l")
        assert "0.5755² + (0.0387 − 1)² + 0.3858² = 1.404" in lab.worked
        assert "2 · 0.0387 · (0.0387 − 1 − 0.4429) = −0.1086" in lab.worked
        await ex.press("up", "l")
        assert lab.title("worked-pane") == "␣the, worked out"
        assert "0.5755 − 0 = 0.5755" in lab.worked and "10.300 − 0.5 · 0.5755 = 10.012" in lab.worked
        await ex.press("T")
        await typed(ex, "2")
        await ex.press("enter", "n")
        assert "e^(10.3/2) / (e^(10.3/2) + e^(7.6/2) + e^(9.9/2)) = 0.4812" in lab.worked
        assert "(0.4812 − 0) / 2 = 0.2406" in lab.worked and "−log₂ 0.1248 = 3.00 bits" in lab.worked


# --------------------------------------------------------------------------------------------------- editing


async def test_a_logit_is_edited_live_kept_by_enter_and_restored_by_escape() -> None:
    async with exploring() as ex:
        lab = await opened(ex, "up", "enter")
        assert lab.line.has_focus and lab.line.value == "10.3"
        await typed(ex, "7")
        assert lab.column("softmax")[0] == f"{math.exp(7) / sum(map(math.exp, (7, 7.6, 9.9))):.4f}"
        await ex.press("enter")
        assert ex.app.focused is lab.tokens and lab.logits == (7, 7.6, 9.9)
        await ex.press("down", "down", "enter")
        await typed(ex, "-3.5")
        assert lab.column("logit")[2] == "−3.500"
        await ex.press("escape")
        assert lab.logits == (7, 7.6, 9.9) and ex.app.focused is lab.tokens
        assert ex.app.screen is lab.screen


@pytest.mark.parametrize("text", ["", "nan", "inf", "-inf", "1e999", "seven", "7,6"])
async def test_what_is_no_finite_number_is_refused_with_one_sentence(text: str) -> None:
    async with exploring(size=(80, 24)) as ex:
        lab = await opened(ex, "enter")
        await typed(ex, text)
        assert lab.fault.startswith("the logit is ") and lab.fault.endswith("such as 7.6")
        shown = " ".join(" ".join(ex.painted[-4:]).split())
        assert all(word in shown for word in lab.fault.split()), "nothing of it is cut off"
        await ex.press("enter")
        assert lab.line.has_focus, "and is not kept"
        await ex.press("escape")
        assert lab.logits == (10.3, 7.6, 9.9)


async def test_huge_logits_are_drawn() -> None:
    async with exploring(size=(80, 24)) as ex:
        lab = await opened(ex, "enter")
        await typed(ex, "-1e308")
        await ex.press("enter", "up", "enter")
        await typed(ex, "1e308")
        await ex.press("enter")
        assert lab.column("logit")[:2] == ["1.0e+308", "−1e+308"]
        assert lab.column("softmax")[:3] == ["1.0000", "0.0000", "0.0000"]
        assert lab.loss(0)[1] == "∞ nats"
        await ex.press("a", "space", "n", "left", "right", "backspace")
        assert all(cell_len(line) == 80 for line in ex.painted)


async def test_arrows_move_a_logit_by_a_tenth() -> None:
    async with exploring() as ex:
        lab = await opened(ex)
        await ex.press("right", "right", "right")
        assert lab.logits == (10.3, 7.9, 9.9)
        await ex.press("left", "down", "left")
        assert lab.logits == (10.3, 7.8, 9.8)
        assert "← −0.1" in ex.painted[-2] and "→ +0.1" in ex.painted[-2]


async def test_a_temperature_divides_the_logits_and_0_is_refused() -> None:
    async with exploring() as ex:
        lab = await opened(ex, "T")
        assert lab.line.value == "1"
        for text, said in (
            ("0", "the temperature is 0; logits are divided by it, so type one above 0"),
            ("-1", "the temperature is -1; it must lie between 1e-06 and 1,000,000"),
            ("1e999", "the temperature is 1e999, which is not finite; type a number such as 7.6"),
        ):
            await typed(ex, text)
            assert lab.fault == said and lab.column("softmax")[1] == "0.0387"
        await typed(ex, "2")
        await ex.press("enter")
        tempered = [math.exp(z / 2) for z in (10.3, 7.6, 9.9)]
        assert lab.column("softmax")[:3] == [f"{x / sum(tempered):.4f}" for x in tempered]
        assert lab.column("∇ −log p")[1] == f"{(tempered[1] / sum(tempered) - 1) / 2:.4f}".replace("-", "−")
        assert "(softmax − one-hot) / 2" in lab.says
        assert "temperature 2" in text_of(lab.screen.query_one(Dials))


async def test_names_targets_and_rows_are_anothers_too() -> None:
    async with exploring() as ex:
        lab = await opened(ex, "e")
        await typed(ex, " [/b]")
        await ex.press("enter", "down", "t")
        assert lab.column("token")[1] == "␣[/b]"
        assert lab.column("one-hot") == ["0", "0", "1", "1"]
        assert lab.tokens.rows[2].mark == "◀ target" and lab.tokens.rows[1].mark == ""
        assert lab.title("p-pane") == "p(␣dog) over the nudges"
        await ex.press("+")
        assert lab.tokens.cursor == 3 and lab.column("logit")[3] == "9.900"
        assert lab.column("softmax")[4] == "1.0000"
        await ex.press("-", "-", "-")
        assert len(lab.logits) == 2 and ex.said == [
            "with fewer than two tokens there is nothing to choose from: + adds one"
        ]
        await ex.press(*["+"] * 8)
        assert len(lab.logits) == 9 and "as many as there is room for" in ex.said[-1]


async def test_names_neither_steer_the_terminal_nor_are_markup() -> None:
    async with exploring(size=(80, 24)) as ex:
        lab = await opened(ex, "e", "ctrl+u")
        await ex.paste("[/] \x1b]0;x\x07\u202e\u200b é 👩‍👩‍👧 [red]")
        await ex.press("enter", "enter")
        assert lab.row(1)[0].startswith("[/]␣␛]0;x␇<U+202E>")
        assert not raw(ex.painted) and all(cell_len(line) == 80 for line in ex.painted)
        await ex.press("escape", "e", "ctrl+u", "ctrl+k")
        assert lab.fault == "the name is empty; type one such as ␣mat"


# --------------------------------------------------------------------------------------------------- nudging


async def test_a_nudge_is_a_step_down_the_gradient_and_is_recorded() -> None:
    async with exploring() as ex:
        lab = await opened(ex, "space")
        logits = [10.3, 7.6, 9.9]
        total = sum(map(math.exp, logits))
        q = [math.exp(z) / total for z in logits]
        stepped = [z - 0.5 * (p - (i == 1)) for i, (z, p) in enumerate(zip(logits, q, strict=True))]
        assert lab.logits == pytest.approx(stepped)
        assert lab.loss(0)[3] == "1"
        await ex.press(*["space"] * 11)
        assert lab.loss(0)[3:] == ["12", lab.column("softmax")[1]]
        assert "12 nudges down −log p took the target's p from 0.0387 to " in lab.says
        assert lab.chart("p-curves").count("●") == 1 and "⡠" in lab.chart("p-curves")
        before = lab.logits
        await ex.press("space", "backspace")
        assert lab.logits == before
        await ex.press(*["backspace"] * 13)
        assert lab.logits == (10.3, 7.6, 9.9) and "space makes one" in ex.said[-1]


async def test_each_loss_has_its_own_nudges_from_the_same_logits_and_all_are_seen() -> None:
    async with exploring() as ex:
        lab = await opened(ex, *["space"] * 8, "l")
        assert lab.logits == (10.3, 7.6, 9.9), "1 − p begins where −log p began"
        await ex.press(*["space"] * 8, "l", *["space"] * 8)
        counts, p = zip(*[(lab.loss(i)[3], float(lab.loss(i)[4])) for i in range(3)], strict=True)
        assert counts == ("8", "8", "8")
        assert p[0] > 0.5 > 0.1 > p[2] > p[1] > 0.0387, (
            "what is sure and wrong is hardly pushed by the others"
        )
        assert all(glyph in lab.chart("p-curves") for glyph in "●○◆")
        assert "●" not in lab.chart("loss-curve") and "◆" in lab.chart("loss-curve")
        await ex.press("l")
        assert lab.column("softmax")[1] == lab.loss(0)[4]
        await ex.press("r")
        assert [lab.loss(i)[3] for i in range(3)] == ["0", "0", "0"] and lab.logits == (10.3, 7.6, 9.9)
        await ex.press("a", "a")
        assert [lab.loss(i)[3] for i in range(3)] == ["2", "2", "2"]


async def test_an_edit_begins_the_nudges_anew_and_the_rate_does_not() -> None:
    async with exploring() as ex:
        lab = await opened(ex, "a", "a", "R")
        await typed(ex, "0")
        assert lab.fault == "the learning rate is 0; it must lie between 1e-06 and 1,000,000"
        await typed(ex, "2")
        await ex.press("enter")
        assert lab.loss(0)[3] == "2" and "learning rate 2" in text_of(lab.screen.query_one(Dials))
        before = lab.logits
        await ex.press("enter", "enter")
        assert lab.loss(0)[3] == "2", "nothing was changed"
        await ex.press("right")
        assert lab.loss(0)[3] == "0"
        assert lab.logits == pytest.approx((before[0], before[1] + 0.1, before[2]))


async def test_steps_too_large_overshoot_and_that_is_said() -> None:
    async with exploring() as ex:
        lab = await opened(ex, "enter")
        await typed(ex, "-5")
        await ex.press("enter", "R")
        await typed(ex, "1e6")
        # Softmax is 0.6, 0 and 0.4: down the distance ␣dog rises, too, and far more than the target does.
        await ex.press("enter", "l", "l", "space")
        assert (
            lab.says
            == "1 nudge down distance² took the target's p from 1e-07 to 0.0000: smaller steps (R) do "
            "not overshoot."
        )
        assert lab.column("softmax")[2] == "1.0000"


async def test_a_thousand_nudges_are_drawn() -> None:
    async with exploring() as ex:
        lab = await opened(ex)
        lab.screen.state = lab.screen.state.nudged(*[0] * 1500)
        await ex.press("space")
        assert lab.loss(0)[3] == "1,501" and "1000" in lab.chart("p-curves")


# --------------------------------------------------------------------------------------------- the live model


async def test_the_models_candidates_come_with_their_logits_and_all_others_in_one_row() -> None:
    async with exploring() as ex:
        await ex.press("escape", "up")
        lab = await opened(ex, "m")
        position = ex.rows.cursor
        asked = ex.asked(m.Predict)
        assert asked == [m.Predict(text=ex.prompt.text, position=position, top_k=8)]
        found = await ex.screen.live.predict(asked[0])
        assert found is not None and position == len(ex.table.tokens) - 2
        names = [visible(each.piece) for each in found.top]
        assert [lab.row(i)[0] for i in range(8)] == names and lab.row(8)[0] == "50,249 others"
        assert lab.logits == (*map(float, found.logits), float(found.others))
        for i, each in enumerate(found.top):
            assert lab.screen.state.q[i] == pytest.approx(each.probability, rel=1e-5)
        assert lab.says == (
            "The model's 8 best tokens and the 50,249 others in one row. "
            "␣mat follows, one of the others; the target is the first."
        )
        await ex.press("space", "l", "r")
        assert lab.logits == (*map(float, found.logits), float(found.others)), "which is how the lab began"
        await ex.press("T")
        await typed(ex, "2")
        await ex.press("enter")
        assert "50,249 others were gathered at temperature 1: at 2 they count as one token" in lab.says


async def test_the_target_is_what_follows_where_that_is_a_candidate() -> None:
    async with exploring() as ex:
        await ex.press(*["f2"] * 60, "escape", "home", "down")
        row = ex.rows.selected
        assert row is not None and row.target is not None and row.target.rank <= 8
        lab = await opened(ex, "m")
        target = row.target.rank - 1
        assert lab.tokens.rows[target].mark == "◀ target" and lab.tokens.cursor == target
        assert lab.row(target)[0] == visible(row.target.piece)
        assert lab.says == (
            "After “The fat”: the model's 8 best tokens and the 50,249 others in one row. "
            "␣cat really follows."
        )
        await ex.press("escape", "end")
        lab = await opened(ex, "m")
        assert lab.tokens.rows[0].mark == "◀ target" and "Nothing follows yet" in lab.says


async def test_with_the_first_token_the_row_after_endoftext_can_be_asked_about() -> None:
    async with exploring() as ex:
        await ex.press("escape", "0", "home")
        await opened(ex, "m")
        assert ex.asked(m.Predict) == [m.Predict(text=ex.prompt.text, position=0, first_token=True, top_k=8)]


async def test_what_the_model_cannot_tell_is_said_and_the_lab_stays() -> None:
    async with exploring() as ex:
        ex.engine.fail_next("the model is resting", "bad_request", m.Predict)
        lab = await opened(ex, "right", "m")
        assert ex.said == ["the model is resting"] and lab.logits == (10.3, 7.7, 9.9)
        assert lab.says.startswith("softmax gives")
        await ex.press("escape", "slash")
        await ex.write("")
        lab = await opened(ex, "m")
        assert "There is no prompt" in ex.said[-1] and lab.logits == (10.3, 7.6, 9.9)


async def test_a_late_answer_ends_what_is_typed_and_start_over_forgets_it() -> None:
    async with exploring() as ex:
        lab = await opened(ex)
        ex.engine.stall()
        await ex.press("m")
        assert lab.says == "Asking the model …"
        await ex.press("enter")
        await typed(ex, "3")
        ex.engine.go_on()
        await ex.settled()
        assert len(lab.logits) == 9 and ex.app.focused is lab.tokens
        await ex.press("left")
        lab.screen.set_up("start")
        ex.engine.stall()
        await ex.press("m", "r")
        ex.engine.go_on()
        await ex.settled()
        assert lab.logits == (10.3, 7.6, 9.9) and lab.says.startswith("softmax gives")
        ex.engine.stall()
        await ex.press("m", "escape")
        ex.engine.go_on()
        await ex.settled()
        assert ex.app.screen is ex.screen


async def test_it_can_be_set_up_by_name() -> None:
    async with exploring() as ex:
        lab = await opened(ex, "right", "a")
        lab.screen.set_up("model")
        await ex.settled()
        assert lab.row(8)[0] == "50,249 others"
        lab.screen.set_up("start")
        assert lab.logits == (10.3, 7.6, 9.9) and lab.tokens.cursor == 1
        with pytest.raises(ValueError, match="has no 'other' to set up; it has 'start' and 'model'"):
            lab.screen.set_up("other")


# ------------------------------------------------------------------------------------------------- the mouse


async def test_the_mouse_chooses_rows_losses_and_settings() -> None:
    async with exploring() as ex:
        lab = await opened(ex)
        await ex.click("#logits-rows", 4, 3)
        assert lab.tokens.cursor == 2
        await ex.click("#logits-rows", 4, 3, times=2)
        assert lab.line.has_focus and lab.line.value == "9.9"
        await ex.press("escape")
        await ex.click("#logits-losses", 4, 3)
        assert lab.losses.cursor == 2 and lab.title("loss-pane").startswith("Σ(q − one-hot)²")
        await ex.click("#logits-dials", 3, 2)
        assert [lab.loss(i)[3] for i in range(3)] == ["1", "1", "1"]
        await ex.click("#logits-dials", 3, 0)
        assert lab.line.has_focus and lab.line.value == "1"
        await ex.press("escape")
        line = next(y for y, text in enumerate(ex.painted[-2:]) if "Target" in text)
        await ex.click("#keybar", ex.painted[-2:][line].index("Target"), line)
        assert lab.tokens.rows[2].mark == "◀ target"
        line = next(y for y, text in enumerate(ex.painted[-2:]) if "Take back" in text)
        assert line == 1
        await ex.click("#keybar", ex.painted[-1].index("Take back"), 1)
        assert "no nudge" in ex.said[-1], "as a new target begins them anew"


async def test_a_click_elsewhere_while_a_line_is_typed_does_no_harm() -> None:
    async with exploring() as ex:
        lab = await opened(ex, "+", "+", "end", "enter")
        await typed(ex, "5")
        await ex.click("#logits-rows", 4, 1)
        await ex.press("-", "space", "t", "enter")
        assert len(lab.logits) == 5 and lab.line.value == "10.3", "now it is the other row's"
        await typed(ex, "4")
        await ex.press("escape", "-", "space")
        assert len(lab.logits) == 4 and lab.logits[-1] != 9.9
        assert not lab.screen.query_one("#lab-edit").has_class("-shown")


# -------------------------------------------------------------------------------------------- how it looks


@pytest.mark.parametrize("size", [(200, 60), (120, 40), (100, 30), (80, 24)])
async def test_nothing_is_cut_off(size: tuple[int, int]) -> None:
    async with exploring(size=size) as ex:
        lab = await opened(ex, "a", "a")
        for keys in ((), ("l", "n"), ("l", *["+"] * 6), ("m",)):
            await ex.press(*keys)
            painted = ex.painted
            assert len(painted) == size[1] and all(cell_len(line) == size[0] for line in painted)
            for view in lab.screen.query(LineView).results():
                if view.display and view.id not in ("worked-pane", "logits-worked"):
                    width = view.scrollable_content_region.width
                    assert view.lines and all(strip.cell_length <= width for strip in view.lines), view.id
            for id in ("logits-rows", "logits-losses", "logits-dials"):
                view = lab.screen.query_one(f"#{id}", LineView)
                assert view.size.height == len(view.lines), (id, keys)
                assert not any("··" in strip.text for strip in view.lines), (id, keys)
            for id in ("lab-heading", "lab-says"):
                assert "…" not in text_of(lab.screen.query_one(f"#{id}", Words)), (id, keys)
            assert "sum" in "\n".join(painted) and "Take back" in "\n".join(painted[-2:])
            for id in ("p-curves", "loss-curve"):
                assert "nudge 0" in lab.chart(id)
            charts = lab.screen.query_one("#logits-right").region
            table = lab.tokens.region
            assert charts.y >= table.bottom if size[0] < 100 else charts.x >= table.right


async def test_no_colour_is_needed() -> None:
    async with exploring() as ex:
        await opened(ex, "a", "a", "up")
        painted = "\n".join(ex.painted)
        assert "› ␣the" in painted and "◀ target" in painted and "› ● −log p" in painted
        assert all(painted.count(glyph) >= 2 for glyph in "●○◆"), "each curve ends in the mark of its loss"
