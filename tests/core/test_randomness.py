"""Addressed draws: the same at the same address, unrelated at any other."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.randomness import drop_256ths, keep_mask, stream

WORD = st.integers(0, 2**64 - 1)
HALF = st.integers(0, 2**32 - 1)
ADDRESSES = st.one_of(st.lists(WORD, max_size=3).map(tuple), st.tuples(WORD, HALF, HALF, WORD))


def draws(seed: int, purpose: str, *address: int) -> list[int]:
    return [int(word) for word in stream(seed, purpose, *address).bit_generator.random_raw(4)]


@settings(deadline=None)
@given(WORD, st.text(st.characters(exclude_categories=["Cs"])), ADDRESSES)
def test_an_address_always_gives_the_same(seed: int, purpose: str, address: tuple[int, ...]) -> None:
    first = draws(seed, purpose, *address)
    stream(seed, purpose, *address).random(100)
    np.random.default_rng().random(3)
    assert draws(seed, purpose, *address) == first


@settings(deadline=None)
@given(st.lists(st.tuples(WORD, st.sampled_from("ab"), ADDRESSES), min_size=2, max_size=5, unique=True))
def test_no_two_addresses_give_the_same(places: list[tuple[int, str, tuple[int, ...]]]) -> None:
    drawn = [draws(seed, purpose, *address) for seed, purpose, address in places]
    assert len({tuple(values) for values in drawn}) == len(places)


@pytest.mark.parametrize(
    ("one", "other"),
    [((1,), (1, 0)), ((1, 0), (1, 0, 0)), ((5, 1, 0, 7), (5, 0, 1, 7)), ((5, 1, 2, 7), (5, 1 << 32 | 2, 7))],
)
def test_addresses_that_pack_alike_differ(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    assert draws(1, "a", *one) != draws(1, "a", *other)


def test_neighbouring_streams_do_not_overlap() -> None:
    """Each address owns its own counter blocks: a long stretch of one never meets the next one's."""
    here = stream(1, "a", 0).bit_generator.random_raw(4000)
    there = stream(1, "a", 1).bit_generator.random_raw(4000)
    assert not np.isin(here, there).any()


def test_another_process_draws_the_same() -> None:
    code = (
        "from core.randomness import stream; print(stream(3, 'p', 1, 2).bit_generator.random_raw(4).tolist())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(draws(3, "p", 1, 2))


def test_the_draws_are_those_runs_on_disk_were_made_with() -> None:
    """Whatever changes these values changes every seeded model and run there is."""
    assert draws(123, "epoch", 0) == [
        15981946628698348537,
        11603251619465975596,
        1558742580848165767,
        4662947372919527482,
    ]


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ((-1,), "an integer of an address is -1"),
        ((2**64,), "an integer of an address is 18446744073709551616"),
        ((0, 2**32, 0, 0), "the second integer of an address of four is 4294967296"),
        ((0, 0, 2**32, 0), "the third integer of an address of four is 4294967296"),
        ((0, 0, 0, 0, 0), "at most 4 integers, this one has 5"),
    ],
)
def test_an_address_out_of_range_is_refused(address: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        stream(0, "a", *address)


def test_a_seed_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="seed is -1"):
        stream(-1, "a")


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.95])
def test_a_mask_keeps_what_it_says(p: float) -> None:
    keep, scale = keep_mask(stream(1, "mask"), (1000, 1003), p)
    expected = 1 - round(p * 256) / 256
    assert keep.dtype == np.bool_
    assert scale == 1 / expected
    # 5 standard deviations of a mean of a million draws
    assert abs(keep.mean() - expected) <= 5 * (expected * (1 - expected) / keep.size) ** 0.5
    assert abs(expected - (1 - p)) <= 1 / 512


def test_neighbours_in_a_mask_are_independent() -> None:
    keep, _ = keep_mask(stream(1, "mask"), (1_000_000,), 0.5)
    for distance in range(1, 17):  # across the eight bytes of a draw and beyond
        assert abs((keep[distance:] == keep[:-distance]).mean() - 0.5) < 0.0025


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), max_size=3).map(tuple))
def test_a_mask_has_the_shape_asked_for(shape: tuple[int, ...]) -> None:
    assert keep_mask(stream(1, "mask"), shape, 0.3)[0].shape == shape


@pytest.mark.parametrize("p", [-0.1, 0.9985, 1.0, float("nan")])
def test_a_probability_that_leaves_nothing_is_refused(p: float) -> None:
    with pytest.raises(ValueError, match="dropout is"):
        drop_256ths(p)
    with pytest.raises(ValueError, match="dropout is"):
        keep_mask(stream(1, "mask"), (3,), p)
