"""What a closer look at a prediction brings: its arithmetic, and what is held against it.

That is what the training text says comes next, or a target of a person's own.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence

from core import information
from core.records import Candidate, Token
from core.wire import Message, Real

WHOLE_WITHIN = 1e-6  # that the shares of a mix may lie from 1


class Predicted(Message, frozen=True, kw_only=True):
    """One prediction of any text: its most probable candidates with the logits they have, best first.

    `others` is the logsumexp of all other logits, as if they were one token's: with `logits` it makes the
    same softmax. -inf where there are no others. `entropy` is of the whole vocabulary, in nats.
    """

    step: int
    prefix: tuple[Token, ...]
    entropy: Real
    top: tuple[Candidate, ...]
    logits: tuple[Real, ...]
    others: Real
    n_others: int


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


class Share(Message, frozen=True, kw_only=True):
    """A token's share of a target, 0 to 1."""

    token_id: int
    share: Real


def require_mix(mix: Sequence[Share], name: Callable[[int], str] = "token {}".format) -> None:
    """Raise ValueError, naming the token, unless shares above 0 of different tokens sum to 1."""
    if not mix:
        raise ValueError("a mix needs at least one token")
    for each in mix:
        if not float(each.share) > 0:  # also refuses NaN
            raise ValueError(
                f"the share of {name(each.token_id)} is {float(each.share):g}; it must be above 0"
            )
    token_id, times = Counter(each.token_id for each in mix).most_common(1)[0]
    if times > 1:
        raise ValueError(f"{name(token_id)} stands there {times} times; give it one share")
    total = math.fsum(float(each.share) for each in mix)
    if not abs(total - 1) <= WHOLE_WITHIN:
        raise ValueError(f"the shares sum to {total:.8g}; they must sum to 1")


class Pull(Message, frozen=True, kw_only=True):
    """A token as the model sees it, q; its share of the target, p; and the gradient of H(p, q) at its logit.

    The gradient is q - p: a step down it moves the logit by p - q, times the step's size.
    """

    candidate: Candidate
    share: Real
    gradient: Real


class Weighed(Message, frozen=True, kw_only=True):
    """A target p of a person's own against the model's prediction q, in float64.

    `targets` are the tokens of the target as they were given, `written` is how one types it. In nats:
    `entropy` H(p), `cross_entropy` H(p, q), infinite where q is 0 and p is not, and `kl` KL(p || q) =
    H(p, q) - H(p). `rows` have the largest gradients, in size, of the whole vocabulary; the `others_` are
    sums over all other tokens, `others` of them.
    """

    targets: tuple[Pull, ...]
    written: str
    entropy: Real
    cross_entropy: Real
    kl: Real
    rows: tuple[Pull, ...]
    others: int
    others_share: Real
    others_probability: Real
    others_gradient: Real

    @property
    def mix(self) -> tuple[Share, ...]:
        return tuple(Share(token_id=each.candidate.token_id, share=each.share) for each in self.targets)

    @property
    def single(self) -> Candidate | None:
        """The target where it is one token alone."""
        return self.targets[0].candidate if len(self.targets) == 1 else None

    def rest(self, shown: int) -> tuple[int, float, float, float]:
        """All tokens but those of the first `shown` rows: how many, and their p, q and gradient in sum."""
        more = self.rows[shown:]
        return (
            self.others + len(more),
            math.fsum([float(self.others_share), *(float(each.share) for each in more)]),
            math.fsum([float(self.others_probability), *(each.candidate.probability for each in more)]),
            math.fsum([float(self.others_gradient), *(float(each.gradient) for each in more)]),
        )


class Interpreted(Message, frozen=True, kw_only=True):
    """What a person's words for a target come to: it is `weighed`, or has a `fault`, in one sentence.

    Neither, where there are no words.
    """

    weighed: Weighed | None = None
    fault: str | None = None
