"""Models small enough to train within a test."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from core.data import Corpus
from core.history import History
from core.messages import Training
from core.models.gpt2 import Config, Model
from core.recipe import Addressed
from core.trainer import Trainer

V = 61
SHAPE = Config(vocab_size=V, n_positions=8, n_embd=16, n_layer=2, n_head=2, qkv_bias=False)
TRAINING = Training(
    batch=5,
    context=8,
    steps=30,
    warmup=4,
    seed=9,
    dropout=0.2,
    evaluate_every=4,
    learning_rate=3e-3,
    dtype="float32",
)


def model(shape: Config = SHAPE, seed: int = 1) -> Model:
    made = Model(shape)
    made.initialise(seed)
    return made


def corpus(training: Training, tokens: int = 700) -> Corpus:
    """Tokens by a rule with exceptions, so that there is something to learn and something to be unsure of."""
    ids = np.arange(tokens) * 7 % V
    exceptions = np.random.default_rng(2).random(tokens) < 0.3
    ids = np.where(exceptions, ids // 2, ids).astype(np.uint16)
    return Corpus(ids, context=training.context, batch=training.batch, seed=training.seed)


def trainer(
    training: Training = TRAINING, *, budget: int = 2**30, between: Callable[[], None] = lambda: None
) -> Trainer:
    def restart(model: Model) -> None:
        model.initialise(1)

    recipe = Addressed(corpus(training), training)
    return Trainer(model(), recipe, training, restart=restart, history=History(budget), between=between)


def state(trainer: Trainer) -> dict[str, Tensor]:
    """Copies of all that the next step depends on, by name."""
    snapshot = trainer.snapshot()
    return {**snapshot.parameters, **snapshot.moments, "step_count": torch.tensor(snapshot.step)}


def same(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    """Whether two states are the same to the last bit."""
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
