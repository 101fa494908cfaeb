"""What a model that is kept as B says beside the one at hand."""

import math

from core.comparing import Comparison, compare
from core.records import Pinned, Table
from core.wire import Message, Real


class Compared(Message, frozen=True, kw_only=True):
    """A text as the pinned model B sees it. Its table stays what it is while A trains."""

    pinned: Pinned
    table: Table

    def against(self, table: Table) -> Comparison:
        """A's table of the same text held against this one of B. Raises ValueError for another text."""
        return compare(table, self.table)


class Expected(Message, frozen=True, kw_only=True):
    """With which log_prob the pinned model expects the tokens asked for, in nats, in their order."""

    log_probs: tuple[Real, ...]

    @property
    def probabilities(self) -> tuple[float, ...]:
        return tuple(math.exp(float(log_prob)) for log_prob in self.log_probs)
