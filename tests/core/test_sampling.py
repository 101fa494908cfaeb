"""Controls over logits and the one draw."""

import math
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.sampling import SampleConfig, apply_temperature, controlled, draw, keep_top_k, keep_top_p, sample

LOGITS = st.lists(st.one_of(st.floats(-20, 20), st.integers(-3, 3).map(float)), min_size=1, max_size=12).map(
    lambda values: torch.tensor(values, dtype=torch.float64)
)
UNIFORM = st.floats(0, 1, exclude_max=True)
CONFIGS = st.builds(
    SampleConfig,
    temperature=st.one_of(st.just(0.0), st.floats(1e-30, 5)),
    top_k=st.one_of(st.none(), st.integers(1, 15)),
    top_p=st.one_of(st.none(), st.floats(0.01, 1)),
)


def kept(logits: Tensor) -> Tensor:
    return logits > -math.inf


@settings(deadline=None)
@given(LOGITS, st.floats(0.01, 10))
def test_temperature_divides_the_logits(logits: Tensor, temperature: float) -> None:
    torch.testing.assert_close(
        apply_temperature(logits, temperature).softmax(-1), (logits / temperature).softmax(-1)
    )


@settings(deadline=None)
@given(LOGITS)
def test_temperature_zero_is_greedy(logits: Tensor) -> None:
    probabilities = apply_temperature(logits, 0).softmax(-1)
    assert probabilities.tolist() == [1.0 if i == logits.argmax() else 0.0 for i in range(len(logits))]


@settings(deadline=None)
@given(LOGITS, st.integers(1, 15))
def test_top_k_keeps_exactly_k_and_the_best_ones(logits: Tensor, k: int) -> None:
    out = keep_top_k(logits, k)
    keeps = kept(out)
    assert keeps.sum() == min(k, len(logits))
    assert torch.equal(out[keeps], logits[keeps])
    if not keeps.all():
        assert logits[keeps].min() >= logits[~keeps].max()


@settings(deadline=None)
@given(LOGITS, st.floats(0.01, 0.99))
def test_top_p_keeps_the_fewest_that_reach_p(logits: Tensor, p: float) -> None:
    out = keep_top_p(logits, p)
    keeps, probabilities = kept(out), logits.softmax(-1)
    assert torch.equal(out[keeps], logits[keeps])
    assert probabilities[keeps].sum() >= p - 1e-12
    assert probabilities[keeps].sum() - probabilities[keeps].min() < p + 1e-12
    if not keeps.all():
        assert logits[keeps].min() >= logits[~keeps].max()


def sorted_top_p(logits: Tensor, p: float) -> Tensor:
    """The same of one row by sorting the whole vocabulary, equals in their order in it."""
    order = logits.sort(descending=True, stable=True).indices
    reached = logits.double().softmax(-1)[order].cumsum(-1)
    n_kept = 1 + int((reached[:-1] < p).sum())
    out = torch.full_like(logits, -math.inf)
    out[order[:n_kept]] = logits[order[:n_kept]]
    return out


@settings(deadline=None, max_examples=200)
@given(
    st.integers(0, 2**32),
    st.integers(1, 3000),
    st.sampled_from([0.0, 0.1, 1.0, 3.0, 30.0]),
    st.sampled_from([None, 0, 1]),
    st.one_of(st.floats(1e-6, 1 - 1e-9), st.sampled_from([0.25, 0.5, 0.75])),
)
def test_top_p_sorts_only_what_it_needs_and_keeps_what_a_whole_sort_would(
    seed: int, n_vocab: int, spread: float, places: int | None, p: float
) -> None:
    logits = spread * torch.randn(2, n_vocab, generator=torch.Generator().manual_seed(seed))
    if places is not None:
        logits = logits.round(decimals=places)  # many equals, also at the border
    expected = torch.stack([sorted_top_p(row, p) for row in logits])
    assert torch.equal(keep_top_p(logits, p), expected)


@settings(deadline=None)
@given(LOGITS)
@example(torch.tensor([0.0, -40.0, -41.0], dtype=torch.float64))  # whose first reaches 1 in floats
def test_no_limit_keeps_all(logits: Tensor) -> None:
    assert torch.equal(keep_top_k(logits, len(logits)), logits)
    assert torch.equal(keep_top_p(logits, 1.0), logits)


def test_a_tiny_temperature_is_as_good_as_zero() -> None:
    logits = torch.tensor([20.0, 19.0, -math.inf])
    assert apply_temperature(logits, 1e-40).tolist() == [0.0, -math.inf, -math.inf]


def test_controls_work_on_every_row_by_itself() -> None:
    logits = torch.randn(3, 4, 9, generator=torch.Generator().manual_seed(0))
    for control in (
        lambda x: keep_top_k(x, 3),
        lambda x: keep_top_p(x, 0.6),
        lambda x: apply_temperature(x, 0),
    ):
        rows = torch.stack([control(row) for row in logits.flatten(0, 1)]).view(3, 4, 9)
        assert torch.equal(control(logits), rows)


@settings(deadline=None)
@given(LOGITS, CONFIGS, UNIFORM)
def test_a_draw_is_one_of_the_kept_tokens(logits: Tensor, config: SampleConfig, uniform: float) -> None:
    before = logits.clone()
    token_id = sample(logits, config, uniform)
    assert kept(controlled(logits, config))[token_id]
    assert torch.equal(logits, before)


def test_every_token_gets_its_share_of_the_draws() -> None:
    probabilities = torch.tensor([0.1, 0.0, 0.6, 0.3, 0.0])
    drawn = [sample(probabilities.log(), SampleConfig(), (i + 0.5) / 1000) for i in range(1000)]
    assert [drawn.count(i) for i in range(5)] == [100, 0, 600, 300, 0]


def test_the_first_and_the_last_draw_miss_what_is_impossible() -> None:
    logits = torch.tensor([-math.inf, 0.0, 1.0, -math.inf])
    assert sample(logits, SampleConfig(), 0.0) == 1
    assert sample(logits, SampleConfig(), math.nextafter(1, 0)) == 2


def test_the_order_is_temperature_then_top_k_then_top_p() -> None:
    logits = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64).log()
    config = SampleConfig(temperature=0.5, top_k=2, top_p=0.7)  # 25 : 9 : 4, of which 25 / 34 is above 0.7
    assert kept(controlled(logits, config)).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"temperature": -1.0}, "temperature is -1"),
        ({"temperature": math.nan}, "temperature is nan"),
        ({"temperature": math.inf}, "temperature is inf"),
        ({"top_k": 0}, "top-k is 0"),
        ({"top_p": 0.0}, "top-p is 0"),
        ({"top_p": 1.5}, "top-p is 1.5"),
    ],
)
def test_a_control_out_of_range_is_refused(bad: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SampleConfig(**bad)


@settings(deadline=None)
@given(LOGITS, UNIFORM)
def test_a_greedy_draw_is_that_of_the_limit_distribution(logits: Tensor, uniform: float) -> None:
    greedy = SampleConfig(temperature=0)
    assert sample(logits, greedy, uniform) == draw(controlled(logits, greedy), uniform)


def test_a_draw_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match=r"the draw is 1\.0"):
        sample(torch.zeros(3), SampleConfig(), 1.0)
    for logits in ([math.nan, 0.0], [math.inf, 0.0], [-math.inf, -math.inf]):
        for config in (SampleConfig(), SampleConfig(temperature=0), SampleConfig(top_p=0.5)):
            with pytest.raises(ValueError, match="no probabilities"):
                sample(torch.tensor(logits), config, 0.5)
