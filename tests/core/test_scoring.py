"""A table's figures against a plain loop that recomputes every prefix, torch and the field's formulas."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.distributions import Categorical

from core.messages import Table
from core.models.gpt2 import Config, Model
from core.scoring import Scorer
from core.tokenizer import gpt2
from tests.core import tiny

C = 8
LONG = "The fat cat sat on the mat, and the dog sat on a lap: 雨 🐈‍⬛ naïve <|endoftext|>!\n\n\tEnd"


@pytest.fixture(scope="module")
def model() -> Model:
    made = tiny.model(Config(n_positions=C, n_embd=8, n_layer=2, n_head=2))
    with torch.no_grad():  # further from uniform than a fresh model is
        made.wte.weight.mul_(40)
    return made


@pytest.fixture
def scorer(model: Model) -> Scorer:
    return Scorer(model, gpt2())


def table_of(scorer: Scorer, text: str, top_k: int = 5) -> Table:
    return scorer.table(text, gpt2().encode(text), top_k=top_k, step=3)


def logits_after(model: Model, ids: list[int], position: int) -> torch.Tensor:
    """What the model says after token `position`, by running all of its window anew: (V,) float64."""
    start = position // C * C
    with torch.no_grad():
        return model.logits(model(torch.tensor([ids[start : position + 1]])))[0, -1].double()


@pytest.mark.parametrize("n", [1, 2, C - 1, C, C + 1, 2 * C, 2 * C + 1, 27])
def test_every_token_but_the_first_is_predicted_from_its_window(model: Model, scorer: Scorer, n: int) -> None:
    ids = gpt2().encode(LONG)[:n]
    table = scorer.table(gpt2().decode(ids).decode("utf-8", "replace"), ids, top_k=5, step=0)
    assert len(table.predictions) == n
    assert table.window_starts == tuple(range(0, n, C))
    for position, prediction in enumerate(table.predictions):
        logits = logits_after(model, ids, position)
        entropy = Categorical(logits=logits).entropy().item()
        assert float(prediction.entropy) == pytest.approx(entropy, rel=1e-4)
        order = logits.argsort(descending=True)
        assert [c.token_id for c in prediction.top] == order[:5].tolist()
        if position == n - 1:
            assert prediction.target is None
        else:
            target = ids[position + 1]
            expected = F.cross_entropy(logits, torch.tensor(target)).item()
            assert prediction.target is not None and prediction.target.token_id == target
            assert prediction.target.surprisal == pytest.approx(expected, rel=1e-4)
            assert prediction.target.rank == 1 + order.tolist().index(target)


def test_surprisals_are_those_of_the_table(scorer: Scorer) -> None:
    ids = gpt2().encode(LONG)
    from_table = [p.target.surprisal for p in table_of(scorer, LONG).predictions if p.target is not None]
    assert scorer.surprisals(ids).tolist() == pytest.approx(from_table, rel=1e-6)
    assert len(from_table) == len(ids) - 1
    assert scorer.surprisals(ids[:1]).shape == scorer.surprisals([]).shape == (0,)


def test_the_mean_is_the_cross_entropy_and_perplexity_and_bits_follow(model: Model, scorer: Scorer) -> None:
    ids = gpt2().encode(LONG)
    logits = torch.stack([logits_after(model, ids, position) for position in range(len(ids) - 1)])
    loss = F.cross_entropy(logits, torch.tensor(ids[1:])).item()
    summary = table_of(scorer, LONG).summary
    assert summary.scored == len(ids) - 1  # the open row counts in no mean
    assert float(summary.mean or 0) == pytest.approx(loss, rel=1e-5)
    assert float(summary.perplexity or 0) == pytest.approx(math.exp(loss), rel=1e-4)
    n_bytes = len(LONG.encode()) - len("The")  # of the scored tokens, in UTF-8
    bits = loss * (len(ids) - 1) / math.log(2)
    assert float(summary.bits_per_byte or 0) == pytest.approx(bits / n_bytes, rel=1e-5)


@pytest.mark.parametrize("n", [1, 2, C - 1, C, 2 * C + 3])
def test_row_0_is_the_first_token_after_endoftext_and_shifts_the_windows(
    model: Model, scorer: Scorer, n: int
) -> None:
    text = gpt2().decode(gpt2().encode(LONG)[:n]).decode("utf-8", "replace")
    ids = [50256, *gpt2().encode(text)]
    table = scorer.table(text, ids, top_k=5, step=0, first_token=True)
    logits = torch.stack([logits_after(model, ids, position) for position in range(n)])
    nats = F.cross_entropy(logits, torch.tensor(ids[1:]), reduction="none")
    scored = [p.target.surprisal for p in table.predictions if p.target is not None]
    assert scored == pytest.approx(nats.tolist(), rel=1e-4) and len(table.predictions) == n + 1
    assert table.window_starts == tuple(range(0, n + 1, C)), "<|endoftext|> takes a place like any token"
    assert b"".join(token.piece for token in table.text_tokens) == text.encode()
    assert [table.number(position) for position in range(n + 1)] == list(range(n + 1))
    summary = table.summary
    assert summary.scored == n
    assert float(summary.mean or 0) == pytest.approx(nats.mean().item(), rel=1e-5)
    if n == 1:
        assert summary.without_first is None
    else:
        assert float(summary.without_first or 0) == pytest.approx(nats[1:].mean().item(), rel=1e-5)
    bits = nats.sum().item() / math.log(2)
    assert float(summary.bits_per_byte or 0) == pytest.approx(bits / len(text.encode()), rel=1e-5)


def test_what_is_read_at_once_is_the_same_and_reads_the_head_once(
    monkeypatch: pytest.MonkeyPatch, model: Model, scorer: Scorer
) -> None:
    text = "The fat cat sat on the mat, and the dog sat on a lap"
    ids = gpt2().encode(text)
    bit_by_bit = table_of(Scorer(model, gpt2()), text)
    heads: list[int] = []
    logits = model.logits

    def counted(hidden: torch.Tensor) -> torch.Tensor:
        heads.append(len(hidden))
        return logits(hidden)

    monkeypatch.setattr(model, "logits", counted)
    scorer.read(ids, 5)
    table = table_of(scorer, text)
    assert heads == [len(ids)]
    for mine, other in zip(table.predictions, bit_by_bit.predictions, strict=True):
        assert [c.token_id for c in mine.top] == [c.token_id for c in other.top]
        assert float(mine.entropy) == pytest.approx(float(other.entropy), abs=1e-5)


def test_moved_is_the_change_of_each_targets_surprisal(scorer: Scorer) -> None:
    ids = gpt2().encode(LONG)
    before = torch.arange(len(ids) - 1, dtype=torch.float64) / 7
    table = scorer.table(LONG, ids, top_k=1, step=5, before=before, before_step=2)
    assert (table.step, table.moved_from) == (5, 2)
    for i, prediction in enumerate(table.predictions[:-1]):
        assert prediction.target is not None
        assert float(prediction.moved or 0) == pytest.approx(prediction.target.surprisal - i / 7)
    assert table.predictions[-1].moved is None


def test_a_text_unchanged_by_a_step_has_not_moved(scorer: Scorer) -> None:
    ids = gpt2().encode(LONG)
    table = scorer.table(LONG, ids, top_k=1, step=5, before=scorer.surprisals(ids), before_step=4)
    assert [float(p.moved or 0) for p in table.predictions[:-1]] == pytest.approx(
        [0.0] * (len(ids) - 1), abs=1e-5
    )


def test_scoring_changes_nothing_and_repeats_itself(model: Model, scorer: Scorer) -> None:
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    state = torch.get_rng_state()
    assert table_of(scorer, LONG) == table_of(scorer, LONG)
    assert tiny.same(before, {name: p.detach() for name, p in model.named_parameters()})
    assert torch.equal(torch.get_rng_state(), state)
    assert all(p.grad is None for p in model.parameters())


def test_a_text_of_many_rows_is_cut_without_a_seam(monkeypatch: pytest.MonkeyPatch, scorer: Scorer) -> None:
    whole = table_of(scorer, LONG)
    monkeypatch.setattr("core.scoring._ROWS_AT_ONCE", 3)
    for a, b in zip(whole.predictions, table_of(scorer, LONG).predictions, strict=True):
        assert float(a.entropy) == pytest.approx(float(b.entropy), rel=1e-6)
        assert [c.token_id for c in a.top] == [c.token_id for c in b.top]


@pytest.mark.parametrize("position", [0, 3, C - 1, C, 2 * C + 1])
def test_find_sees_what_the_window_of_the_position_says(model: Model, scorer: Scorer, position: int) -> None:
    ids = gpt2().encode(LONG)
    log_probs = logits_after(model, ids, position).log_softmax(-1)
    found, matches = scorer.find(ids, position, "cat", 6)
    holding = [i for i in range(50257) if b"cat" in gpt2().piece(i)]
    assert matches == len(holding)
    itself = {i for i in holding if gpt2().piece(i) in (b"cat", b" cat")}
    expected = sorted(holding, key=lambda i: (i not in itself, -log_probs[i].item()))[:6]
    assert len(itself) == 2
    assert [c.token_id for c in found] == expected
    assert [float(c.log_prob) for c in found] == pytest.approx(log_probs[expected].tolist(), rel=1e-4)
    assert [c.rank for c in found] == [1 + int((log_probs > log_probs[i]).sum()) for i in expected]


def test_find_of_nothing_ranks_all_tokens(model: Model, scorer: Scorer) -> None:
    ids = gpt2().encode(LONG)
    found, matches = scorer.find(ids, 2, "", 5)
    assert [c.token_id for c in found] == logits_after(model, ids, 2).argsort(descending=True)[:5].tolist()
    assert ([c.rank for c in found], matches) == ([1, 2, 3, 4, 5], 50257)


def test_find_without_a_match_finds_nothing(scorer: Scorer) -> None:
    assert scorer.find([1, 2, 3], 1, "no token holds this", 5) == ([], 0)


def test_find_outside_the_text_is_refused(scorer: Scorer) -> None:
    for position in (-1, 3):
        with pytest.raises(ValueError, match=f"position {position} "):
            scorer.find([1, 2, 3], position, "a", 5)


def test_a_model_that_has_gone_to_nan_can_still_be_looked_at() -> None:
    model = tiny.model(Config(n_positions=C, n_embd=8, n_layer=1, n_head=1))
    with torch.no_grad():
        model.ln_f.weight[0] = math.nan
    table = table_of(Scorer(model, gpt2()), "The fat cat")
    assert table.summary.mean == table.summary.perplexity == "nan"
    assert table.predictions[0].target is not None and table.predictions[0].target.log_prob == "nan"
