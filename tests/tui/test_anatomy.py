"""The anatomy of a step: what is asked for it, what each phase shows, and that the run goes on beneath it."""

import math

import pytest
from rich.cells import cell_len

from core import messages as m
from core.text import visible
from tests.tui.exploring import Exploration, exploring, raw, text_of
from tui import ramp
from tui.screens.anatomy import AnatomyScreen
from tui.screens.confirm import ConfirmScreen
from tui.screens.help import HelpScreen
from tui.widgets.batch_grid import BatchGrid
from tui.widgets.figures import Figures
from tui.widgets.lines import LineView
from tui.widgets.pane import Pane
from tui.widgets.phases import PHASES, PhaseBar

SMALL = m.Open(training=m.Training(batch=3, context=8, dropout=0.25))


class Anatomy:
    """The screen that is open, and what it shows."""

    def __init__(self, ex: Exploration) -> None:
        self.screen = ex.dialog(AnatomyScreen)
        self.grid = self.screen.query_one(BatchGrid)

    def words(self, id: str) -> str:
        return text_of(self.screen.query_one(f"#{id}", LineView)).rstrip()

    @property
    def heading(self) -> str:
        return self.words("anatomy-heading")

    def figures(self, id: str) -> list[str]:
        return text_of(self.screen.query_one(f"#{id}", Figures)).splitlines()

    def figure(self, id: str, label: str) -> list[str]:
        """What stands behind a label, word by word."""
        (line,) = [line for line in self.figures(id) if line.strip().startswith(label)]
        return line.strip().removeprefix(label).split()

    def title(self, id: str) -> str:
        return self.screen.query_one(f"#{id}-pane", Pane).title

    @property
    def step(self) -> m.Dissected:
        assert self.screen.step is not None
        return self.screen.step

    @property
    def cell(self) -> m.Inspected:
        assert self.screen.cell is not None
        return self.screen.cell

    def tints(self) -> list[tuple[str, object]]:
        """The tokens of the grid and their grounds, in order, without the row numbers."""
        segments = [segment for strip in self.grid.lines for segment in strip]
        return [
            (s.text, s.style.bgcolor) for s in segments if s.style is not None and s.text.strip("12345678 ")
        ]


async def opened(ex: Exploration, *keys: str) -> Anatomy:
    await ex.press("ctrl+o", *keys)
    return Anatomy(ex)


# ------------------------------------------------------------------------------------------------ the batch


async def test_the_coming_step_is_taken_apart_and_its_batch_is_seen_in_the_colours_of_its_surprisals() -> (
    None
):
    async with exploring(opening=SMALL) as ex:
        await ex.press("f2", "f2")
        assert ex.prompt.has_focus
        anatomy = await opened(ex)
        assert ex.asked(m.Dissect) == [m.Dissect()]
        step = anatomy.step
        before, after = float(step.before), float(step.after)
        assert anatomy.heading.split() == (
            f"step 3, which comes next · loss {before:.4f} nats, {after:.4f} after its update".split()
        )
        assert anatomy.title("grid") == "batch (3, 8) · tinted by −log p before the update"
        pieces = {token.token_id: visible(token.piece) for token in step.tokens}
        tokens = [pieces[token_id] for row in step.rows for token_id in row.ids]
        nats = [each for row in step.rows for each in (None, *row.surprisals)]
        tints = anatomy.tints()
        assert [text for text, _ in tints] == tokens
        for position, (each, (_, ground)) in enumerate(zip(nats, tints, strict=True)):
            if position == 1:  # the cursor
                continue
            assert ground == (None if each is None else ramp.colour(float(each)).rich_color), position
        await ex.press("5")
        after_it = [each for row in step.rows for each in (None, *row.after)]
        grounds = [ground for _, ground in anatomy.tints()]
        assert grounds[2:9] == [ramp.colour(float(each or 0)).rich_color for each in after_it[2:9]]
        assert anatomy.title("grid").endswith("after the update")


async def test_the_run_does_not_notice() -> None:
    async with exploring(opening=SMALL) as ex:
        await ex.press("f2", "f2")
        state, table = ex.state, ex.table
        anatomy = await opened(ex, "p", "n", "right", "2")
        assert [request.step for request in ex.asked(m.Dissect)] == [None, 2, None]
        await ex.press("escape")
        assert ex.app.screen is ex.screen and ex.prompt.has_focus
        assert (ex.state, ex.table) == (state, table)
        assert ex.status.startswith(" step 2/")
        anatomy = await opened(ex)
        assert anatomy.step.step == 3
        await ex.press("ctrl+o")
        assert ex.app.screen is ex.screen


async def test_a_batch_of_8_rows_of_64_is_seen_whole_in_120_by_40_at_every_phase() -> None:
    async with exploring(size=(120, 40)) as ex:
        anatomy = await opened(ex)
        assert (anatomy.step.batch, anatomy.step.context) == (8, 64)
        for phase in range(5):
            await ex.press(str(phase + 1))
            assert len(anatomy.grid.lines) <= anatomy.grid.size.height, PHASES[phase]
            figures = anatomy.screen.query_one("#figures")
            assert figures.max_scroll_y == 0, PHASES[phase]


async def test_of_a_very_large_batch_the_first_rows_are_seen_and_it_says_so() -> None:
    training = m.Training(batch=4096, context=16)
    async with exploring(opening=m.Open(training=training)) as ex:
        anatomy = await opened(ex)
        assert anatomy.title("grid").startswith("batch (4096, 16), the first 8,192 tokens · ")
        assert "the first 8,192 of them" in " ".join(anatomy.figures("whole"))
        assert anatomy.figure("whole", "predictions b·n") == ["65,536"]
        await ex.press(*["pagedown"] * 3, "end")
        assert (anatomy.grid.row, anatomy.grid.column) == (30, 15)
        line = next(y for y, strip in enumerate(anatomy.grid.lines) if strip.text.lstrip().startswith("31 "))
        assert anatomy.grid.scroll_offset.y <= line < anatomy.grid.scroll_offset.y + anatomy.grid.size.height


# ----------------------------------------------------------------------------------------------- the phases


async def test_one_key_goes_on_through_the_phases_and_one_back_and_it_is_seen_where_one_is() -> None:
    async with exploring(opening=SMALL) as ex:
        anatomy = await opened(ex)
        bar = anatomy.screen.query_one(PhaseBar)

        def lit() -> list[str]:
            return [name for i, name in enumerate(PHASES) if f"▸{i + 1} {name}" in text_of(bar)]

        seen, said = [lit()], {anatomy.words("says")}
        for _ in range(6):
            await ex.press("enter")
            seen.append(lit())
            said.add(anatomy.words("says"))
        assert seen == [[name] for name in (*PHASES, "update", "update")] and len(said) == 5
        for name in (*reversed(PHASES[:-1]), "batch"):
            await ex.press("backspace")
            assert lit() == [name]
        await ex.press("4")
        assert lit() == ["backward"]
        await ex.click("#phases", 1 + text_of(bar).index("3 loss"), 0)
        assert lit() == ["loss"]


async def test_the_shapes_of_the_logits_are_written_out() -> None:
    async with exploring(opening=SMALL) as ex:
        anatomy = await opened(ex, "2")
        assert anatomy.title("whole") == "shapes: (b, n, V) → (b·n, V)"
        lines = "\n".join(anatomy.figures("whole"))
        for shape in ("(3, 8)", "(3, 8, 128)", "(3, 8, 50257)", "(24, 50257)", "(24,)", "Dropout 0.25"):
            assert shape in lines
        await ex.press("enter")
        assert anatomy.figure("whole", "÷ 24 = loss") == [f"{float(anatomy.step.before):.6f}", "nats"]
        perplexity = f"{math.exp(float(anatomy.step.before)):,.0f}"
        assert anatomy.figure("whole", "exp(loss)") == [perplexity, "perplexity"]
        assert anatomy.figure("whole", "sum of 24 −log p") == [f"{anatomy.step.summed:.4f}", "nats"]


async def test_a_cell_shows_its_way_from_logits_to_bits() -> None:
    async with exploring(opening=SMALL) as ex:
        anatomy = await opened(ex, "down", "right", "right", "2")
        cell = anatomy.cell
        assert (cell.row, cell.column) == (1, 2)
        assert anatomy.title("cell").startswith("row 2, token 3, after “")
        header, *listed, more, formula = anatomy.figures("cell")
        assert header.split() == ["token", "logit", "p"]
        for line, each in zip(listed, cell.listed, strict=True):
            assert visible(each.piece)[:7] in line and f" {float(each.logit):.4f} " in line
        (target,) = [line for line in listed if line.startswith("▸")]
        assert visible(cell.target.piece) in target
        assert more.startswith(f"{cell.others:,} more") and f"{float(cell.logsumexp):.4f}" in formula
        await ex.press("enter")
        nats = cell.surprisal
        assert anatomy.figure("cell", "logit of the target")[0] == f"{float(cell.target.logit):.4f}"
        assert anatomy.figure("cell", "− logsumexp of all") == [f"{float(cell.logsumexp):.4f}"]
        assert anatomy.figure("cell", "= log p") == [f"{-nats:.4f}", "nats"]
        assert anatomy.figure("cell", "−log p") == [f"{nats:.4f}", "nats"]
        assert f"{nats / math.log(2):.4f} bits" in "\n".join(anatomy.figures("cell"))
        assert anatomy.figure("cell", "÷ 24, its share") == [f"{nats / 24:.6f}", "nats"]


async def test_the_gradient_at_the_logits_is_over_all_predictions_and_sums_to_nothing() -> None:
    async with exploring(opening=SMALL) as ex:
        anatomy = await opened(ex, "right", "4")
        header, *listed, more, total = anatomy.figures("cell")
        assert header.split() == ["token", "p", "−", "one-hot", "÷", "24"]
        for line, each in zip(listed, anatomy.cell.listed, strict=True):
            assert line.split()[-2:] == [f"{float(each.error):.4f}", f"{float(each.gradient):.5f}"]
        assert sum(line.split()[-2].startswith("-") for line in listed) == 1, "the target's alone is negative"
        assert more.split()[-1] == f"{anatomy.cell.others_gradient:.5f}"
        assert total.split() == ["sum", "0.0000", "0.00000"]
        assert "over 24" in anatomy.words("says")


async def test_gradients_and_updates_stand_layer_by_layer_as_bars() -> None:
    async with exploring(opening=SMALL) as ex:
        anatomy = await opened(ex, "4")
        names = ["tokens, head", "positions", "block 1", "block 2", "block 3", "block 4", "last norm"]
        for name, layer in zip(names, anatomy.step.layers, strict=True):
            figure, bar = anatomy.figure("whole", name)
            assert figure == f"{float(layer.gradient):.4f}" and set(bar) <= set("█▏▎▍▌▋▊▉")
        assert anatomy.figure("whole", "all together") == ["1.0000", "below", "the", "clip,", "1"]
        await ex.press("enter")
        bars = []
        for name, layer in zip(names, anatomy.step.layers, strict=True):
            moved, share, sign, bar = anatomy.figure("whole", name)
            assert (moved, share, sign) == (f"{float(layer.update):.4f}", f"{100 * layer.relative:.1f}", "%")
            bars.append((layer.relative, len(bar)))
        assert [length for _, length in sorted(bars)] == sorted(length for _, length in bars)


async def test_one_step_down_the_gradient_is_a_number_beside_the_one_foretold() -> None:
    async with exploring(opening=SMALL) as ex:
        anatomy = await opened(ex, "5")
        step = anatomy.step
        assert anatomy.figure("cell", "loss before") == [f"{float(step.before):.6f}", "nats"]
        assert anatomy.figure("cell", "loss after")[:2] == [f"{float(step.after):.6f}", "nats"]
        assert anatomy.figure("cell", "it moved by") == [f"{step.moved:.6f}", "nats"]
        assert anatomy.figure("cell", "foretold Σ g·Δθ")[:2] == [f"{float(step.predicted):.6f}", "nats"]
        assert anatomy.figure("cell", "the rest: curvature") == [f"{step.beyond:.6f}", "nats"]
        row = step.rows[0]
        assert anatomy.figure("cell", "chosen token before")[0] == f"{float(row.surprisals[0]):.6f}"
        assert anatomy.figure("cell", "chosen token after")[0] == f"{float(row.after[0]):.6f}"


# ----------------------------------------------------------------------------------------------- the cursor


async def test_arrows_and_the_mouse_choose_a_cell() -> None:
    async with exploring(opening=SMALL) as ex:
        anatomy = await opened(ex)
        for key, place in (
            ("left", (0, 0)),
            ("up", (0, 0)),
            ("right", (0, 1)),
            ("down", (1, 1)),
            ("end", (1, 7)),
            ("right", (1, 7)),
            ("pagedown", (2, 7)),
            ("home", (2, 0)),
            ("k", (1, 0)),
            ("l", (1, 1)),
        ):
            await ex.press(key)
            assert (anatomy.grid.row, anatomy.grid.column) == place, key
            assert (anatomy.cell.row, anatomy.cell.column) == place
        pieces = [
            visible(t.piece) for i in anatomy.step.rows[2].ids for t in anatomy.step.tokens if t.token_id == i
        ]
        y = next(y for y, strip in enumerate(anatomy.grid.lines) if strip.text.startswith("3 "))
        await ex.click("#grid", 2 + cell_len("".join(pieces[:5])), y)
        assert (anatomy.grid.row, anatomy.grid.column) == (2, 4)
        await ex.click("#grid", 2, y)
        assert (anatomy.grid.row, anatomy.grid.column) == (2, 0), "the row's first token is no prediction"
        asked = len(ex.asked(m.Inspect))
        await ex.press("enter", "enter", "backspace")
        assert len(ex.asked(m.Inspect)) == asked, "a phase asks for nothing"


async def test_of_many_moves_the_first_and_the_last_are_inspected_and_no_cell_has_anothers_figures() -> None:
    async with exploring(opening=SMALL) as ex:
        anatomy = await opened(ex, "2")
        asked = len(ex.asked(m.Inspect))
        ex.engine.stall()
        for _ in range(5):
            ex.burst("right")
            await ex.settled()
        assert anatomy.figures("cell") == []
        ex.engine.go_on()
        await ex.settled()
        assert [request.column for request in ex.asked(m.Inspect)[asked:]] == [1, 5]
        assert anatomy.cell.column == 5 and anatomy.figures("cell")


# ------------------------------------------------------------------------------------ the step and the run


async def test_the_step_just_done_is_replayed_with_its_progress_and_there_is_none_at_first() -> None:
    async with exploring(opening=SMALL) as ex:
        anatomy = await opened(ex, "p")
        assert ex.said == ["No step is done yet."] and len(ex.asked(m.Dissect)) == 1
        await ex.press("escape", *["f2"] * 5)
        anatomy = await opened(ex)
        told: list[str] = []
        ex.burst("p")
        while not anatomy.heading.startswith(" step 5, the one just done"):
            await ex.turn()
            told.append(anatomy.heading.strip())
        for words in ("taking step 5 apart …", "replaying 1/4 …", "replaying 4/4 …"):
            assert words in told
        assert ex.asked(m.Dissect)[-1] == m.Dissect(step=5)
        known = (await ex.screen.live._ask(m.History())).results
        assert anatomy.step.loss == known[-1].loss
        await ex.press("escape")
        assert ex.status.startswith(" step 5/"), "the replay's progress is over"


async def test_with_the_cursor_in_the_past_the_step_at_the_cursor_is_taken_apart() -> None:
    async with exploring(opening=SMALL) as ex:
        await ex.press(*["f2"] * 5, "escape", *["left_square_bracket"] * 2)
        assert ex.screen.looking_at == 3
        anatomy = await opened(ex)
        assert ex.asked(m.Dissect) == [m.Dissect(step=3)]
        assert "step 3, done before" in anatomy.heading
        await ex.press("n", "escape")
        assert ex.screen.looking_at == 3 and ex.state.step == 5
        await ex.press(*["left_square_bracket"] * 3, "ctrl+o")
        assert ex.asked(m.Dissect)[-1] == m.Dissect(step=1)


async def test_a_run_goes_on_while_its_step_is_looked_at() -> None:
    async with exploring(opening=SMALL, steps_allowed=2) as ex:
        await ex.press("f3")
        anatomy = await opened(ex)
        assert "step 3, which comes next" in anatomy.heading
        ex.engine.allow_steps(2)
        await ex.settled()
        await ex.press("right")
        assert "step 3, done before" in anatomy.heading and anatomy.cell.step == 3
        await ex.press("p")
        assert "step 4, the one just done" in anatomy.heading
        assert ex.state.running and not ex.asked(m.Pause)


async def test_escape_breaks_off_a_replay() -> None:
    async with exploring(opening=SMALL) as ex:
        await ex.press(*["f2"] * 5)
        await opened(ex)
        ex.engine.stall()
        await ex.press("p", "escape")
        assert ex.app.screen is ex.screen
        ex.engine.go_on()
        await ex.settled()
        assert ex.asked(m.Dissect)[-1] == m.Dissect(step=5) and len(ex.asked(m.Stop)) == 1
        assert ex.state.step == 5 and ex.said == []
        assert ex.status.startswith(" step 5/")


async def test_what_fails_is_said_and_can_be_tried_again() -> None:
    async with exploring(opening=SMALL) as ex:
        ex.engine.fail_next("the loss of step 1 is nan", "bad_request", m.Dissect)
        anatomy = await opened(ex, "enter", "right", "p")
        assert "the loss of step 1 is nan" in ex.said
        assert "could not be taken apart" in anatomy.heading
        await ex.press("n")
        assert "step 1, which comes next" in anatomy.heading and anatomy.figures("cell")


async def test_without_an_engine_there_is_none_and_a_dead_one_is_told_of_over_it() -> None:
    async with exploring(opening=SMALL) as ex:
        anatomy = await opened(ex, "3")
        ex.engine.die()
        await ex.settled()
        ex.dialog(ConfirmScreen)
        await ex.press("escape")
        assert ex.app.screen is anatomy.screen and anatomy.figures("whole")
        await ex.press("n")
        assert "The engine is not running" in ex.said[-1]
        assert "step 1, which comes next" in anatomy.heading
        await ex.press("escape", "ctrl+o")
        assert ex.app.screen is ex.screen and "there is no step to take apart" in ex.said[-1]


# -------------------------------------------------------------------------------------------- how it looks


@pytest.mark.parametrize("size", [(120, 40), (100, 30), (80, 24), (60, 15)])
async def test_every_phase_fits_every_terminal(size: tuple[int, int]) -> None:
    async with exploring(size=size) as ex:
        anatomy = await opened(ex, "down", "end")
        for phase in range(5):
            await ex.press(str(phase + 1))
            painted = ex.painted
            assert len(painted) == size[1] and all(cell_len(line) == size[0] for line in painted)
            for id in ("cell", "whole", "grid"):
                view = anatomy.screen.query_one(f"#{id}", LineView)
                width = view.scrollable_content_region.width
                assert view.lines and all(strip.cell_length <= width for strip in view.lines), (id, phase)
                assert id == "grid" or not any("··" in strip.text for strip in view.lines), (id, phase)
            for id in ("anatomy-heading", "says"):
                assert "…" not in anatomy.words(id), (id, phase)
            assert all(f"{i + 1} {name}" in anatomy.words("phases") for i, name in enumerate(PHASES))
            assert anatomy.grid.size.height >= 2
            y = anatomy.grid.scroll_offset.y
            seen = anatomy.grid.lines[y : y + anatomy.grid.size.height]
            cursor = [s for strip in seen for s in strip if s.style is not None and s.style.bold]
            assert cursor, "the chosen token is in sight"
        figures = anatomy.screen.query_one("#figures")
        await ex.press(*["J"] * 30)
        assert figures.scroll_offset.y == figures.max_scroll_y
        await ex.press("K", "1")
        assert figures.scroll_offset.y == 0, "each phase is seen from its beginning"


async def test_tokens_neither_steer_the_terminal_nor_are_markup() -> None:
    hostile = "[/b] [red]\x1b[31m\x07 \u202e\u200b é 👩‍👩‍👧 [/\n" * 60

    async with exploring(opening=SMALL, prepare=lambda engine: engine._texts.update(story=hostile)) as ex:
        anatomy = await opened(ex)
        assert "[/" in text_of(anatomy.grid)
        for phase in range(5):
            await ex.press(str(phase + 1))
            for _ in range(8):
                await ex.press("right")
                assert not raw(ex.painted)
            await ex.press("home")


async def test_the_help_has_its_keys() -> None:
    async with exploring(opening=SMALL) as ex:
        await opened(ex)
        await ex.press("f1")
        rows = {row.text: row.keys for row in ex.dialog(HelpScreen)._rows}
        assert rows["A step taken apart: the next, or the one at the chart's cursor"] == "ctrl+o, A"
        assert rows["On to the next phase"] == "⏎, space"
        assert rows["The token after"] == "←→↑↓"
        await ex.press("escape")
        ex.dialog(AnatomyScreen)


async def test_keys_in_one_read_are_taken_in_their_order() -> None:
    async with exploring(opening=SMALL) as ex:
        ex.burst("ctrl+o", "enter", "enter", "backspace", "enter", "enter")
        await ex.settled()
        assert Anatomy(ex).screen.phase == 3
        ex.burst("right", "right", "down", "left", "backspace")
        await ex.settled()
        anatomy = Anatomy(ex)
        assert (anatomy.grid.row, anatomy.grid.column, anatomy.screen.phase) == (1, 1, 2)
        ex.burst("escape", "ctrl+o", "2")
        await ex.settled()
        assert ex.app.screen is ex.screen, "what was typed before it closed does not reach the screen below"
