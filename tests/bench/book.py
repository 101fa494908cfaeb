"""The run of `--model book` beside the one of the book's own package, on the same text.

`python -m tests.bench.book TEXT [EPOCHS]` prints one JSON line: the greatest difference between the losses of
the evaluations, in nats, and whether the samples after each epoch are the same. It needs what the tests do
not: `pip install --no-deps llms-from-scratch`, and matplotlib and tqdm, which that imports.
"""

import contextlib
import io
import json
import sys
from pathlib import Path

import numpy as np
import torch
from llms_from_scratch.ch02 import GPTDatasetV1
from llms_from_scratch.ch04 import GPTModel
from llms_from_scratch.ch05 import train_model_simple
from torch.utils.data import DataLoader

from core.generation import Generation
from core.history import History
from core.sampling import SampleConfig
from core.sources import Book
from core.text import clean
from core.texts import TrainingText
from core.tokenizer import gpt2
from core.trainer import Trainer
from core.training import BOOK, Training

SETTINGS = Training.for_model(BOOK)
CONFIG = {
    "vocab_size": 50257,
    "context_length": SETTINGS.context,
    "emb_dim": 768,
    "n_heads": 12,
    "n_layers": 12,
    "drop_rate": SETTINGS.dropout,
    "qkv_bias": False,
}
START, SAMPLE = "Every effort moves you", 50

Curves = tuple[list[float], list[float], list[str]]  # training, validation, and a sample an epoch


class Encoding:
    """Our tokenizer under the names the package calls: its own would have to be fetched."""

    def encode(self, text: str, allowed_special: set[str]) -> list[int]:
        return gpt2().encode(text)

    def decode(self, ids: list[int]) -> str:
        return gpt2().decode(ids).decode("utf-8", errors="replace")


def theirs(text: str, epochs: int) -> Curves:
    """The package's run."""
    border = int(0.9 * len(text))

    def loader(part: str, training: bool) -> "DataLoader[object]":
        windows = GPTDatasetV1(part, Encoding(), SETTINGS.context, SETTINGS.context)
        return DataLoader(windows, batch_size=SETTINGS.batch, shuffle=training, drop_last=training)

    train, validation = loader(text[:border], True), loader(text[border:], False)
    torch.manual_seed(SETTINGS.seed)
    model = GPTModel(CONFIG)
    rate, decay = SETTINGS.learning_rate, SETTINGS.weight_decay
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        curves = train_model_simple(
            model, train, validation, torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=decay),
            torch.device("cpu"), num_epochs=epochs, eval_freq=SETTINGS.evaluate_every, eval_iter=5,
            start_context=START, tokenizer=Encoding(),
        )  # fmt: skip
    lines = printed.getvalue().splitlines()
    print("\n".join(lines), file=sys.stderr, flush=True)
    return curves[0], curves[1], [line for line in lines if line.startswith(START)]


def ours(text: str, epochs: int) -> Curves:
    """The run of `--model book`."""
    source = Book(seed=SETTINGS.seed)
    model = source.build()
    ids = gpt2().encode_array(text).astype(np.uint16)
    corpus, recipe = source.recipe(TrainingText(name="text", sha256="", ids=ids), SETTINGS)
    trainer = Trainer(
        model, recipe, SETTINGS, restart=source.restart, history=History(0), between=lambda: None
    )
    training, validation, samples = [], [], []
    for _ in range(epochs):
        for _ in range(corpus.train_windows // SETTINGS.batch):
            result = trainer.step()
            if result.evaluation is not None and result.validation is not None:
                training.append(float(result.evaluation))
                validation.append(float(result.validation))
                print(
                    f"step {result.step - 1:06d}: {training[-1]:.3f}, {validation[-1]:.3f}",
                    file=sys.stderr,
                    flush=True,
                )
        generation = Generation(model, gpt2().encode(START), SampleConfig(temperature=0.0), seed=0)
        for _ in range(SAMPLE):
            generation.step()
        samples.append(Encoding().decode(generation.ids).replace("\n", " "))
        print(samples[-1], file=sys.stderr, flush=True)
    return training, validation, samples


def main(file: str, epochs: int) -> None:
    text = clean(Path(file).read_text(encoding="utf-8"))
    reference, run = theirs(text, epochs), ours(text, epochs)
    differences = [
        [abs(a - b) for a, b in zip(theirs_, ours_, strict=True)]
        for theirs_, ours_ in zip(reference[:2], run[:2], strict=True)
    ]
    result = {
        "name": "book",
        "epochs": epochs,
        "evaluations": len(run[0]),
        "training": max(differences[0]),
        "validation": max(differences[1]),
        "by_evaluation": [round(max(pair), 6) for pair in zip(*differences, strict=True)],
        "same_samples": [a == b for a, b in zip(reference[2], run[2], strict=True)],
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 2)
