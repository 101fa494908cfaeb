"""What stands in a text after some tokens, looked up in its suffixes in order."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.suffix_array import DEPTH
from core.tokenizer import END_OF_TEXT_ID

LONGEST = DEPTH - 1  # tokens of a context that is looked up: what follows it is in order, too
_FIRST_LOOKS = 256  # at what followed, all over the places found


class Followers(NamedTuple):
    """The tokens that followed, ascending, and how often each did: two of (d,) int64."""

    ids: NDArray[np.int64]
    counts: NDArray[np.int64]


class Concordance:
    """A text (n,) with the order (n,) of its suffixes, as `suffix_array` makes it.

    A context is found where it stands with a token behind it, all of it in one document: none that holds an
    end of text is found. What ends a document follows on its last tokens like any token.
    """

    def __init__(self, ids: NDArray[np.uint16], order: NDArray[np.uint32]) -> None:
        self._ids = np.asarray(ids)  # a mapped file's own class takes ten times as long for a small slice
        self._order = np.asarray(order)

    def counts(self, prefix: Sequence[int]) -> list[int]:
        """How often its last 1, 2, ... tokens stand in the text, up to LONGEST, as long as they do at all."""
        found: list[int] = []
        for length in range(1, min(len(prefix), LONGEST) + 1):
            places = self._places(prefix[-length:])
            if not places:
                break
            found.append(len(places))
        return found

    def followers(self, context: Sequence[int]) -> Followers:
        """What followed on a context of at most LONGEST tokens, looked at no oftener than it changes.

        The places of a context are in the order of what follows it. So between two places with the same
        token all have it, and where they differ the place in the middle is looked at next.
        """
        places = self._places(context)
        if not places:
            return Followers(np.zeros(0, np.int64), np.zeros(0, np.int64))
        looks = min(len(places), _FIRST_LOOKS)
        at = np.linspace(places.start, places.stop - 1, looks).astype(np.int64)  # ascending
        tokens = self._behind(at, len(context))
        while len(gaps := np.flatnonzero((tokens[1:] != tokens[:-1]) & (at[1:] - at[:-1] > 1)) + 1):
            middle = (at[gaps - 1] + at[gaps]) // 2
            at = np.insert(at, gaps, middle)
            tokens = np.insert(tokens, gaps, self._behind(middle, len(context)))
        begins = np.flatnonzero(np.diff(tokens, prepend=-1))  # of each token's places
        return Followers(tokens[begins], np.diff(at[begins], append=places.stop))

    def _behind(self, at: NDArray[np.int64], length: int) -> NDArray[np.int64]:
        """The tokens behind contexts of this length, by their places in the order: (k,) -> (k,)."""
        return self._ids[self._order[at].astype(np.int64) + length].astype(np.int64)

    def _places(self, context: Sequence[int]) -> range:
        """Where in the order the suffixes lie that begin with a context and go on after it."""
        if not context or END_OF_TEXT_ID in context:
            return range(0)
        ids, length, wanted = self._ids, len(context), list(context)

        def begins(place: np.uint32) -> list[int]:
            found: list[int] = ids[place : int(place) + length].tolist()
            return found

        first = bisect_left(self._order, wanted, key=begins)
        last = bisect_right(self._order, wanted, lo=first, key=begins)
        if first < last and int(self._order[first]) + length == len(ids):
            first += 1  # nothing is behind it; the end of the text comes before any token
        return range(first, last)
