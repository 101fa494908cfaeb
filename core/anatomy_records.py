"""The records of one training step taken apart. All quantities of information are in nats.

b rows, n tokens a row, N = b n predictions; V tokens that the loss goes over.
"""

import math

from core.records import Token
from core.wire import Message, Real

MOST_CELLS = 8192  # predictions of one batch that are kept and shown: about 500 kB in one line


class BatchRow(Message, frozen=True, kw_only=True):
    """A row of a batch: its token ids, and of every one but the first the surprisal before and after the
    update, given the tokens before it in this row."""

    ids: tuple[int, ...]
    surprisals: tuple[Real, ...]
    after: tuple[Real, ...]


class Layer(Message, frozen=True, kw_only=True):
    """A part of a model in one step, and the norms of its gradient, of its update and of its weights before.

    The gradient is the loss's own, before it was clipped.
    """

    name: str
    parameters: int
    gradient: Real
    update: Real
    weights: Real

    @property
    def relative(self) -> float:
        """The size of the update over that of the weights; infinite where those were all 0."""
        return float(self.update) / float(self.weights) if float(self.weights) else math.inf


class Dissected(Message, frozen=True, kw_only=True):
    """A step taken apart: the update that `step` counts as its last.

    `rows` are the first rows of the batch, and of them the first tokens, where it is too large to be shown;
    `tokens` are those that stand in them, each once. `loss` is what the run writes down for the step;
    `before` and `after` are the same loss with the weights before and after the update, both in float32 and
    with the step's dropout masks; `predicted` is how far the loss would have moved were it a straight line,
    the sum of gradient times update over all weights. `vocabulary` is V; `width` that of a hidden state.
    """

    step: int
    rows: tuple[BatchRow, ...]
    tokens: tuple[Token, ...]
    batch: int
    context: int
    width: int
    vocabulary: int
    loss: Real
    before: Real
    after: Real
    predicted: Real
    learning_rate: float
    clip: float
    dropout: float
    dtype: str
    layers: tuple[Layer, ...]
    whole: Layer

    @property
    def predictions(self) -> int:
        """N."""
        return self.batch * self.context

    @property
    def shown(self) -> int:
        """How many of the predictions are in `rows`."""
        return sum(len(row.surprisals) for row in self.rows)

    @property
    def summed(self) -> float:
        """The sum of all surprisals before the update."""
        return float(self.before) * self.predictions

    @property
    def moved(self) -> float:
        """How far the update moved the loss of its own batch."""
        return float(self.after) - float(self.before)

    @property
    def beyond(self) -> float:
        """What of that the straight line leaves out."""
        return self.moved - float(self.predicted)


class Logit(Message, frozen=True, kw_only=True):
    """A token in one prediction: its logit, log_prob in nats, 1-based rank, and the gradient at its logit.

    `error` is the gradient of this one surprisal, p - 1 for the target and p for any other; `gradient` that
    of the batch's loss, which is a mean: the same over N.
    """

    token_id: int
    piece: bytes
    logit: Real
    log_prob: Real
    rank: int
    error: Real
    gradient: Real

    @property
    def probability(self) -> float:
        return math.exp(float(self.log_prob))


class Inspected(Message, frozen=True, kw_only=True):
    """One prediction of a step's batch before the update, from its logits to its loss and its gradient.

    `top` are the most probable tokens, best first. `others` counts the tokens that are neither among them
    nor the target; `others_probability` and `others_gradient` are sums over those.
    """

    step: int
    row: int
    column: int
    predictions: int
    logsumexp: Real
    target: Logit
    top: tuple[Logit, ...]
    others: int
    others_probability: float
    others_gradient: float

    @property
    def listed(self) -> tuple[Logit, ...]:
        """The most probable tokens, and the target after them where it is none of them."""
        is_there = any(each.token_id == self.target.token_id for each in self.top)
        return self.top if is_there else (*self.top, self.target)

    @property
    def surprisal(self) -> float:
        """-log p of the target in nats; 0.0 rather than -0.0 for a certainty."""
        return 0.0 - float(self.target.log_prob)

    @property
    def share(self) -> float:
        """What this prediction adds to the mean: its surprisal over N."""
        return self.surprisal / self.predictions

    @property
    def probability_sum(self) -> float:
        """Over all tokens: 1 but for rounding."""
        return math.fsum([*(each.probability for each in self.listed), self.others_probability])

    @property
    def error_sum(self) -> float:
        """Over all tokens, where the others' errors are their probabilities: 0 but for rounding."""
        return math.fsum([*(float(each.error) for each in self.listed), self.others_probability])

    @property
    def gradient_sum(self) -> float:
        """Over all tokens: 0 but for rounding."""
        return math.fsum([*(float(each.gradient) for each in self.listed), self.others_gradient])
