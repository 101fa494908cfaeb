"""The longest that a prompt typed while a model trains waits before it is looked at.

`python -m tests.bench.breathing [SIZE ...] [--steps N]` does steps, snapshots and validations, and prints
one JSON line a size: the longest time in ms between two moments at which who waits is served.
"""

import time
from itertools import pairwise

import msgspec
import torch

from core.data import Corpus
from core.history import History
from core.models.gpt2 import Model
from core.recipe import Addressed
from core.trainer import Trainer
from tests.bench import trainees
from tests.bench.contest import at_length, options, report
from tests.bench.ours import prepare_process
from tests.bench.spin import spin


def longest_wait(size: str, steps: int) -> float:
    """Seconds."""
    training = msgspec.structs.replace(trainees.SIZES[size], evaluate_every=1)
    model = Model.unfilled(trainees.shape(training))
    model.initialise(1)
    moments: list[float] = []
    ids = torch.randint(50257, (20_000,), generator=torch.Generator().manual_seed(1)).numpy()
    corpus = Corpus(ids, context=training.context, batch=training.batch, seed=1)
    trainer = Trainer(
        model,
        Addressed(corpus, training),
        training,
        restart=lambda model: model.initialise(1),
        history=History(2**33),
        between=lambda: moments.append(time.perf_counter()),
    )
    trainer.step()  # finds memory and picks kernels
    moments.clear()
    for _ in range(steps):
        trainer.step()
        trainer.history.keep(trainer.snapshot())
    return max(after - before for before, after in pairwise(moments))


def main() -> None:
    words = options(__doc__)
    words.add_argument("sizes", nargs="*", metavar="SIZE", help=", ".join(trainees.SIZES))
    words.add_argument("--steps", type=int, default=at_length(3, 1))
    given = words.parse_args()
    prepare_process()
    for size in given.sizes or trainees.SIZES:
        spun = spin()
        wait = longest_wait(size, given.steps)
        report(
            {"name": "breathing", "size": size, "longest_wait_ms": round(wait * 1000), "spin": round(spun, 4)}
        )


if __name__ == "__main__":
    main()
