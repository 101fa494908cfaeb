"""A run is a function of its start, configuration and text: forwards, backwards and against oracles."""

import copy
import dataclasses
import math
from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import msgspec
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import core.passes
import core.recipe
from core.chunked import loss_and_gradients
from core.history import History
from core.messages import StepResult, Training
from core.recipe import FINAL_RATE, Addressed, learning_rate
from core.trainer import Diverged, Trainer
from tests.core import tiny

ALL, FEW, NONE = 2**30, 0, -1  # budgets of snapshots; NONE forgets them


@pytest.fixture
def small_micro_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rows of eight tokens at a time, so a batch of five is cut unevenly."""
    monkeypatch.setattr(core.passes, "MICRO_BATCH_TOKENS", 16)


def figures(result: StepResult) -> tuple[object, ...]:
    """A step's line less how long it took."""
    return result.step, result.loss, result.validation, result.learning_rate, result.gradient_norm


@pytest.mark.parametrize("budget", [ALL, FEW, NONE], ids=["snapshots", "two snapshots", "from step 0"])
def test_rewind_is_exact_with_dropout_on(budget: int, small_micro_batches: None) -> None:
    trainer = tiny.trainer(budget=max(budget, 0))
    states, results = [tiny.state(trainer)], []
    for _ in range(12):
        results.append(trainer.step())
        states.append(tiny.state(trainer))
    for target in (11, 7, 0, 12, 3, 4):
        if budget == NONE:
            trainer.history = History(0)
        trainer.rewind(target)
        assert tiny.same(tiny.state(trainer), states[target]), target
        for again in range(target, min(target + 2, 12)):
            assert figures(trainer.step()) == figures(results[again])
        assert tiny.same(tiny.state(trainer), states[min(target + 2, 12)])


def test_rewind_takes_the_nearest_snapshot() -> None:
    trainer = tiny.trainer()
    for _ in range(6):
        trainer.step()
    trainer.history = History(ALL)
    trainer.history.keep(trainer.snapshot())  # at step 6
    for _ in range(4):
        trainer.step()
    assert [result.step for result in trainer.replay(8)] in ([7, 8], [8], [])
    trainer.restart()
    assert 1 not in [result.step for result in trainer.replay(8)]


def test_breaking_off_a_replay_leaves_a_valid_step() -> None:
    trainer = tiny.trainer()
    states = {}
    for _ in range(8):
        trainer.step()
        states[trainer.step_count] = tiny.state(trainer)
    trainer.history = History(0)
    for result in trainer.replay(7):
        if result.step == 3:
            break
    assert tiny.same(tiny.state(trainer), states[3])
    trainer.rewind(8)
    assert tiny.same(tiny.state(trainer), states[8])


def test_a_negative_step_is_refused() -> None:
    with pytest.raises(ValueError, match="step -1"):
        tiny.trainer().rewind(-1)


def test_a_snapshot_is_a_copy_both_ways() -> None:
    trainer = tiny.trainer()
    trainer.step()
    snapshot = trainer.snapshot()
    before = copy.deepcopy((snapshot.parameters, snapshot.moments))
    trainer.step()
    trainer.restore(snapshot)
    trainer.step()
    for kept, now in zip(before, (snapshot.parameters, snapshot.moments), strict=True):
        assert tiny.same(kept, now)


def test_micro_batches_add_up_to_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    trainers, results = [], []
    for tokens in (16, 10**6):
        monkeypatch.setattr(core.passes, "MICRO_BATCH_TOKENS", tokens)
        trainers.append(tiny.trainer())
        results.append(trainers[-1].step())
    assert float(results[0].loss or 0) == pytest.approx(float(results[1].loss or 0), rel=1e-6)
    assert float(results[0].gradient_norm) == pytest.approx(float(results[1].gradient_norm), rel=1e-5)
    cut, whole = (trainer.snapshot().moments for trainer in trainers)
    for name, moment in whole.items():
        torch.testing.assert_close(cut[name], moment, rtol=1e-4, atol=1e-7)


def test_others_are_let_in_after_every_layer_forwards_and_backwards_and_every_block_of_the_loss(
    monkeypatch: pytest.MonkeyPatch, small_micro_batches: None
) -> None:
    calls: list[bool] = []
    served: list[Tensor] = []

    def serve() -> None:
        calls.append(torch.is_autocast_enabled("cpu") or not torch.is_inference_mode_enabled())
        served.append(trainer.model(torch.tensor([[1, 2, 3]])))  # through the same layers

    trainer = tiny.trainer(
        Training(batch=5, context=8, seed=9, dtype="bfloat16", evaluate_every=100), between=serve
    )
    with torch.inference_mode():
        before = trainer.model(torch.tensor([[1, 2, 3]]))
    trainer.step()
    layers, micro_batches, passes_of_the_loss = trainer.model.config.n_layer, 3, 2
    assert len(calls) == micro_batches * (2 * layers + passes_of_the_loss)
    assert not any(calls)  # in float32 and without gradients, though the step is made in bfloat16 with them
    for hidden in served:
        assert torch.equal(hidden, before)


@pytest.mark.parametrize(("dtype", "bar"), [("float32", 1e-5), ("bfloat16", 2e-2)])
@pytest.mark.parametrize("tie_head", [True, False])
def test_gradients_are_those_of_the_plain_loss(
    tie_head: bool, dtype: Literal["float32", "bfloat16"], bar: float, small_micro_batches: None
) -> None:
    training = Training(batch=5, context=8, seed=9, dtype=dtype)
    model = tiny.model(dataclasses.replace(tiny.SHAPE, tie_head=tie_head))
    trainer = Trainer(
        model,
        Addressed(tiny.corpus(training), training),
        training,
        restart=lambda _: None,
        history=History(0),
        between=lambda: None,
    )
    oracle = copy.deepcopy(model).double()
    for step in range(2):  # the second one with gradients that are there already
        inputs, targets = trainer.recipe.batch(step)
        oracle.zero_grad()
        logits = oracle.logits(oracle(inputs))
        F.cross_entropy(logits.flatten(0, 1), targets.flatten()).backward()
        trainer.step_count = step
        trainer._optimizer.zero_grad()
        trainer.passes.gradients(trainer.recipe, trainer.step_count)
        exact = {name: p.grad for name, p in oracle.named_parameters()}
        for name, parameter in model.named_parameters():
            wanted, got = exact[name], parameter.grad
            assert wanted is not None and got is not None
            assert float((got.double() - wanted).norm()) <= bar * float(wanted.norm()), name


def test_the_loss_is_the_batchs_cross_entropy(small_micro_batches: None) -> None:
    training = Training(batch=5, context=8, seed=9, learning_rate=1e-2, warmup=1, dtype="float32")
    trainer = tiny.trainer(training)
    for step in range(3):
        oracle = copy.deepcopy(trainer.model).double()
        inputs, targets = trainer.recipe.batch(step)
        with torch.no_grad():
            logits = oracle.logits(oracle(inputs))
        expected = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        assert float(trainer.step().loss or 0) == pytest.approx(float(expected), rel=1e-6)


def test_updates_are_adamw_with_clipping_and_decay_of_matrices() -> None:
    training = Training(
        batch=4,
        context=8,
        seed=9,
        steps=10,
        warmup=2,
        learning_rate=1e-2,
        weight_decay=0.3,
        clip=0.05,
        dtype="float32",
    )
    trainer = tiny.trainer(training)
    oracle = copy.deepcopy(trainer.model).double()
    mean = {name: torch.zeros_like(p) for name, p in oracle.named_parameters()}
    square = {name: torch.zeros_like(p) for name, p in oracle.named_parameters()}
    for t in (1, 2, 3):
        inputs, targets = trainer.recipe.batch(t - 1)
        logits = oracle.logits(oracle(inputs))
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        named = dict(oracle.named_parameters())
        gradients = dict(zip(named, torch.autograd.grad(loss, list(named.values())), strict=True))
        norm = torch.cat([g.flatten() for g in gradients.values()]).norm()
        result = trainer.step()
        assert float(result.gradient_norm) == pytest.approx(float(norm), rel=1e-5)
        assert float(norm) > training.clip
        rate = (0.005, 0.01, 0.01 * (1 - 0.9 / 8))[t - 1]
        assert result.learning_rate == pytest.approx(rate)
        with torch.no_grad():
            for name, parameter in named.items():
                g = gradients[name] * training.clip / norm
                mean[name] = 0.9 * mean[name] + 0.1 * g
                square[name] = 0.95 * square[name] + 0.05 * g * g
                towards = mean[name] / (1 - 0.9**t) / ((square[name] / (1 - 0.95**t)).sqrt() + 1e-8)
                decay = 0.3 if parameter.ndim >= 2 else 0.0
                parameter.sub_(rate * (towards + decay * parameter))
    for name, parameter in trainer.model.named_parameters():
        expected = dict(oracle.named_parameters())[name].float()
        torch.testing.assert_close(parameter.detach(), expected.detach(), rtol=0, atol=3e-5, msg=name)


def test_the_learning_rate_warms_up_and_falls_linearly_to_a_tenth() -> None:
    training = Training(steps=14, warmup=4, learning_rate=0.2)
    rates = [learning_rate(training, update) for update in range(14)]
    assert rates[:4] == pytest.approx([0.05, 0.1, 0.15, 0.2])
    falls = [a - b for a, b in pairwise(rates[3:])]
    assert falls == pytest.approx([0.2 * (1 - FINAL_RATE) / 10] * 10)
    assert rates[-1] == pytest.approx(0.02)


def test_after_the_schedule_the_learning_rate_stays() -> None:
    for steps, warmup in ((14, 4), (5, 5), (3, 20), (1, 0), (6, 0)):
        training = Training(steps=steps, warmup=warmup)
        last = learning_rate(training, steps - 1)
        assert [learning_rate(training, steps + i) for i in range(3)] == [last] * 3
        assert 0 < last <= training.learning_rate


def test_a_run_that_goes_on_after_its_schedule_keeps_its_past() -> None:
    training = Training(batch=2, context=8, steps=3, warmup=1, seed=9)
    trainer = tiny.trainer(training)
    rates = [trainer.step().learning_rate for _ in range(6)]
    assert rates == [learning_rate(training, update) for update in range(6)]
    assert rates[2] == rates[3] == rates[5]


def infinite_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    def infinite(*args: object, **options: object) -> tuple[Tensor, Tensor]:
        loss, d_hidden = loss_and_gradients(*args, **options)  # type: ignore[arg-type]
        return loss * math.inf, d_hidden

    monkeypatch.setattr(core.passes, "loss_and_gradients", infinite)


def endless_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    def finite_but_vertical(*args: object, **options: object) -> tuple[Tensor, Tensor]:
        loss, d_hidden = loss_and_gradients(*args, **options)  # type: ignore[arg-type]
        return loss, d_hidden * math.nan

    monkeypatch.setattr(core.passes, "loss_and_gradients", finite_but_vertical)


@pytest.mark.parametrize(
    ("trouble", "words"),
    [(infinite_loss, "loss of step 3 is inf"), (endless_gradient, "gradient of step 3 is nan")],
)
def test_a_step_that_diverges_changes_nothing(
    trouble: Callable[[pytest.MonkeyPatch], None], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, untroubled = tiny.trainer(), tiny.trainer()
    for one in (trainer, untroubled):
        one.step()
        one.step()
    before = tiny.state(trainer)
    with monkeypatch.context() as patch:
        trouble(patch)
        with pytest.raises(Diverged, match=words):
            trainer.step()
    assert tiny.same(tiny.state(trainer), before)
    assert figures(trainer.step()) == figures(untroubled.step())


def test_nothing_of_a_step_that_was_broken_off_gets_into_the_next(small_micro_batches: None) -> None:
    def interrupt() -> None:
        if troubled:
            raise RuntimeError("between two micro-batches")

    troubled = True
    trainer, untroubled = tiny.trainer(between=interrupt), tiny.trainer()
    with pytest.raises(RuntimeError, match="between"):
        trainer.step()
    troubled = False
    assert figures(trainer.step()) == figures(untroubled.step())


def test_validation_is_the_mean_over_all_its_windows(small_micro_batches: None) -> None:
    trainer = tiny.trainer()
    oracle = copy.deepcopy(trainer.model).double()
    sums, count = 0.0, 0
    for inputs, targets in tiny.corpus(tiny.TRAINING).validation_batches():
        with torch.no_grad():
            logits = oracle.logits(oracle(inputs))
        sums += float(F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum"))
        count += targets.numel()
    assert count > 5 * 8  # more than one batch, the last one shorter
    assert trainer.evaluate().validation == pytest.approx(sums / count, rel=1e-6)


def test_validation_of_a_long_text_is_spread_over_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core.recipe, "VALIDATION_TOKENS", 200)
    long = tiny.corpus(tiny.TRAINING, tokens=20_000)
    seen: list[Tensor] = []

    class Watched(torch.nn.Module):
        blocks = torch.nn.ModuleList()
        head = torch.zeros(tiny.V, 4)

        def forward(self, ids: Tensor) -> Tensor:
            seen.append(ids)
            return torch.zeros(*ids.shape, 4)

    recipe = Addressed(long, tiny.TRAINING)
    trainer = Trainer(
        tiny.model(), recipe, tiny.TRAINING, restart=lambda _: None, history=History(0), between=lambda: None
    )
    trainer.passes.model = Watched()  # type: ignore[assignment]
    assert trainer.evaluate().validation == pytest.approx(math.log(tiny.V), rel=1e-6)
    assert sum(ids.numel() for ids in seen) <= 200
    windows = torch.cat([inputs for inputs, _ in long.validation_batches()])
    at = [next(i for i, w in enumerate(windows) if torch.equal(w, row)) for row in torch.cat(seen)]
    steps = {after - before for before, after in pairwise(at)}
    assert at[0] == 0 and at[-1] + max(steps) >= len(windows) and len(steps) == 1


def test_a_text_without_a_validation_window_has_no_validation() -> None:
    recipe = Addressed(tiny.corpus(tiny.TRAINING, tokens=30), tiny.TRAINING)
    trainer = Trainer(
        tiny.model(), recipe, tiny.TRAINING, restart=lambda _: None, history=History(0), between=lambda: None
    )
    assert trainer.evaluate().validation is None
    assert [trainer.step().validation for _ in range(4)] == [None] * 4


def test_validation_is_measured_every_so_many_steps() -> None:
    trainer = tiny.trainer()
    measured = {result.step: result.validation for result in (trainer.step() for _ in range(9))}
    assert [step for step, validation in measured.items() if validation is not None] == [4, 8]


def test_training_lowers_the_loss() -> None:
    trainer = tiny.trainer(Training(batch=5, context=8, seed=9, steps=60, warmup=4, learning_rate=1e-2))
    losses = [float(trainer.step().loss or 0) for _ in range(60)]
    assert losses[0] == pytest.approx(math.log(tiny.V), abs=0.1)
    assert sum(losses[-5:]) / 5 < losses[0] - 0.3


def test_rewinding_in_bfloat16_is_exact_and_its_first_steps_follow_float32() -> None:
    training = msgspec.structs.replace(tiny.TRAINING, dtype="bfloat16")
    trainer, exact = tiny.trainer(training), tiny.trainer()
    ours = [float(trainer.step().loss or 0) for _ in range(6)]
    there = tiny.state(trainer)
    assert ours == pytest.approx([float(exact.step().loss or 0) for _ in range(6)], abs=0.01)
    trainer.rewind(2)
    trainer.rewind(6)
    assert tiny.same(tiny.state(trainer), there)


def test_without_memory_for_going_back_no_snapshot_is_taken_and_the_way_is_the_same() -> None:
    with_snapshots, without = tiny.trainer(), tiny.trainer(budget=0)
    for _ in range(6):
        with_snapshots.step()
        without.step()
    assert with_snapshots.history.steps and not without.history.steps
    for trainer in (with_snapshots, without):
        trainer.rewind(4)
    assert not without.history.steps and tiny.same(tiny.state(with_snapshots), tiny.state(without))


def test_a_snapshot_that_is_shared_is_the_historys_own() -> None:
    trainer = tiny.trainer()
    trainer.step()
    trainer.step()
    shared = trainer.shared_snapshot()
    assert shared.step == 2 and trainer.history.nearest(2) is shared and trainer.shared_snapshot() is shared
    before = tiny.state(trainer)
    trainer.step()
    trainer.restore(shared)
    assert tiny.same(tiny.state(trainer), before)
    lone = tiny.trainer(budget=0)
    lone.step()
    assert lone.shared_snapshot().step == 1 and not lone.history.steps
