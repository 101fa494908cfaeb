"""The run of the book, held against PyTorch's own modules, loaders and optimizer in the book's order."""

import math
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import core.passes
from core.book import BookCorpus, BookDropout, BookRecipe, initialise
from core.chunked import loss_and_gradients
from core.history import History, Snapshot
from core.messages import Training
from core.models.gpt2 import Config, Model
from core.sources import Book
from core.trainer import Diverged, Trainer
from tests.core import tiny
from tests.core.book import SHAPE, SMALL, STORY, Letters, tokens

SEED = SMALL.seed
N = SMALL.context


class Restated(nn.Module):
    """The book's network by PyTorch's own modules, made in the book's order."""

    def __init__(self, shape: Config) -> None:
        super().__init__()
        d, self.heads = shape.n_embd, shape.n_head
        self.tokens, self.places = nn.Embedding(shape.vocab_size, d), nn.Embedding(shape.n_positions, d)
        self.blocks = nn.ModuleList()
        for _ in range(shape.n_layer):
            block = nn.ModuleDict()
            for name in ("query", "key", "value"):
                block[name] = nn.Linear(d, d, bias=False)
            block["out"] = nn.Linear(d, d)
            block["expand"], block["contract"] = nn.Linear(d, 4 * d), nn.Linear(4 * d, d)
            block["norm_1"], block["norm_2"] = nn.LayerNorm(d), nn.LayerNorm(d)
            self.blocks.append(block)
        self.norm = nn.LayerNorm(d)
        self.head = nn.Linear(d, shape.vocab_size, bias=False)
        self.drop = nn.Dropout(shape.dropout)

    def forward(self, ids: Tensor) -> Tensor:
        b, t = ids.shape
        x = self.drop(self.tokens(ids) + self.places(torch.arange(t)))
        future = torch.ones(t, t).triu(1).bool()
        for block in self.blocks:
            assert isinstance(block, nn.ModuleDict)
            y = block["norm_1"](x)
            q, k, v = (
                block[name](y).view(b, t, self.heads, -1).transpose(1, 2)
                for name in ("query", "key", "value")
            )
            scores = (q @ k.transpose(2, 3)).masked_fill(future, -math.inf) / q.shape[-1] ** 0.5
            mixed = (self.drop(scores.softmax(-1)) @ v).transpose(1, 2).reshape(b, t, -1)
            x = x + self.drop(block["out"](mixed))
            y = F.gelu(block["expand"](block["norm_2"](x)), approximate="tanh")
            x = x + self.drop(block["contract"](y))
        logits: Tensor = self.head(self.norm(x))
        return logits

    def weights(self) -> dict[str, Tensor]:
        """Under the names our model has."""
        found: dict[str, Any] = {
            "wte": self.tokens.weight,
            "wpe": self.places.weight,
            "lm_head": self.head.weight,
        }
        for i, block in enumerate(self.blocks):
            assert isinstance(block, nn.ModuleDict)
            qkv = [block[name].weight for name in ("query", "key", "value")]
            found[f"blocks.{i}.attention.qkv"] = torch.cat([w for w in qkv if isinstance(w, Tensor)])
            names = {"out": "attention.projection", "expand": "expand", "contract": "contract"}
            for theirs, ours in names.items():
                layer = block[theirs]
                assert isinstance(layer, nn.Linear)
                found[f"blocks.{i}.{ours}"] = layer.weight
                found[f"blocks.{i}.{ours}.bias"] = layer.bias
        return {n if n.endswith("bias") else f"{n}.weight": w.detach() for n, w in found.items()}


def restated() -> Restated:
    torch.manual_seed(SEED)
    return Restated(SHAPE)


def loader(part: str, *, training: bool) -> "DataLoader[tuple[Tensor, ...]]":
    ids = torch.from_numpy(tokens(part).astype(np.int64))
    starts = range(0, len(ids) - N, N)
    inputs = torch.stack([ids[start : start + N] for start in starts])
    targets = torch.stack([ids[start + 1 : start + N + 1] for start in starts])
    data = TensorDataset(inputs, targets)
    return DataLoader(data, batch_size=SMALL.batch, shuffle=training, drop_last=training)


def loss_of(model: Restated, inputs: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())


def mean_of(model: Restated, batches: "DataLoader[tuple[Tensor, ...]]") -> float:
    model.eval()
    few = min(5, len(batches))
    with torch.no_grad():
        losses = [loss_of(model, *batch).item() for i, batch in enumerate(batches) if i < few]
    model.train()
    return sum(losses) / few


Line = tuple[float, float | None, float | None, Tensor]  # loss, evaluation, validation, generator


def books_steps() -> Iterator[Line]:
    """The book's training loop: every step's figures, and the global generator's state after it."""
    model = restated()
    border = int(0.9 * len(STORY))
    train, validation = loader(STORY[:border], training=True), loader(STORY[border:], training=False)
    optimizer = torch.optim.AdamW(model.parameters(), lr=SMALL.learning_rate, weight_decay=SMALL.weight_decay)
    steps = count()
    while True:
        for inputs, targets in train:
            optimizer.zero_grad()
            loss = loss_of(model, inputs, targets)
            loss.backward()
            optimizer.step()
            evaluated: tuple[float | None, float | None] = (None, None)
            if next(steps) % SMALL.evaluate_every == 0:
                evaluated = mean_of(model, train), mean_of(model, validation)
            yield loss.item(), *evaluated, torch.get_rng_state()


@pytest.fixture(autouse=True)
def global_generator() -> Iterator[None]:
    """These tests seed the global generator, which is put back."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # on so little, several wait for one another more than they work
    with torch.random.fork_rng():
        yield
    torch.set_num_threads(threads)


def trainer(*, between: Callable[[], None] = lambda: None, budget: int = 2**30) -> Trainer:
    generator = torch.Generator()

    def restart(model: Model) -> None:
        generator.manual_seed(SEED)
        initialise(model, generator)

    model = Model(SHAPE)
    restart(model)
    recipe = BookRecipe(BookCorpus(tokens(), SMALL, Letters()), SMALL, generator)
    return Trainer(model, recipe, SMALL, restart=restart, history=History(budget), between=between)


def state(trainer: Trainer) -> dict[str, Tensor]:
    return {**tiny.state(trainer), **trainer.recipe.state()}


def test_weights_are_those_of_torchs_own_modules_in_the_books_order() -> None:
    book = restated()
    after = torch.get_rng_state()
    generator = torch.Generator().manual_seed(SEED)
    model = Model(SHAPE)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(math.nan)
    initialise(model, generator)
    ours = dict(model.named_parameters())
    for name, weight in book.weights().items():
        assert torch.equal(ours.pop(name), weight), name
    assert all(p.eq(float(name.endswith("weight"))).all() for name, p in ours.items()), ours.keys()
    assert torch.equal(generator.get_state(), after)


@pytest.mark.parametrize("shape", [(2, 5, 12), (2, 3, 40, 40), (1, 3)])
def test_dropout_is_that_of_nn_dropout(shape: tuple[int, ...]) -> None:
    x = torch.randn(shape)
    generator = torch.Generator().manual_seed(4)
    torch.manual_seed(4)
    for _ in range(3):
        assert torch.equal(BookDropout(0.1, generator)(x, 0, 0), F.dropout(x, 0.1))
    assert torch.equal(generator.get_state(), torch.get_rng_state())


def test_the_run_is_that_of_the_books_loop() -> None:
    """Over two borders of an epoch, with evaluations; the validation part ends with a short batch."""
    ours = trainer()
    corpus = ours.recipe.corpus  # type: ignore[attr-defined]
    assert corpus.train_windows % 2 == 1 and corpus.validation_windows == 3
    per_epoch = corpus.train_windows // 2
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(core.passes, "MICRO_BATCH_TOKENS", N)  # masks would fall otherwise in two halves
        for step, (loss, evaluation, validation, generator) in zip(
            range(2 * per_epoch + 3), books_steps(), strict=False
        ):
            result = ours.step()
            assert result.loss == pytest.approx(loss, abs=2e-5), step
            assert torch.equal(ours.recipe.state()["generator"], generator), step
            assert (result.evaluation is None) == (evaluation is None), step
            if evaluation is not None:
                assert result.evaluation == pytest.approx(evaluation, abs=2e-5), step
                assert result.validation == pytest.approx(validation, abs=2e-5), step


@pytest.mark.parametrize("budget", [2**30, 0])
def test_rewind_is_exact_and_goes_on_the_same(budget: int) -> None:
    ours = trainer(budget=budget)
    states, results = [state(ours)], []
    for _ in range(40):
        results.append(ours.step())
        states.append(state(ours))
    for target in (39, 20, 1, 0, 33, 34, 40):
        ours.rewind(target)
        if target:  # at step 0 the order of an epoch before it is of no account
            assert tiny.same(state(ours), states[target]), target
        for again in range(target, min(target + 2, 40)):
            result = ours.step()
            assert (result.loss, result.evaluation) == (results[again].loss, results[again].evaluation)
        assert tiny.same(state(ours), states[min(target + 2, 40)]), target


def test_looking_does_not_move_the_run() -> None:
    ours, undisturbed = trainer(), trainer()
    for _ in range(7):
        torch.rand(5)
        ours.evaluate()
        ours.model(torch.tensor([[1, 2, 3]]))
        assert ours.step().loss == undisturbed.step().loss
    assert tiny.same(state(ours), state(undisturbed))


def test_a_step_that_diverges_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, untroubled = trainer(), trainer()
    with monkeypatch.context() as patch:
        real = loss_and_gradients

        def infinite(*args: Any, **options: Any) -> tuple[Tensor, Tensor]:
            loss, d_hidden = real(*args, **options)
            return loss * math.inf, d_hidden

        patch.setattr(core.passes, "loss_and_gradients", infinite)
        with pytest.raises(Diverged):
            ours.step()
    assert ours.step().loss == untroubled.step().loss
    assert tiny.same(state(ours), state(untroubled))


def test_the_overview_is_the_mean_over_all_batches() -> None:
    ours = trainer()
    border = int(0.9 * len(STORY))
    book = restated().eval()
    for part, training in ((STORY[:border], True), (STORY[border:], False)):
        batches = loader(part, training=training)
        in_order = DataLoader(batches.dataset, batch_size=SMALL.batch, drop_last=training)
        with torch.no_grad():
            losses = [loss_of(book, *batch).item() for batch in in_order]
        measured = ours.evaluate()[0 if training else 1]
        assert measured == pytest.approx(sum(losses) / len(losses), abs=1e-5)


def test_a_long_text_is_overlooked_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.book.OVERVIEW_TOKENS", 5 * 2 * N)
    seen: list[int] = []

    def total(inputs: Tensor, targets: Tensor) -> float:
        seen.append(int(inputs[0, 0]))
        return float(inputs.numel())

    corpus = BookCorpus(tokens(), SMALL, Letters())
    evaluation = BookRecipe(corpus, SMALL, torch.Generator()).overview(total)
    assert evaluation == (1.0, 1.0)
    firsts = [int(corpus.training_batch(i, range(999))[0][0, 0]) for i in range(corpus.train_batches)]
    training = seen[: -corpus.validation_batches]
    assert 3 <= len(training) <= 5 and training[0] == firsts[0]
    assert firsts.index(training[-1]) > len(firsts) / 2


def test_without_dropout_no_mask_is_drawn() -> None:
    training = msgspec.structs.replace(SMALL, dropout=0.0)
    recipe = BookRecipe(BookCorpus(tokens(), training, Letters()), training, torch.Generator())
    assert recipe.dropout(0, 0, 2) is None


def test_the_rate_stays_and_a_warm_up_is_had_for_the_asking() -> None:
    corpus = BookCorpus(tokens(), SMALL, Letters())
    rates = [BookRecipe(corpus, SMALL, torch.Generator()).learning_rate(i) for i in (0, 50, 10_000)]
    assert rates == [SMALL.learning_rate] * 3
    slow = BookRecipe(corpus, msgspec.structs.replace(SMALL, warmup=4), torch.Generator())
    assert [slow.learning_rate(i) / SMALL.learning_rate for i in range(5)] == [0.25, 0.5, 0.75, 1, 1]


def test_a_text_without_validation_window_draws_no_seed_for_it() -> None:
    generator, other = torch.Generator().manual_seed(1), torch.Generator().manual_seed(1)
    recipe = BookRecipe(BookCorpus(tokens(STORY[:40]), SMALL, Letters()), SMALL, generator)
    evaluation = recipe.evaluation(1, lambda inputs, targets: float(inputs.numel()))
    assert evaluation == (1.0, None)
    torch.empty((), dtype=torch.int64).random_(generator=other)
    torch.empty((), dtype=torch.int64).random_(generator=other)
    assert torch.equal(generator.get_state(), other.get_state())


def test_a_text_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="a batch of 2 windows of 8 needs 17"):
        BookCorpus(tokens(STORY[:12]), SMALL, Letters())


def test_a_state_without_the_generator_is_refused() -> None:
    whole = trainer().snapshot()
    snapshot = Snapshot.of(whole.step, parameters=whole.parameters, moments=whole.moments)
    with pytest.raises(ValueError, match="the state of the generator is missing"):
        trainer().restore(snapshot)


def test_a_state_of_the_book_is_refused_elsewhere() -> None:
    with pytest.raises(ValueError, match="keeps no generator, order"):
        tiny.trainer().recipe.restore(trainer().recipe.state())


def test_settings_that_go_with_the_name() -> None:
    book = Training.for_model("book")
    assert (book.batch, book.context, book.learning_rate, book.weight_decay) == (2, 256, 4e-4, 0.1)
    assert (book.dropout, book.evaluate_every, book.seed, book.dtype) == (0.1, 5, 123, "float32")
    assert Training.for_model("fresh") == Training()


def test_another_seed_makes_another_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.book.SHAPE", SHAPE)
    first, again, other = (Book(seed=seed).build().head for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
