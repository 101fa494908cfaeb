"""The text at hand put in order, when it is first asked for what followed in it."""

import threading
from collections.abc import Callable
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from core import token_cache
from core.concordance import Concordance
from core.messages import Indexed
from core.priority import give_way
from core.suffix_array import Interrupted, suffix_array

AT_ONCE = 2**17  # tokens at most that are put in order while somebody waits: it takes some 50 ms


class Indexing:
    """A text of tokens (n,) by the name `text`, and its concordance once there is one.

    A longer text's is made by a thread of its own, which `tell`s how far it is and once it is over, and is
    kept in the cache folder. Meanwhile, and where it came to nothing, `missing` says why there is none.
    """

    def __init__(self, text: str, ids: NDArray[np.integer], tell: Callable[[Indexed], None]) -> None:
        self.text = text
        self.missing: str | None = None
        self._ids: NDArray[np.uint16] = np.asarray(ids, dtype=np.uint16)
        self._tell = tell
        self._concordance: Concordance | None = None
        self._abandoned = False

    def concordance(self) -> Concordance | None:
        """What can be looked up in; None where it is `missing`, for the time being or for good."""
        if self._concordance is None and self.missing is None:
            if len(self._ids) <= AT_ONCE:
                self._concordance = Concordance(self._ids, suffix_array(self._ids))
            else:
                self.missing = f"the text {self.text} is being indexed"
                threading.Thread(target=self._work, name="indexing", daemon=True).start()
        return self._concordance

    def is_of(self, text: str, ids: NDArray[np.integer]) -> bool:
        """Whether these are the name and the tokens."""
        return text == self.text and np.array_equal(ids, self._ids)

    def abandon(self) -> None:
        """Break off what is under way, of which no more is told."""
        self._abandoned = True

    def _work(self) -> None:
        give_way()
        try:
            self._concordance = Concordance(self._ids, self._order())
            self.missing = None
        except Interrupted:
            return
        except Exception as error:  # the thread ends, and nobody else would say why
            self.missing = (
                f"the text {self.text} could not be indexed: {type(error).__name__} {error}".rstrip()
            )
        self._told(len(self._ids))

    def _order(self) -> NDArray[np.uint32]:
        order = token_cache.stored_order(self._ids)
        if order is None:
            order = suffix_array(self._ids, tell=self._so_far, interrupted=lambda: self._abandoned)
            with suppress(OSError):  # it is in memory as well
                order = token_cache.store_order(self._ids, order)
        return order

    def _so_far(self, done: int) -> None:
        if done < len(self._ids):  # it is over only once it can be looked up in
            self._told(done)

    def _told(self, done: int) -> None:
        if not self._abandoned:
            self._tell(Indexed(text=self.text, done=done, total=len(self._ids)))
