"""The quantities on plain floats: closed forms, and the same ones on tensors as the oracle."""

import math

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.nn import functional

from core import information as info
from core import losses

LOGITS = st.lists(st.floats(-30, 30), min_size=1, max_size=8)


@st.composite
def distributions(draw: st.DrawFn, n: int = 5) -> list[float]:
    """n probabilities, some of them 0."""
    weights = draw(st.lists(st.one_of(st.just(0.0), st.floats(0.01, 1)), min_size=n, max_size=n))
    assume(sum(weights) > 0)
    return [weight / sum(weights) for weight in weights]


def tensor(values: list[float]) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def logits_of(q: list[float]) -> torch.Tensor:
    return torch.log(tensor(q))


@settings(deadline=None)
@given(LOGITS, st.data())
def test_what_is_asked_of_logits_is_what_the_tensors_say(logits: list[float], data: st.DataObject) -> None:
    target = data.draw(st.integers(0, len(logits) - 1))
    q, t, at = info.softmax(logits), tensor(logits), torch.tensor(target)
    assert q == pytest.approx(losses.log_probs(t).exp().tolist())
    assert info.surprisal(q[target]) == pytest.approx(losses.surprisal(t, at).item(), abs=1e-12)
    assert info.one_minus_p(q[target]) == pytest.approx(losses.one_minus_p(t, at).item(), abs=1e-12)
    assert info.squared_distance(q, target) == pytest.approx(losses.squared_distance(t, at).item(), abs=1e-12)
    assert info.gradient_at_logits(q, target) == pytest.approx(
        losses.gradient_at_logits(t, at).tolist(), abs=1e-12
    )
    assert info.entropy(q) == pytest.approx(losses.entropy(t).item(), abs=1e-12)


@settings(deadline=None)
@given(LOGITS, st.floats(0.01, 100))
def test_a_temperature_divides_the_logits(logits: list[float], temperature: float) -> None:
    log_q = functional.log_softmax(tensor(logits) / temperature, -1)
    assert info.log_softmax(logits, temperature) == pytest.approx(log_q.tolist(), abs=1e-9)
    assert info.softmax(logits, temperature) == pytest.approx(log_q.exp().tolist(), abs=1e-12)


def test_a_log_probability_is_finite_where_the_probability_is_not_told_from_0() -> None:
    assert info.softmax([800.0, 0.0])[1] == 0
    assert info.log_softmax([800.0, 0.0]) == [0.0, -800.0]
    assert info.log_softmax([1e308, -1e308]) == [0.0, -math.inf]
    assert info.softmax([10.3, 7.6, 9.9], 1e-300) == [1.0, 0.0, 0.0]


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.inf, math.nan])
def test_what_is_no_temperature_is_refused(temperature: float) -> None:
    for quantity in (info.softmax, info.log_softmax):
        with pytest.raises(ValueError, match=r"the temperature is .*above 0 and finite"):
            quantity([1.0, 2.0], temperature)


@settings(deadline=None)
@given(LOGITS, st.data())
def test_gradients_are_what_autograd_finds(logits: list[float], data: st.DataObject) -> None:
    target = data.draw(st.integers(0, len(logits) - 1))
    for loss, gradient in (
        (losses.surprisal, info.gradient_at_logits),
        (losses.one_minus_p, info.gradient_of_one_minus_p),
        (losses.squared_distance, info.gradient_of_squared_distance),
    ):
        t = tensor(logits).requires_grad_()
        loss(t, torch.tensor(target)).backward()
        assert t.grad is not None
        assert gradient(info.softmax(logits), target) == pytest.approx(t.grad.tolist(), abs=1e-12)


@settings(deadline=None)
@given(distributions(), distributions())
def test_cross_entropy_and_kl_are_what_the_tensors_say(p: list[float], q: list[float]) -> None:
    assert info.entropy(p) == pytest.approx(losses.entropy(logits_of(p)).item(), abs=1e-12)
    assert info.cross_entropy(p, q) == pytest.approx(
        losses.soft_cross_entropy(logits_of(q), tensor(p)).item(), abs=1e-12
    )
    assert info.kl(p, q) == pytest.approx(losses.kl(tensor(p), logits_of(q)).item(), abs=1e-12)


@settings(deadline=None)
@given(distributions(), distributions())
def test_kl_is_what_q_costs_over_p_and_never_negative(p: list[float], q: list[float]) -> None:
    assert info.kl(p, q) >= 0
    assert info.kl(p, p) == 0
    assert info.cross_entropy(p, q) == pytest.approx(info.entropy(p) + info.kl(p, q))
    assert info.cross_entropy(p, p) == info.entropy(p)


@settings(deadline=None)
@given(distributions(), st.integers(0, 4))
def test_cross_entropy_collapses_for_a_one_hot_p(q: list[float], target: int) -> None:
    terms = info.cross_entropy_terms(info.one_hot(5, target), q)
    assert [term for i, term in enumerate(terms) if i != target] == [0.0] * 4
    assert sum(terms) == info.surprisal(q[target])


@settings(deadline=None)
@given(st.floats(1e-300, 1), st.floats(1e-300, 1))
def test_surprisals_of_independent_events_add(a: float, b: float) -> None:
    assume(a * b > 1e-300)
    assert info.surprisal(a * b) == pytest.approx(info.surprisal(a) + info.surprisal(b))


@settings(deadline=None)
@given(st.floats(0.001, 0.999))
def test_the_slope_of_surprisal_is_its_difference_quotient(p: float) -> None:
    h = 1e-6 * p
    quotient = (info.surprisal(p + h) - info.surprisal(p - h)) / (2 * h)
    assert info.slope_of_surprisal(p) == pytest.approx(quotient, rel=1e-5)


@settings(deadline=None)
@given(st.lists(st.floats(1e-30, 1), min_size=1, max_size=8))
def test_the_probabilities_of_independent_events_multiply_and_their_surprisals_add(p: list[float]) -> None:
    t = tensor(p)
    assert info.joint(p) == pytest.approx(t.prod().item(), rel=1e-12)
    added = info.total([info.surprisal(each) for each in p])
    assert added == pytest.approx(-t.log().sum().item(), rel=1e-12, abs=1e-12)
    assert info.surprisal(info.joint(p)) == pytest.approx(added, rel=1e-9, abs=1e-12)


def test_of_independent_events_one_minus_p_does_not_add_and_none_at_all_are_certain() -> None:
    assert 2 * info.one_minus_p(1 / 6) == pytest.approx(10 / 6)
    assert info.one_minus_p(info.joint([1 / 6, 1 / 6])) == pytest.approx(35 / 36)
    assert info.joint([]) == 1 and info.joint([0.5, 0.0]) == 0


@settings(deadline=None)
@given(st.floats(1e-6, 1))
def test_both_slopes_over_p_are_what_autograd_finds(p: float) -> None:
    for measure, slope in (
        (lambda x: 1 - x, info.slope_of_one_minus_p),
        (lambda x: -torch.log(x), info.slope_of_surprisal),
    ):
        x = torch.tensor(p, dtype=torch.float64, requires_grad=True)
        measure(x).backward()
        assert x.grad is not None and slope(p) == pytest.approx(x.grad.item(), rel=1e-12)


@settings(deadline=None)
@given(st.lists(st.floats(0, 20), min_size=1, max_size=8))
def test_the_mean_and_the_shares_are_those_of_tensors(nats: list[float]) -> None:
    t = tensor(nats)
    assert info.mean(nats) == pytest.approx(t.mean().item(), abs=1e-12)
    assume(t.sum().item() > 1e-300)
    assert info.shares(nats) == pytest.approx((t / t.sum()).tolist(), abs=1e-12)


def test_a_sum_that_cannot_be_shared_has_no_shares_and_nothing_has_no_mean() -> None:
    assert all(map(math.isnan, info.shares([0.0, 0.0]) + info.shares([1.0, math.inf])))
    assert info.mean([1.0, math.inf]) == math.inf
    with pytest.raises(ValueError, match="no mean"):
        info.mean([])


def test_the_impossible_is_infinitely_surprising() -> None:
    assert info.surprisal(0) == math.inf
    assert info.slope_of_surprisal(0) == -math.inf
    assert info.cross_entropy([0.5, 0.5], [1.0, 0.0]) == math.inf
    assert info.kl([0.5, 0.5], [1.0, 0.0]) == math.inf
    assert info.softmax([0.0, -math.inf]) == [1.0, 0.0]
    assert info.perplexity(math.inf) == info.perplexity(1e4) == math.inf


def test_huge_logits_overflow_nowhere() -> None:
    assert info.softmax([1e4, 1e4 - math.log(3)]) == pytest.approx([0.75, 0.25])


def test_kl_next_to_p_is_not_rounded_below_zero() -> None:
    p = [6 / 13, 7 / 13]
    assert info.kl(p, info.softmax([math.log(x) for x in p])) == 0


def test_a_certainty_surprises_by_plain_zero() -> None:
    assert math.copysign(1, info.surprisal(1)) == 1
    assert info.surprisal(1) == info.one_minus_p(1) == 0


def test_units_and_exponentials() -> None:
    assert info.to_bits(math.log(8)) == pytest.approx(3)
    assert info.bits_per_byte(10 * math.log(2), 4) == pytest.approx(2.5)
    assert info.perplexity(math.log(7)) == pytest.approx(7)
    assert info.effective_choices(info.entropy([0.25] * 4)) == pytest.approx(4)


@pytest.mark.parametrize("p", [-0.1, 1.1, math.nan, math.inf])
def test_what_is_no_probability_is_refused(p: float) -> None:
    for quantity in (
        info.surprisal,
        info.one_minus_p,
        info.slope_of_surprisal,
        info.slope_of_one_minus_p,
        lambda p: info.joint([0.5, p]),
    ):
        with pytest.raises(ValueError, match="is no probability"):
            quantity(p)
    with pytest.raises(ValueError, match="is no probability"):
        info.entropy([p, 0.5])
    with pytest.raises(ValueError, match="is no probability"):
        info.kl([0.5, 0.5], [p, 0.5])


@pytest.mark.parametrize("logits", [[], [math.nan, 0.0], [math.inf, 0.0], [-math.inf]])
def test_logits_without_probabilities_are_refused(logits: list[float]) -> None:
    with pytest.raises(ValueError, match="softmax needs"):
        info.softmax(logits)


def test_lists_over_other_outcomes_are_refused() -> None:
    with pytest.raises(ValueError, match="p has 2 outcomes and q has 3"):
        info.cross_entropy([0.5, 0.5], [0.2, 0.3, 0.5])
    with pytest.raises(ValueError, match="target 3 is not one of 3"):
        info.one_hot(3, 3)
