"""A step taken apart, against float64 and autograd; the run that it is taken from does not notice."""

import copy
import math
from collections.abc import Callable, Iterator, Mapping

import msgspec
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import core.anatomy
import core.passes
from core import messages as m
from core.anatomy import Anatomy
from core.data import Corpus
from core.history import History
from core.messages import StepResult, Training
from core.models import gpt2 as gpt2_family
from core.models.gpt2 import Config, Model
from core.recipe import Addressed
from core.recorder import Recorder
from core.sampled import Sample
from core.session import Session
from core.session.base import Stopped
from core.tokenizer import gpt2
from core.trainer import Diverged, Trainer
from tests.core import test_book as book
from tests.core import tiny

N = tiny.TRAINING.batch * tiny.TRAINING.context


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several micro-batches, groups of logits and pieces of weights, none of them even."""
    monkeypatch.setattr(core.passes, "MICRO_BATCH_TOKENS", 24)
    monkeypatch.setattr(core.anatomy, "_TOGETHER", 16)
    monkeypatch.setattr(core.anatomy, "_ROWS", 7)
    monkeypatch.setattr(core.anatomy, "_PIECE", 100)


def settings(**changes: object) -> Training:
    return msgspec.structs.replace(tiny.TRAINING, **changes)


class Exact:
    """The next step of a trainer in float64, its masks the same: logits, loss and gradients."""

    def __init__(self, trainer: Trainer, weights: Mapping[str, Tensor] | None = None) -> None:
        model = copy.deepcopy(trainer.model).double()
        if weights is not None:
            model.load_state_dict({name: weight.double() for name, weight in weights.items()})
        step, drawn = trainer.step_count, trainer.recipe.state()
        inputs, self.targets = trainer.recipe.batch(step)
        hidden = model(inputs, dropout=trainer.recipe.dropout(step, 0, len(inputs)))
        trainer.recipe.restore(drawn)
        self.logits = hidden @ model.head.T  # (b, n, V)
        loss = F.cross_entropy(self.logits.flatten(0, 1), self.targets.flatten())
        self.loss = loss.item()
        self.weights = dict(model.named_parameters())
        at_logits, *gradients = torch.autograd.grad(loss, [self.logits, *self.weights.values()])
        self.at_logits = at_logits  # (b, n, V)
        self.gradients = dict(zip(self.weights, gradients, strict=True))


def updated(trainer: Trainer) -> tuple[StepResult, dict[str, Tensor]]:
    """What the trainer's next step really makes, the trainer left where it is."""
    start = trainer.snapshot()
    result = trainer.step()
    weights = trainer.snapshot().parameters
    trainer.restore(start)
    return result, weights


def along(trainer: Trainer, steps: int) -> Trainer:
    for _ in range(steps):
        trainer.step()
    return trainer


def norm(tensors: Iterator[Tensor]) -> float:
    return float(torch.cat([tensor.flatten() for tensor in tensors]).norm())


# ------------------------------------------------------------------------------------ what it says is true


@pytest.mark.parametrize("make", [tiny.trainer, book.trainer], ids=["addressed", "book"])
def test_surprisals_and_losses_are_torchs_with_the_masks_of_the_step(make: Callable[[], Trainer]) -> None:
    trainer = along(make(), 3)
    exact = Exact(trainer)
    anatomy = trainer.anatomy()
    result, weights = updated(trainer)
    after = Exact(trainer, weights)
    assert anatomy.step == 4 == result.step
    assert (anatomy.loss, anatomy.learning_rate) == (result.loss, result.learning_rate)
    for look, wanted in ((anatomy.before, exact), (anatomy.after, after)):
        assert look.loss == pytest.approx(wanted.loss, rel=1e-6)
        nats = F.cross_entropy(wanted.logits.flatten(0, 1), wanted.targets.flatten(), reduction="none")
        torch.testing.assert_close(look.cells.surprisals, nats.detach(), rtol=0, atol=1e-5)
    assert after.loss != pytest.approx(exact.loss, rel=1e-4)


def test_a_cell_is_the_softmax_of_its_logits_and_the_gradient_at_them_is_autograds() -> None:
    trainer = along(tiny.trainer(), 3)
    exact, anatomy = Exact(trainer), trainer.anatomy()
    ranks = set()
    for row in range(5):
        for column in range(8):
            cell = anatomy.cell(row, column, gpt2())
            logits, gradient = exact.logits[row, column].detach(), exact.at_logits[row, column]
            order = logits.argsort(descending=True).tolist()
            target = int(exact.targets[row, column])
            assert [each.token_id for each in cell.top] == order[:5]
            assert (cell.target.token_id, cell.target.rank) == (target, order.index(target) + 1)
            assert float(cell.logsumexp) == pytest.approx(float(torch.logsumexp(logits, 0)), abs=1e-5)
            log_q = torch.log_softmax(logits, 0)
            for each in (*cell.listed, cell.target):
                assert float(each.logit) == pytest.approx(float(logits[each.token_id]), abs=1e-5)
                assert float(each.log_prob) == pytest.approx(float(log_q[each.token_id]), abs=1e-5)
                assert float(each.gradient) == pytest.approx(float(gradient[each.token_id]), abs=1e-7)
                assert float(each.error) == pytest.approx(N * float(gradient[each.token_id]), abs=1e-5)
            listed = [each.token_id for each in cell.listed]
            rest = [i for i in range(tiny.V) if i not in listed]
            assert cell.others == len(rest)
            assert cell.others_gradient == pytest.approx(float(gradient[rest].sum()), abs=1e-7)
            assert cell.surprisal == pytest.approx(-float(log_q[target]), abs=1e-5)
            assert cell.share == pytest.approx(cell.surprisal / N)
            assert abs(cell.gradient_sum) < 1e-7 and cell.probability_sum == pytest.approx(1, abs=1e-6)
            ranks.add(cell.target.rank <= 5)
    assert ranks == {True, False}


@pytest.mark.parametrize(
    "training",
    [
        settings(clip=0.05),
        settings(clip=0.05, optimizer="muon"),
        settings(weight_decay=5.0, clip=100.0),
        settings(dropout=0.0),
    ],
    ids=["clipped", "muon", "decay", "no dropout"],
)
def test_the_first_order_is_the_unclipped_gradient_times_the_update(training: Training) -> None:
    trainer = along(tiny.trainer(training), 2)
    exact, anatomy = Exact(trainer), trainer.anatomy()
    _, weights = updated(trainer)
    moves = {name: weights[name].double() - old.detach() for name, old in exact.weights.items()}
    predicted = sum(float((g * moves[name]).sum()) for name, g in exact.gradients.items())
    assert anatomy.update.predicted == pytest.approx(predicted, rel=1e-4)
    for layer in (*anatomy.update.layers, anatomy.update.whole):
        of_it = [name for name in moves if layer.name == "all" or name.startswith(f"{layer.name}.")]
        assert layer.parameters == sum(moves[name].numel() for name in of_it) > 0
        assert float(layer.gradient) == pytest.approx(norm(exact.gradients[name] for name in of_it), rel=1e-4)
        assert float(layer.update) == pytest.approx(norm(moves[name] for name in of_it), rel=1e-4)
        assert float(layer.weights) == pytest.approx(norm(exact.weights[n].detach() for n in of_it), rel=1e-6)
        assert layer.relative == pytest.approx(float(layer.update) / float(layer.weights))
    assert [each.name for each in anatomy.update.layers] == ["wte", "wpe", "blocks.0", "blocks.1", "ln_f"]


def test_the_smaller_the_step_the_better_the_straight_line() -> None:
    missed = []
    for rate in (1e-2, 1e-3, 1e-4):
        record = tiny.trainer(settings(learning_rate=rate, warmup=1)).anatomy().record(gpt2())
        assert record.moved < 0 > float(record.predicted)
        assert record.beyond == pytest.approx(record.moved - float(record.predicted))
        missed.append(abs(record.beyond / float(record.predicted)))
    assert missed[2] < missed[1] < missed[0] and missed[2] < 0.02


def test_a_step_over_a_part_of_the_vocabulary_is_taken_apart_over_that_part() -> None:
    training = Training(batch=2, context=8, steps=20, warmup=2, seed=5, vocabulary_sample=64, dtype="float32")
    model = Model(Config(n_positions=8, n_embd=8, n_layer=1, n_head=2))
    model.initialise(1)
    recipe = Addressed(Corpus(np.arange(300) * 31 % 977, context=8, batch=2, seed=5), training)
    trainer = Trainer(
        model, recipe, training, restart=lambda _: None, history=History(0), between=lambda: None
    )
    inputs, targets = recipe.batch(0)
    sample = recipe.sample(0, targets)
    assert isinstance(sample, Sample)
    left = torch.full((50257,), -math.inf)
    left[sample.ids] = sample.bias
    logits = (model(inputs) @ model.head.T + left).detach()
    anatomy = trainer.anatomy()
    expected = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
    assert anatomy.before.loss == pytest.approx(float(expected), rel=1e-6)
    assert anatomy.loss == trainer.step().loss == pytest.approx(anatomy.before.loss, rel=1e-6)
    cell = anatomy.cell(1, 3, gpt2())
    assert [each.token_id for each in cell.top] == logits[1, 3].topk(5).indices.tolist()
    assert cell.others + len(cell.listed) == len(sample.ids) == anatomy.record(gpt2()).vocabulary
    assert cell.probability_sum == pytest.approx(1, abs=1e-6)


def test_in_bfloat16_the_step_is_the_runs_and_what_is_measured_of_it_is_in_float32() -> None:
    trainer = tiny.trainer(settings(dtype="bfloat16"))
    exact, anatomy = Exact(trainer), trainer.anatomy()
    result, weights = updated(trainer)
    assert anatomy.loss == result.loss and anatomy.dtype == "bfloat16"
    assert anatomy.before.loss == pytest.approx(exact.loss, rel=1e-6)
    assert anatomy.after.loss == pytest.approx(Exact(trainer, weights).loss, rel=1e-6)


# ------------------------------------------------------------------------------------ the run stays as it is


def figures(result: StepResult) -> tuple[object, ...]:
    return result.step, result.loss, result.evaluation, result.validation, result.gradient_norm


@pytest.mark.parametrize("budget", [2**30, 0], ids=["snapshots", "from step 0"])
@pytest.mark.parametrize("make", [tiny.trainer, book.trainer], ids=["addressed", "book"])
def test_a_run_whose_steps_are_taken_apart_is_the_run_to_the_last_bit(
    make: Callable[..., Trainer], budget: int
) -> None:
    """Dropout is on. The coming step and one long past, over the border of an epoch."""
    looked_at, undisturbed = make(budget=budget), make(budget=budget)
    assert looked_at.training.dropout > 0
    taken: list[Anatomy] = []
    results: list[StepResult] = []
    for _ in range(20):
        taken.append(looked_at.anatomy())
        if len(taken) % 7 == 0:
            with looked_at.aside():
                looked_at.rewind(len(taken) - 4)
                again = looked_at.anatomy()
            assert again.record(gpt2()) == taken[len(taken) - 4].record(gpt2())
        assert tiny.same(book.state(looked_at), book.state(undisturbed)), len(taken)
        results.append(looked_at.step())
        assert figures(results[-1]) == figures(undisturbed.step())
        assert tiny.same(book.state(looked_at), book.state(undisturbed)), len(taken)
    assert [each.loss for each in taken] == [result.loss for result in results]


def test_with_muon_too() -> None:
    training = settings(optimizer="muon", clip=0.05)
    looked_at, undisturbed = tiny.trainer(training), tiny.trainer(training)
    for _ in range(4):
        looked_at.anatomy()
        assert figures(looked_at.step()) == figures(undisturbed.step())
    assert tiny.same(tiny.state(looked_at), tiny.state(undisturbed))


def test_a_step_that_cannot_be_made_is_not_taken_apart_and_the_run_stays_as_it_is() -> None:
    trainer = along(tiny.trainer(budget=0), 2)  # no snapshot of before the damage
    with torch.no_grad():
        trainer.model.wpe.weight[0] = math.inf
    before = book.state(trainer)
    with pytest.raises(Diverged, match="step 3"):
        trainer.anatomy()
    assert tiny.same(book.state(trainer), before)
    assert all(p.grad is None for p in trainer.model.parameters())


def test_nobody_is_let_in_while_the_weights_are_not_those_of_the_run() -> None:
    calls: list[int] = []
    trainer = tiny.trainer(budget=0, between=lambda: calls.append(trainer.step_count))
    along(trainer, 3)
    calls.clear()
    trainer.snapshot()
    of_a_snapshot = len(calls)
    calls.clear()
    with trainer.aside():
        trainer.rewind(1)
        trainer.anatomy()
    assert calls == [3] * of_a_snapshot, "when the weights were still the run's"
    calls.clear()
    trainer.step()
    assert calls, "and again afterwards"


# ---------------------------------------------------------------------------------------- how large it gets


@pytest.mark.parametrize(
    ("most", "rows", "columns"), [(40, 5, 8), (39, 4, 8), (17, 2, 8), (7, 1, 7), (1, 1, 1)]
)
def test_of_a_large_batch_the_first_cells_are_kept_and_all_of_it_counts(
    most: int, rows: int, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = along(tiny.trainer(), 2)
    whole = trainer.anatomy()
    monkeypatch.setattr(core.anatomy, "MOST_CELLS", most)
    part = trainer.anatomy()
    record, of_all = part.record(gpt2()), whole.record(gpt2())
    assert record.shown == rows * columns and record.predictions == N
    for ours, all_of_it in zip(record.rows, of_all.rows, strict=False):
        assert ours.ids == all_of_it.ids[: columns + 1]
        assert [*map(float, ours.surprisals)] == pytest.approx(all_of_it.surprisals[:columns], abs=2e-6)
    assert (record.loss, record.predicted) == (of_all.loss, of_all.predicted)
    assert (record.before, record.after) == (of_all.before, of_all.after)
    last = part.cell(rows - 1, columns - 1, gpt2())
    assert last.target.token_id == record.rows[-1].ids[-1]
    for row, column in ((rows, 0), (0, columns), (-1, 0), (0, -1)):
        with pytest.raises(ValueError, match=f"row {row}, column {column} is outside the {rows} x {columns}"):
            part.cell(row, column, gpt2())


# ------------------------------------------------------------------------------------------- in a session


@pytest.fixture
def session(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    monkeypatch.setenv("NEGLOGP_RUNS", f"{tmp_path}/runs")
    monkeypatch.setenv("XDG_CACHE_HOME", f"{tmp_path}/cache")
    monkeypatch.setitem(gpt2_family.PRESETS, "small", Config(n_embd=8, n_layer=1, n_head=2))
    asked = Asked()
    session = Session(
        emit=asked.events.append, between=lambda: None, interrupted=asked.enough, recorder=Recorder()
    )
    session.asked = asked  # type: ignore[attr-defined]
    session.open(m.Open(training=Training(batch=2, context=8, steps=20, warmup=2, dropout=0.1)))
    yield session
    session.close()


class Asked:
    """What a session told, and after how much progress it is to stop."""

    def __init__(self) -> None:
        self.events: list[m.AnyEvent] = []
        self.stop_at = math.inf

    @property
    def progress(self) -> list[m.Progress]:
        return [event for event in self.events if isinstance(event, m.Progress)]

    def enough(self) -> bool:
        return len(self.progress) >= self.stop_at


def test_a_replay_that_is_stopped_leaves_the_run_where_it_was(session: Session) -> None:
    asked: Asked = session.asked  # type: ignore[attr-defined]
    session.run(m.Run(steps=8))
    while session.running:
        session.advance()
    trainer = session.at.trainer
    trainer.history = History(0)  # so that it replays from the start
    before, known = book.state(trainer), dict(session.at.results)
    asked.events.clear()
    asked.stop_at = 3
    with pytest.raises(Stopped):
        session.dissect(m.Dissect(step=7))
    assert [(each.done, each.total) for each in asked.progress] == [(1, 6), (2, 6), (3, 6)]
    assert tiny.same(book.state(trainer), before) and session.at.results == known
    with pytest.raises(ValueError, match="step 7"):
        session.inspect(m.Inspect(step=7, row=0, column=0))
    asked.stop_at = math.inf
    assert session.dissect(m.Dissect(step=7)).loss == known[7].loss
    assert tiny.same(book.state(trainer), before) and session.at.results == known
    assert session.status().warning is None


def test_a_step_that_diverges_is_refused_in_words(session: Session) -> None:
    with torch.no_grad():
        session.at.model.wpe.weight[0] = math.inf
    with pytest.raises(ValueError, match="the loss of step 1 is"):
        session.dissect(m.Dissect())
