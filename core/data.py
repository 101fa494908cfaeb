"""The tokens of a text as batches of inputs and targets, any of which can be asked for at any time."""

import copy
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.randomness import stream
from core.tokenizer import END_OF_TEXT_ID, N_VOCAB

_AT_ONCE = 2**20  # tokens counted
_LINE_ENDS = (198, 628, END_OF_TEXT_ID)  # "\n", "\n\n" and a document's end: a paragraph begins behind them


class Corpus:
    """A text of n tokens, cut into windows of `context` inputs, each with its targets one token later.

    The first part trains and the rest, 10 % if nothing else is said, validates; a text of several documents
    is cut between two of them, and a text whose rest holds no window trains with all of it.
    An epoch lays its windows side by side from an offset of its own in [0, context) on, or as far as the text
    allows, and visits them in an order of its own; both are addressed by (seed, epoch). A share of them,
    drawn likewise, begins with the first paragraph that begins in it: position 0 is to see beginnings, too.
    """

    def __init__(
        self,
        token_ids: NDArray[np.integer],
        context: int,
        batch: int,
        seed: int,
        validation_fraction: float = 0.1,
        paragraph_starts: float = 0.0,
    ) -> None:
        """token_ids (n,). Raises ValueError for a text too short to train on or a number out of range."""
        if context < 1 or batch < 1:
            raise ValueError(f"context is {context} and batch is {batch}; both must be 1 or more")
        if not 0 <= validation_fraction < 1:
            raise ValueError(f"validation fraction is {validation_fraction:g}; it must be in [0, 1)")
        if not 0 <= paragraph_starts <= 1:
            raise ValueError(f"paragraph starts is {paragraph_starts:g}; it must be in [0, 1]")
        self.n_tokens = len(token_ids)
        self.context = context
        self.batch_size = batch
        self.seed = seed
        self._paragraph_starts = paragraph_starts
        border = self.n_tokens - int(self.n_tokens * validation_fraction)
        if validation_fraction:
            border = _between_documents(token_ids, border, longest=self.n_tokens - context - 1)
        if self.n_tokens - border < context + 1:
            border = self.n_tokens
        self._train, self._validation = token_ids[:border], token_ids[border:]
        if border < context + 1:
            raise ValueError(
                f"the text has {border} tokens to train on, and a context of {context} needs {context + 1}"
            )
        self.train_windows = window_count(border, context)
        self.validation_windows = window_count(len(self._validation), context)
        self.windows_per_epoch = max(1, (border - context) // context)  # whatever the offset
        self._epoch = lru_cache(maxsize=2)(self._drawn_epoch)  # a batch may reach over a border

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets of a 0-based step: two of (b, n) int64, a function of (seed, step) alone.

        Its row i is row step * b + i of the epochs laid end to end. Raises ValueError for a negative step.
        """
        if step < 0:
            raise ValueError(f"step {step} does not exist; the first is 0")
        first = step * self.batch_size
        return _inputs_and_targets([self._train_window(row) for row in range(first, first + self.batch_size)])

    def in_batches(self, batch: int) -> "Corpus":
        """The same text and the same epochs in batches of another size."""
        other = copy.copy(self)
        other.batch_size = batch
        return other

    @property
    def training(self) -> NDArray[np.integer]:
        """The tokens that train (n,)."""
        return self._train

    def validation_batches(self, every: int = 1) -> Iterator[tuple[Tensor, Tensor]]:
        """The validation windows, or one of `every` so many, in the text's order: (up to b, n) each."""
        starts = range(0, self.validation_windows * self.context, every * self.context)
        for first in range(0, len(starts), self.batch_size):
            some = starts[first : first + self.batch_size]
            yield _inputs_and_targets([self._validation[at : at + self.context + 1] for at in some])

    def counts(self) -> NDArray[np.int64]:
        """How often each token of the vocabulary stands in the training part: (V,)."""
        return counts(self._train)

    def unigram_entropy(self) -> float:
        """The entropy in nats of the training part's token frequencies: the loss of knowing only those."""
        return unigram_entropy(self._train)

    def _train_window(self, row: int) -> NDArray[np.integer]:
        epoch, place = divmod(row, self.windows_per_epoch)
        offset, order, at_paragraphs = self._epoch(epoch)
        start = offset + int(order[place]) * self.context
        if at_paragraphs[place]:
            start = self._paragraph_from(start)
        return self._train[start : start + self.context + 1]  # (n + 1,)

    def _paragraph_from(self, start: int) -> int:
        """Where the first paragraph begins that does in the window at `start` and leaves room for another."""
        last = min(start + self.context, len(self._train) - self.context) - 1
        first = max(start, 1)  # the first token of all has none before it
        ends = np.isin(self._train[first - 1 : last + 1], _LINE_ENDS)
        begins = np.flatnonzero(ends[:-1] & ~ends[1:])
        return first + int(begins[0]) if len(begins) else start

    def _drawn_epoch(self, epoch: int) -> tuple[int, NDArray[np.int64], NDArray[np.bool_]]:
        draws = stream(self.seed, "epoch", epoch)
        slack = len(self._train) - 1 - self.windows_per_epoch * self.context
        offset = int(draws.integers(min(self.context, slack + 1)))
        order = draws.permutation(self.windows_per_epoch)
        return offset, order, draws.random(self.windows_per_epoch) < self._paragraph_starts


def counts(token_ids: NDArray[np.integer]) -> NDArray[np.int64]:
    """How often each of GPT-2's tokens stands in a text: (n,) -> (V,)."""
    total = np.zeros(N_VOCAB, dtype=np.int64)
    for first in range(0, len(token_ids), _AT_ONCE):  # np.bincount makes 8 bytes of each
        total += np.bincount(token_ids[first : first + _AT_ONCE], minlength=N_VOCAB)
    return total


def unigram_entropy(token_ids: NDArray[np.integer]) -> float:
    """The entropy in nats of the frequencies of tokens (n,)."""
    found = counts(token_ids)
    shares = found[found > 0] / len(token_ids)
    return float(-(shares * np.log(shares)).sum()) + 0.0  # no -0.0 for a text of one token


def _between_documents(token_ids: NDArray[np.integer], border: int, longest: int) -> int:
    """The start of the document nearest to `border`, at `longest` at the most; `border` if there is none."""
    starts = np.flatnonzero(token_ids == END_OF_TEXT_ID) + 1
    starts = starts[starts <= longest]
    return int(starts[np.abs(starts - border).argmin()]) if len(starts) else border


def window_count(tokens: int, context: int) -> int:
    """How many windows of `context` inputs lie side by side in so many tokens, each with its last target."""
    return max(0, tokens - 1) // context


def _inputs_and_targets(windows: list[NDArray[np.integer]]) -> tuple[Tensor, Tensor]:
    rows = torch.from_numpy(np.stack(windows).astype(np.int64))  # (b, n + 1)
    return rows[:, :-1].contiguous(), rows[:, 1:].contiguous()
