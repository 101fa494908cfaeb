"""What a trigram model of the training text scores where the run is validated: a line for its loss to pass.

The windows are those of the run's validation, and in them the trigrams see what the model sees: the tokens of
the window and nothing before it.
"""

import threading
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.messages import TRIGRAMS, Progress, Reference
from core.priority import give_way
from core.recipe import Recipe
from core.trigram import KneserNey

ORDER = 3
AT_ONCE = 2**16  # tokens at most that are counted while somebody waits
BY_ITSELF = 2_000_000  # tokens at most that are counted without being asked for: it takes memory, too


class _Abandoned(Exception):
    """Nobody wants it any more."""


def trigram_reference(
    ids: NDArray[np.integer], recipe: Recipe, counted: Callable[[int], None] = lambda orders: None
) -> Reference | None:
    """The line of a model of the tokens (n,); None where nothing validates, or these are too few to count.

    `counted` hears how many orders are counted, and may break off by raising.
    """
    if len(ids) < ORDER:
        return None
    model = KneserNey(ids, ORDER, counted=counted)
    nats = recipe.validated(partial(summed, model))
    return None if nats is None else Reference(name=TRIGRAMS, nats=nats)


def summed(model: KneserNey, inputs: Tensor, targets: Tensor) -> float:
    """The summed surprisal in nats of targets (b, n), each after the inputs (b, n) of its row up to it."""
    rows = torch.cat([inputs, targets[:, -1:]], dim=1).numpy()  # (b, n + 1)
    return float(model.surprisals(rows).sum())


class TrigramLine:
    """The line of a longer text, made by a thread: `tell` hears how far it is, `wake` that it is over.

    Then `reference` is the line, or None, and `failure` says why where it came to nothing.
    """

    def __init__(
        self,
        ids: NDArray[np.integer],
        recipe: Recipe,
        *,
        tell: Callable[[Progress], None],
        wake: Callable[[], None],
    ) -> None:
        self.reference: Reference | None = None
        self.failure: str | None = None
        self.over = False
        self._ids = ids
        self._recipe = recipe
        self._tell = tell
        self._wake = wake
        self._abandoned = False
        threading.Thread(target=self._work, name="trigrams", daemon=True).start()

    def abandon(self) -> None:
        """Break off what is under way, of which no more is told."""
        self._abandoned = True

    def _work(self) -> None:
        give_way()
        try:
            self.reference = trigram_reference(self._ids, self._recipe, self._counted)
        except _Abandoned:
            return
        except Exception as error:  # the thread ends, and nobody else would say why
            self.failure = f"the trigram line could not be made: {type(error).__name__} {error}".rstrip()
        self.over = True
        if not self._abandoned:
            self._wake()

    def _counted(self, orders: int) -> None:
        if self._abandoned:
            raise _Abandoned
        self._tell(Progress(what="counting n-grams", done=orders, total=ORDER, unit="orders"))
