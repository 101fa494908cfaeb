"""How good a model is on a text it was not trained on: the one that comes along, or any folder's.

`python -m tests.bench.embedded TEXT OTHER [OTHER...]` prints one JSON line for each other text and one for
the held-out end of TEXT, the text that the model was trained on: the mean surprisal in nats over windows of
the model's context, side by side as in `neglogp score`, over the whole vocabulary, in float32. With
`--model FOLDER` for another model, such as a checkpoint; what packing costs is the difference of the two.
"""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.checkpoint import load_model
from core.chunked import surprisals
from core.data import Corpus
from core.models.gpt2 import Model
from core.sources import Tiny
from core.texts import Texts
from core.tokenizer import gpt2
from tests.bench.contest import options, report
from tui.textfile import load_text_file


@torch.inference_mode()
def total(model: Model, inputs: Tensor, targets: Tensor) -> float:
    """The summed surprisal in nats of a batch of windows (b, n)."""
    return float(surprisals(model(inputs).flatten(0, 1), model.head, targets.flatten()).sum())


def nats(model: Model, ids: NDArray[np.integer]) -> float:
    """The mean surprisal of all tokens (n,) but the first, in windows of the model's context."""
    context, summed = model.config.n_positions, 0.0
    for start in range(0, len(ids) - 1, context):
        window = torch.from_numpy(ids[start : start + context + 1].astype(np.int64)).unsqueeze(0)
        summed += total(model, window[:, :-1], window[:, 1:])
    return summed / (len(ids) - 1)


def main() -> None:
    words = options(__doc__)
    words.add_argument("text", type=Path)
    words.add_argument("others", type=Path, nargs="+")
    words.add_argument("--model", type=Path, default=Tiny().path)
    words.add_argument("--held-out", type=float, default=0.05)
    given = words.parse_args()
    model = load_model(given.model)
    context = model.config.n_positions
    texts = Texts(gpt2())
    for other in given.others:
        ids = texts.add(str(other), load_text_file(other).text).ids
        found = round(nats(model, ids), 4)
        report({"name": "embedded", "text": other.name, "tokens": len(ids) - 1, "nats": found})
    text = texts.add(str(given.text), load_text_file(given.text).text)
    corpus = Corpus(text.ids, context=context, batch=8, seed=0, validation_fraction=given.held_out)
    summed = sum(total(model, inputs, targets) for inputs, targets in corpus.validation_batches())
    scored = corpus.validation_windows * context
    report({"name": "embedded", "text": "held out", "tokens": scored, "nats": round(summed / scored, 4)})


if __name__ == "__main__":
    main()
