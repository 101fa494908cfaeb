"""A loss over a part of the vocabulary, against the sums it stands for."""

import math

import msgspec
import numpy as np
import torch
from torch.nn import functional

from core.chunked import loss_and_gradients
from core.data import Corpus
from core.history import History
from core.messages import Training
from core.models.gpt2 import Config, Model
from core.recipe import Addressed
from core.sampled import Sample, SampledVocabulary
from core.trainer import Trainer

V = 50257


def counts(n: int = V) -> np.ndarray:
    return np.arange(n)[::-1].copy()  # the lower an id, the more frequent


def test_a_sample_holds_the_frequent_the_targets_and_a_draw_of_the_rest() -> None:
    vocabulary = SampledVocabulary(counts(), 1000, seed=3)
    targets = torch.tensor([[7, 40000], [40000, 50256]])
    sample = vocabulary.sample(5, targets)
    assert sample is not None
    ids = sample.ids.tolist()
    assert ids == sorted(set(ids)) and len(ids) == 500 + 2 + 500
    assert set(range(500)) < set(ids) and {40000, 50256} < set(ids)
    drawn = sample.ids[sample.bias > 0]
    assert len(drawn) == 500
    assert math.isclose(float(sample.bias.max()), math.log((V - 502) / 500), rel_tol=1e-6)
    assert sample.ids[sample.places(targets)].tolist() == targets.tolist()
    assert float(sample.bias[sample.places(targets)].abs().max()) == 0
    again, other = vocabulary.sample(5, targets), vocabulary.sample(6, targets)
    assert again is not None and torch.equal(again.ids, sample.ids)
    assert other is not None and not torch.equal(other.ids, sample.ids)


def test_a_sample_as_large_as_the_vocabulary_is_none() -> None:
    assert SampledVocabulary(counts(50), 50, seed=3).sample(0, torch.tensor([1])) is None
    assert SampledVocabulary(counts(50), 49, seed=3).sample(0, torch.tensor([1])) is not None


def test_the_estimated_sum_has_the_mean_of_the_whole_one() -> None:
    """Z of one prediction, averaged over many steps' draws, comes to the sum over the vocabulary."""
    n = 400
    logits = torch.linspace(2, -2, n, dtype=torch.float64)
    vocabulary = SampledVocabulary(counts(n), 100, seed=1)
    estimates = []
    for step in range(2000):
        sample = vocabulary.sample(step, torch.tensor([350]))
        assert sample is not None
        estimates.append(float((logits[sample.ids] + sample.bias).exp().sum()))
    whole = float(logits.exp().sum())
    error = np.std(estimates) / math.sqrt(len(estimates))
    assert 0 < error < 0.005 * whole
    assert abs(np.mean(estimates) - whole) < 4 * error


def test_a_biased_loss_is_torchs() -> None:
    generator = torch.Generator().manual_seed(0)
    h, w = (torch.randn(n, 16, generator=generator).requires_grad_() for n in (30, 90))
    bias = torch.randn(90, generator=generator)
    y = torch.randint(0, 90, (30,), generator=generator)
    for scale in (1.0, 60.0):  # the second one overflows exp
        d_w = torch.zeros_like(w)
        h_scaled = (h * scale).detach()
        loss, d_h = loss_and_gradients(h_scaled, w.detach(), y, d_w, "float32", total=30, bias=bias)
        wide = (h.detach().double() * scale).requires_grad_(), w.detach().double().requires_grad_()
        expected = functional.cross_entropy(wide[0] @ wide[1].T + bias.double(), y)
        expected.backward()
        assert math.isclose(float(loss), float(expected.detach()), rel_tol=1e-5)
        for found, wanted in ((d_h, wide[0].grad), (d_w, wide[1].grad)):
            assert wanted is not None
            assert float((found.double() - wanted).norm() / wanted.norm()) < 1e-5


TRAINING = Training(
    batch=2, context=8, steps=20, warmup=2, seed=5, optimizer="muon", vocabulary_sample=64, dtype="float32"
)


def trainer(training: Training = TRAINING) -> Trainer:
    model = Model(Config(n_positions=8, n_embd=8, n_layer=1, n_head=2))
    model.initialise(1)
    corpus = Corpus(np.arange(300) * 31 % 977, context=8, batch=2, seed=5)
    recipe = Addressed(corpus, training)
    restart = lambda model: model.initialise(1)  # noqa: E731
    return Trainer(model, recipe, training, restart=restart, history=History(0), between=lambda: None)


def test_a_steps_gradient_is_that_of_the_sampled_sum() -> None:
    """The reference: full logits, those outside of the sample left out, the drawn ones biased."""
    ours = trainer()
    inputs, targets = ours.recipe.batch(0)
    sample = ours.recipe.sample(0, targets)
    assert isinstance(sample, Sample)
    logits = ours.model(inputs) @ ours.model.head.T
    left = torch.full((V,), -math.inf)
    left[sample.ids] = sample.bias
    expected = functional.cross_entropy((logits + left).flatten(0, 1), targets.flatten())
    wanted = torch.autograd.grad(expected, list(ours.model.parameters()))
    loss = ours.passes.gradients(ours.recipe, ours.step_count)
    assert math.isclose(loss, float(expected.detach()), rel_tol=1e-5)
    for parameter, gradient in zip(ours.model.parameters(), wanted, strict=True):
        assert parameter.grad is not None
        assert float((parameter.grad - gradient).norm()) <= 1e-5 * float(gradient.norm()) + 1e-9


def test_the_last_tenth_of_the_schedule_goes_over_all_tokens() -> None:
    recipe = trainer().recipe
    targets = recipe.batch(0)[1]
    assert recipe.sample(17, targets) is not None
    assert recipe.sample(18, targets) is None and recipe.sample(30, targets) is None
    whole = msgspec.structs.replace(TRAINING, vocabulary_sample=0)
    assert trainer(whole).recipe.sample(0, targets) is None


def test_a_run_with_muon_and_samples_goes_back_exactly() -> None:
    ours = trainer()
    first = [ours.step() for _ in range(3)]
    middle = ours.snapshot()
    rest = [ours.step().loss for _ in range(3)]
    end = ours.snapshot()
    ours.restore(middle)
    assert [ours.step().loss for _ in range(3)] == rest
    ours.rewind(0)
    assert [ours.step().loss for _ in range(3)] == [result.loss for result in first]
    ours.rewind(6)
    again = ours.snapshot()
    for part in ("parameters", "moments"):
        one, other = getattr(end, part), getattr(again, part)
        assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
    kinds = {name.rpartition(".")[2] for name in end.moments}
    assert kinds == {"step", "exp_avg", "exp_avg_sq", "momentum_buffer"}
