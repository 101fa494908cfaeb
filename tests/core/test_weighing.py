"""A target of one's own against torch's functions and autograd in float64, and closed forms."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from core import losses
from core.messages import Share, Weigh, Weighed
from core.tokenizer import N_VOCAB, gpt2
from core.weighing import weighed

INF = math.inf


def logits(seed: int = 1, scale: float = 3.0, size: int = N_VOCAB) -> torch.Tensor:
    return torch.randn(size, generator=torch.Generator().manual_seed(seed)) * scale  # (V,)


def mix(shares: dict[int, float]) -> tuple[Share, ...]:
    return tuple(Share(token_id=token_id, share=share) for token_id, share in shares.items())


def made(q: torch.Tensor, shares: dict[int, float], limit: int = 10) -> Weighed:
    return weighed(q, mix(shares), limit, gpt2())


def dense(shares: dict[int, float], size: int = N_VOCAB) -> torch.Tensor:
    p = torch.zeros(size, dtype=torch.float64)
    for token_id, share in shares.items():
        p[token_id] = share
    return p / p.sum()


MIXES = st.dictionaries(st.integers(0, 49), st.floats(0.01, 1), min_size=1, max_size=6).map(
    lambda weights: {i: weight / math.fsum(weights.values()) for i, weight in weights.items()}
)


@given(MIXES, st.integers(0, 99), st.integers(1, 50))
@settings(max_examples=50, deadline=None)
def test_the_figures_are_those_of_torch_and_the_gradient_that_of_autograd(
    shares: dict[int, float], seed: int, limit: int
) -> None:
    q = logits(seed, size=50)
    told = made(q, shares, limit)
    p, exact = dense(shares, 50), q.double().requires_grad_()
    loss = F.cross_entropy(exact, p)
    loss.backward()
    assert exact.grad is not None
    assert float(told.cross_entropy) == pytest.approx(loss.item(), rel=1e-12)
    assert float(told.entropy) == pytest.approx(torch.special.entr(p).sum().item(), abs=1e-12)
    divergence = F.kl_div(torch.log_softmax(q.double(), -1), p, reduction="sum").item()
    assert float(told.kl) == pytest.approx(divergence, rel=1e-9, abs=1e-12)
    for each in (*told.targets, *told.rows):
        token_id = each.candidate.token_id
        assert float(each.gradient) == pytest.approx(exact.grad[token_id].item(), abs=1e-14)
        assert float(each.share) == pytest.approx(shares.get(token_id, 0), abs=1e-14)
        assert each.candidate.rank == 1 + int((q > q[token_id]).sum())
    sizes = exact.grad.abs().sort(descending=True).values[:limit].tolist()
    assert [abs(float(each.gradient)) for each in told.rows] == pytest.approx(sizes, abs=1e-14)
    shown = {each.candidate.token_id for each in told.rows}
    left = [i for i in range(50) if i not in shown]
    assert told.others == len(left)
    assert float(told.others_gradient) == pytest.approx(exact.grad[left].sum().item(), abs=1e-14)
    assert float(told.others_share) == pytest.approx(p[left].sum().item(), abs=1e-14)
    assert float(told.others_probability) == pytest.approx(q.double().softmax(-1)[left].sum().item())
    for n in (0, 1, limit):
        count, share, probability, gradient = told.rest(n)
        left = [i for i in range(50) if i not in {each.candidate.token_id for each in told.rows[:n]}]
        assert count == len(left)
        assert share == pytest.approx(p[left].sum().item(), abs=1e-12)
        assert probability == pytest.approx(q.double().softmax(-1)[left].sum().item(), abs=1e-6)
        assert gradient == pytest.approx(exact.grad[left].sum().item(), abs=1e-12)


def test_over_the_whole_vocabulary_the_gradient_sums_to_nothing() -> None:
    told = made(logits(), {5: 0.7, 9: 0.2, 11: 0.1})
    assert told.others == N_VOCAB - 10 and told.rest(0)[0] == N_VOCAB
    assert told.rest(0)[1] == pytest.approx(1) and told.rest(0)[3] == pytest.approx(0, abs=1e-12)


def test_a_step_down_the_gradient_moves_the_logits_by_p_minus_q_and_lowers_kl() -> None:
    q, shares = logits(size=50), {5: 0.7, 9: 0.3}
    told = made(q, shares, 50)
    stepped = q.clone()
    for each in told.rows:
        token_id, probability = (
            each.candidate.token_id,
            q.double().softmax(-1)[each.candidate.token_id].item(),
        )
        stepped[token_id] -= 0.1 * float(each.gradient)
        moved = (stepped - q)[token_id].item()
        assert moved == pytest.approx(0.1 * (float(each.share) - probability), abs=1e-6)
    assert float(made(stepped, shares).kl) < float(told.kl)


def test_one_token_costs_its_surprisal_and_leaves_no_doubt() -> None:
    q = logits()
    told = made(q, {7: 1.0})
    surprisal = -torch.log_softmax(q.double(), -1)[7].item()
    assert float(told.cross_entropy) == float(told.kl) == pytest.approx(surprisal, rel=1e-14)
    assert told.entropy == 0 and math.copysign(1, float(told.entropy)) == 1
    assert told.single is not None and told.single.surprisal == pytest.approx(surprisal, rel=1e-6)
    assert float(told.targets[0].gradient) == pytest.approx(math.expm1(-surprisal), abs=1e-15)


def test_a_model_that_says_the_mix_itself_has_nothing_to_learn() -> None:
    shares = {7: 0.75, 8: 0.25}
    told = made(dense(shares).log().float(), shares)
    assert 0 <= float(told.kl) < 1e-7
    assert float(told.cross_entropy) == pytest.approx(float(told.entropy), abs=1e-7)
    assert all(abs(float(each.gradient)) < 1e-7 for each in told.rows)


def test_of_equal_logits_every_mix_costs_ln_v() -> None:
    told = made(torch.zeros(N_VOCAB), {1: 0.5, 2: 0.5})
    assert float(told.cross_entropy) == pytest.approx(math.log(N_VOCAB))
    assert float(told.kl) == pytest.approx(math.log(N_VOCAB / 2))


def test_shares_that_sum_to_nearly_one_are_taken_as_parts_of_their_sum() -> None:
    told = made(logits(), {5: 0.3333333, 9: 0.3333333, 11: 0.3333333})
    assert [float(each.share) for each in told.targets] == pytest.approx([1 / 3] * 3, abs=1e-15)
    assert told.rest(0)[3] == pytest.approx(0, abs=1e-12)


def test_what_the_model_holds_impossible_costs_without_end_and_pulls_as_far_as_it_can() -> None:
    q = logits()
    q[7] = -INF
    told = made(q, {7: 0.5, 8: 0.5})
    assert (told.cross_entropy, told.kl) == ("inf", "inf")
    assert float(told.targets[0].gradient) == -0.5


def test_a_model_that_has_diverged_gives_no_number_rather_than_none_at_all() -> None:
    told = made(torch.full((N_VOCAB,), torch.nan), {7: 1.0})
    assert (told.cross_entropy, told.kl, told.targets[0].gradient) == ("nan", "nan", "nan")


def test_in_the_middle_of_a_step_in_bfloat16_the_numbers_are_the_same() -> None:
    q = logits(size=50)
    with torch.autocast("cpu", torch.bfloat16):
        inside = made(q, {5: 0.5, 6: 0.5})
    assert inside == made(q, {5: 0.5, 6: 0.5})


def test_the_divergence_and_the_gradient_are_of_each_prediction_by_itself() -> None:
    q = torch.stack([logits(1, size=9), logits(2, size=9)]).double()
    p = torch.stack([dense({1: 0.5, 2: 0.5}, 9), dense({3: 1.0}, 9)])
    rows = losses.soft_gradient_at_logits(q, p)
    for i in range(2):
        assert torch.equal(rows[i], losses.soft_gradient_at_logits(q[i], p[i]))
    assert torch.allclose(rows[1], losses.gradient_at_logits(q[1], torch.tensor(3)), atol=1e-15)


@pytest.mark.parametrize(
    ("shares", "part"),
    [
        ([], "a mix needs at least one token"),
        ([(5, 0.5), (6, 0.4)], "the shares sum to 0.9; they must sum to 1"),
        ([(5, 1.0), (6, 1e-5)], "the shares sum to 1.00001; they must sum to 1"),
        ([(5, 1.0), (6, 0.0)], "the share of token 6 is 0; it must be above 0"),
        ([(5, 1.5), (6, -0.5)], "the share of token 6 is -0.5; it must be above 0"),
        ([(5, "nan")], "the share of token 5 is nan; it must be above 0"),
        ([(5, "inf")], "the shares sum to inf; they must sum to 1"),
        ([(5, 0.5), (5, 0.5)], "token 5 stands there 2 times; give it one share"),
    ],
)
def test_a_mix_that_is_none_is_refused(shares: list[tuple[int, float]], part: str) -> None:
    with pytest.raises(ValueError, match=f"^{part}$"):
        Weigh(position=0, mix=tuple(Share(token_id=i, share=share) for i, share in shares))


def test_a_token_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no token 50257"):
        made(logits(), {N_VOCAB: 1.0})
