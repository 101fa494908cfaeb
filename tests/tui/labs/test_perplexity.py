"""The state of the perplexity view, without a screen."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.messages import Candidate, Prediction, Summary, Table, Token, real
from tui.formats import Unit
from tui.labs.perplexity import Perplexity


def table(nats: list[float], entropies: list[float] | None = None, *, first_token: bool = False) -> Table:
    """A text of tokens t0, t1, ... of which all but the first have these surprisals."""
    entropies = entropies or [1.0] * len(nats)
    tokens = tuple(Token(token_id=i, piece=f" t{i}".encode()) for i in range(len(nats) + 1))
    scored = [
        Prediction(
            entropy=real(entropy),
            top=(),
            target=Candidate(token_id=i + 1, piece=b"", log_prob=real(-value), rank=1),
        )
        for i, (value, entropy) in enumerate(zip(nats, entropies, strict=True))
    ]
    return Table(
        text="",
        tokens=tokens,
        predictions=(*scored, Prediction(entropy=1.0, top=())),
        window_starts=(0,),
        summary=Summary(scored=len(nats), mean=None, perplexity=None, bits_per_byte=None),
        step=0,
        first_token=first_token,
    )


NATS = st.lists(st.floats(0.01, 20), min_size=1, max_size=12)


@settings(deadline=None)
@given(NATS)
def test_shares_means_and_what_is_left_are_those_of_tensors(nats: list[float]) -> None:
    view, t = Perplexity(table(nats)), torch.tensor(nats, dtype=torch.float64)
    ranked = t.sort(descending=True).values
    assert view.mean == pytest.approx(t.mean().item())
    assert view.perplexity == pytest.approx(t.mean().exp().item())
    rows = view.rows
    assert [row.surprisal for row in rows] == ranked.tolist()
    assert [row.share for row in rows] == pytest.approx((ranked / t.sum()).tolist())
    assert [row.running for row in rows] == pytest.approx((ranked.cumsum(0) / t.sum()).tolist())
    assert [row.place for row in rows] == list(range(1, len(nats) + 1))
    for k in range(1, len(nats)):
        left = view.without(k)
        assert left.mean == pytest.approx(ranked[k:].mean().item())
        assert left.perplexity == pytest.approx(ranked[k:].mean().exp().item())
    nothing = view.without(len(nats))
    assert nothing.mean is None and nothing.perplexity is None


@given(NATS)
def test_in_the_texts_order_a_row_keeps_its_place_and_the_running_share_is_the_texts(
    nats: list[float],
) -> None:
    view = Perplexity(table(nats))
    places = {row.position: row.place for row in view.rows}
    view.in_text_order = True
    rows = view.rows
    assert [row.position for row in rows] == list(range(len(nats)))
    assert [row.number for row in rows] == list(range(1, len(nats) + 1))
    assert [row.token for row in rows] == [f"␣t{i + 1}" for i in range(len(nats))]
    assert {row.position: row.place for row in rows} == places
    assert rows[-1].running == pytest.approx(1)
    assert rows[0].running == rows[0].share


def test_what_was_expected_is_the_mean_entropy_and_each_row_has_its_own_choices() -> None:
    view = Perplexity(table([3.0, 1.0], [math.log(8), math.log(2)]))
    assert view.expected == pytest.approx(math.log(4)) and view.expected_choices == pytest.approx(4)
    assert [row.effective_choices for row in view.rows] == pytest.approx([8, 2])
    assert view.perplexity == pytest.approx(math.exp(2)), "it knows nothing of the entropies"


@pytest.mark.parametrize(
    ("nats", "half"), [([1.0], 1), ([6.0, 1.0, 1.0], 1), ([2.0, 2.0], 1), ([1.0] * 5, 3), ([0.0, 0.0], None)]
)
def test_how_few_tokens_have_half_of_the_sum(nats: list[float], half: int | None) -> None:
    assert Perplexity(table(nats)).half == half


def test_an_infinite_surprisal_comes_first_and_without_it_the_rest_has_a_mean() -> None:
    view = Perplexity(table([1.0, math.inf, 3.0]))
    assert view.mean == view.perplexity == math.inf and view.half is None
    assert [row.position for row in view.rows] == [1, 2, 0]
    assert all(math.isnan(row.share) and math.isnan(row.running) for row in view.rows)
    assert view.without(1).mean == 2.0
    broken = Perplexity(table([1.0, math.nan, math.inf]))
    assert [row.position for row in broken.rows] == [1, 2, 0]
    assert math.isnan(broken.mean) and broken.without(2).mean == 1.0


def test_the_prefix_of_a_row_is_the_text_before_its_target_without_the_start_of_all() -> None:
    assert Perplexity(table([1.0, 2.0])).prefix(1) == "t0 t1"
    assert Perplexity(table([1.0, 2.0], first_token=True)).prefix(1) == "t1"
    assert [row.number for row in Perplexity(table([1.0, 2.0], first_token=True)).rows] == [1, 0]


@pytest.mark.parametrize("nothing", [None, table([])])
def test_where_nothing_is_scored_there_are_no_rows(nothing: Table | None) -> None:
    view = Perplexity(nothing)
    assert view.scored == 0 and view.rows == [] and view.half is None


def test_a_typed_mean_is_a_perplexity_whatever_the_unit() -> None:
    view = Perplexity(None)
    assert f"{view.typed:.4f} {view.typed_perplexity:,.1f}" == "10.7940 48,725.8"
    view.set_typed("10.7940", Unit.NATS)
    assert view.typed_perplexity == pytest.approx(math.exp(10.7940))
    view.set_typed("3 bits", Unit.BITS)
    assert view.typed_perplexity == pytest.approx(8)
    view.set_typed("0", Unit.NATS)
    assert view.typed_perplexity == 1
    view.set_typed("1e4", Unit.NATS)
    assert view.typed_perplexity == math.inf


def test_four_printed_places_leave_a_perplexity_open_to_some_units() -> None:
    view = Perplexity(None)
    printed = view.printed(Unit.NATS)
    assert printed.digits == "10.7940"
    assert (printed.low, printed.high) == pytest.approx((math.exp(10.79395), math.exp(10.79405)))
    assert printed.low < 48_725.8 < printed.high
    view.set_typed("10.794049", Unit.NATS)
    assert view.printed(Unit.NATS) == printed
    bits = view.printed(Unit.BITS)
    low, high = ((float(bits.digits) + by) * math.log(2) for by in (-5e-5, 5e-5))
    assert (bits.low, bits.high) == pytest.approx((math.exp(low), math.exp(high)))


@pytest.mark.parametrize("typed", ["", "-1", "nan", "inf", "much", "3 bits"])
def test_what_is_no_mean_is_refused_in_one_sentence(typed: str) -> None:
    view = Perplexity(None)
    with pytest.raises(ValueError, match="type a mean loss in nats, 0 or more"):
        view.set_typed(typed, Unit.NATS)
    assert f"{view.typed_perplexity:,.1f}" == "48,725.8"
