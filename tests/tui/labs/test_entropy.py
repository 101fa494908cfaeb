"""Two distributions in hand: what is typed, who gives and who takes, and the figures against torch."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Categorical, kl_divergence

from tui.formats import Unit
from tui.labs.entropy import FEWEST, LONGEST_NAME, MOST, Pair
from tui.labs.entropy_examples import EXAMPLES, after, example
from tui.labs.entropy_words import of_divergence, of_entropy, verdict
from tui.labs.weights import as_typed, proportions, share, weights

SHARES = st.lists(st.one_of(st.just(0.0), st.floats(0.001, 1)), min_size=4, max_size=4).filter(any)


def pair(p: tuple[float, ...] = (0.7, 0.2, 0.1), q: tuple[float, ...] = (0.2, 0.3, 0.5)) -> Pair:
    return Pair(names=tuple("abcdefgh"[: len(p)]), p=p, q=q)


# ------------------------------------------------------------------------------------------ what is typed


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0.7", [0.7]),
        (".5", [0.5]),
        ("1/6", [1 / 6]),
        (" 1 / 4 ", [0.25]),
        ("12 %", [0.12]),
        ("12%", [0.12]),
        ("1e-3", [0.001]),
        ("0.7,", [0.7]),
        ("14 4 2", [14, 4, 2]),
        ("0.7, 0.2, 0.1", [0.7, 0.2, 0.1]),
        ("50 % 25 % 1/4", [0.5, 0.25, 0.25]),
    ],
)
def test_numbers_fractions_and_percents_are_read(text: str, values: list[float]) -> None:
    assert weights(text) == pytest.approx(values, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "nothing is typed"),
        ("abc", "'abc' is not a number from 0 up"),
        ("-1", "'-1' is not a number from 0 up"),
        ("nan", "not a number"),
        ("inf", "not a number"),
        ("1_0", "not a number"),
        ("1/2/3", "not a number"),
        ("%", "not a number"),
        ("0,7", "with a point"),
        ("1/0", "divides by 0"),
        ("1e999", "too large"),
        ("\x1b[31m", "␛[31m"),
    ],
)
def test_what_is_no_number_is_refused_with_what_to_write(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"write 0\.7, 1/6 or 12 %|such as 0\.7, 1/6 or 12 %") as refused:
        weights(text)
    assert said in str(refused.value) and "\x1b" not in str(refused.value)


def test_weights_of_nothing_have_no_proportions() -> None:
    assert proportions([14, 4, 2]) == pytest.approx([0.7, 0.2, 0.1])
    with pytest.raises(ValueError, match="at least one must be more"):
        proportions([0.0, 0.0])


@pytest.mark.parametrize(
    ("p", "shown", "typed"),
    [
        (0.7, "0.700", "0.7"),
        (1 / 6, "0.167", "1/6"),
        (0.0, "0.000", "0"),
        (1.0, "1.000", "1"),
        (0.0004, "0.0004", "0.0004"),
        (0.9996, "0.9996", "0.9996"),
        (1e-7, "1e-07", "1e-07"),
        (1 - 1e-9, ">0.9999", "1"),
        (math.pi / 10, "0.314", "0.3142"),
    ],
)
def test_a_probability_that_is_neither_0_nor_1_is_not_shown_as_one(p: float, shown: str, typed: str) -> None:
    assert share(p) == shown and as_typed(p) == typed
    assert weights(typed)[0] == pytest.approx(p, rel=1e-3)


# --------------------------------------------------------------------------- who gives, and who takes


@given(SHARES, st.integers(0, 3), st.floats(0, 1), st.sampled_from(["p", "q"]))
def test_the_others_keep_their_proportions_and_the_sum_stays_1(
    before: list[float], row: int, value: float, which: str
) -> None:
    p = tuple(x / math.fsum(before) for x in before)
    start = pair(p, p) if which == "p" else pair(p, p).turned()
    changed = start.typed(row, repr(value))
    after = changed.of(start.edited)
    untouched = changed.q if which == "p" else changed.p
    assert untouched == p
    assert after[row] == value and math.fsum(after) == pytest.approx(1, abs=1e-12)
    others_before, others = p[:row] + p[row + 1 :], after[:row] + after[row + 1 :]
    if math.fsum(others_before) > 0:
        assert others == pytest.approx([x * (1 - value) / math.fsum(others_before) for x in others_before])
    else:
        assert others == pytest.approx([(1 - value) / 3] * 3)


def test_as_many_numbers_as_outcomes_are_weights_for_all_rows_wherever_the_cursor_is() -> None:
    assert pair().typed(2, "14 4 2").p == pytest.approx((0.7, 0.2, 0.1))
    assert pair().turned().typed(0, "1 1 1").q == pytest.approx((1 / 3,) * 3)
    for text, said in (("14 4", "2 numbers"), ("1 2 3 4", "4 numbers"), ("0 0 0", "all of them are 0")):
        with pytest.raises(ValueError, match=said):
            pair().typed(0, text)
    with pytest.raises(ValueError, match=r"p\(b\) is from 0 to 1, or 3 weights for all rows"):
        pair().typed(1, "1.2")


def test_what_happened_to_the_others_is_told() -> None:
    assert pair().typed(0, "0.4").told[0] == (
        "p(a) is 0.400; the others share the other 0.600 in the proportions they had."
    )
    assert pair((0.5, 0.5), (0.5, 0.5)).typed(0, "0.4").told == ("p(a) is 0.400, so p(b) is 0.600.",)
    certain = pair((1.0, 0.0, 0.0))
    assert certain.typed(0, "0.4").told == (
        "p(a) is 0.400; the others were all 0 and share the other 0.600 equally.",
    )
    assert "nothing is left" in pair().typed(0, "1").told[0]


def test_nudges_add_up_without_dust_and_stop_at_the_ends() -> None:
    up = pair()
    for value in (0.15, 0.2, 0.25):
        up = up.nudged(2, 0.05)
        assert up.p[2] == value
    assert up.nudged(2, 5).p == (0, 0, 1) and up.nudged(2, -5).p[2] == 0


def test_one_hot_keeps_the_former_p_until_p_is_changed_otherwise() -> None:
    hot = pair().one_hot(1)
    assert hot.p == (0, 1, 0) and hot.certain == 1 and hot.cross_entropy == pytest.approx(-math.log(0.3))
    assert hot.one_hot(1).p == pair().p and hot.one_hot(1).certain is None
    assert hot.one_hot(2).p == (0, 0, 1)
    assert hot.one_hot(2).one_hot(2).p == pair().p, "moved along, it still knows what was before"
    assert hot.turned().nudged(0, 0.05).one_hot(1).p == pair().p, "q may change meanwhile"
    changed = hot.nudged(1, -0.5)
    assert changed.former is None
    again = changed.typed(1, "1").one_hot(1)
    assert again.p == (0, 1, 0) and "already" in again.told[0]


def test_outcomes_come_with_an_equal_part_and_go_leaving_theirs_to_the_others() -> None:
    more = pair().with_outcome()
    assert more.names == ("a", "b", "c", "A")
    assert more.p == pytest.approx((0.525, 0.15, 0.075, 0.25))
    assert more.q == pytest.approx((0.15, 0.225, 0.375, 0.25))
    assert more.without(3).p == pytest.approx(pair().p) and more.without(3).q == pytest.approx(pair().q)
    assert pair().one_hot(0).without(0).p == (0.5, 0.5)
    while len(more.names) < MOST:
        more = more.with_outcome()
    with pytest.raises(ValueError, match=f"{MOST} outcomes are as many"):
        more.with_outcome()
    assert len(set(more.names)) == MOST and math.fsum(more.p) == pytest.approx(1)
    while len(more.names) > FEWEST:
        more = more.without(0)
    with pytest.raises(ValueError, match=f"{FEWEST} outcomes are as few"):
        more.without(0)


def test_a_name_is_one_of_its_own_short_and_safe() -> None:
    assert pair().renamed(0, " sun ").names == ("sun", "b", "c")
    assert pair().renamed(0, "a").names == pair().names
    for name, said in (
        (" ", "needs a name"),
        ("b", "b is there already"),
        ("x" * 13, f"{LONGEST_NAME} cells"),
    ):
        with pytest.raises(ValueError, match=said):
            pair().renamed(0, name)
    assert "\x1b" not in pair().renamed(0, "\x1b[31m").name(0)


# ---------------------------------------------------------------------------------------------- the figures


def probabilities(weights: list[float]) -> tuple[float, ...]:
    return tuple(x / math.fsum(weights) for x in weights)


@given(SHARES, st.lists(st.floats(0.001, 1), min_size=4, max_size=4))
def test_the_figures_are_those_of_torch(of_p: list[float], of_q: list[float]) -> None:
    p, q = probabilities(of_p), probabilities(of_q)
    it = pair(p, q)
    world, model = (Categorical(probs=torch.tensor(x, dtype=torch.float64)) for x in (p, q))
    logits = torch.tensor(q, dtype=torch.float64).log()
    cross = torch.nn.functional.cross_entropy(logits, torch.tensor(p, dtype=torch.float64))
    assert it.cross_entropy == pytest.approx(cross.item(), abs=1e-12)
    assert math.fsum(it.terms) == it.cross_entropy
    assert it.kl == pytest.approx(it.cross_entropy - it.entropy_of_p, abs=1e-12)
    # torch keeps probabilities a little above 0, which moves these by less than 1e-12
    assert it.entropy_of_p == pytest.approx(world.entropy().item(), abs=1e-9)
    assert it.entropy_of_q == pytest.approx(model.entropy().item(), abs=1e-9)
    assert it.kl == pytest.approx(kl_divergence(world, model).item(), abs=1e-9)
    if all(p):
        assert it.kl_of_q == pytest.approx(kl_divergence(model, world).item(), abs=1e-9)
    else:
        assert it.kl_of_q == math.inf


def test_the_examples_have_their_closed_forms() -> None:
    assert example("coin").entropy_of_p == pytest.approx(math.log(2), abs=1e-15)
    assert example("die").entropy_of_p == pytest.approx(math.log(6), abs=1e-15)
    zeros = example("zeros")
    assert [zeros.entropy_of_p, zeros.cross_entropy, *zeros.terms] == [0.0] * 4
    assert zeros.surprises[1] == [0.0, math.inf], "0 times an infinite surprise is 0"
    sahara, london = example("sahara"), example("london")
    assert sahara.names == london.names and (sahara.p, sahara.q) == (london.q, london.p)
    assert sahara.entropy_of_p < 0.2 < 1.3 < london.entropy_of_p < math.log(4)
    assert example("one-hot").cross_entropy == pytest.approx(-math.log(example("start").q[0]))
    assert example("one-hot").one_hot(0).p == example("start").p
    with pytest.raises(ValueError, match="there is no example 'dice'; there are start, coin, die"):
        example("dice")


def test_the_examples_go_round_and_every_sentence_has_a_wording_for_80_cells() -> None:
    seen, name = ["start"], after("start")
    while name != "start":
        seen.append(name)
        name = after(name)
    assert seen == list(EXAMPLES)
    for each in EXAMPLES.values():
        assert min(map(len, each.told)) <= 79 and math.fsum(each.p) == pytest.approx(1)
        assert math.fsum(each.q) == pytest.approx(1) and max(map(len, each.names)) <= LONGEST_NAME


# ------------------------------------------------------------------------------------------------ the words


def test_the_verdict_is_the_sum_or_what_is_special_about_it() -> None:
    assert verdict(pair(), Unit.NATS) == ("H(p, q) 1.437 nats = H(p) 0.802 nats + KL(p‖q) 0.635 nats",)
    assert verdict(pair(), Unit.BITS) == ("H(p, q) 2.073 bits = H(p) 1.157 bits + KL(p‖q) 0.916 bits",)
    assert "= −log q(b) = 1.204 nats" in verdict(pair().one_hot(1), Unit.NATS)[0]
    assert "H(p, q) = H(p) = 0.802 nats, KL(p‖q) = 0" in verdict(pair().believed(), Unit.NATS)[0]
    gap = pair(q=(0.5, 0.5, 0.0))
    assert gap.impossible == 2 and gap.cross_entropy == gap.kl == math.inf
    assert verdict(gap, Unit.NATS)[0] == (
        "H(p, q) is ∞: c happens, p(c) = 0.100, and q(c) = 0 means never; −log 0 = ∞."
    )
    never = pair(p=(0.5, 0.5, 0.0), q=(0.5, 0.5, 0.0))
    assert never.impossible is None and never.cross_entropy == pytest.approx(math.log(2))


def test_an_entropy_that_is_an_end_of_the_scale_says_so() -> None:
    assert of_entropy((0.5, 0.5), Unit.NATS, "") == "= ln 2, the most that 2 can have"
    assert of_entropy((0.5, 0.5), Unit.BITS, "") == "= log₂ 2, the most that 2 can have"
    assert of_entropy((0.0, 1.0), Unit.NATS, "") == "one outcome is certain"
    assert of_entropy((0.4, 0.6), Unit.NATS, "else") == "else"
    assert of_divergence(math.inf, "q", "p", "") == "∞: q is 0 where p is not"
    assert of_divergence(0.5, "q", "p", "else") == "else"
