"""The logits lab's state: torch's autograd and its own SGD as the oracles."""

import math
import re
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from core import messages as m
from tests.tui.exploring import raw
from tui.labs.logits import LOSSES, MOST, Logits, example, of_model
from tui.labs.typed import number

Measure = Callable[[torch.Tensor, int], torch.Tensor]


def distance(q: torch.Tensor, target: int) -> torch.Tensor:
    return (q - functional.one_hot(torch.tensor(target), len(q))).square().sum()


MEASURES: tuple[Measure, ...] = (  # of logits that a temperature has divided, in the order of LOSSES
    lambda z, target: functional.cross_entropy(z, torch.tensor(target)),
    lambda z, target: 1 - z.softmax(-1)[target],
    lambda z, target: distance(z.softmax(-1), target),
)


@st.composite
def states(draw: st.DrawFn) -> Logits:
    logits = draw(st.lists(st.floats(-20, 20), min_size=2, max_size=MOST))
    return Logits(
        names=tuple(f"n{i}" for i in range(len(logits))),
        start=tuple(logits),
        target=draw(st.integers(0, len(logits) - 1)),
        temperature=draw(st.floats(0.1, 10)),
        rate=draw(st.floats(0.01, 5)),
    )


def tensor(logits: tuple[float, ...]) -> torch.Tensor:
    return torch.tensor(logits, dtype=torch.float64, requires_grad=True)


@settings(deadline=None)
@given(states())
def test_values_and_gradients_are_those_of_the_tempered_softmax(state: Logits) -> None:
    for loss, measure in enumerate(MEASURES):
        z = tensor(state.logits)
        value = measure(z / state.temperature, state.target)
        value.backward()
        assert z.grad is not None
        assert state.value(loss) == pytest.approx(value.item(), abs=1e-10)
        assert state.gradient(loss) == pytest.approx(z.grad.tolist(), abs=1e-10)
        assert math.fsum(state.gradient(loss)) == pytest.approx(0, abs=1e-10)
    assert state.p == pytest.approx((z / state.temperature).softmax(-1)[state.target].item())


@settings(deadline=None, max_examples=30)
@given(states())
def test_nudges_are_steps_of_sgd_each_loss_its_own_from_the_same_start(state: Logits) -> None:
    nudged = state.nudged(0, 1, 2).nudged(0, 1, 2).nudged(1)
    for loss, (measure, steps) in enumerate(zip(MEASURES, (2, 3, 2), strict=True)):
        z = tensor(state.start)
        optimizer = torch.optim.SGD([z], lr=state.rate)
        points = nudged.curve(loss)
        assert len(points) == steps + 1
        for point in points:
            value = measure(z / state.temperature, state.target)
            assert point.logits == pytest.approx(tuple(z.tolist()), abs=1e-8)
            assert point.loss == pytest.approx(value.item(), abs=1e-8)
            assert point.p == pytest.approx((z / state.temperature).softmax(-1)[state.target].item())
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
        assert nudged.with_loss(loss).logits == points[-1].logits


def test_the_numbers_of_the_start() -> None:
    state = example()
    assert state.q == pytest.approx([0.5755, 0.0387, 0.3858], abs=5e-5)
    assert state.value(0) == pytest.approx(3.25, abs=5e-3)
    assert state.value(1) == pytest.approx(0.961, abs=5e-4)
    assert state.value(2) == pytest.approx(1.404, abs=5e-4)
    assert state.gradient(0) == pytest.approx([0.5755, -0.9613, 0.3858], abs=5e-5)


def test_what_is_changed_begins_the_nudges_anew_from_where_they_have_led() -> None:
    state = example().nudged(0, 1).nudged(0)
    for other in (
        state.with_logit(0, 3.0),
        state.with_target(2),
        state.with_temperature(2.0),
        state.with_row(0),
        state.without_row(2),
    ):
        assert not any(other.nudges)
    assert state.with_logit(0, 3.0).start == (3.0, *state.logits[1:])
    assert state.with_logit(0, 3.0).with_loss(1).logits == (3.0, *state.logits[1:])
    for same in (
        state.with_logit(0, state.logits[0]),
        state.with_target(1),
        state.with_temperature(1.0),
        state.with_name(0, "x"),
        state.with_rate(2.0),
    ):
        assert same.nudges == state.nudges


def test_a_nudge_can_be_taken_back_and_no_more_than_there_are() -> None:
    state = example().nudged(0)
    again = state.nudged(0).taken_back()
    assert again == state and again.taken_back() == example()
    with pytest.raises(ValueError, match="no nudge down −log p is made yet: space makes one"):
        example().taken_back()
    with pytest.raises(ValueError, match="no nudge down 1 − p"):
        state.with_loss(1).taken_back()


def test_the_next_loss_after_the_last_is_the_first() -> None:
    assert [example().with_loss(loss).loss for loss in range(4)] == [0, 1, 2, 0]


def test_rows_come_and_go_and_the_target_stays_the_token_it_was() -> None:
    state = example()
    above, below = state.with_row(0), state.with_row(1)
    assert above.names == ("␣the", "␣sofa", "␣mat", "␣dog") and above.names[above.target] == "␣mat"
    assert above.logits == (10.3, 10.3, 7.6, 9.9)
    assert below.names == ("␣the", "␣mat", "␣sofa", "␣dog") and below.names[below.target] == "␣mat"
    assert state.without_row(0).names == ("␣mat", "␣dog") and state.without_row(0).target == 0
    assert state.without_row(2).target == 1
    assert state.without_row(1).target == 1, "its neighbour below"
    assert state.with_target(2).without_row(2).target == 1, "or above"
    full = state
    while len(full.names) < MOST:
        full = full.with_row(0)
    assert len(set(full.names)) == MOST
    with pytest.raises(ValueError, match="there are 9 tokens"):
        full.with_row(0)
    with pytest.raises(ValueError, match="fewer than two tokens"):
        state.without_row(0).without_row(0)


def test_huge_logits_and_extreme_settings_overflow_nowhere() -> None:
    for logits in ((1e308, -1e308, 0.0), (1.7e308, 1.7e308, 1.7e308), (-1.7e308, 1.7e308, -1e308)):
        for temperature in (1e-6, 1.0, 1e6):
            for target in range(3):
                state = Logits(names=("a", "b", "c"), start=logits, target=target, temperature=temperature)
                state = state.with_rate(1e6).nudged(0, 1, 2)
                figures = [*state.q, *state.logits, *(x for loss in range(3) for x in state.gradient(loss))]
                assert all(map(math.isfinite, figures))
                assert not any(math.isnan(state.value(loss)) for loss in range(3))
                assert all(map(math.isfinite, state.with_loss(1).logits + state.with_loss(2).logits))
    assert Logits(names=("a", "b"), start=(0.0, 800.0), target=0).value(0) == 800, "though p is 0"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "the logit is empty; type a number such as 7.6"),
        ("  ", "the logit is empty; type a number such as 7.6"),
        ("x\x1b[", "the logit is x␛[, which is no number; type one such as 7.6"),
        ("9" * 9 + "z" * 99, "the logit is 999999999zzzzzzz…, which is no number; type one such as 7.6"),
        ("nan", "the logit is nan, which is not finite; type a number such as 7.6"),
        ("-inf", "the logit is -inf, which is not finite; type a number such as 7.6"),
        ("1e999", "the logit is 1e999, which is not finite; type a number such as 7.6"),
    ],
)
def test_what_is_no_finite_number_is_refused_in_one_sentence(typed: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        number("logit", typed)


def test_numbers_are_read_as_they_are_typed_and_as_they_stand_on_the_screen() -> None:
    assert [number("logit", typed) for typed in ("7.6", " -2 ", "−0.5", "1e3")] == [7.6, -2, -0.5, 1000]


@pytest.mark.parametrize("logit", [math.nan, math.inf, -math.inf])
def test_a_logit_that_is_not_finite_is_refused(logit: float) -> None:
    with pytest.raises(ValueError, match="is not finite"):
        example().with_logit(0, logit)


def test_temperature_and_rate_have_bounds() -> None:
    with pytest.raises(
        ValueError, match="the temperature is 0; logits are divided by it, so type one above 0"
    ):
        example().with_temperature(0)
    for value in (-1.0, 1e-7, 1e7, math.nan):
        with pytest.raises(ValueError, match=r"the temperature is .* between 1e-06 and 1,000,000"):
            example().with_temperature(value)
        with pytest.raises(ValueError, match=r"the learning rate is .* between 1e-06 and 1,000,000"):
            example().with_rate(value)


def test_a_name_may_hold_anything_and_is_made_visible_once() -> None:
    state = example().with_name(0, " [/b]\x1b[31m\n\u202e\u0301\ud83d")
    assert state.names[0] == "␣[/b]␛[31m↵<U+202E>◌́\ufffd" and not raw([state.names[0]])
    assert state.with_name(0, state.names[0]).names == state.names
    with pytest.raises(ValueError, match="the name is empty"):
        state.with_name(0, "")


# ------------------------------------------------------------------------------------------- from the model


def predicted(*logits: float, others: m.Real, n_others: int = 50_249) -> m.Predicted:
    pieces = [b" a", b"\xe2", b"\x1b"]
    return m.Predicted(
        step=0,
        prefix=(m.Token(token_id=1, piece=b"x"),),
        entropy=1.0,
        top=tuple(
            m.Candidate(token_id=10 + i, piece=pieces[i], log_prob=-1.0, rank=i + 1)
            for i in range(len(logits))
        ),
        logits=tuple(map(m.real, logits)),
        others=others,
        n_others=n_others,
    )


def test_a_models_candidates_keep_their_probabilities_as_the_others_are_gathered() -> None:
    every = torch.linspace(-4, 5, 50_252, dtype=torch.float64).flip(0)
    top, rest = every[:3], every[3:]
    state = of_model(predicted(*top.tolist(), others=rest.logsumexp(-1).item()), None)
    assert state.names == ("␣a", "<0xE2>", "␛", "50,249 others") and state.others == state.names[-1]
    assert state.q[:3] == pytest.approx(every.softmax(-1)[:3].tolist())
    assert state.q[3] == pytest.approx(every.softmax(-1)[3:].sum().item())
    assert state.gathers and not state.without_row(3).gathers


def test_the_target_is_the_token_that_follows_where_it_is_a_candidate() -> None:
    found = predicted(3.0, 2.0, 1.0, others=0.0)
    follows = [None, *(m.Token(token_id=i, piece=b"?") for i in (12, 99))]
    assert [of_model(found, token).target for token in follows] == [0, 2, 0]


def test_where_all_tokens_are_candidates_there_is_no_row_of_others() -> None:
    state = of_model(predicted(3.0, 2.0, others="-inf", n_others=0), None)
    assert state.names == ("␣a", "<0xE2>") and not state.gathers


def test_a_model_that_has_diverged_is_refused() -> None:
    for found in (predicted(math.nan, 1.0, others=0.0), predicted(2.0, 1.0, others="nan")):
        with pytest.raises(ValueError, match="the model's logits are no longer finite"):
            of_model(found, None)


def test_there_are_as_many_measures_as_losses() -> None:
    assert len(LOSSES) == len(MEASURES)
