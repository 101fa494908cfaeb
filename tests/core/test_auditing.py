"""A row's arithmetic against torch, closed forms and a plain sum, also where numbers are not finite."""

import math
from pathlib import Path

import msgspec
import pytest
import torch
import torch.nn.functional as F
from torch.distributions import Categorical

from core import messages as m
from core.auditing import arithmetic, weights_on_disk
from core.sources import Folder, Fresh, Tiny
from core.tokenizer import gpt2

IDS = [464, 3, 5, 7]
SURPRISALS = torch.tensor([1.5, 2.25, 0.125], dtype=torch.float64)
INF = math.inf


def made(logits: torch.Tensor, position: int = 1, surprisals: torch.Tensor = SURPRISALS) -> m.Arithmetic:
    """As it comes out of the engine at the other side of the wire; the row's own surprisal is torch's."""
    if position + 1 < len(IDS):
        surprisals = surprisals.clone()
        surprisals[position] = F.cross_entropy(logits.double(), torch.tensor(IDS[position + 1]))
    row = arithmetic(logits, IDS, position, surprisals, step=4, tokenizer=gpt2(), folder=None)
    return msgspec.json.decode(msgspec.json.encode(row), type=m.Arithmetic)


def test_every_number_is_torchs_and_the_sums_are_the_texts() -> None:
    logits = torch.randn(11, generator=torch.Generator().manual_seed(2)) * 5 - 30
    exact = logits.double()
    row = made(logits)
    assert (row.position, row.step, row.token.token_id, row.token.piece) == (1, 4, 5, gpt2().piece(5))
    assert row.logit == exact[5].item()
    assert float(row.logsumexp) == pytest.approx(exact.exp().sum().log().item(), rel=1e-14)
    loss = F.cross_entropy(exact.unsqueeze(0), torch.tensor([5])).item()
    assert row.cross_entropy == loss and row.apart < 1e-14
    assert row.surprisal == pytest.approx(loss, rel=1e-14)
    assert row.probability == pytest.approx(exact.softmax(-1)[5].item(), rel=1e-14)
    assert row.rank == 1 + exact.argsort(descending=True).tolist().index(5)
    assert row.entropy == pytest.approx(Categorical(logits=exact).entropy().item(), rel=1e-12)
    assert (row.vocab_size, row.scored, row.others) == (11, 3, pytest.approx(1.625, rel=1e-14))
    assert row.total == pytest.approx(loss + 1.625, rel=1e-14)
    assert row.mean == pytest.approx((loss + 1.625) / 3, rel=1e-14)
    assert row.perplexity == pytest.approx(math.exp((loss + 1.625) / 3), rel=1e-14)
    assert row.share == pytest.approx(loss / (loss + 1.625)) == pytest.approx(row.part / row.mean)


def test_a_known_distribution_gives_its_logs() -> None:
    p = torch.full((8,), 0.125)
    p[5] = 0.5
    row = made((p / p.sum()).log() + 100)  # a constant on all logits changes nothing but the first two
    assert row.surprisal == pytest.approx(math.log(2.75), abs=1e-5)
    assert float(row.logsumexp) == pytest.approx(100, rel=1e-6)


def test_the_open_row_is_worked_out_for_the_first_guess_and_is_in_no_sum() -> None:
    logits = torch.zeros(9)
    logits[8] = 2
    row = made(logits, position=3)
    assert (row.token.token_id, row.rank, row.others, row.scored) == (8, 1, None, 3)
    assert row.surprisal == pytest.approx(math.log(8 + math.exp(2)) - 2, rel=1e-14)


def test_a_text_of_two_tokens_has_one_row_that_is_all_of_the_loss() -> None:
    row = arithmetic(
        torch.zeros(9), IDS[:2], 0, torch.ones(1).double(), step=0, tokenizer=gpt2(), folder=None
    )
    assert (row.scored, row.others, row.share) == (1, 0, 1), "whatever was taken in float32"
    assert row.mean == row.part == row.surprisal == pytest.approx(math.log(9))


def test_every_row_has_the_sum_of_the_table_though_each_is_off_by_another_error_there() -> None:
    logits = torch.randn(3, 11, generator=torch.Generator().manual_seed(3))
    exact = F.cross_entropy(logits.double(), torch.tensor(IDS[1:]), reduction="none")
    table = exact + torch.tensor([1e-5, -3e-6, 0])
    for position in range(3):
        row = arithmetic(logits[position], IDS, position, table, step=0, tokenizer=gpt2(), folder=None)
        assert row.surprisal == pytest.approx(exact[position].item(), rel=1e-14)
        assert row.total == pytest.approx(table.sum().item(), rel=1e-14)


def test_p_of_zero_is_an_infinite_surprisal_and_mean() -> None:
    logits = torch.zeros(9)
    logits[5] = -INF
    row = made(logits)
    assert (row.probability, row.surprisal, row.cross_entropy, row.apart) == (0, INF, "inf", 0)
    assert (row.total, row.mean, row.part, row.perplexity) == (INF, INF, INF, INF)
    assert math.isnan(row.share)
    assert row.rank == 9 and float(row.entropy) == pytest.approx(math.log(8))


def test_certainty_costs_nothing() -> None:
    logits = torch.full((9,), -INF)
    logits[5] = 3
    row = made(logits, surprisals=torch.zeros(3).double())
    assert (row.probability, row.surprisal, row.total, row.perplexity) == (1, 0, 0, 1)
    assert math.copysign(1, row.surprisal) == 1 and math.isnan(row.share)


@pytest.mark.parametrize("value", [math.nan, INF])
def test_logits_that_are_no_numbers_give_nan_and_no_error(value: float) -> None:
    logits = torch.zeros(9)
    logits[5] = value
    row = made(logits)
    for figure in (row.log_prob, row.probability, row.surprisal, row.apart, row.mean, row.perplexity):
        assert math.isnan(figure)
    assert row.cross_entropy == "nan"


def test_another_row_that_is_infinite_makes_the_mean_so_and_not_this_row() -> None:
    row = made(torch.zeros(9), surprisals=torch.tensor([1.0, 2.0, INF]).double())
    assert row.surprisal == pytest.approx(math.log(9)) and row.perplexity == INF
    assert row.share == 0


def test_a_mean_too_large_for_exp_is_an_infinite_perplexity() -> None:
    row = made(torch.zeros(9), surprisals=torch.full((3,), 5000.0).double())
    assert row.mean < 5000 and row.perplexity == INF


def test_in_the_middle_of_a_step_in_bfloat16_the_numbers_are_the_same() -> None:
    logits = torch.randn(11, generator=torch.Generator().manual_seed(2))
    with torch.autocast("cpu", torch.bfloat16):
        assert made(logits) == made(logits)
        inside = made(logits)
    assert inside == made(logits)


def test_weights_on_disk_are_those_of_the_source_at_its_start_and_of_a_checkpoint_at_its_step(
    tmp_path: Path,
) -> None:
    source = Folder(path=tmp_path / "model", name="model")
    run = tmp_path / "run"
    (run / "checkpoint-7").mkdir(parents=True)
    assert weights_on_disk(source, 0, None) == weights_on_disk(source, 0, run) == str(tmp_path / "model")
    assert weights_on_disk(source, 7, run) == str(run / "checkpoint-7")
    assert weights_on_disk(source, 6, run) is weights_on_disk(source, 7, None) is None
    assert weights_on_disk(Fresh(preset="small", context=8, seed=1), 0, run) is None
    assert weights_on_disk(Tiny(), 0, None) is None
    assert weights_on_disk(Tiny(), 7, run) == str(run / "checkpoint-7")
    assert weights_on_disk(Folder(path=Path("/a/\udcff"), name="a"), 0, None) is None
