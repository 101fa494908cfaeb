"""p beside q, against torch's own functions in float64 and counting by hand."""

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from core.beside import beside, choice
from core.concordance import Concordance
from core.messages import Followed, World
from core.suffix_array import suffix_array
from core.tokenizer import N_VOCAB, gpt2

TEXT = [5, 6, 7, 5, 6, 8, 5, 6, 7, 9, 6, 7, 5, 6, 7]


def logits(seed: int = 1, scale: float = 3.0) -> torch.Tensor:
    return torch.randn(N_VOCAB, generator=torch.Generator().manual_seed(seed)) * scale  # (V,)


def seen(text: list[int], prefix: list[int], q: torch.Tensor, **asked: int) -> Followed:
    ids = np.array(text, dtype=np.uint16)
    request = World(position=len(prefix) - 1, **asked)
    return beside("a.txt", Concordance(ids, suffix_array(ids)), prefix, q, request, gpt2())


def shares(followers: dict[int, int]) -> torch.Tensor:
    p = torch.zeros(N_VOCAB, dtype=torch.float64)
    for token_id, count in followers.items():
        p[token_id] = count / sum(followers.values())
    return p


@given(st.lists(st.integers(0, 4), min_size=2, max_size=50), st.integers(0, 9))
@settings(max_examples=30, deadline=None)
def test_the_figures_are_those_of_torch_in_float64(text: list[int], seed: int) -> None:
    q = logits(seed)
    prefix = text[:1]
    followed = seen(text, prefix, q, length=1)
    by_hand = Counter(b for a, b in pairwise(text) if a == text[0])
    assert {f.candidate.token_id: f.count for f in followed.followers} == by_hand
    p, log_q = shares(by_hand), torch.log_softmax(q.double(), -1)
    assert float(followed.entropy or 0) == pytest.approx(torch.special.entr(p).sum().item(), abs=1e-12)
    cross = functional.cross_entropy(q.double(), p).item()
    assert float(followed.cross_entropy or 0) == pytest.approx(cross, rel=1e-12)
    kl = functional.kl_div(log_q, p, reduction="sum").item()
    assert float(followed.kl or 0) == pytest.approx(kl, rel=1e-9)


def test_the_followers_are_the_most_frequent_with_what_the_model_makes_of_them() -> None:
    q = logits()
    text = [1, 9, 1, 4, 1, 9, 1, 3, 1, 9, 1, 4, 1, 2]
    followed = seen(text, [1], q, limit=3)
    log_q = torch.log_softmax(q, -1)
    assert [(f.candidate.token_id, f.count) for f in followed.followers] == [(9, 3), (4, 2), (2, 1)]
    for follower in followed.followers:
        each = follower.candidate
        assert float(each.log_prob) == pytest.approx(log_q[each.token_id].item(), abs=1e-6)
        assert each.rank == 1 + int((q > q[each.token_id]).sum())
        assert each.piece == gpt2().piece(each.token_id)
    assert (followed.n, followed.different, followed.shares) == (7, 4, (3 / 7, 2 / 7, 1 / 7))
    assert followed.rest == (1, pytest.approx(1 / 7))
    p = shares({9: 3, 4: 2, 3: 1, 2: 1})
    cross = functional.cross_entropy(q.double(), p).item()
    assert float(followed.cross_entropy or 0) == pytest.approx(cross), "the others count, too"


def test_what_the_model_holds_impossible_costs_without_end_only_where_it_happens() -> None:
    q = logits()
    q[7] = -torch.inf
    followed = seen(TEXT, [5, 6], q)
    assert (followed.cross_entropy, followed.kl) == ("inf", "inf")
    assert followed.followers[0].candidate.log_prob == "-inf"
    assert math.isfinite(float(followed.entropy or 0))
    elsewhere = seen(TEXT, [9], q)
    assert elsewhere.entropy == 0.0 and math.copysign(1, float(elsewhere.entropy)) == 1
    assert float(elsewhere.kl or 0) == pytest.approx(-torch.log_softmax(q, -1)[6].item(), rel=1e-5)


def test_a_model_that_says_what_the_text_says_loses_nothing() -> None:
    p = shares({7: 3, 8: 1})
    followed = seen(TEXT, [5, 6], p.log().float(), length=2)
    assert followed.n == 4
    assert float(followed.kl or 0) == pytest.approx(0, abs=1e-6) and float(followed.kl or 0) >= 0
    assert float(followed.cross_entropy or 0) == pytest.approx(float(followed.entropy or 0), abs=1e-6)


def test_a_model_that_has_diverged_gives_no_number_rather_than_none_at_all() -> None:
    followed = seen(TEXT, [5, 6], torch.full((N_VOCAB,), torch.nan))
    assert (followed.cross_entropy, followed.kl) == ("nan", "nan")


def test_the_longest_context_that_stands_there_often_enough_is_chosen() -> None:
    assert choice([], None) == choice([], 3) == 0
    assert choice([9, 5, 5, 4, 1], None) == 3
    assert choice([4, 4, 1], None) == 1, "the most places there are"
    assert choice([9, 5, 4], 3) == choice([9, 5, 4], 8) == 3
    followed = seen(TEXT, [8, 5, 6, 7], logits())
    assert (followed.counts, followed.length, followed.n) == ((3, 3, 2, 1), 1, 3)
    assert seen(TEXT, [8, 5, 6, 7], logits(), length=3).n == 2


def test_a_token_the_text_does_not_have_is_said() -> None:
    followed = seen(TEXT, [5, 6, 100], logits())
    assert followed.missing == "the last token of the prefix does not stand in the text a.txt"
    assert (followed.n, followed.length, followed.counts, followed.followers) == (0, 0, (), ())
