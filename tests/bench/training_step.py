"""A training step of ours against the same step of Hugging Face, of plain code and of the book's code.

`python -m tests.bench.training_step [SIZE ...] [--rounds N]` prints one JSON line for each peer and size. All
peers compute in float32 with torch's defaults. "ours" says in what our products are made: what the program
chooses here, and float32.
"""

import sys
from collections.abc import Callable, Iterator

from tests.bench import trainees
from tests.bench.contest import (
    Record,
    Work,
    at_length,
    compared,
    contenders,
    each,
    options,
    report,
    taking_turns,
)
from tests.bench.ours import precisions

ROUNDS = {"d128": 9, "d192": 7, "124M": 4}
STEPS = {"d128": 4, "d192": 2, "124M": 1}  # a turn: about a second
WARM = {"d128": "2", "d192": "2", "124M": "1"}


def results(size: str, rounds: int) -> Iterator[Record]:
    """Every peer against ours in each precision."""
    steps = at_length(STEPS[size], 1)
    setups: dict[str, tuple[Callable[..., Work], tuple[str, ...]]] = {
        dtype: (trainees.ours, (size, dtype, WARM[size])) for dtype in precisions()
    }
    peers: list[Callable[..., Work]] = [trainees.hugging_face, trainees.nanogpt_style]
    if trainees.book_is_here():
        peers.append(trainees.book)
    else:
        print(trainees.NO_BOOK, file=sys.stderr)
    setups |= {peer.__name__: (peer, (size, WARM[size])) for peer in peers}
    with contenders(setups) as them:
        came, spin = taking_turns(them, rounds, steps)
    seconds = {name: each(records, "seconds") for name, records in came.items()}
    training = trainees.SIZES[size]
    for peer in peers:
        for dtype in precisions():
            line = compared(seconds[dtype], seconds[peer.__name__], steps)
            per_second = round(training.batch * training.context / line["ours_ms"] * 1000)
            yield {
                "name": "training_step",
                "size": size,
                "peer": peer.__name__,
                "ours": dtype,
                **line,
                "ours_tokens_per_s": per_second,
                "spin": spin,
            }


def main() -> None:
    words = options(__doc__)
    words.add_argument("sizes", nargs="*", metavar="SIZE", help=", ".join(ROUNDS))
    words.add_argument("--rounds", type=int)
    given = words.parse_args()
    if unknown := set(given.sizes) - set(ROUNDS):
        words.error(f"unknown size {unknown.pop()!r}; known: {', '.join(ROUNDS)}")
    for size in given.sizes or at_length([*ROUNDS], ["d128"]):
        for record in results(size, given.rounds or at_length(ROUNDS[size], 1)):
            report(record)


if __name__ == "__main__":
    main()
