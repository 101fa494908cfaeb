"""The ramp of surprisal."""

import math
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.color import Color

from tui import ramp, theme

NATS = [tenths / 10 for tenths in range(130)]


def luminance(colour: Color) -> float:
    """Relative luminance after WCAG 2, of a colour without transparency."""

    def linear(channel: float) -> float:
        return channel / 12.92 if channel <= 0.03928 else ((channel + 0.055) / 1.055) ** 2.4

    r, g, b = (linear(channel) for channel in colour.normalized)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: Color, other: Color) -> float:
    """Contrast ratio after WCAG 2: 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def flat(colour: Color, ground: Color) -> Color:
    """What is seen of a colour on a ground."""
    return ground.blend(colour, colour.a, alpha=1.0)


@pytest.mark.parametrize("of", [ramp.colour, ramp.foreground])
def test_more_surprisal_is_lighter_so_that_the_order_reads_in_greys(of: Callable[[float], Color]) -> None:
    levels = [luminance(of(nats)) for nats in NATS]
    assert all(high >= low - 0.003 for low, high in pairwise(levels))  # channels are whole numbers
    assert all(high > low for low, high in pairwise(levels[:111:10]))
    assert levels[-1] > 2.5 * levels[0]


def test_from_the_middle_on_more_surprisal_is_warmer() -> None:
    reds = [ramp.colour(nats).r - ramp.colour(nats).b for nats in NATS if 1.5 <= nats <= 7.5]
    assert all(high >= low for low, high in pairwise(reds))


def test_neighbouring_surprisals_have_neighbouring_colours() -> None:
    for one, other in pairwise(NATS):
        a, b = ramp.colour(one), ramp.colour(other)
        assert max(abs(x - y) for x, y in zip(a.rgb, b.rgb, strict=True)) <= 12


@given(st.floats(11.0, 1e9) | st.just(math.inf) | st.just(math.nan))
def test_eleven_nats_and_more_infinity_and_what_is_no_number_are_the_hottest(nats: float) -> None:
    assert ramp.colour(nats) == ramp.colour(11.0)


@given(st.floats(-1e9, 0.0))
def test_nothing_is_calmer_than_no_surprisal(nats: float) -> None:
    assert ramp.colour(nats) == ramp.colour(0.0)


def test_where_there_is_no_number_it_is_grey() -> None:
    grey = ramp.colour(None)
    assert max(grey.rgb) - min(grey.rgb) <= 20
    assert grey not in {ramp.colour(nats) for nats in NATS}


@pytest.mark.parametrize("nats", [None, *NATS[::5], math.inf])
def test_text_reads_on_every_colour_of_the_ramp_and_in_every_one(nats: float | None) -> None:
    ground = ramp.colour(nats)
    assert contrast(ground, flat(ramp.ink(nats), ground)) >= 4.5
    screen = Color.parse(theme.GROUND)
    assert contrast(screen, flat(ramp.foreground(nats), screen)) >= 3.0
