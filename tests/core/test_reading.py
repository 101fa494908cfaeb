"""What is remembered of a text never shows: every table is that of a scorer that sees its text first."""

from random import Random
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core import scoring
from core.messages import Prediction
from core.models.gpt2 import Config, Model
from core.products import body, products
from core.reading import Reading
from core.scoring import Scorer
from core.tokenizer import gpt2
from tests.core import tiny

C = 6
BAR = 1e-5


def made() -> Model:
    """A tiny model whose predictions depend on more than the last token."""
    model = tiny.model(Config(n_positions=C, n_embd=8, n_layer=2, n_head=2))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(6)
    return model


def close(a: Prediction, b: Prediction) -> None:
    assert float(a.entropy) == pytest.approx(float(b.entropy), rel=BAR, abs=BAR)
    assert [float(c.log_prob) for c in a.top] == pytest.approx(
        [float(c.log_prob) for c in b.top], rel=BAR, abs=BAR
    )
    assert (a.target is None) == (b.target is None)
    if a.target is not None and b.target is not None:
        assert a.target.token_id == b.target.token_id
        assert float(a.target.log_prob) == pytest.approx(float(b.target.log_prob), rel=BAR, abs=BAR)
        assert abs(a.target.rank - b.target.rank) <= 2  # of tokens that are alike to the last digit


def agrees_with_a_new_one(model: Model, scorer: Scorer, ids: list[int], top_k: int) -> None:
    tables = [s.table("", ids, top_k=top_k, step=0) for s in (scorer, Scorer(model, gpt2()))]
    for kept, anew in zip(tables[0].predictions, tables[1].predictions, strict=True):
        close(kept, anew)
    means = [table.summary.mean for table in tables]
    assert means[0] == (None if means[1] is None else pytest.approx(means[1], rel=1e-5))
    assert [t.token_id for t in tables[0].tokens] == ids


EDITS = st.tuples(
    st.sampled_from(
        ["append", "delete", "middle", "elsewhere", "weights", "fused", "data", "stop", "measure"]
    ),
    st.integers(0, 10**6),
    st.integers(1, 5),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(EDITS, min_size=1, max_size=8))
def test_after_any_edits_a_table_is_that_of_the_text_read_anew(edits: list[tuple[str, int, int]]) -> None:
    model = made()
    scorer = Scorer(model, gpt2())
    ids: list[int] = []
    for kind, seed, top_k in edits:
        draws = Random(seed)
        new = [draws.randrange(1000) for _ in range(draws.choice((1, 2, C, 3 * C)))]
        at = draws.randrange(len(ids) + 1)
        match kind:
            case "append":
                ids = ids + new
            case "delete":
                ids = ids[:at]
            case "middle":
                ids = ids[:at] + new + ids[at + draws.randrange(2) :]
            case "elsewhere":
                ids = new
            case "weights":
                with torch.no_grad():
                    model.blocks[0].ln_1.weight.add_(0.5)  # type: ignore[union-attr, operator]
            case "fused":
                step_fused(model)
            case "data":
                model.wte.weight.data.mul_(1.1)
            case "stop":
                ids = ids + new
                for _ in zip(scorer.steps(ids, top_k), range(1 + seed % 3), strict=False):
                    pass
                ids = ids[: len(ids) - seed % 2]
            case "measure":
                anew = Scorer(model, gpt2()).surprisals(ids)
                assert scorer.surprisals(ids).tolist() == pytest.approx(anew.tolist(), rel=BAR, abs=BAR)
        agrees_with_a_new_one(model, scorer, ids, top_k)


def step_fused(model: Model) -> None:
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    torch.optim.AdamW(model.parameters(), lr=0.05, fused=True).step()


class Counted:
    """A model that notes how many tokens it has read and for how many rows it was asked for logits."""

    def __init__(self, model: Model, patch: pytest.MonkeyPatch) -> None:
        self.tokens: list[int] = []
        self.rows: list[int] = []
        self.precisions: set[tuple[str, bool]] = set()  # of float32's products, and whether autocast is on
        forward, logits = model.forward, model.logits

        def counted(ids: Tensor, **others: Any) -> Tensor:
            self.tokens.append(ids.numel())
            precision = torch.backends.mkldnn.matmul.fp32_precision  # type: ignore[attr-defined]
            self.precisions.add((precision, torch.is_autocast_enabled("cpu")))
            return forward(ids, **others)

        def asked(hidden: Tensor) -> Tensor:
            self.rows.append(hidden.numel() // hidden.shape[-1])
            return logits(hidden)

        patch.setattr(model, "forward", counted)
        patch.setattr(model, "logits", asked)

    def taken(self) -> tuple[list[int], list[int]]:
        taken = self.tokens, self.rows
        self.tokens, self.rows = [], []
        return taken


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> tuple[Scorer, Counted]:
    model = tiny.model(Config(n_positions=40, n_embd=8, n_layer=1, n_head=2))
    return Scorer(model, gpt2()), Counted(model, monkeypatch)


def test_only_what_an_edit_changes_is_computed(counted: tuple[Scorer, Counted]) -> None:
    scorer, count = counted
    ids = list(range(30))

    def cost(ids: list[int], top_k: int = 3) -> tuple[list[int], list[int]]:
        scorer.table("", ids, top_k=top_k, step=0)
        return count.taken()

    assert cost(ids) == ([30], [1, 29])  # the open row first
    assert cost(ids) == ([], [])
    assert cost([*ids, 7]) == ([1], [2])  # the new row, and the one that has a target now
    assert cost(ids) == ([], [])  # what was there before
    assert cost([*ids[:29], 7, 8]) == ([2], [3])  # a last token that became two others
    assert cost([*ids[:10], 7, *ids[10:]]) == ([21], [1, 21])
    assert cost([*ids[:10], 7, *ids[10:]], top_k=2) == ([], [])
    assert cost([*ids[:10], 7, *ids[10:]], top_k=3) == ([], [1, 30])


def test_windows_before_an_edit_stay_as_they_are(counted: tuple[Scorer, Counted]) -> None:
    scorer, count = counted
    ids = list(range(100))  # windows of 40, 40 and 20
    scorer.table("", ids, top_k=3, step=0)
    assert count.taken() == ([20, 80], [1, 64, 35])
    scorer.table("", [*ids, 7], top_k=3, step=0)
    assert count.taken() == ([1], [2])
    scorer.table("", [*ids[:50], 7, *ids[50:]], top_k=3, step=0)
    assert count.taken() == ([21, 40], [1, 51])  # the last window first, then the one that was edited


def test_the_open_row_is_known_first_and_what_was_computed_before_a_stop_is_kept(
    counted: tuple[Scorer, Counted],
) -> None:
    scorer, count = counted
    ids = list(range(100))
    open_rows = []
    for open_row in scorer.steps(ids, 3):
        if open_row is not None:
            open_rows.append(open_row)
            break
    assert count.taken() == ([20], [1])
    table = scorer.table("", ids, top_k=3, step=0)
    assert table.predictions[-1] is open_rows[0]
    assert count.taken() == ([80], [64, 35])


def test_a_surprisal_measured_before_the_table_spares_it_the_reading(counted: tuple[Scorer, Counted]) -> None:
    scorer, count = counted
    ids = list(range(30))
    scorer.surprisals(ids)
    assert count.taken() == ([30], [])
    scorer.table("", ids, top_k=3, step=0)
    assert count.taken() == ([], [1, 29])


def test_weights_that_stay_are_not_taken_for_others_though_they_went_to_nan() -> None:
    model = made()
    with torch.no_grad():
        model.ln_f.weight[0] = torch.nan
    reading = Reading(model)
    reading.turn_to([1, 2, 3])
    assert reading.turn_to([1, 2, 3]) == 3


def test_each_parameter_alone_is_seen_to_change() -> None:
    model = made()
    reading = Reading(model)
    for parameter in model.parameters():
        reading.turn_to([1, 2, 3])
        parameter.data.add_(1e-3)
        assert reading.turn_to([1, 2, 3]) == 0
        assert reading.turn_to([1, 2, 3]) == 3


def test_a_single_weight_that_is_written_to_is_seen_to_change() -> None:
    model = made()
    reading = Reading(model)
    for row in range(3):
        for column in range(8):
            reading.turn_to([1, 2, 3])
            with torch.no_grad():
                model.wte.weight[row, column] += 1
            assert reading.turn_to([1, 2, 3]) == 0


def test_a_text_is_read_in_float32_in_the_middle_of_a_step_in_bfloat16(
    counted: tuple[Scorer, Counted],
) -> None:
    scorer, count = counted
    with body("bfloat16"), products("bfloat16"):
        scorer.table("", [1, 2, 3], top_k=3, step=0)
        scorer.surprisals([4, 5, 6])
        scorer.find([7, 8, 9], 1, "a", 3)
    assert count.precisions == {("ieee", False)}


def test_a_text_of_many_pieces_is_cut_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.reading._TOKENS_AT_ONCE", 2)
    monkeypatch.setattr(scoring, "_ROWS_AT_ONCE", 3)
    model = made()
    kept = Scorer(model, gpt2()).table("", list(range(20)), top_k=3, step=0)
    monkeypatch.undo()
    anew = Scorer(model, gpt2()).table("", list(range(20)), top_k=3, step=0)
    for a, b in zip(kept.predictions, anew.predictions, strict=True):
        close(a, b)
