"""Figures anyone can check by hand or in the literature; a change in one of them is a bug."""

import math

import pytest
import torch

from core import information as info
from core import losses

BOOK = [7.4541e-05, 3.1061e-05, 1.1563e-05, 1.0337e-05, 5.6776e-05, 4.7559e-06]  # p(target), untrained GPT-2


def test_softmax_of_three_logits() -> None:
    logits = [10.3, 7.6, 9.9]
    assert info.softmax(logits) == pytest.approx([0.5755, 0.0387, 0.3858], abs=5e-5)
    assert losses.log_probs(torch.tensor(logits)).exp().tolist() == pytest.approx(
        [0.5755, 0.0387, 0.3858], abs=5e-5
    )


def test_the_three_losses_of_the_second_of_three() -> None:
    q = info.softmax([10.3, 7.6, 9.9])
    assert info.surprisal(q[1]) == pytest.approx(3.25, abs=5e-3)
    gradient = info.gradient_at_logits(q, 1)
    assert gradient == pytest.approx([0.5755, -0.9613, 0.3858], abs=5e-5)
    assert sum(gradient) == pytest.approx(0, abs=1e-15)
    assert info.squared_distance(q, 1) == pytest.approx(1.404, abs=5e-4)


@pytest.mark.parametrize(
    ("p", "one_minus_p", "surprisal"),
    [(0.5, 0.5, 0.693), (0.1, 0.9, 2.303), (0.001, 0.999, 6.908), (1e-6, 0.999999, 13.816)],
)
def test_one_minus_p_against_minus_log_p(p: float, one_minus_p: float, surprisal: float) -> None:
    assert info.one_minus_p(p) == pytest.approx(one_minus_p)
    assert info.surprisal(p) == pytest.approx(surprisal, abs=5e-4)
    assert info.slope_of_surprisal(p) == -1 / p


def test_from_almost_sure_to_even_to_rare_only_minus_log_p_jumps() -> None:
    even, rare = (0.999, 0.5), (0.5, 0.001)
    for high, low in (even, rare):
        assert info.one_minus_p(low) - info.one_minus_p(high) == pytest.approx(0.499)
    jumps = [info.surprisal(low) - info.surprisal(high) for high, low in (even, rare)]
    assert jumps == pytest.approx([0.692, 6.215], abs=5e-4)


@pytest.mark.parametrize(("dice", "one_minus_p", "surprisal"), [(1, 0.833, 1.792), (2, 0.972, 3.584)])
def test_threes_with_dice(dice: int, one_minus_p: float, surprisal: float) -> None:
    p = (1 / 6) ** dice
    assert info.one_minus_p(p) == pytest.approx(one_minus_p, abs=5e-4)
    assert info.surprisal(p) == pytest.approx(surprisal, abs=6e-4)
    assert info.surprisal(p) == pytest.approx(dice * info.surprisal(1 / 6))


def test_entropies_of_a_coin_a_die_and_a_certainty() -> None:
    assert info.entropy([0.5, 0.5]) == pytest.approx(0.693, abs=5e-4)
    assert info.to_bits(info.entropy([0.5, 0.5])) == pytest.approx(1)
    assert info.entropy([1 / 6] * 6) == pytest.approx(1.792, abs=5e-4)
    assert info.entropy([1.0, 0.0, 0.0]) == 0


def test_what_a_wrong_belief_costs() -> None:
    p = [0.7, 0.2, 0.1]
    assert info.entropy(p) == pytest.approx(0.802, abs=5e-4)
    assert info.cross_entropy(p, p) == info.entropy(p)
    assert info.cross_entropy(p, [0.5, 0.5, 0.0]) == math.inf
    uniform = [1 / 3] * 3
    assert info.kl(p, uniform) == pytest.approx(math.log(3) - info.entropy(p))


def test_a_uniform_prediction_over_the_vocabulary() -> None:
    entropy = losses.entropy(torch.zeros(50257, dtype=torch.float64))
    assert entropy.item() == pytest.approx(10.825, abs=5e-4)
    assert losses.to_bits(entropy).item() == pytest.approx(15.617, abs=5e-4)
    assert losses.effective_choices(entropy).item() == pytest.approx(50257)


def test_the_books_loss_and_perplexity_from_its_six_probabilities() -> None:
    surprisals = [info.surprisal(p) for p in BOOK]
    assert surprisals == pytest.approx([9.5042, 10.3796, 11.3677, 11.4798, 9.7764, 12.2561], abs=1e-4)
    loss = sum(surprisals) / 6
    assert loss == pytest.approx(10.7940, abs=5e-5)
    assert info.perplexity(loss) == pytest.approx(48_725.8, abs=1)
    assert info.perplexity(10.7940) == pytest.approx(48_725.8, rel=1e-4)


def test_the_books_loss_from_tensors_that_hold_its_probabilities() -> None:
    rest = (1 - torch.tensor(BOOK, dtype=torch.float64)).log()
    logits = torch.stack([torch.tensor(BOOK, dtype=torch.float64).log(), rest], -1).view(2, 3, 2)
    loss = losses.cross_entropy(logits, torch.zeros(2, 3, dtype=torch.long))
    assert loss.item() == pytest.approx(10.7940, abs=5e-5)
    assert losses.perplexity(loss).item() == pytest.approx(48_725.8, abs=1)
