"""The book's figures from its network at full size: untrained, and of the first step on The Verdict.

The text is not ours to ship. Where NEGLOGP_VERDICT names a file of it, the losses on it are checked, too.
"""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from core import losses
from core.generation import Generation
from core.history import History
from core.messages import Training
from core.models.gpt2 import Model
from core.sampling import SampleConfig
from core.sources import Book
from core.text import clean
from core.texts import TrainingText
from core.tokenizer import gpt2
from core.trainer import Trainer

VERDICT = os.environ.get("NEGLOGP_VERDICT", "")
INPUTS = torch.tensor([[16833, 3626, 6100], [40, 1107, 588]])
TARGETS = torch.tensor([[3626, 6100, 345], [1107, 588, 11311]])

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("book")]


@pytest.fixture(scope="module")
def source() -> Book:
    return Book(seed=123)


@pytest.fixture(scope="module")
def model(source: Book) -> Model:
    return source.build()


def test_the_untrained_table(model: Model) -> None:
    with torch.inference_mode():
        logits = model.logits(model(INPUTS))
    log_p = -losses.surprisal(logits, TARGETS)
    p = [7.4541e-05, 3.1061e-05, 1.1563e-05, 1.0337e-05, 5.6776e-05, 4.7559e-06]
    # The last digit and a little: the first is 7.45404, also from the book's own package.
    assert log_p.exp().flatten().tolist() == pytest.approx(p, abs=7e-10)
    expected = [-9.5042, -10.3796, -11.3677, -11.4798, -9.7764, -12.2561]
    assert log_p.flatten().tolist() == pytest.approx(expected, abs=6e-5)
    loss = losses.cross_entropy(logits, TARGETS)
    assert loss.item() == pytest.approx(10.7940, abs=5e-5)
    assert losses.perplexity(loss).item() == pytest.approx(48_725.82, abs=0.5)
    assert logits.argmax(-1).tolist() == [[16657, 339, 42826], [49906, 29669, 41751]]


def test_the_untrained_sample(model: Model) -> None:
    prompt = "Every effort moves you"
    generation = Generation(model, gpt2().encode(prompt), SampleConfig(temperature=0.0), seed=0)
    for _ in range(10):
        generation.step()
    text = gpt2().decode(generation.ids).decode("utf-8")
    assert text == prompt + " rentingetic wasn\u0645 refres RexMeCHicular stren"


@pytest.mark.skipif(not VERDICT, reason="NEGLOGP_VERDICT names no file of The Verdict")
def test_the_losses_on_the_verdict(model: Model, source: Book) -> None:
    settings = Training.for_model("book")
    text = clean(Path(VERDICT).read_text(encoding="utf-8"))
    ids = np.array(gpt2().encode(text), dtype=np.uint16)
    corpus, recipe = source.recipe(TrainingText(name="verdict", sha256="", ids=ids), settings)
    assert (corpus.n_tokens, corpus.train_windows, corpus.validation_windows) == (5145, 18, 2)
    trainer = Trainer(
        model, recipe, settings, restart=source.restart, history=History(0), between=lambda: None
    )
    assert trainer.evaluate() == pytest.approx((10.9876, 10.9811), abs=5e-5)
    result = trainer.step()
    assert result.evaluation == pytest.approx(9.781, abs=6e-4)
    assert result.validation == pytest.approx(9.933, abs=6e-4)
