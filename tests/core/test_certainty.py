"""Sure targets in an unsure world: a tiny model's q comes to the shares, its loss to their entropy."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Literal

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from core import messages as m
from core.certainty import Lesson
from tests.contract import mats
from tests.core.sessions import Stage, folder_of, parameters, train, waited

H = -math.fsum(p * math.log(p) for p in (0.7, 0.2, 0.1))
KINDS: tuple[Literal["one-hot", "soft"], ...] = ("one-hot", "soft")
MAT, DOG, LAP = 6, 7, 8  # places in the vocabulary, behind the six words of the beginning


def wanted(*counts: int, steps: int = 2000, targets: Literal["one-hot", "soft"] = "one-hot") -> m.Certainty:
    endings = tuple(m.Ending(word=word, count=n) for word, n in zip("abcdef", counts, strict=False))
    return m.Certainty(endings=endings, targets=targets, steps=steps)


def taught(request: m.Certainty) -> m.Learned:
    lesson = Lesson(request)
    while not lesson.over:
        lesson.step()
    return lesson.learned()


def gradients(lesson: Lesson, loss: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(loss, list(lesson._model.parameters())))


@pytest.mark.parametrize("targets", KINDS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_at_the_end_of_a_default_run_q_is_at_p_and_the_loss_at_its_entropy(
    targets: Literal["one-hot", "soft"], seed: int
) -> None:
    learned = taught(mats(steps=2000, targets=targets, seed=seed))
    assert m.Certainty.__struct_defaults__[0] == 2000, "that is the default run"
    assert [float(x) for x in learned.belief.q] == pytest.approx([0.7, 0.2, 0.1], abs=0.02)
    assert float(learned.belief.others) < 0.001
    assert learned.cost is not None
    assert float(learned.cost.last_smoothed) == pytest.approx(H, abs=0.03)
    assert float(learned.cost.mean_smoothed) == pytest.approx(H / 6, abs=0.005)
    *certain, last = map(float, learned.belief.positions)
    assert max(certain) < 0.001 and last == pytest.approx(H, abs=0.001)


@pytest.mark.parametrize("counts", [(1, 1, 0), (99, 1), (3, 2, 2), (1, 1, 1, 1, 1, 1), (197, 1, 1, 1)])
def test_other_counts_come_to_rest_as_well(counts: Sequence[int]) -> None:
    p = [count / sum(counts) for count in counts]
    entropy = -math.fsum(x * math.log(x) for x in p if x)
    learned = taught(wanted(*counts))
    assert [float(x) for x in learned.belief.q] == pytest.approx(p, abs=0.02)
    assert learned.cost is not None and float(learned.cost.last_smoothed) == pytest.approx(entropy, abs=0.03)


def test_where_one_word_alone_follows_the_loss_comes_to_nothing() -> None:
    learned = taught(wanted(5, 0, steps=800))
    assert learned.cost is not None and float(learned.cost.last_smoothed) < 0.03


def test_a_batch_costs_what_torch_says_of_the_sentences_dealt() -> None:
    lesson = Lesson(mats())
    for _ in range(7):
        dealt = lesson._dealt()
        assert dealt[:, :5].tolist() == [[1, 2, 3, 4, 5]] * m.SENTENCES_A_STEP
        logits = lesson._logits(len(dealt)).detach().double()
        nats = functional.cross_entropy(logits.flatten(0, 1), dealt.flatten(), reduction="none").view(-1, 6)
        cost = lesson.step()
        assert float(cost.last) == pytest.approx(nats[:, -1].mean().item(), rel=1e-5)
        assert float(cost.mean) == pytest.approx(nats.mean().item(), rel=1e-5)


def test_soft_targets_cost_what_torch_says_of_the_shares() -> None:
    lesson = Lesson(mats(targets="soft"))
    p = torch.zeros(6, 9, dtype=torch.float64)
    p[range(5), range(1, 6)] = 1
    p[5, [MAT, DOG, LAP]] = torch.tensor([0.7, 0.2, 0.1], dtype=torch.float64)
    for _ in range(7):
        logits = lesson._logits(1)[0].detach().double()
        nats = functional.cross_entropy(logits, p, reduction="none")
        assert [float(x) for x in lesson.belief().positions] == pytest.approx(nats.tolist(), rel=1e-5)
        cost = lesson.step()
        assert float(cost.last) == pytest.approx(nats[-1].item(), rel=1e-5)
        assert float(cost.mean) == pytest.approx(nats.mean().item(), rel=1e-5)


def test_the_pushes_of_all_sentences_together_are_those_of_the_shares() -> None:
    lesson = Lesson(mats())
    lesson._model.double()
    targets = torch.arange(6).roll(-1).repeat(20, 1)
    targets[:, -1] = torch.tensor([MAT] * 14 + [DOG] * 4 + [LAP] * 2)
    one_hot = functional.cross_entropy(lesson._logits(20).flatten(0, 1), targets.flatten())
    _, soft = lesson._soft()
    assert soft.item() == pytest.approx(one_hot.item(), rel=1e-6)
    for one, other in zip(gradients(lesson, one_hot), gradients(lesson, soft), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-8)


def test_sentences_are_dealt_like_cards_none_again_before_all_have_come() -> None:
    lesson = Lesson(mats())
    rounds = []
    for _ in range(4):
        followers: list[int] = []
        for _ in range(5):
            followers += lesson._dealt()[:, -1].tolist()
            lesson.step()
        assert Counter(followers) == {MAT: 14, DOG: 4, LAP: 2}
        rounds.append(followers)
    assert len({tuple(each) for each in rounds}) == 4, "each time in another order"


def test_losses_are_smoothed_over_whole_rounds_of_the_sentences() -> None:
    for counts, steps in (((14, 4, 2), 25), ((1, 2), 27), ((4, 0), 25), ((99, 1), 25), ((100, 99), 199)):
        assert m.smoothed_over(wanted(*counts).endings) == steps
        assert steps * m.SENTENCES_A_STEP % sum(counts) == 0
    lesson = Lesson(mats())
    costs = [lesson.step() for _ in range(40)]
    for name in ("last", "mean"):
        values = [float(getattr(cost, name)) for cost in costs]
        smoothed = [float(getattr(cost, f"{name}_smoothed")) for cost in costs]
        assert smoothed[3] == pytest.approx(sum(values[:4]) / 4)
        assert smoothed[39] == pytest.approx(sum(values[15:]) / 25)


def test_an_ending_that_is_a_word_of_the_beginning_is_that_word() -> None:
    endings = (m.Ending(word="cat", count=3), m.Ending(word="mat", count=1))
    assert m.vocabulary(endings) == ["The", "fat", "cat", "sat", "on", "the", "mat"]
    learned = taught(m.Certainty(endings=endings, targets="soft"))
    assert [float(x) for x in learned.belief.q] == pytest.approx([0.75, 0.25], abs=0.001)
    assert max(map(float, learned.belief.positions[:5])) < 0.01


def test_what_is_learned_depends_on_the_seed_alone_and_moves_no_global_generator() -> None:
    before = torch.get_rng_state()
    learned = taught(mats(steps=30, seed=1))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(5)
    assert taught(mats(steps=30, seed=1)) == learned
    assert taught(mats(steps=30, seed=2)) != learned


# ------------------------------------------------------------------------------------------- in a session


def test_the_session_tells_some_steps_and_the_last_one(stage: Stage) -> None:
    session = stage.session()
    learned = session.certainty(mats(steps=1003))
    told = [cost.step for event in stage.told(m.Learning) for cost in event.costs]
    assert len(told) <= 251 and told[-1] == learned.step == 1003 and told[:2] == [1, 6]
    assert stage.told(m.Learning)[-1].belief == learned.belief


def test_a_stop_leaves_it_where_it_is_and_small_requests_are_served_in_between(stage: Stage) -> None:
    session = stage.opened()
    served: list[m.State] = []

    def between() -> None:
        served.append(session.status())
        stage.interrupted = len(served) == 10

    stage.between = between
    learned = session.certainty(mats(steps=1003))
    assert learned.step == 10 and len(served) == 10
    stage.interrupted = True
    assert session.certainty(mats()).cost is None, "stopped before it began"


def test_nothing_of_model_and_run_moves_by_it(stage: Stage) -> None:
    undisturbed = stage.opened()
    train(undisturbed, 6)
    session = stage.opened()
    session.run(m.Run(steps=6))
    for _ in range(3):
        session.advance()
    before, state, curve = parameters(session), session.status(), session.history(m.History())
    waited(session)
    files = {path: path.read_bytes() for path in folder_of(session).rglob("*") if path.is_file()}
    random = torch.get_rng_state()
    session.certainty(mats(steps=50))
    session.certainty(mats(steps=50, targets="soft"))
    assert session.status() == state and state.running
    assert session.history(m.History()) == curve
    assert torch.equal(torch.get_rng_state(), random)
    assert {p: p.read_bytes() for p in folder_of(session).rglob("*") if p.is_file()} == files
    assert all(torch.equal(before[name], now) for name, now in parameters(session).items())
    while session.running:
        session.advance()
    for name, parameter in parameters(undisturbed).items():
        assert torch.equal(parameters(session)[name], parameter), name
    losses = [[r.loss for r in each.history(m.History()).results] for each in (undisturbed, session)]
    assert losses[0] == losses[1]
