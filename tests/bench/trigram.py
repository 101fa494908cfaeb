"""How well a Kneser-Ney trigram model predicts a text: what a neural model has to beat.

    python -m tests.bench.trigram TEXT OTHER [OTHER...] [--held-out SHARE] [--context N] [--batch N]

It learns from the training part of TEXT, as `neglogp train TEXT` with the same options has it, and prints a
JSON line for each OTHER and one for the held-out part. `nats` is the mean surprisal over `scored` tokens.

A text is read as the neural model reads it (core/data.py, core/reading.py): window k is tokens kN to kN + N,
so that its last is the first of window k + 1. The first token of a window is only context there; each of the
other N is scored given the two before it, or the one where the window begins. So every token of a text but
its first is scored once. The last window of an OTHER may be shorter; in the held-out part such a rest is left
out, as in training. `validation` is the mean over only those of its windows that an evaluation of a training
goes over, a sample that depends on the batch. `ngrams` and `discounts` are of each order, unigrams first.
"""

import time
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.data import Corpus
from core.messages import Training
from core.recipe import Addressed
from core.texts import Texts
from core.tokenizer import gpt2
from core.trigram import Ids, KneserNey
from core.trigram_line import summed
from tests.bench.contest import Record, options, report
from tests.expected_words import EXPECTED, expected_among
from tui.textfile import load_text_file


def by_window(model: KneserNey, ids: Ids, context: int) -> NDArray[np.float64]:
    """The surprisals (n - 1,) of a text (n,), n > 1, read in windows of `context` inputs."""
    starts = range(0, len(ids) - 1, context)
    return np.concatenate([model.surprisals(ids[at : at + context + 1]) for at in starts])


def likeliest(model: KneserNey, prompt: str, n: int) -> list[str]:
    """The n likeliest tokens after a prompt, as text."""
    probs = model.distribution(gpt2().encode(prompt))
    best = np.argsort(-probs, kind="stable")[:n].tolist()
    return [gpt2().piece(token_id).decode(errors="replace") for token_id in best]


def held_out(model: KneserNey, corpus: Corpus, training: Training) -> Record:
    """What is measured on the windows that validate."""

    total = partial(summed, model)
    scored = corpus.validation_windows * corpus.context
    nats = sum(total(inputs, targets) for inputs, targets in corpus.validation_batches()) / scored
    sampled = Addressed(corpus, training).validated(total)
    assert sampled is not None  # there are windows
    return {
        "scored": scored,
        "nats": round(nats, 4),
        "validation": round(sampled, 4),
        "batch": training.batch,
    }


def main() -> None:
    words = options(__doc__)
    words.add_argument("text", type=Path)
    words.add_argument("others", type=Path, nargs="+")
    words.add_argument("--held-out", type=float, default=0.05)
    words.add_argument("--context", type=int, default=256)
    words.add_argument("--batch", type=int, default=16)
    given = words.parse_args()
    training = Training(context=given.context, batch=given.batch, held_out=given.held_out)
    texts = Texts(gpt2())
    text, *others = (texts.add(str(file), load_text_file(file).text) for file in (given.text, *given.others))
    corpus = Corpus(text.ids, training.context, training.batch, training.seed, training.held_out)
    began = time.monotonic()
    learnt = corpus.training
    model = KneserNey(learnt)
    about = {
        "name": "trigram",
        "context": training.context,
        "learnt_from": len(learnt),
        "ngrams": [len(order.ngrams) for order in model.orders],
        "discounts": [[round(discount, 3) for discount in order.discounts] for order in model.orders],
        "seconds": round(time.monotonic() - began, 1),
    }
    for other in others:
        found = by_window(model, other.ids, training.context)
        record = {"text": Path(other.name).name, "scored": len(found), "nats": round(float(found.mean()), 4)}
        report({**about, **record})
    if corpus.validation_windows:
        report({**about, "text": "held out", **held_out(model, corpus, training)})
    for prompt in EXPECTED:
        first = likeliest(model, prompt, 10)
        report(
            {
                "name": "trigram list",
                "prompt": prompt,
                "first": first,
                "expected": len(expected_among(prompt, first)),
            }
        )


if __name__ == "__main__":
    main()
