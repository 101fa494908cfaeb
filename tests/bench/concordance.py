"""Putting a text in order and looking up in it: seconds, memory, and how long one look-up takes.

`python -m tests.bench.concordance TEXT` prints one JSON line, for contexts as they come in the text and one
for the tokens that stand in it most often, each of them alone, which have the most places to look at.
"""

import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core.beside import choice
from core.concordance import LONGEST, Concordance
from core.data import counts
from core.suffix_array import suffix_array
from core.texts import Texts
from core.tokenizer import gpt2
from tests.bench.contest import Record, at_length, options, report
from tests.bench.loss_memory import MIB, forget_peak, peak
from tui.textfile import load_text_file


def looked_up(found: Concordance, prefixes: Sequence[Sequence[int]]) -> Record:
    """Milliseconds for all that one answer needs: every length's count, and what followed the one chosen."""
    took = []
    for prefix in prefixes:
        began = time.perf_counter()
        length = choice(found.counts(prefix), None)
        if length:
            found.followers(prefix[-length:])
        took.append((time.perf_counter() - began) * 1000)
    return {"median_ms": round(statistics.median(took), 3), "most_ms": round(max(took), 3)}


def main() -> None:
    words = options(__doc__)
    words.add_argument("text", type=Path)
    words.add_argument("--lookups", type=int, default=at_length(1000, 10))
    given = words.parse_args()
    ids = np.array(Texts(gpt2()).add(given.text.name, load_text_file(given.text).text).ids)
    forget_peak()
    before = peak()
    began = time.perf_counter()
    order = suffix_array(ids)
    seconds = time.perf_counter() - began
    found = Concordance(ids, order)
    ends = np.random.default_rng(1).integers(LONGEST, len(ids), given.lookups)
    often = (-counts(ids)).argsort()[:20]
    memory = {"mib": (peak() - before) // MIB, "order_mib": order.nbytes // MIB}
    report({"name": "concordance", "tokens": len(ids), "seconds": round(seconds, 1), **memory})
    texts = [ids[end - LONGEST : end].tolist() for end in ends]
    report({"name": "look-up in the text", **looked_up(found, texts)})
    report({"name": "look-up of one token", **looked_up(found, [[token_id] for token_id in often.tolist()])})


if __name__ == "__main__":
    main()
