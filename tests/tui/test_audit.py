"""The arithmetic of a row: its equations, the row and the run it follows, and what is copied."""

import math
from typing import Any

import msgspec
import pytest

from core import messages as m
from tests.tui.exploring import PROMPT, Exploration, exploring, raw, text_of
from tui.news import Audited
from tui.screens.audit import AuditScreen
from tui.screens.confirm import ConfirmScreen
from tui.widgets.equations import Equations

LN2 = math.log(2)
ROW = m.Arithmetic(
    position=1,
    step=0,
    token=m.Token(token_id=3797, piece=b" cat"),
    logit=-35.25,
    logsumexp=-32.25,
    cross_entropy=3.0,
    rank=1234,
    vocab_size=50257,
    entropy=4.0,
    scored=4,
    others=9.0,
)


def lines(ex: Exploration) -> list[str]:
    return text_of(ex.dialog(AuditScreen).query_one(Equations)).splitlines()


def values(ex: Exploration) -> dict[str, str]:
    """The numbers by their names; that without one is in bits."""
    return {line[:12].strip() or "bits": line[:-5].split()[-1] for line in lines(ex)[2:] if line}


async def shown(ex: Exploration, **changes: Any) -> list[str]:
    """The row with these changes, as the dialog shows it."""
    ex.dialog(AuditScreen).show_row(msgspec.structs.replace(ROW, **changes), ex.table.tokens[:2], 2)
    await ex.settled()
    return lines(ex)


def line_of(name: str, shown: list[str]) -> str:
    return next(line for line in shown if line.startswith(name))


async def test_each_number_stands_beside_what_it_is_made_from() -> None:
    async with exploring() as ex:
        await ex.press("escape", "home", "down", "a")
        text = await shown(ex)
        for name, equation, value, unit in (
            ("logit ", "of ␣cat, token 3797", "−35.250000", ""),
            ("logsumexp", "log Σ exp(logit) over 50,257 tokens", "−32.250000", ""),
            ("log p", "logit − logsumexp = −35.250000 − (−32.250000)", "−3.000000", ""),
            ("p ", "exp(log p) = exp(−3.000000)", f"{math.exp(-3):.6f}", ""),
            ("−log p", "surprisal = −(−3.000000)", "3.000000", "nats"),
            ("   ", "−log p / ln 2 = 3.000000 / 0.693147", f"{3 / LN2:.6f}", "bits"),
            ("sum", "−log p + others = 3.000000 + 9.000000", "12.000000", "nats"),
            ("  share", "−log p / sum = 3.000000 / 12.000000", "25.000000", "%"),
            ("mean = loss", "sum / rows = 12.000000 / 4", "3.000000", "nats"),
            ("  of it", "−log p / rows = 3.000000 / 4", "0.750000", "nats"),
            ("perplexity", "exp(mean) = exp(3.000000)", f"{math.exp(3):.6f}", ""),
            ("torch", "F.cross_entropy(logits, target), exactly −log p", "3.000000", "nats"),
            ("rank", "among 50,257 tokens", "1,234", ""),
            ("H(q)", f"−Σ q log q · {4 / LN2:.2f} bits · 54.6 effective choices", "4.000000", "nats"),
        ):
            line = line_of(name, text)
            assert equation in line
            assert line.split(equation)[1].split() == [value, unit][: 2 if unit else 1], line
        assert text[0].startswith("after “The fat” →  ␣cat ") and text[0].endswith("row 2 · step 0")
        assert "4.4e-16 nats from −log p" in line_of("torch", await shown(ex, cross_entropy=3.0 + 4.4e-16))


async def test_one_key_opens_the_row_under_the_cursor_and_its_numbers_are_the_tables() -> None:
    async with exploring() as ex:
        await ex.press("escape", "home", "down", "a")
        assert ex.asked(m.Audit) == [m.Audit(position=1)]
        target, summary = ex.table.predictions[1].target, ex.table.summary
        assert target is not None and summary.mean is not None
        made = values(ex)
        assert float(made["−log p"]) == float(made["torch"]) == round(target.surprisal, 6)
        assert float(made["mean = loss"]) == round(float(summary.mean), 6)
        assert made["rank"] == f"{target.rank:,}"
        for close in ("a", "q", "escape"):
            await ex.press(close)
            assert ex.app.screen is ex.screen and ex.app.focused is ex.rows
            await ex.press("a")
        assert len(ex.asked(m.Audit)) == 4


async def test_the_arrows_go_through_the_rows_down_to_the_open_one_where_nothing_follows_yet() -> None:
    async with exploring() as ex:
        await ex.press("escape", "home", "down", "down", "down", "a")
        for key, row in (("down", 4), ("j", 5), ("up", 4), ("k", 3), ("down", 4), ("down", 5)):
            await ex.press(key)
            target = ex.table.predictions[row].target
            assert target is not None and ex.rows.cursor == row
            assert float(values(ex)["−log p"]) == round(target.surprisal, 6)
            assert "sum" in values(ex) and "Nothing follows" not in "\n".join(lines(ex))
        await ex.press("down", "down")
        best = ex.table.predictions[6].top[0]
        assert ex.rows.cursor == 6
        assert lines(ex)[1].startswith("Nothing follows yet: these are the numbers of the first guess")
        assert (float(values(ex)["−log p"]), values(ex)["rank"]) == (round(best.surprisal, 6), "1")
        assert not {"sum", "mean = loss", "perplexity"} & values(ex).keys()


async def test_it_follows_the_run() -> None:
    async with exploring(steps_allowed=0) as ex:
        await ex.press("escape", "home", "f3", "a")
        before = values(ex)["−log p"]
        for step in (1, 2):
            ex.engine.allow_steps(1)
            await ex.until(lambda step=step: ex.table.step == step)  # type: ignore[misc]
            await ex.settled()
            target = ex.table.predictions[0].target
            assert target is not None and lines(ex)[0].endswith(f"step {step}")
            assert float(values(ex)["−log p"]) == round(target.surprisal, 6) != float(before)


async def test_of_many_moves_only_the_first_and_the_latest_are_worked_out() -> None:
    async with exploring() as ex:
        await ex.press("escape", "home", "a")
        ex.engine.stall()
        await ex.press("down", "down", "down")
        assert lines(ex)[0].startswith("after “The” →"), (
            "the numbers of another row are not shown as this one's"
        )
        ex.engine.go_on()
        await ex.settled()
        assert [request.position for request in ex.asked(m.Audit)] == [0, 1, 3]
        assert lines(ex)[0].startswith("after “The fat cat sat” →")
        ex.screen.post_message(Audited(ROW))  # of row 2
        await ex.settled()
        assert lines(ex)[0].startswith("after “The fat cat sat” →")


async def test_what_is_copied_is_pytorch_that_holds_the_numbers() -> None:
    async with exploring() as ex:
        await ex.press("escape", "home", "a", "c")
        target = ex.table.predictions[0].target
        assert target is not None and len(ex.said) == 1 and "clipboard" in ex.said[0]
        assert f"{target.surprisal:.6f} nats for b' fat'" in ex.app.clipboard
        compile(ex.app.clipboard, "clipboard", "exec")


async def test_with_weights_on_disk_what_is_copied_has_the_ids_of_the_rows_window() -> None:
    async with exploring(opening=m.Open(training=m.Training(context=4))) as ex:
        await ex.press("escape", "home", "a")
        ids = [token.token_id for token in ex.table.tokens]
        for position, window in ((2, ids[:3]), (3, ids[:4]), (5, ids[4:6])):
            ex.rows.select(position)
            await ex.settled()
            ex.screen.post_message(Audited(msgspec.structs.replace(ROW, position=position, folder="/m")))
            await ex.press("c")
            assert f"[{window}]" in ex.app.clipboard and "from_pretrained('/m')" in ex.app.clipboard


async def test_before_the_first_answer_there_is_nothing_to_copy_and_without_a_row_nothing_to_open() -> None:
    async with exploring() as ex:
        await ex.press("escape")
        ex.engine.stall()
        await ex.press("a", "c")
        assert lines(ex)[0].rstrip() == "working it out …" and ex.said == ["There is nothing to copy yet."]
        await ex.press("escape")
        ex.engine.go_on()
        await ex.write("")
        await ex.press("a")
        assert ex.app.screen is ex.screen and ex.said[-1].startswith("There is no row to work out yet")


async def test_the_row_of_a_text_just_typed_is_worked_out_once_its_table_is_there() -> None:
    async with exploring() as ex:
        ex.engine.stall()
        await ex.press("!", "escape", "a")
        ex.engine.go_on()
        await ex.settled()
        assert ex.prompt.text == PROMPT + "!" == ex.table.text
        assert ex.asked(m.Audit) == [m.Audit(position=7)]
        assert lines(ex)[0].startswith("after “The fat cat sat on the mat!” → ?")


async def test_what_the_engine_refuses_is_said_and_one_that_died_can_be_started_again_below_it() -> None:
    async with exploring() as ex:
        await ex.press("escape", "up")
        ex.engine.fail_next("no [/b] arithmetic", request=m.Audit)
        await ex.press("a")
        assert ex.said == ["no [/b] arithmetic"] and lines(ex)[0].rstrip() == "working it out …"
        await ex.press("up")
        assert "−log p" in values(ex)
        ex.engine.die("gone")
        await ex.until(lambda: isinstance(ex.app.screen, ConfirmScreen))
        await ex.settled()
        await ex.press("enter")
        assert len(ex.engines) == 2 and ex.asked(m.Audit)[-1] == m.Audit(position=4)
        assert ex.dialog(AuditScreen)


async def test_numbers_that_are_not_finite_are_shown_as_such() -> None:
    async with exploring() as ex:
        await ex.press("escape", "home", "a")
        none = await shown(ex, logit="-inf", cross_entropy="inf")
        for name, value in (("p ", "0.000000"), ("−log p", "∞"), ("sum", "∞"), ("  share", "NaN"),
                            ("mean", "∞"), ("perplexity", "∞"), ("torch", "∞")):  # fmt: skip
            assert line_of(name, none)[12:].replace("nats", "").replace("%", "").split()[-1] == value
        assert "exactly −log p" in line_of("torch", none) and "−∞ − (−32.250000)" in line_of("log p", none)
        diverged = await shown(
            ex, logit="nan", logsumexp="nan", cross_entropy="nan", entropy="nan", others="nan"
        )
        assert sum("NaN" in line for line in diverged) == 13
        assert "NaN nats from −log p" in line_of("torch", diverged)
        huge = await shown(ex, others=1e300, logit=-1e38, logsumexp=1e38)
        assert (
            line_of("perplexity", huge).split()[-1] == "∞" and line_of("p ", huge).split()[-1] == "0.000000"
        )
        assert "2.000000e+38" in line_of("−log p", huge)
        await ex.press("c")
        compile(ex.app.clipboard, "clipboard", "exec")


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40), (200, 60)])
async def test_no_number_is_cut_and_all_can_be_seen_at_every_size(size: tuple[int, int]) -> None:
    async with exploring(size=size) as ex:
        await ex.press("escape", "home", "down", "a")
        seen: set[str] = set()
        await shown(ex, logit=-135.25, logsumexp=-132.25, others=100_000.0)
        for key in ("pageup", "pagedown", "pagedown"):
            await ex.press(key)
            seen |= {line.strip(" ▁▂▃▄▅▆▇█") for line in ex.painted}
        equations = ex.dialog(AuditScreen).query_one(Equations)
        width = equations.scrollable_content_region.width
        assert all(line.cell_length <= width for line in equations.lines)
        for line in lines(ex):
            assert "…" not in line and "··" not in line
            assert any(line.strip() in painted for painted in seen), line
        if size[1] >= 24:
            assert equations.max_scroll_y == 0
        assert any("Copy PyTorch" in line and "Close" in line for line in seen)


async def test_what_is_outside_text_in_it_moves_no_cursor() -> None:
    async with exploring() as ex:
        await ex.write("a\x1b[31m [/b] \u202eb\x00")
        await ex.press("escape", "home", "a")
        assert " ␛ " in lines(ex)[0]
        for _ in ex.table.tokens:
            assert raw(ex.painted) == set()
            await ex.press("c", "down")
            assert ex.app.clipboard.replace("\n", "").isprintable()
