"""The loss maths against torch's own functions in float64 and against closed forms."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from core import losses

Quantity = Callable[[Tensor], Tensor]

EVERY: list[Quantity] = [
    losses.log_probs,
    losses.entropy,
    lambda x: losses.surprisal(x, torch.zeros(x.shape[:-1], dtype=torch.long)),
    lambda x: losses.one_minus_p(x, torch.zeros(x.shape[:-1], dtype=torch.long)),
    lambda x: losses.squared_distance(x, torch.zeros(x.shape[:-1], dtype=torch.long)),
    lambda x: losses.soft_cross_entropy(x, torch.full(x.shape, 1 / x.shape[-1])),
]


def random(*shape: int, scale: float = 3.0, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Logits (*shape) in float64 and targets (*shape[:-1])."""
    generator = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(*shape, generator=generator, dtype=torch.float64)
    return logits, torch.randint(shape[-1], shape[:-1], generator=generator)


def test_cross_entropy_is_torchs() -> None:
    logits, targets = random(3, 5, 101)
    expected = functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
    torch.testing.assert_close(losses.cross_entropy(logits, targets), expected)
    torch.testing.assert_close(
        losses.cross_entropy(logits.float(), targets).double(), expected, rtol=1e-6, atol=1e-6
    )


def test_averaging_the_logs_and_then_negating_gives_the_same() -> None:
    logits, targets = random(2, 3, 11)
    logs = torch.log(torch.softmax(logits, -1)).gather(-1, targets[..., None])
    torch.testing.assert_close(losses.cross_entropy(logits, targets), -logs.mean())


def test_gradients_are_those_of_torchs_cross_entropy() -> None:
    logits, targets = random(2, 3, 11)
    ours, theirs = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    losses.cross_entropy(ours, targets).backward()
    functional.cross_entropy(theirs.flatten(0, 1), targets.flatten()).backward()
    torch.testing.assert_close(ours.grad, theirs.grad)
    assert ours.grad is not None
    torch.testing.assert_close(losses.gradient_at_logits(logits, targets) / 6, ours.grad)


def test_soft_cross_entropy_is_torchs_and_collapses_for_a_one_hot_p() -> None:
    logits, targets = random(4, 9)
    p = torch.softmax(random(4, 9, seed=1)[0], -1)
    torch.testing.assert_close(losses.soft_cross_entropy(logits, p), functional.cross_entropy(logits, p))
    one_hot = functional.one_hot(targets, 9).double()
    torch.testing.assert_close(
        losses.soft_cross_entropy(logits, one_hot), losses.cross_entropy(logits, targets)
    )


def test_entropy_and_kl_are_those_of_torchs_distributions() -> None:
    logits, others = random(4, 9)[0], random(4, 9, seed=1)[0]
    q, p = torch.distributions.Categorical(logits=logits), torch.distributions.Categorical(logits=others)
    torch.testing.assert_close(losses.entropy(logits), q.entropy())
    torch.testing.assert_close(losses.kl(p.probs, logits), torch.distributions.kl_divergence(p, q))


def test_cross_entropy_is_entropy_plus_kl() -> None:
    logits, others = random(1, 9)[0], random(1, 9, seed=1)[0]
    total = losses.soft_cross_entropy(logits, torch.softmax(others, -1))
    torch.testing.assert_close(
        total, (losses.entropy(others) + losses.kl(torch.softmax(others, -1), logits)).sum()
    )


def test_zero_times_log_zero_is_zero_in_value_and_gradient() -> None:
    logits = torch.tensor([[0.0, -math.inf, 0.0]], requires_grad=True)
    p = torch.tensor([[0.25, 0.0, 0.75]])
    assert losses.entropy(logits).item() == pytest.approx(math.log(2))
    assert losses.kl(p, logits).item() == pytest.approx(0.25 * math.log(0.5) + 0.75 * math.log(1.5))
    loss = losses.soft_cross_entropy(logits, p)
    assert loss.item() == pytest.approx(math.log(2))
    loss.backward()
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad, torch.tensor([[0.25, 0.0, -0.25]]))


def test_an_impossible_target_is_infinitely_surprising() -> None:
    logits = torch.tensor([0.0, -math.inf])
    assert losses.surprisal(logits, torch.tensor(1)).item() == math.inf
    assert losses.soft_cross_entropy(logits, torch.tensor([0.5, 0.5])).item() == math.inf
    assert losses.kl(torch.tensor([0.5, 0.5]), logits).item() == math.inf


def test_the_entropy_of_a_certainty_is_plain_zero() -> None:
    entropy = losses.entropy(torch.tensor([0.0, -math.inf])).item()
    assert math.copysign(1, entropy) == 1
    assert entropy == 0


def test_one_minus_p_is_what_the_target_lacks() -> None:
    logits, targets = random(4, 9)
    expected = 1 - torch.softmax(logits, -1).gather(-1, targets[:, None])[:, 0]
    torch.testing.assert_close(losses.one_minus_p(logits, targets), expected)


def test_squared_distance_is_summed_over_every_token() -> None:
    logits, targets = random(4, 9)
    expected = (torch.softmax(logits, -1) - functional.one_hot(targets, 9)).pow(2).sum(-1)
    torch.testing.assert_close(losses.squared_distance(logits, targets), expected)


@pytest.mark.parametrize("quantity", EVERY)
def test_half_precision_logits_are_counted_in_float32(quantity: Quantity) -> None:
    logits = random(2, 5)[0].bfloat16()
    assert quantity(logits).dtype == torch.float32
    torch.testing.assert_close(quantity(logits), quantity(logits.float()))


@pytest.mark.parametrize("quantity", EVERY)
def test_huge_logits_overflow_nowhere(quantity: Quantity) -> None:
    assert torch.isfinite(quantity(torch.tensor([[1e4, 0.0, -1e4], [0.0, 1e4, 1e4]]))).all()


@pytest.mark.parametrize("quantity", EVERY)
def test_arguments_are_not_written_to(quantity: Quantity) -> None:
    logits = random(2, 5)[0]
    before = logits.clone()
    quantity(logits)
    torch.testing.assert_close(logits, before, rtol=0, atol=0)


def test_units_and_exponentials() -> None:
    assert losses.to_bits(torch.tensor(math.log(8), dtype=torch.float64)).item() == pytest.approx(
        3, rel=1e-15
    )
    assert losses.bits_per_byte(torch.tensor(10 * math.log(2)), 4).item() == pytest.approx(2.5)
    assert losses.perplexity(torch.tensor(math.log(7))).item() == pytest.approx(7)
    assert losses.effective_choices(torch.tensor(math.log(6))).item() == pytest.approx(6)


def test_ranks_are_the_places_in_a_sorted_list() -> None:
    logits, targets = random(6, 31)
    q = losses.log_probs(logits)
    order = q.argsort(-1, descending=True)
    expected = (order == targets[:, None]).nonzero()[:, 1] + 1
    assert losses.target_rank(q, targets).tolist() == expected.tolist()


def test_equals_share_the_best_of_their_places() -> None:
    q = losses.log_probs(torch.tensor([1.0, 2.0, 1.0, 1.0]))
    assert [losses.target_rank(q, torch.tensor(i)).item() for i in range(4)] == [2, 1, 2, 2]


def test_top_k_is_the_head_of_a_sorted_list() -> None:
    q = losses.log_probs(random(6, 31)[0])
    values, ids = q.sort(-1, descending=True)
    top = losses.top_k(q, 5)
    torch.testing.assert_close(top.log_probs, values[:, :5], rtol=0, atol=0)
    assert top.ids.tolist() == ids[:, :5].tolist()
    assert losses.top_k(q, 99).ids.shape == (6, 31)


@pytest.mark.parametrize("shape", [(40, 31), (3, 7, 31), (31,), (0, 31)])
def test_statistics_are_the_single_quantities_together(shape: tuple[int, ...]) -> None:
    logits, targets = random(*shape)
    q = losses.log_probs(logits)
    stats = losses.statistics(logits, targets, 4)
    assert stats.log_prob is not None
    assert stats.rank is not None
    torch.testing.assert_close(stats.log_prob, -losses.surprisal(logits, targets))
    assert stats.rank.tolist() == losses.target_rank(q, targets).tolist()
    torch.testing.assert_close(stats.entropy, losses.entropy(logits))
    assert stats.top_ids.tolist() == losses.top_k(q, 4).ids.tolist()
    torch.testing.assert_close(stats.top_log_probs, losses.top_k(q, 4).log_probs)


def test_statistics_without_targets_have_no_target_figures() -> None:
    stats = losses.statistics(random(3, 31)[0], None, 4)
    assert stats.log_prob is None
    assert stats.rank is None
    assert stats.top_ids.shape == (3, 4)


def test_statistics_of_nan_logits_are_nan_and_of_minus_infinity_exact() -> None:
    logits = torch.tensor([[math.nan, 1.0, 2.0], [0.0, 0.0, -math.inf]])
    stats = losses.statistics(logits, torch.tensor([1, 1]), 3)
    assert stats.log_prob is not None
    assert stats.entropy.isnan().tolist() == [True, False]
    assert stats.log_prob.isnan().tolist() == [True, False]
    assert stats.entropy[1].item() == pytest.approx(math.log(2))
    assert stats.top_log_probs[1].tolist() == pytest.approx([-math.log(2), -math.log(2), -math.inf])
