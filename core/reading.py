"""What a model has read of a text: the hidden state behind every token, and what it needs to read on."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from core.kv_cache import KVCache
from core.models.gpt2 import Model
from core.products import exactly

_TOKENS_AT_ONCE = 256  # read between two turns: more at once is no faster
_SAMPLE = 256  # numbers of every parameter, by which changed weights are told


class Reading:
    """One text at a time, n tokens. Of the next one only what it has not in common with it is read.

    Window k reads ids [kC, (k+1)C). The cache is of one window, as a rule the last; the hidden states are
    of all. All of it belongs to the weights it was read with and goes with them.
    """

    def __init__(self, model: Model) -> None:
        self.ids: list[int] = []
        self._model = model
        self._context = model.config.n_positions
        self._cache = KVCache(model.config, like=model.head)
        self._cached_from = 0  # where the cache's window starts
        self._read: dict[int, int] = {}  # how many tokens of a window have been read, by where it starts
        self._hidden = model.head.new_empty(0, model.config.n_embd)  # (n or more, D)
        self._weights: object = None

    def turn_to(self, ids: Sequence[int]) -> int:
        """Take up another text; the number of its first tokens of which all that was known still holds."""
        weights = _mark(self._model)
        common = _common(self.ids, ids) if weights == self._weights else 0
        self._weights = weights
        self.ids = list(ids)
        if len(ids) > len(self._hidden):
            grown = self._hidden.new_empty(max(len(ids), 2 * len(self._hidden)), self._hidden.shape[1])
            grown[:common] = self._hidden[:common]
            self._hidden = grown
        self._read = {
            start: min(read, common - start) for start, read in self._read.items() if start < common
        }
        self._cache.truncate(max(0, min(self._cache.length, common - self._cached_from)))
        return common

    @property
    def complete(self) -> bool:
        """Whether every token has been read."""
        return not self._unread(self._last) and not self._unread_before(self._last)

    def read(self) -> Iterator[None]:
        """Read all that is unread, the last window first; a turn after each part, at which one may stop."""
        yield from self.read_last()
        full = self._unread_before(self._last)
        at_once = max(1, _TOKENS_AT_ONCE // self._context)
        for first in range(0, len(full), at_once):
            starts = full[first : first + at_once]
            with exactly():
                windows = [self.ids[start : start + self._context] for start in starts]
                hidden = self._model(self._tensor(windows))  # (W, C, D)
                for start, states in zip(starts, hidden, strict=True):
                    self._keep(start, states)
            yield

    def read_last(self) -> Iterator[None]:
        """Read what is unread of the last window alone."""
        start = self._last
        if not self._unread(start):
            return
        if self._cached_from != start:
            self._cache.truncate(0)
            self._cached_from = start
        while (at := start + self._cache.length) < len(self.ids):
            with exactly():
                piece = self._tensor([self.ids[at : at + _TOKENS_AT_ONCE]])
                self._keep(at, self._model(piece, cache=self._cache)[0])
            yield

    def hidden(self, positions: Sequence[int]) -> Tensor:
        """The hidden states (r, D) behind these tokens, which have to be read already."""
        return self._hidden[self._tensor(positions)]

    @property
    def _last(self) -> int:
        return max(0, len(self.ids) - 1) // self._context * self._context

    def _unread(self, start: int) -> int:
        return min(self._context, len(self.ids) - start) - self._read.get(start, 0)

    def _unread_before(self, end: int) -> list[int]:
        return [start for start in range(0, end, self._context) if self._unread(start)]

    def _keep(self, at: int, states: Tensor) -> None:
        self._hidden[at : at + len(states)] = states  # (T, D)
        start = at // self._context * self._context
        self._read[start] = at + len(states) - start

    def _tensor(self, ids: Sequence[int] | Sequence[Sequence[int]]) -> Tensor:
        return torch.tensor(ids, dtype=torch.long, device=self._hidden.device)


def _common(a: Sequence[int], b: Sequence[int]) -> int:
    """The length of the longest common prefix."""
    for n, (x, y) in enumerate(zip(a, b, strict=False)):
        if x != y:
            return n
    return min(len(a), len(b))


def _mark(model: Model) -> tuple[list[tuple[int, int]], bytes]:
    """What tells one state of the weights from another, without anybody having to say that they changed.

    torch counts the writes to a tensor, but not those of its fused optimizers, nor those through `.data` or
    another library's view of the memory: these show in the values. An update moves every number of a
    parameter, so a few of each are enough to see it.
    """
    parameters = list(model.parameters())
    writes = [(p.data_ptr(), p._version) for p in parameters]
    with torch.inference_mode():
        # An odd distance: a multiple of the rows' width would look into one column alone.
        samples = [p.view(-1)[:: p.numel() // _SAMPLE | 1] for p in parameters]
        sample = torch.cat(samples).cpu()
    return writes, sample.view(torch.uint8).numpy().tobytes()  # bytes, as a NaN is not equal to itself
