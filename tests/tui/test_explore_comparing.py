"""A model pinned as B: what both say stands side by side, A never waits for B, and B stays what it is."""

import math

import pytest
from rich.cells import cell_len

from core import messages as m
from tests.tui.exploring import PROMPT, Exploration, exploring, raw, text_of
from tui import formats
from tui.formats import Unit
from tui.news import ModelCompared
from tui.screens.confirm import ConfirmScreen
from tui.screens.name_model import NameModelScreen

COMPARED = m.Compare(text=PROMPT)


async def pinned_then_trained(ex: Exploration, steps: int = 3) -> m.Table:
    """B is the fresh model at step 0; the table of that step."""
    await ex.press("escape")
    before = ex.table
    await ex.press("v", *["s"] * steps)
    return before


def row(ex: Exploration, position: int) -> str:
    return ex.rows.lines[position + 1].text


async def test_v_pins_the_model_as_it_stands_and_the_table_shows_both_and_their_difference() -> None:
    async with exploring() as ex:
        before = await pinned_then_trained(ex)
        assert ex.asked(m.Pin) == [m.Pin()] and ex.state.step == 3
        assert ex.title("table-pane") == "A now, B = fresh at step 0 · −log p in nats, Δ = A − B"
        heading = ex.rows.lines[0].text.split()
        assert heading[:8] == ["#", "prefix", "→", "target", "p", "A", "B", "Δ"]
        for position in range(6):
            now, then = ex.table.predictions[position].target, before.predictions[position].target
            assert now is not None and then is not None
            a, b, delta = row(ex, position).split("%")[1].split()[:3]
            assert (a, b) == (f"{now.surprisal:.2f}", f"{then.surprisal:.2f}")
            difference = now.surprisal - then.surprisal
            assert delta == f"{difference:+.2f}".replace("-", "−")
        assert row(ex, 6).split()[-1] != "0.00" and "%" not in row(ex, 6)  # nothing follows the open row yet
        mean_a, mean_b = float(ex.table.summary.mean or 0), float(before.summary.mean or 0)
        told = f"A {mean_a:.4f} · B {mean_b:.4f} · Δ " + f"{mean_a - mean_b:+.4f}".replace("-", "−")
        assert ex.words("summary").startswith(f"mean −log p: {told} nats")


async def test_the_signs_have_the_colours_of_better_and_worse() -> None:
    async with exploring() as ex:
        await ex.write("The fat cat quantum")  # of which the training text has all but the end
        await pinned_then_trained(ex, steps=60)
        colours: dict[str, set[str]] = {"+": set(), "−": set()}
        for line in list(ex.rows.lines)[1:]:
            for segment in line:
                sign = segment.text.strip()[:1]
                if sign in colours and segment.style is not None and segment.style.color is not None:
                    colours[sign].add(segment.style.color.name)
        assert all(len(each) == 1 for each in colours.values()) and colours["+"] != colours["−"]


async def test_v_again_lets_it_go() -> None:
    async with exploring() as ex:
        await pinned_then_trained(ex)
        await ex.press("v")
        assert ex.asked(m.Unpin) == [m.Unpin()] and ex.state.pinned is None
        assert ex.title("table-pane").startswith("prefix → next token")
        assert "−log p" in text_of(ex.rows) and "Δ" not in text_of(ex.rows)
        assert ex.words("summary").startswith("mean −log p = ")
        assert ex.candidates.opposed is None and ex.chart.level is None


async def test_b_is_asked_once_a_text_and_after_a_however_long_a_trains() -> None:
    async with exploring() as ex:
        await pinned_then_trained(ex, steps=5)
        assert ex.asked(m.Compare) == [COMPARED]
        await ex.write("A dog")
        assert ex.asked(m.Compare) == [COMPARED, m.Compare(text="A dog")]
        order = [type(r) for r in ex.engine.asked if isinstance(r, m.Score | m.Compare)]
        assert order[-2:] == [m.Score, m.Compare]
        assert ex.screen.comparison is not None and ex.screen.comparison.scored == 1


async def test_while_b_has_not_answered_its_columns_stay_and_are_empty() -> None:
    async with exploring() as ex:
        await pinned_then_trained(ex)
        ex.engine.fail_next("a newer prompt took its place", "superseded", m.Compare)
        await ex.write("A dog sat")
        assert "Δ A−B" in text_of(ex.rows) and ex.table.text == "A dog sat"
        assert row(ex, 0).split("%")[1].split()[1:2] != ["+0.00"]
        assert "+" not in text_of(ex.rows) and ex.words("summary").startswith("mean −log p = ")
        assert ex.said == [] and ex.chart.level is None
        await ex.write("A dog sat on")
        assert ex.words("summary").startswith("mean −log p: A ")


async def test_a_comparison_of_a_text_that_is_no_longer_there_is_not_shown() -> None:
    async with exploring() as ex:
        await pinned_then_trained(ex)

        old = ex.screen._compared
        assert old is not None
        await ex.write("A dog")
        ex.screen.post_message(ModelCompared(old))
        await ex.settled()
        assert ex.table.text == "A dog" and "B" in text_of(ex.rows)
        assert ex.screen.comparison is not None and ex.screen.comparison.scored == 1


async def test_what_one_b_said_is_not_shown_of_another() -> None:
    async with exploring() as ex:
        await pinned_then_trained(ex)
        old = ex.screen._compared
        assert old is not None
        ex.engine.fail_next("a newer prompt took its place", "superseded", m.Compare)
        ex.screen.live.send(m.Pin(model="tiny"))
        await ex.settled()
        assert ex.title("table-pane").startswith("A now, B = tiny · ")
        assert ex.screen.comparison is not None and ex.screen.comparison.scored == 0
        ex.screen.post_message(ModelCompared(old))  # late, as it was asked of the one before
        await ex.settled()
        assert ex.screen.comparison is not None and ex.screen.comparison.scored == 0
        assert ex.candidates.opposed is not None and not ex.candidates.opposed.p


async def test_the_candidates_of_a_have_the_p_of_b_beside_and_bs_own_list() -> None:
    async with exploring() as ex:
        await pinned_then_trained(ex, steps=40)
        await ex.press("up", "up")
        position = ex.rows.cursor
        state = ex.state
        assert state.pinned is not None and position == 4
        told = ex.screen._compared
        assert told is not None
        best = told.table.predictions[position].top
        shown = ex.candidates.candidates
        lines = ex.candidates.lines
        assert lines[0].text.split() == ["rank", "token", "p", "A", "p", "B", "B", "best"]
        last = ex.engine._tokenizer.encode(PROMPT)[position]
        p_b = ex.engine._q.row(last, 0)  # the same run, before its first step
        assert any(c.token_id not in {b.token_id for b in best} for c in shown), "some had to be asked for"
        assert ex.asked(m.Expect) and ex.asked(m.Expect)[-1].position == position
        for line, candidate in zip(list(lines)[1:], shown, strict=False):
            assert formats.probability(candidate.probability) in line.text
            assert formats.probability(math.exp(p_b[candidate.token_id])) in line.text
        first = best[0].piece.decode().replace(" ", "␣")
        assert lines[1].text.rstrip().endswith(first[:6]) or first[:5] in lines[1].text


async def test_of_two_probabilities_the_larger_one_stands_out() -> None:
    async with exploring(size=(200, 60)) as ex:
        await pinned_then_trained(ex, steps=40)
        for line, candidate in zip(list(ex.candidates.lines)[1:], ex.candidates.candidates, strict=False):
            assert ex.candidates.opposed is not None
            of_b = ex.candidates.opposed.p[candidate.token_id]
            a, b = (segment.style for segment in list(line)[4:6])
            assert a is not None and b is not None
            assert bool(a.bold) is (candidate.probability > of_b) and bool(b.bold) is not bool(a.bold)


async def test_what_is_found_is_weighed_by_b_too() -> None:
    async with exploring() as ex:
        await pinned_then_trained(ex)
        await ex.press("f")
        await ex.type("dog")
        found = ex.candidates.found
        assert found
        opposed = ex.candidates.opposed
        assert opposed is not None and {c.token_id for c in found} <= opposed.p.keys()


async def test_the_chart_has_the_level_of_b_by_its_name_in_the_unit_chosen() -> None:
    async with exploring(size=(120, 40)) as ex:
        before = await pinned_then_trained(ex)
        mean = float(before.summary.mean or 0)
        assert ex.chart.level is not None and ex.chart.level.nats == pytest.approx(mean, rel=1e-12)
        assert f"On this prompt B fresh at step 0 {mean:.2f} nats." in ex.chart.describe()
        await ex.press("n")
        assert ex.screen.unit is Unit.BITS
        assert f"B fresh at step 0 {mean / math.log(2):.2f} bits" in text_of(ex.chart)
        assert ex.title("table-pane").endswith("−log p in bits, Δ = A − B")
        a, b, delta = row(ex, 0).split("%")[1].split()[:3]
        assert float(delta.replace("−", "-")) == pytest.approx(float(a) - float(b), abs=0.011)


async def test_looking_back_shows_the_past_against_b() -> None:
    async with exploring() as ex:
        await pinned_then_trained(ex)
        shown, b = text_of(ex.rows), row(ex, 0).split("%")[1].split()[1]
        await ex.press("left_square_bracket")
        assert ex.table.step == 2 and "vs 3" not in text_of(ex.rows)
        assert ex.title("table-pane").startswith("A as it was at step 2, B = fresh at step 0 · ")
        past, same, delta = row(ex, 0).split("%")[1].split()[:3]
        assert same == b and ex.candidates.opposed is not None
        target = ex.table.predictions[0].target
        assert target is not None and float(past) == pytest.approx(target.surprisal, abs=0.006)
        assert float(delta.replace("−", "-")) == pytest.approx(float(past) - float(b), abs=0.011)
        await ex.press("v")
        assert "vs 3" in text_of(ex.rows) and ex.title("table-pane").startswith("as it was at step 2 ")
        await ex.press("v", "backslash")
        assert ex.title("table-pane").startswith("A now, B = fresh at step 3 · ")
        assert text_of(ex.rows) != shown


async def test_another_model_is_pinned_by_the_name_typed() -> None:
    async with exploring() as ex:
        await ex.press("escape", "V")
        ex.dialog(NameModelScreen)
        await ex.press("enter")  # nothing is typed yet
        ex.dialog(NameModelScreen)
        await ex.type(" tiny ")
        await ex.press("enter")
        assert ex.asked(m.Pin) == [m.Pin(model="tiny")] and ex.state.pinned == m.Pinned(name="tiny")
        assert ex.title("table-pane").startswith("A now, B = tiny · ")
        await ex.press("V")
        await ex.type("gone")
        await ex.press("enter")
        assert "there is no model 'gone'" in ex.said[-1]
        assert ex.title("table-pane").startswith("A now, B = tiny · ")
        await ex.press("V", "escape")
        assert len(ex.asked(m.Pin)) == 2


async def test_a_name_from_outside_reaches_the_screen_as_text_alone() -> None:
    hostile = "[/b]\x1b]0;x\x07\u202e"
    async with exploring() as ex:
        await ex.press("escape", "s")
        ex.engine.runs[hostile] = next(iter(ex.engine.runs.values()))
        ex.screen.live.send(m.Pin(model=hostile))
        await ex.settled()
        assert "[/b]" in ex.title("table-pane") and raw(ex.painted) == set()
        assert "B [/b]" in ex.chart.describe() and raw([ex.chart.describe()]) == set()


async def test_a_run_that_begins_anew_keeps_b() -> None:
    async with exploring() as ex:
        await pinned_then_trained(ex)
        await ex.press("v", "v")
        assert ex.state.pinned == m.Pinned(name="fresh", step=3)
        ex.screen.live.send(m.Reset())
        await ex.settled()
        assert ex.state.step == 0 and ex.title("table-pane").startswith("A now, B = fresh at step 3 · ")
        assert ex.screen.comparison is not None and (ex.screen.comparison.difference or 0) > 0


async def test_with_an_option_b_is_there_from_the_start_behind_as_first_answer() -> None:
    async with exploring(pinning=m.Pin(model="tiny")) as ex:
        kinds = [type(r) for r in ex.engine.asked if isinstance(r, m.Score | m.Pin | m.Compare)]
        assert kinds == [m.Score, m.Pin, m.Compare]
        assert ex.title("table-pane").startswith("A now, B = tiny · ")


async def test_another_engine_pins_again_what_has_a_name_and_says_what_it_cannot() -> None:
    async with exploring(pinning=m.Pin(model="tiny")) as ex:
        await ex.press("escape", "s")
        ex.engine.die()
        await ex.until(lambda: isinstance(ex.app.screen, ConfirmScreen))
        await ex.settled()
        await ex.press("enter")
        await ex.until(lambda: ex.state.pinned is not None and len(ex.engines) == 2)
        await ex.settled()
        assert ex.asked(m.Pin) == [m.Pin(model="tiny")]
        assert ex.words("summary").startswith("mean −log p: A ")
        await ex.press("v", "v", "s")  # now the model at hand
        ex.engine.die()
        await ex.until(lambda: isinstance(ex.app.screen, ConfirmScreen))
        await ex.settled()
        await ex.press("enter")
        await ex.until(lambda: len(ex.engines) == 3)
        await ex.settled()
        assert ex.state.pinned is None and ex.asked(m.Pin) == []
        assert any("has gone with it" in words for words in ex.said)
        assert ex.title("table-pane").startswith("prefix → next token")


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (100, 30), (120, 40), (200, 60)])
async def test_at_every_size_a_b_and_their_difference_have_room(size: tuple[int, int]) -> None:
    async with exploring(size=size) as ex:
        await pinned_then_trained(ex)
        await ex.press("1")
        painted = "\n".join(ex.painted)
        assert "Δ A−B" in painted and all(cell_len(line) == size[0] for line in ex.painted)
        for position in range(6):
            assert any(sign in row(ex, position) for sign in "+−"), size
        words = ex.words("summary")
        assert words in painted and "A " in words and "Δ −" in words and "…" not in words
        await ex.press("2")
        assert "p A" in "\n".join(ex.painted) and "p B" in "\n".join(ex.painted)
        assert all(line.cell_length <= ex.candidates.size.width for line in ex.candidates.lines)


async def test_without_an_engine_or_a_model_nothing_is_pinned() -> None:
    async with exploring() as ex:
        await ex.press("escape")
        await ex.screen.live.close()
        await ex.press("v", "V")
        assert [words.startswith("No model is open") for words in ex.said] == [True, True]
