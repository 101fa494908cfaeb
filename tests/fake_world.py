"""What a text says follows on a prefix, counted token by token, for the fake engine."""

import math
from collections import Counter
from collections.abc import Sequence

from core import information
from core import messages as m
from tests.fake_distribution import FakeDistribution

LONGEST = 31  # tokens of context
ENOUGH = 5  # times that a context stands in the text, for it to be chosen


def counted(text: Sequence[int], context: Sequence[int]) -> Counter[int]:
    """How often each token stands behind a context, in a text that is one document."""
    k = len(context)
    return Counter(text[i + k] for i in range(len(text) - k) if list(text[i : i + k]) == list(context))


def followed(
    q: FakeDistribution,
    name: str,
    text: Sequence[int],
    prefix: Sequence[int],
    last: int,
    step: int,
    request: m.World,
) -> m.Followed:
    """The answer to `World` of a model that predicts from the last token alone."""
    found = []
    for k in range(1, min(len(prefix), LONGEST) + 1):
        followers = counted(text, prefix[-k:])
        if not followers:
            break
        found.append(followers)
    if not found:
        return m.Followed(
            text=name, missing=f"the last token of the prefix does not stand in the text {name}"
        )
    counts = tuple(followers.total() for followers in found)
    enough = max(1, sum(count >= ENOUGH for count in counts))
    length = enough if request.length is None else min(request.length, len(counts))
    row, followers = q.row(last, step), found[length - 1]
    p = [count / counts[length - 1] for count in followers.values()]
    believed = [math.exp(row[token_id]) for token_id in followers]
    most = sorted(followers.items(), key=lambda item: (-item[1], item[0]))[: request.limit]
    return m.Followed(
        text=name,
        counts=counts,
        length=length,
        different=len(followers),
        followers=tuple(m.Follower(candidate=q.candidate(row, i), count=count) for i, count in most),
        entropy=information.entropy(p),
        cross_entropy=information.cross_entropy(p, believed),
        kl=information.kl(p, believed),
    )
