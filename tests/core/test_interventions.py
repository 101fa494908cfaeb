"""A step on one row against independent arithmetic, and as a part of what a run is a function of."""

import copy
import dataclasses

import msgspec
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from core.book import BookCorpus, BookRecipe, initialise
from core.history import History
from core.interventions import Interventions, OnRow, Settings, Withdrawn
from core.messages import Share, StepResult
from core.models.gpt2 import Model
from core.recipe import Addressed
from core.trainer import Trainer
from tests.core import book, tiny

ONE_HOT = (Share(token_id=7, share=1.0),)
MIX = (Share(token_id=3, share=0.7), Share(token_id=40, share=0.2), Share(token_id=12, share=0.1))
PREFIX = (5, 9, 60, 1)
RUN = msgspec.structs.replace(tiny.TRAINING, clip=0.5, weight_decay=0.3)


def on_row(step: int, target: tuple[Share, ...] = ONE_HOT, rate: float = 2e-3) -> OnRow:
    return OnRow(step=step, prefix=PREFIX, target=target, learning_rate=rate)


def lines(results: list[StepResult]) -> bytes:
    """The bytes of the metrics, less how long each step took."""
    return b"\n".join(msgspec.json.encode(msgspec.structs.replace(r, seconds=0)) for r in results)


@pytest.mark.parametrize("target", [ONE_HOT, MIX], ids=["one-hot", "mix"])
@pytest.mark.parametrize("tie_head", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_step_on_a_row_is_torchs_adamw_on_its_cross_entropy(
    target: tuple[Share, ...], tie_head: bool, dtype: str
) -> None:
    """Two of them, so that the second one finds moments; in float32 whatever a batch is computed in."""
    training = msgspec.structs.replace(RUN, dtype=dtype)
    model = tiny.model(dataclasses.replace(tiny.SHAPE, tie_head=tie_head))
    recipe = Addressed(tiny.corpus(training), training)
    trainer = Trainer(
        model, recipe, training, restart=lambda _: None, history=History(0), between=lambda: None
    )
    trainer.interventions = Interventions([on_row(1, target), on_row(2, target, 5e-4)])
    oracle = copy.deepcopy(model).double()
    matrices = [p for p in oracle.parameters() if p.ndim >= 2]
    vectors = [p for p in oracle.parameters() if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": 0.3}, {"params": vectors, "weight_decay": 0.0}]
    adamw = torch.optim.AdamW(groups, betas=(0.9, 0.95), eps=1e-8)
    p = torch.zeros(1, tiny.V, dtype=torch.float64)
    for share in target:
        p[0, share.token_id] = float(share.share)
    for rate in (2e-3, 5e-4):
        loss = F.cross_entropy(oracle.logits(oracle(torch.tensor([PREFIX])))[0, -1:], p)
        adamw.zero_grad()
        loss.backward()
        for parameter in oracle.parameters():
            if parameter.grad is not None and parameter.grad.is_sparse:  # of an embedding
                parameter.grad = parameter.grad.to_dense()
        norm = torch.nn.utils.clip_grad_norm_(oracle.parameters(), training.clip)
        for group in adamw.param_groups:
            group["lr"] = rate
        adamw.step()
        result = trainer.step()
        assert float(norm) > training.clip
        assert result.loss == pytest.approx(loss.item(), rel=1e-6)
        assert result.gradient_norm == pytest.approx(float(norm), rel=1e-5)
        assert (result.learning_rate, result.kind, result.tokens) == (rate, "row", 1)
    for name, parameter in model.named_parameters():
        expected = dict(oracle.named_parameters())[name].detach().float()
        torch.testing.assert_close(parameter.detach(), expected, rtol=0, atol=1e-5, msg=name)


def test_towards_a_mix_the_gradient_at_the_logits_is_q_less_p() -> None:
    """With the logits' gradient q - p, that of an untied head is its outer product with the hidden state."""
    model = tiny.model(dataclasses.replace(tiny.SHAPE, tie_head=False))
    training = tiny.TRAINING
    trainer = Trainer(
        model,
        Addressed(tiny.corpus(training), training),
        training,
        restart=lambda _: None,
        history=History(0),
        between=lambda: None,
    )
    trainer.passes.row_gradients(on_row(1, MIX))
    with torch.no_grad():
        hidden = copy.deepcopy(model).double()(torch.tensor([PREFIX]))[0, -1]  # (D,)
        q = torch.softmax(model.head.double() @ hidden, -1)
    for share in MIX:
        q[share.token_id] -= float(share.share)
    assert model.head.grad is not None
    torch.testing.assert_close(model.head.grad, torch.outer(q, hidden).float(), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("budget", [2**30, 0], ids=["snapshots", "from step 0"])
def test_a_run_with_a_step_on_a_row_is_replayed_to_the_last_bit(budget: int) -> None:
    trainer = tiny.trainer(RUN, budget=budget)
    results = [trainer.step() for _ in range(60)]
    trainer.interventions.add(on_row(61, MIX))
    results += [trainer.step() for _ in range(60)]
    there = tiny.state(trainer)
    assert [r.step for r in results if r.kind == "row"] == [61]
    trainer.rewind(20)
    again = [trainer.step() for _ in range(100)]
    assert lines(again) == lines(results[20:])
    assert tiny.same(tiny.state(trainer), there)
    trainer.rewind(60)
    trainer.rewind(61)
    assert lines([trainer.step() for _ in range(59)]) == lines(results[61:])
    assert tiny.same(tiny.state(trainer), there)


def test_a_step_on_a_row_that_is_taken_back_leaves_no_trace() -> None:
    trainer, untouched = tiny.trainer(RUN), tiny.trainer(RUN)
    for _ in range(5):
        trainer.step()
        untouched.step()
    trainer.interventions.add(on_row(6))
    trainer.step()
    trainer.interventions.add(Withdrawn(step=6))
    trainer.history.drop_after(5)
    trainer.rewind(5)
    assert tiny.same(tiny.state(trainer), tiny.state(untouched))
    assert lines([trainer.step()]) == lines([untouched.step()])
    assert tiny.same(tiny.state(trainer), tiny.state(untouched))


# ---------------------------------------------------------------------------------------- the book's recipe


def books_trainer(budget: int = 2**30) -> Trainer:
    generator = torch.Generator()

    def restart(model: Model) -> None:
        generator.manual_seed(book.SMALL.seed)
        initialise(model, generator)

    model = Model(book.SHAPE)
    restart(model)
    recipe = BookRecipe(BookCorpus(book.tokens(), book.SMALL, book.Letters()), book.SMALL, generator)
    return Trainer(model, recipe, book.SMALL, restart=restart, history=History(budget), between=lambda: None)


def drawn(trainer: Trainer) -> Tensor:
    return trainer.recipe.state()["generator"]


def test_in_the_books_run_a_step_on_a_row_draws_nothing() -> None:
    trainer = books_trainer()
    per_epoch = trainer.recipe.corpus.train_batches  # type: ignore[attr-defined]
    for _ in range(2 * per_epoch):
        step = trainer.step_count + 1
        if (step - 1) % book.SMALL.evaluate_every:  # in whose place the book evaluates, and draws for it
            before = drawn(trainer)
            trainer.interventions.add(on_row(step))
            assert trainer.step().kind == "row" and torch.equal(drawn(trainer), before), step
        else:
            trainer.step()


@pytest.mark.parametrize("places", [(0,), (3,), (-1,), (-1, 0), (-1, 0, 1)])
@pytest.mark.parametrize("budget", [2**30, 0], ids=["snapshots", "from step 0"])
def test_the_books_run_with_steps_on_a_row_around_an_epochs_border_is_replayed(
    places: tuple[int, ...], budget: int
) -> None:
    trainer = books_trainer(budget)
    per_epoch = trainer.recipe.corpus.train_batches  # type: ignore[attr-defined]
    trainer.interventions = Interventions(
        on_row(epoch * per_epoch + place + 1) for epoch in (0, 1) for place in places if epoch or place >= 0
    )
    results = [trainer.step() for _ in range(2 * per_epoch + 3)]
    there = {**tiny.state(trainer), **trainer.recipe.state()}
    for target in (per_epoch + 1, per_epoch, per_epoch - 1, 2, 0):
        trainer.rewind(target)
        again = [trainer.step() for _ in range(len(results) - target)]
        assert lines(again) == lines(results[target:]), target
        assert tiny.same({**tiny.state(trainer), **trainer.recipe.state()}, there)


def test_an_epoch_whose_first_batch_a_row_took_the_place_of_has_an_order_of_its_own() -> None:
    trainer = books_trainer()
    per_epoch = trainer.recipe.corpus.train_batches  # type: ignore[attr-defined]
    for _ in range(per_epoch):
        trainer.step()
    first = trainer.recipe.state()["order"]
    trainer.interventions.add(on_row(per_epoch + 1))
    trainer.step()
    trainer.step()
    second = trainer.recipe.state()["order"]
    assert sorted(second.tolist()) == sorted(first.tolist()) and not torch.equal(first, second)


# ------------------------------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"prefix": ()}, "at least one token"),
        ({"target": ()}, "add up to 0"),
        ({"target": (Share(token_id=1, share=0.5),)}, "add up to 0.5"),
        ({"target": (Share(token_id=1, share=1.5), Share(token_id=2, share=-0.5))}, "not above 0"),
        ({"target": (Share(token_id=1, share="nan"),)}, "not above 0"),
        ({"learning_rate": 0.0}, "learning rate is 0.0"),
        ({"learning_rate": 11.0}, "learning rate is 11.0"),
    ],
)
def test_what_is_no_step_on_a_row_is_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        OnRow(**{**msgspec.structs.asdict(on_row(1)), **change})


def test_old_lines_of_metrics_are_ordinary_steps() -> None:
    line = b'{"type":"step_result","step":3,"loss":2.5}'
    assert msgspec.json.decode(line, type=StepResult).kind is None


# -------------------------------------------------------------------------------------------- other settings

CHANGED = {
    "learning_rate": 7e-4, "batch": 3, "dropout": 0.4, "clip": 0.05, "weight_decay": 0.01,
    "evaluate_every": 3, "steps": 12, "warmup": 0,
}  # fmt: skip


def test_from_their_step_on_settings_are_those_of_a_run_that_has_them_all_along() -> None:
    trainer = tiny.trainer(RUN)
    for _ in range(7):
        trainer.step()
    after = msgspec.structs.replace(RUN, **CHANGED)
    other = tiny.trainer(after)
    other.restore(trainer.snapshot())
    trainer.intervene(Settings(step=8, training=after))
    assert lines([trainer.step() for _ in range(8)]) == lines([other.step() for _ in range(8)])
    assert tiny.same(tiny.state(trainer), tiny.state(other))


@pytest.mark.parametrize("name", CHANGED)
def test_each_setting_makes_another_step(name: str) -> None:
    trainer, unchanged = tiny.trainer(RUN), tiny.trainer(RUN)
    for each in (trainer, unchanged):
        for _ in range(5):
            each.step()
    changed = msgspec.structs.replace(RUN, **{name: CHANGED[name]})
    trainer.intervene(Settings(step=6, training=changed))
    results = [[each.step() for _ in range(3)] for each in (trainer, unchanged)]
    assert lines(results[0]) != lines(results[1])


@pytest.mark.parametrize("budget", [2**30, 0], ids=["snapshots", "from step 0"])
def test_a_run_whose_settings_changed_is_replayed_to_the_last_bit(budget: int) -> None:
    trainer = tiny.trainer(RUN, budget=budget)
    trainer.follow(
        Interventions(
            [
                Settings(step=6, training=msgspec.structs.replace(RUN, **CHANGED)),
                on_row(6),
                Settings(step=11, training=msgspec.structs.replace(RUN, batch=6)),
            ]
        )
    )
    states, results = [tiny.state(trainer)], []
    for _ in range(16):
        results.append(trainer.step())
        states.append(tiny.state(trainer))
    for target in (15, 10, 11, 5, 6, 0):
        trainer.rewind(target)
        assert tiny.same(tiny.state(trainer), states[target]), target
        assert lines([trainer.step() for _ in range(16 - target)]) == lines(results[target:]), target


def test_the_books_run_whose_settings_changed_is_replayed() -> None:
    trainer = books_trainer()
    changed = msgspec.structs.replace(book.SMALL, batch=3, evaluate_every=4, dropout=0.3)
    trainer.follow(Interventions([Settings(step=5, training=changed), on_row(7)]))
    results = [trainer.step() for _ in range(20)]
    there = {**tiny.state(trainer), **trainer.recipe.state()}
    assert [r.tokens for r in results[3:5]] == [16, 24]
    for target in (10, 4, 5, 0):
        trainer.rewind(target)
        assert lines([trainer.step() for _ in range(20 - target)]) == lines(results[target:]), target
        assert tiny.same({**tiny.state(trainer), **trainer.recipe.state()}, there)


def test_a_child_has_the_settings_that_its_next_step_has() -> None:
    first, second = (msgspec.structs.replace(RUN, batch=batch) for batch in (2, 3))
    whole = Interventions([Settings(step=3, training=first), on_row(5), Settings(step=9, training=second)])
    for step, batch, kept in ((1, 5, 0), (2, 2, 1), (5, 2, 2), (7, 2, 2), (8, 3, 3)):
        child = Interventions(whole.up_to(step))
        assert child.training(step + 1, RUN).batch == batch and len(whole.up_to(step)) == kept
