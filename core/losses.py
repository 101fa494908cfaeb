"""The loss of a language model, from its logits to the number that training pushes down.

B is the batch, T the tokens of a sequence, V the vocabulary; `...` stands for (B, T), (T,) or nothing.
q = softmax(logits) is the model's prediction, p the distribution it is held against. Every quantity is
in nats and computed in float32 or better.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

LN_2 = math.log(2)
_ROWS = 16  # of logits looked at together in `statistics`


def log_probs(logits: Tensor) -> Tensor:
    """log q of every token: (..., V) -> (..., V), at least float32."""
    if logits.dtype != torch.float64:
        logits = logits.float()
    return functional.log_softmax(logits, dim=-1)


def surprisal(logits: Tensor, targets: Tensor) -> Tensor:
    """-log q(target), one a prediction: (..., V), (...) -> (...)."""
    return -_at(log_probs(logits), targets)


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """The mean surprisal at the targets, every prefix counting alike: (..., V), (...) -> ()."""
    return surprisal(logits, targets).sum() / targets.numel()


def soft_cross_entropy(logits: Tensor, p: Tensor) -> Tensor:
    """The mean over the predictions of H(p, q) = -sum p log q: (..., V), (..., V) -> ().

    With a one-hot p it is `cross_entropy`. 0 log 0 is 0; a q of 0 where p is not makes it infinite.
    """
    terms = -_times_log(p, log_probs(logits))  # (..., V)
    return terms.sum() / (terms.numel() // terms.shape[-1])


def entropy(logits: Tensor) -> Tensor:
    """The model's own doubt H(q) = -sum q log q, one a prediction: (..., V) -> (...)."""
    return _entropy(log_probs(logits))


def kl(p: Tensor, logits: Tensor) -> Tensor:
    """What q costs over p, KL(p || q) = H(p, q) - H(p), one a prediction: (..., V), (..., V) -> (...)."""
    return (torch.xlogy(p, p) - _times_log(p, log_probs(logits))).sum(-1)


class Divergence(NamedTuple):
    """What a prediction q costs where p holds; each (...)."""

    entropy: Tensor  # H(p)
    cross_entropy: Tensor  # H(p, q)
    kl: Tensor  # KL(p || q) = H(p, q) - H(p)


def divergence(p: Tensor, logits: Tensor) -> Divergence:
    """All three for one prediction: (V,), (V,) -> three of (). KL is not below 0, as rounding may have it."""
    return Divergence(_entropy(p.log()), soft_cross_entropy(logits, p), kl(p, logits).clamp(min=0))


def perplexity(mean_nats: Tensor) -> Tensor:
    """exp of a mean surprisal: among how many tokens it is as if the targets were guessed."""
    return torch.exp(mean_nats)


def effective_choices(entropy_nats: Tensor) -> Tensor:
    """exp of one prediction's entropy: among how many tokens it is as if the model wavered."""
    return torch.exp(entropy_nats)


def to_bits(nats: Tensor) -> Tensor:
    """The same quantity in bits."""
    return nats / LN_2


def bits_per_byte(sum_nats: Tensor, n_bytes: int) -> Tensor:
    """The sum of the surprisals in bits over the UTF-8 bytes of the tokens it was summed over."""
    return to_bits(sum_nats) / n_bytes


def one_minus_p(logits: Tensor, targets: Tensor) -> Tensor:
    """1 - q(target), the loss one might think of first: (..., V), (...) -> (...)."""
    return 1 - _at(log_probs(logits), targets).exp()


def squared_distance(logits: Tensor, targets: Tensor) -> Tensor:
    """The squared distance of q from the one-hot target, over every token: (..., V), (...) -> (...)."""
    return gradient_at_logits(logits, targets).square().sum(-1)


def gradient_at_logits(logits: Tensor, targets: Tensor) -> Tensor:
    """The gradient of each surprisal at its own logits, q - one_hot(target): (..., V), (...) -> (..., V)."""
    q = log_probs(logits).exp()
    return q - functional.one_hot(targets, q.shape[-1])


def soft_gradient_at_logits(logits: Tensor, p: Tensor) -> Tensor:
    """The gradient of each H(p, q) at its own logits, q - p for a p that sums to 1: (..., V) -> (..., V)."""
    return log_probs(logits).exp() - p


def target_rank(log_probs: Tensor, targets: Tensor) -> Tensor:
    """The targets' places among all tokens, 1 for the most probable: (..., V), (...) -> (...) int64.

    Counts the strictly better ones, which needs no sort; equals share the best of their places.
    """
    better = log_probs > _at(log_probs, targets).unsqueeze(-1)  # (..., V)
    return 1 + better.sum(-1, dtype=torch.int32).long()  # summing into int64 takes twice as long


class TopK(NamedTuple):
    """The k most probable tokens, best first: both (..., k)."""

    log_probs: Tensor
    ids: Tensor


def top_k(log_probs: Tensor, k: int) -> TopK:
    """The k most probable tokens (all of them where there are fewer): (..., V) -> two of (..., k)."""
    best = torch.topk(log_probs, min(k, log_probs.shape[-1]), dim=-1)
    return TopK(best.values, best.indices)


class Statistics(NamedTuple):
    """What is shown of each prediction; `log_prob` and `rank` are the target's, None without targets."""

    log_prob: Tensor | None  # (...)
    rank: Tensor | None  # (...) int64
    entropy: Tensor  # (...)
    top_ids: Tensor  # (..., k) int64
    top_log_probs: Tensor  # (..., k)


@torch.no_grad()
def statistics(logits: Tensor, targets: Tensor | None, k: int) -> Statistics:
    """Everything shown of the predictions, exactly: (..., V), (...) or None -> `Statistics`.

    NaN logits give NaN figures rather than an error, so that a run that has diverged can be looked at.
    """
    *shape, n_vocab = logits.shape
    rows = logits.reshape(-1, n_vocab)
    flat = None if targets is None else targets.reshape(-1)
    # A few rows at a time, whose intermediate results stay in the processor's cache: 3 times as fast.
    parts = [
        _statistics(rows[at : at + _ROWS], None if flat is None else flat[at : at + _ROWS], k)
        for at in range(0, max(1, len(rows)), _ROWS)
    ]
    log_prob = rank = None
    if targets is not None:
        log_prob = torch.cat([part.log_prob for part in parts if part.log_prob is not None]).view(shape)
        rank = torch.cat([part.rank for part in parts if part.rank is not None]).view(shape)
    return Statistics(
        log_prob=log_prob,
        rank=rank,
        entropy=torch.cat([part.entropy for part in parts]).view(shape),
        top_ids=torch.cat([part.top_ids for part in parts]).view(*shape, min(k, n_vocab)),
        top_log_probs=torch.cat([part.top_log_probs for part in parts]).view(*shape, min(k, n_vocab)),
    )


def _statistics(logits: Tensor, targets: Tensor | None, k: int) -> Statistics:
    q = log_probs(logits)  # (R, V)
    top = top_k(q, k)
    log_prob = rank = None
    if targets is not None:
        log_prob, rank = _at(q, targets), target_rank(q, targets)
    return Statistics(log_prob, rank, _entropy(q), top.ids, top.log_probs)


def _at(values: Tensor, targets: Tensor) -> Tensor:
    return values.gather(-1, targets.unsqueeze(-1)).squeeze(-1)  # (..., V), (...) -> (...)


def _entropy(log_q: Tensor) -> Tensor:
    # Where q is 0 its log is -inf and 0 * -inf is NaN; of any finite number it makes the 0 that is meant.
    finite = log_q.clamp(min=torch.finfo(log_q.dtype).min)
    negative: Tensor = torch.linalg.vecdot(log_q.exp(), finite)  # (..., V) -> (...)
    return 0.0 - negative  # not -negative: a certainty's -0.0 reads badly


def _times_log(p: Tensor, log_q: Tensor) -> Tensor:
    # masked before the product, as 0 * -inf is NaN, and so would be its gradient
    return p * log_q.masked_fill(p == 0, 0.0)
