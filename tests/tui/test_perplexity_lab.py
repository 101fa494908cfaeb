"""The perplexity view through the screen: how few tokens carry the mean, and a mean that is typed."""

import math

import pytest
import torch
from rich.cells import cell_len

from core import messages as m
from core.text import visible
from tests.tui.exploring import Exploration, exploring, raw
from tests.tui.test_surprise_lab import fault, told
from tui import formats
from tui.formats import Unit
from tui.screens.perplexity_lab import PerplexityLab
from tui.widgets.rows import Rows

SIZES = [(80, 24), (120, 40), (200, 60)]
OPEN = ("escape", "L", "5")
TEXT = "The fat cat sat on the mat. The dog sat on the cat, and the fat mat was flat."


def scored(ex: Exploration) -> tuple[list[m.Prediction], torch.Tensor]:
    """The scored predictions of the prompt, and their surprisals."""
    rows = [each for each in ex.table.predictions if each.target is not None]
    return rows, torch.tensor([each.target.surprisal for each in rows if each.target], dtype=torch.float64)


def count(value: float) -> str:
    return formats.count(value)


@pytest.mark.parametrize("size", SIZES)
async def test_the_books_mean_is_its_perplexity_to_the_digit(size: tuple[int, int]) -> None:
    async with exploring(size=size) as ex:
        await ex.press(*OPEN)
        assert told(ex, "a mean loss of 10.793964 nats is a perplexity of 48,725.8")
        assert told(ex, "printed as 10.7940 nats", "from 48,725.1 to 48,730.0")
        await ex.press("n")
        assert told(ex, "15.572398 bits is a perplexity of 48,725.8"), "it has no unit"


async def test_a_typed_mean_is_shown_at_once_and_undone() -> None:
    async with exploring(size=(80, 24)) as ex:
        await ex.press(*OPEN, "m")
        await ex.type("2")
        assert told(ex, "2.000000 nats is a perplexity of 7.39")
        await ex.press("enter", "enter")
        await ex.type("10.7940")
        assert told(ex, "10.794000 nats is a perplexity of 48,727.6")
        assert told(ex, "printed as 10.7940 nats", "from 48,725.1 to 48,730.0")
        await ex.type("x")
        assert fault(ex) == "type a mean loss in nats, 0 or more, such as 10.7940"
        await ex.press("escape")
        assert told(ex, "2.000000 nats is a perplexity of 7.39")
        await ex.press("n", "m")
        await ex.type("3")
        assert told(ex, "3.000000 bits is a perplexity of 8.00")
        await ex.press("enter", "r")
        assert told(ex, "is a perplexity of 48,725.8")


@pytest.mark.parametrize("size", SIZES)
async def test_the_mean_its_perplexity_and_what_was_expected_are_named_apart(size: tuple[int, int]) -> None:
    async with exploring(size=size) as ex:
        await ex.write(TEXT)
        rows, nats = scored(ex)
        entropies = torch.tensor([float(row.entropy) for row in rows], dtype=torch.float64)
        await ex.press(*OPEN)
        mean, perplexity = nats.mean().item(), count(nats.mean().exp().item())
        assert told(ex, "what came", "mean −log p", f"{mean:.4f} nats", "perplexity ", f" {perplexity}")
        expected, choices = entropies.mean().item(), count(entropies.mean().exp().item())
        (line,) = told(ex, "what the model expected", "mean H(q)", f"{expected:.4f} nats", f" {choices}")
        assert "perplexity" not in line and "exp(mean H(q))" in line
        top = int(nats.argmax())
        own = f"{float(rows[top].entropy):.4f} nats"
        (line,) = told(ex, "its prediction", "H(q)", own, "effective choices")
        assert line.split()[-1] == count(rows[top].effective_choices)
        assert "perplexity" not in line
        await ex.press("n")
        bits = mean / math.log(2)
        assert told(ex, "what came", f"{bits:.4f} bits", "perplexity ", f" {perplexity}")
        assert told(ex, "what the model expected", f"{expected / math.log(2):.4f} bits", f" {choices}")


def percent(share: float) -> str:
    return formats.probability(share)


async def test_the_most_surprising_tokens_come_first_with_their_shares_and_what_would_be_left() -> None:
    async with exploring(size=(80, 24)) as ex:
        await ex.write(TEXT)
        rows, nats = scored(ex)
        ranked = nats.sort(descending=True)
        await ex.press(*OPEN)
        for k in range(1, 12):
            i = int(ranked.indices[k - 1])
            piece = visible(ex.table.tokens[i + 1].piece)
            share, running = ranked.values[k - 1] / nats.sum(), ranked.values[:k].sum() / nats.sum()
            (line,) = told(ex, f"› {i + 1:4} → {piece} ", f"{nats[i]:.4f}", percent(share.item()))
            assert percent(running.item()) in line and "█" in line
            left = ranked.values[k:].mean()
            most = "the most surprising token" if k == 1 else f"the {k} most surprising tokens"
            assert told(ex, f"without {most}: mean {left:.4f} nats, perplexity {count(left.exp().item())}"), k
            await ex.press("down")
        half = int((ranked.values.cumsum(0) / nats.sum() >= 0.5).nonzero()[0]) + 1
        assert told(ex, f"Of {len(rows)} tokens scored, {half} tokens carry half of the sum")
        await ex.press("end")
        assert told(ex, f"without the {len(rows)} most surprising tokens: nothing is left")
        assert told(ex, "100.0 %")


async def test_a_key_puts_them_in_the_texts_order_and_back_the_cursor_on_the_same_token() -> None:
    async with exploring() as ex:
        await ex.write(TEXT)
        _, nats = scored(ex)
        ranked = nats.sort(descending=True)
        await ex.press(*OPEN, "down", "down")
        third = int(ranked.indices[2])
        assert told(ex, "# → most surprising") and told(ex, f"› {third + 1:4} → ")
        without = told(ex, "without the 3 most surprising tokens")
        await ex.press("s")
        assert told(ex, "# → as in the text") and told(ex, f"› {third + 1:4} → ")
        assert told(ex, "without the 3 most surprising tokens") == without
        shown = ex.dialog(PerplexityLab).query_one(Rows).rows
        assert [row.texts[0] for row in shown] == [str(i + 1) for i in range(len(nats))]
        assert shown[4].share == pytest.approx((nats[:5].sum() / nats.sum()).item())
        await ex.press("s")
        assert told(ex, "# → most surprising") and told(ex, f"› {third + 1:4} → ")
        await ex.click("#rows", 8, 1)
        assert told(ex, f"› {int(ranked.indices[0]) + 1:4} → ")


async def test_it_opens_at_the_row_of_the_table_or_at_the_most_surprising() -> None:
    async with exploring() as ex:
        await ex.press("escape", "up", "up", "L", "5")
        assert told(ex, "›    5 → ␣the")
        await ex.press("home", "r")
        assert told(ex, "›    5 → ␣the")
        await ex.press("escape", "end", "L", "5")
        _, nats = scored(ex)
        assert told(ex, f"› {int(nats.argmax()) + 1:4} → "), "the open row is not scored"


@pytest.mark.parametrize("text", ["", "cat"])
@pytest.mark.parametrize("size", SIZES)
async def test_where_nothing_is_scored_it_says_what_to_do_and_still_takes_a_mean(
    text: str, size: tuple[int, int]
) -> None:
    async with exploring(size=size) as ex:
        await ex.write(text)
        await ex.press(*OPEN)
        assert told(ex, "Nothing is scored yet", "two words or more")
        assert not told(ex, "what came") and not told(ex, "NaN")
        await ex.press("s", "down", "enter")
        await ex.type("1")
        assert told(ex, "1.000000 nats is a perplexity of 2.72")
        await ex.press("enter", "r", "escape")
        assert ex.app.screen is ex.screen


async def test_hostile_tokens_stay_in_their_cells() -> None:
    async with exploring(size=(80, 24)) as ex:
        await ex.write("[/b] \x1b[2J \u202e猫 [/ ][/")
        await ex.press(*OPEN)
        assert (
            raw(ex.painted) == set() and told(ex, "[/") and all(cell_len(line) == 80 for line in ex.painted)
        )


@pytest.mark.parametrize("size", [(60, 15), (99, 60), (200, 20), *SIZES])
async def test_at_every_size_the_numbers_are_whole(size: tuple[int, int]) -> None:
    async with exploring(size=size) as ex:
        await ex.write(TEXT)
        await ex.press(*OPEN)
        assert told(ex, "perplexity") and told(ex, "48,725.8")
        assert ex.dialog(PerplexityLab).query_one(Rows).size.height >= 2
        assert all(cell_len(line) == size[0] for line in ex.painted)
        assert told(ex, "esc Close") or size[0] == 60


async def test_it_is_set_up_by_name() -> None:
    async with exploring() as ex:
        await ex.press(*OPEN, "s", "end", "m")
        await ex.type("1")
        await ex.press("enter")
        view = ex.dialog(PerplexityLab)
        view.set_up("prompt")
        await ex.settled()
        assert told(ex, "most surprising") and told(ex, "48,725.8")
        assert view.unit is Unit.NATS
        with pytest.raises(ValueError, match="has no 'loss'; it has prompt"):
            view.set_up("loss")
