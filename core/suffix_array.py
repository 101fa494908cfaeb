"""The suffixes of a text in order, so that all places where some tokens stand lie side by side.

A suffix of a text of n tokens is what there is of it from one of its n places on. Two suffixes are told apart
by their first DEPTH tokens alone, as nobody asks for longer ones; the end of the text comes before any token.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from core.data import counts

DEPTH = 32  # tokens by which suffixes are in order; even, as they are compared by two at a time
_PIECE = 2**20  # suffixes that are sorted together at least; the memory this takes is some 60 bytes for each


class Interrupted(Exception):
    """The sorting was broken off."""


def suffix_array(
    ids: NDArray[np.uint16],
    *,
    tell: Callable[[int], None] = lambda done: None,
    interrupted: Callable[[], bool] = lambda: False,
) -> NDArray[np.uint32]:
    """The places of a text (n,) in the order of the suffixes that begin there: (n,).

    The suffixes of some first tokens at a time are sorted; `tell` hears how many are done. This takes 6 bytes
    for each token of the text, and what a piece takes. Raises Interrupted, within a piece's time.
    """
    n = len(ids)
    tokens = np.zeros(n + DEPTH, dtype=np.uint16)  # 0 stands for what is behind the end, so ids are one more
    np.add(ids, 1, out=tokens[:n])
    ends = counts(ids).cumsum()  # (V,) how many suffixes begin with this token or one before it
    order = np.empty(n, dtype=np.uint32)
    done = first = 0
    while done < n:
        if interrupted():
            raise Interrupted
        last = max(first + 1, int(np.searchsorted(ends, done + _PIECE, side="right")))
        piece = np.flatnonzero((ids >= first) & (ids < last))
        order[done : done + len(piece)] = _sorted(piece, tokens)
        done += len(piece)
        first = last
        tell(done)
    return order


def _sorted(places: NDArray[np.int64], tokens: NDArray[np.uint16]) -> NDArray[np.int64]:
    """The places (m,) in the order of their suffixes: by two tokens, then equals by two more, and so on."""
    tied = np.arange(len(places))  # where in `places` the order is open; equals lie side by side
    group = np.zeros(len(places), dtype=np.int64)  # which of these are equal so far, ascending
    for depth in range(0, DEPTH, 2):
        at = places[tied]
        key = group << 32 | tokens[at + depth].astype(np.int64) << 16 | tokens[at + depth + 1]
        by_key = np.argsort(key)
        places[tied] = at[by_key]
        key = key[by_key]
        differs = np.ones(len(key) + 1, dtype=bool)  # from the one before it
        differs[1:-1] = key[1:] != key[:-1]
        open_still = ~(differs[:-1] & differs[1:])
        group = differs[:-1].cumsum()[open_still]
        tied = tied[open_still]
        if not len(tied):
            break
    return places
