"""The prefix table: its rows and figures, its cursor, and how it follows a run."""

import asyncio
import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from core import messages as m
from tests.tui.exploring import PROMPT, Exploration, exploring, text_of
from tui.widgets import prefix_columns
from tui.widgets.lines import LineView

LN2 = math.log(2)
SMALL = m.Open(training=m.Training(context=4, steps=6))


def lines(ex: Exploration) -> list[str]:
    return [strip.text for strip in ex.rows.lines]


def figures(line: str) -> list[str]:
    """What stands after the target in a row."""
    return line[25:].split()


async def test_each_prefix_has_a_row_with_its_target_and_what_the_model_gave_it() -> None:
    async with exploring() as ex:
        header, *rows = lines(ex)
        for heading in ("#", "prefix", "→ target", "p", "−log p", "change", "rank", "H(q)", "guess"):
            assert heading in header
        assert len(rows) == 7 and len({len(row) for row in [header, *rows]}) == 1
        pieces = ["The", "␣fat", "␣cat", "␣sat", "␣on", "␣the", "␣mat"]
        for i, prediction in enumerate(ex.table.predictions[:-1]):
            target = prediction.target
            assert target is not None
            assert pieces[i + 1] in rows[i] and f"{i + 1} " in rows[i][:5]
            assert f"{target.surprisal:.2f}" in rows[i] and f" {target.rank:,} " in rows[i]
            assert f"{float(prediction.entropy):.2f}" in rows[i]
            assert math.isclose(target.surprisal, -math.log(target.probability))
        assert " ? " in rows[-1] and "…the mat" in rows[-1]


async def test_the_foot_holds_the_mean_the_perplexity_and_the_bits_per_byte_of_the_scored_rows() -> None:
    async with exploring() as ex:
        nats = [p.target.surprisal for p in ex.table.predictions if p.target is not None]
        mean = sum(nats) / 6
        assert ex.words("summary") == (
            f"mean −log p = {mean:.4f} nats = loss · perplexity {math.exp(mean):,.0f}"
            f" · {sum(nats) / LN2 / len(' fat cat sat on the mat'):.2f} bits/byte"
        )


async def test_the_open_row_is_selected_and_stays_so_while_typing_until_another_is() -> None:
    async with exploring() as ex:
        assert ex.rows.cursor == 6
        await ex.type(" and")
        assert ex.rows.cursor == 7
        await ex.press("escape", "up", "up", "slash")
        assert ex.rows.cursor == 5
        await ex.type(" so")
        assert ex.rows.cursor == 5
        assert ex.title("candidates-pane") == "next token after “The fat cat sat on the”"
        await ex.press("escape", "end", "slash")
        await ex.type(" on")
        assert ex.rows.cursor == len(ex.table.predictions) - 1


async def test_the_row_under_the_cursor_decides_what_the_candidates_show() -> None:
    async with exploring() as ex:
        await ex.press("escape")
        for key, row in (("home", 0), ("down", 1), ("j", 2), ("k", 1), ("pagedown", 6), ("g", 0), ("G", 6),
                         ("pageup", 0), ("up", 0), ("end", 6), ("down", 6)):  # fmt: skip
            await ex.press(key)
            assert ex.rows.cursor == row, key
            assert ex.candidates.prediction is ex.table.predictions[row]
        await ex.press("home")
        assert ex.title("candidates-pane") == "next token after “The”"
        entropy = float(ex.table.predictions[0].entropy)
        assert ex.words("entropy") == f"H(q) {entropy:.2f} nats · {math.exp(entropy):,.0f} effective choices"
        assert [line[0] for line in lines(ex)] == [" ", "▸", *" " * 6]
        await ex.press("enter")
        assert ex.app.focused is ex.candidates
        assert [line[0] for line in lines(ex)] == [" ", "›", *" " * 6]


async def test_a_click_on_a_row_selects_it_and_one_below_the_rows_does_nothing() -> None:
    async with exploring() as ex:
        await ex.click("#table", 5, 3)
        assert ex.rows.cursor == 2 and ex.app.focused is ex.rows
        await ex.click("#table", 5, 20)
        await ex.click("#table", 5, 0)  # the headings
        assert ex.rows.cursor == 2


async def test_a_row_far_down_is_scrolled_into_sight_under_the_headings_that_stay() -> None:
    async with exploring(size=(120, 30)) as ex:
        await ex.write(" ".join(["word"] * 60))
        await ex.press("escape", "home")
        height = ex.rows.size.height
        assert "prefix" in ex.painted[ex.rows.region.y]
        await ex.press(*["pagedown"] * 4)
        assert ex.rows.cursor == 40
        shown = ex.painted[ex.rows.region.y : ex.rows.region.y + height]
        assert "prefix" in shown[0] and any("▸41" in line for line in shown[1:])
        await ex.click("#table", 5, 1)
        assert ex.rows.cursor + 1 == int(shown[1][2:5])


async def test_rows_out_of_sight_are_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    make = prefix_columns.Columns.row

    def noted(columns: Any, number: int, *rest: Any, **named: Any) -> Any:
        made.append(number)
        return make(columns, number, *rest, **named)

    async with exploring() as ex:
        await ex.write(" ".join(["word"] * 300))
        monkeypatch.setattr(prefix_columns.Columns, "row", noted)
        ex.rows.set_table(ex.table)
        await ex.press("escape", "up")
        assert set(made) <= set(range(300 - ex.rows.size.height, 301))
        assert len(made) <= 3 * ex.rows.size.height


async def test_one_key_turns_all_figures_of_information_to_bits_and_moves_nothing_else() -> None:
    async with exploring() as ex:
        await ex.press("f2", "escape", "home")
        nats = [figures(line) for line in lines(ex)[1:7]]
        foot = ex.words("summary")
        for key in ("n", "ctrl+n"):
            await ex.press(key)
            if key == "n":
                bits = [figures(line) for line in lines(ex)[1:7]]
                for i, (before, after) in enumerate(zip(nats, bits, strict=True)):
                    prediction = ex.table.predictions[i]
                    assert prediction.target is not None and prediction.moved is not None
                    assert after[2] == f"{prediction.target.surprisal / LN2:.2f}"
                    assert after[3][1:] == f"{abs(float(prediction.moved)) / LN2:.2f}"
                    assert after[5] == f"{float(prediction.entropy) / LN2:.2f}"
                    assert [after[k] for k in (0, 1, 4)] == [before[k] for k in (0, 1, 4)], "p and rank"
                mean = float(ex.table.summary.mean or 0)
                assert ex.words("summary") == foot.replace("nats", "bits").replace(
                    f"{mean:.4f}", f"{mean / LN2:.4f}"
                )
                first = ex.table.predictions[0]
                assert ex.words("entropy").startswith(f"H(q) {float(first.entropy) / LN2:.2f} bits · ")
                assert f"{first.top[0].surprisal / LN2:.2f}" in text_of(ex.candidates)
                assert "bits" in text_of(ex.candidates).splitlines()[0]
                assert "15.62 bits" in text_of(ex.chart) and "15.62 bits" in ex.status
                assert ex.title("table-pane").endswith("in bits")
            else:
                assert [figures(line) for line in lines(ex)[1:7]] == nats
                assert ex.words("summary") == foot


async def test_one_key_shows_token_ids_and_the_shape_of_the_logits_and_hides_them_again() -> None:
    async with exploring() as ex:
        plain, title = lines(ex), ex.title("table-pane")
        await ex.press("f6")
        assert ex.app.focused is ex.prompt and not ex.prompt.selected_text, "F6 is ours, also in the prompt"
        assert "logits (1, 7, 50257)" in ex.title("table-pane")
        for token, line in zip(ex.table.tokens[1:], lines(ex)[1:], strict=False):
            assert f":{token.token_id}" in line
        await ex.type("!")
        assert "logits (1, 8, 50257)" in ex.title("table-pane")
        await ex.press("backspace", "escape", "i")
        assert ex.title("table-pane") == title
        await ex.press("slash")
        assert lines(ex) == plain


async def test_the_borders_of_windows_are_marked_and_no_prefix_reaches_over_one() -> None:
    async with exploring(opening=SMALL) as ex:
        await ex.write(PROMPT + " and on the lap")
        assert ex.table.window_starts == (0, 4, 8)
        rows = lines(ex)[1:]
        assert [row[0] for row in rows] == [*"    ┄   ┄  "[: len(rows) - 1], "›"]
        assert "sat" not in rows[4][:16] and "on" in rows[4][:16]


# --------------------------------------------------------------------------------------------- it follows


async def test_after_a_step_each_row_shows_how_far_it_moved_since_the_step_before() -> None:
    async with exploring() as ex:
        before = [p.target.surprisal for p in ex.table.predictions if p.target]
        assert "change" in lines(ex)[0]
        await ex.press("f2")
        assert (ex.table.step, ex.table.moved_from) == (1, 0)
        assert "vs 0" in lines(ex)[0]
        after = [p.target.surprisal for p in ex.table.predictions if p.target]
        for old, new, line in zip(before, after, lines(ex)[1:], strict=False):
            mark = "·" if abs(new - old) < 0.005 else f"{'▲' if new > old else '▼'}{abs(new - old):.2f}"
            assert figures(line)[3] == mark
        await ex.press("f4")
        assert (ex.table.step, ex.table.moved_from) == (0, 1)
        assert [p.target.surprisal for p in ex.table.predictions if p.target] == before
        await ex.press("f2")
        await ex.type("!")
        assert ex.table.moved_from is None, "another text has not moved"


async def test_the_cursor_and_the_candidate_under_it_stay_where_they_are_while_a_run_goes_on() -> None:
    async with exploring(steps_allowed=0) as ex:
        await ex.press("escape", "home", "down", "enter", "down", "down")
        await ex.press("f3")
        for step in (1, 2, 3):
            ex.engine.allow_steps(1)
            await ex.until(partial(_at, ex, step))
            await ex.settled()
            assert (ex.rows.cursor, ex.candidates.cursor) == (1, 2)
            assert ex.app.focused is ex.candidates
            assert ex.candidates.prediction is ex.table.predictions[1]


def _at(ex: Exploration, step: int) -> bool:
    return ex.table.step == step


# ----------------------------------------------------------------------------------------- only what changed


@contextmanager
def repainted(*views: LineView) -> Iterator[list[tuple[str | None, int]]]:
    """The lines of widgets that are painted again meanwhile, as (widget, line)."""
    seen: list[tuple[str | None, int]] = []
    for view in views:

        def noted(y: int, view: LineView = view) -> None:
            seen.append((view.id, y))
            type(view).refresh_line(view, y)

        view.refresh_line = noted  # type: ignore[method-assign]
    yield seen
    for view in views:
        del view.refresh_line


async def test_only_the_lines_that_changed_are_painted_again() -> None:
    async with exploring() as ex:
        views = (ex.rows, ex.candidates, ex.tokens)
        with repainted(*views) as seen:
            ex.rows.set_table(ex.table)
            await ex.settled()
            assert seen == []
            await ex.press("escape")
            assert set(seen) == {("table", 7)}, "the mark of the row that is selected"
            seen.clear()
            await ex.press("up")
            assert {line for line in seen if line[0] == "table"} == {("table", 6), ("table", 7)}
        first, *rest = ex.table.predictions
        target = first.target
        assert target is not None
        moved = m.Candidate(token_id=target.token_id, piece=target.piece, log_prob=-1.0, rank=3)
        other = m.Prediction(entropy=first.entropy, top=first.top, target=moved)
        table = m.Table(
            text=ex.table.text,
            tokens=ex.table.tokens,
            predictions=(other, *rest),
            window_starts=(0,),
            summary=ex.table.summary,
            step=0,
        )
        with repainted(*views) as seen:
            before = lines(ex)
            ex.rows.set_table(table)
            await ex.settled()
            changed = {("table", y) for y, line in enumerate(lines(ex)) if line != before[y]}
            assert changed == {("table", 1)}
            assert set(seen) == {("table", 1), ("tokens", 0)}


async def test_a_screen_where_nothing_happens_has_nothing_that_could_paint_it() -> None:
    async with exploring() as ex:
        await ex.press("f2")
        await ex.until(lambda: not ex.chart.pending)
        await ex.settled()
        await asyncio.sleep(0)
        nodes = [ex.app, *ex.app.screen_stack, *ex.app.screen.walk_children()]
        ticking = [timer for node in nodes for timer in node._timers if timer._active.is_set()]
        assert ticking == []
        assert not any(node.message_queue_size for node in nodes)
