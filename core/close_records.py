"""What a closer look at a prediction brings: its arithmetic, and what the training text says beside it."""

import math

from core import information
from core.records import Candidate, Token
from core.wire import Message, Real


class Share(Message, frozen=True, kw_only=True):
    """A token's part of a target mix: 1 for the ordinary one-hot target."""

    token_id: int
    share: Real


class Arithmetic(Message, frozen=True, kw_only=True):
    """How -log p of one row comes about, in float64 from the model's own logits.

    `token` is the row's target, or in the open row, which nothing follows yet, the first guess; there
    `others`, the sum of the surprisals of the other `scored` rows, is None. (These the table has in float32:
    `total` is its sum, so the little that this row's is off there is in `others`.) `cross_entropy` is what
    torch.nn.functional.cross_entropy makes of the same logits. `folder` holds a model with the very weights
    of this `step` in the Hugging Face layout, where there is one. Each property follows from those above.
    """

    position: int
    step: int
    token: Token
    logit: Real
    logsumexp: Real
    cross_entropy: Real
    rank: int
    vocab_size: int
    entropy: Real
    scored: int
    others: Real | None
    folder: str | None = None

    @property
    def log_prob(self) -> float:
        return float(self.logit) - float(self.logsumexp)

    @property
    def probability(self) -> float:
        return math.exp(self.log_prob)

    @property
    def surprisal(self) -> float:
        return 0.0 - self.log_prob

    @property
    def apart(self) -> float:
        """How far -log p and torch's cross entropy lie from each other, in nats."""
        theirs = float(self.cross_entropy)
        return 0.0 if self.surprisal == theirs else abs(self.surprisal - theirs)  # inf - inf is NaN

    @property
    def total(self) -> float:
        """The sum of the surprisals of all scored rows, this one's included."""
        return self.surprisal + float(self.others or 0)

    @property
    def share(self) -> float:
        """What this row is of the sum, and so of the mean, 0 to 1; NaN of a sum of 0 or infinity."""
        return self.surprisal / self.total if self.total else math.nan

    @property
    def mean(self) -> float:
        """The loss of the text."""
        return self.total / self.scored

    @property
    def part(self) -> float:
        """What this row adds to the mean, in nats."""
        return self.surprisal / self.scored

    @property
    def perplexity(self) -> float:
        return information.perplexity(self.mean)

    @property
    def effective_choices(self) -> float:
        """exp of the entropy, as of a `Prediction`."""
        return information.effective_choices(float(self.entropy))


class Follower(Message, frozen=True, kw_only=True):
    """A token that followed `count` times in the training text, as the model sees it."""

    candidate: Candidate
    count: int


class Followed(Message, frozen=True, kw_only=True):
    """What the training text `text` says where the model makes a prediction: its p, beside the model's q.

    `counts[k - 1]` is how often the last k tokens of the prefix stand in the text with a token behind them.
    p is an estimate from the `n` places of the last `length` of them, where `different` tokens followed;
    `followers` are the most frequent of these. In nats: `entropy` H(p), `cross_entropy` H(p, q), infinite
    where q is 0 and p is not, and `kl` KL(p || q) = H(p, q) - H(p). Without an estimate `length` is 0 and
    `missing` says why there is none.
    """

    text: str
    counts: tuple[int, ...] = ()
    length: int = 0
    different: int = 0
    followers: tuple[Follower, ...] = ()
    entropy: Real | None = None
    cross_entropy: Real | None = None
    kl: Real | None = None
    missing: str | None = None

    @property
    def n(self) -> int:
        """The number of places the estimate is made from."""
        return self.counts[self.length - 1] if self.length else 0

    @property
    def shares(self) -> tuple[float, ...]:
        """p of each of the followers."""
        return tuple(follower.count / self.n for follower in self.followers)

    @property
    def rest(self) -> tuple[int, float]:
        """How many tokens followed that are not among the followers, and p of all of them together."""
        shown = sum(follower.count for follower in self.followers)
        return self.different - len(self.followers), (self.n - shown) / max(1, self.n)
