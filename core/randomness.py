"""Random numbers by address: a draw depends on (seed, purpose, address), not on earlier draws.

A stream is numpy's Philox generator put at a place of its own. Philox turns a 128-bit key and a
256-bit counter into four 64-bit words at a time. Here

    key      = (seed, a hash of the purpose and of how many integers the address has)
    counter  = (block, word 1, word 2, word 3), the address in the last three words

so that two different addresses are 2**64 blocks apart and never overlap, and any draw of a run can be
made again without making the ones before it.
"""

import hashlib
import math

import numpy as np
from numpy.random import Generator, Philox
from numpy.typing import NDArray

_WORD = 2**64
_HALF = 2**32


def stream(seed: int, purpose: str, *address: int) -> Generator:
    """The generator at an address of up to four integers.

    One to three integers take a 64-bit counter word each. Of four, such as (step, layer, site, row), the
    two in the middle share a word and must be below 2**32. Raises ValueError for anything larger,
    for a negative one and for more than four.
    """
    _check("seed", seed, _WORD)
    words = list(address)
    if len(words) > 4:
        raise ValueError(f"an address has at most 4 integers, this one has {len(words)}: {address}")
    if len(words) == 4:
        step, high, low, row = words
        _check("the second integer of an address of four", high, _HALF)
        _check("the third integer of an address of four", low, _HALF)
        words = [step, high << 32 | low, row]
    for word in words:
        _check("an integer of an address", word, _WORD)
    counter = np.array([0, *words, *[0] * (3 - len(words))], dtype=np.uint64)
    key = np.array([seed, _hash(f"{len(address)} {purpose}")], dtype=np.uint64)
    return Generator(Philox(counter=counter, key=key))


def keep_mask(generator: Generator, shape: tuple[int, ...], p: float) -> tuple[NDArray[np.bool_], float]:
    """A dropout mask of this shape (True keeps) and the exact factor for what is kept.

    One random byte decides each element, eight to a 64-bit draw, so the probability of dropping is p
    rounded to the nearest 256th and the factor is 1 over the probability of keeping after that rounding:
    the expectation is unbiased. Raises ValueError unless 0 <= p and the rounded p is below 1.
    """
    dropped = drop_256ths(p)
    size = math.prod(shape)
    draws = np.asarray(generator.bit_generator.random_raw((size + 7) // 8), dtype="<u8")
    keep: NDArray[np.bool_] = (draws.view(np.uint8)[:size] >= dropped).reshape(shape)
    return keep, 256 / (256 - dropped)


def drop_256ths(p: float) -> int:
    """How many of the 256 byte values drop an element at dropout probability p."""
    if not 0 <= p < 1 or round(p * 256) == 256:
        raise ValueError(f"dropout is {p:g}; it must lie between 0 and 0.998")
    return round(p * 256)


def _hash(text: str) -> int:
    # Python's own hash() differs from process to process.
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def _check(name: str, value: int, limit: int) -> None:
    if not 0 <= value < limit:
        raise ValueError(f"{name} is {value}; it must lie between 0 and {limit - 1}")
