"""How numbers are written."""

import math
from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.messages import Real, real
from tui import formats
from tui.formats import Unit

anything = st.floats(allow_nan=True, allow_infinity=True)


@pytest.mark.parametrize(
    ("nats", "unit", "text"),
    [
        (4.867, Unit.NATS, "4.87"),
        (math.log(2), Unit.BITS, "1.00"),
        (math.log(50257), Unit.NATS, "10.82"),
        (math.log(50257), Unit.BITS, "15.62"),
        (0.0, Unit.NATS, "0.00"),
        (-1e-9, Unit.NATS, "0.00"),
        (12345.678, Unit.NATS, "12,345.68"),
        ("inf", Unit.BITS, "∞"),
        ("-inf", Unit.NATS, "-∞"),
        ("nan", Unit.NATS, "NaN"),
        (None, Unit.NATS, "–"),
    ],
)
def test_information_is_written_in_its_unit_with_two_places(nats: Real | None, unit: Unit, text: str) -> None:
    assert formats.information(nats, unit) == text


@given(st.floats(0, 1e6))
def test_a_number_is_rounded_as_decimal_arithmetic_rounds_it(value: float) -> None:
    exact = Decimal(value).quantize(Decimal("0.01"), ROUND_HALF_EVEN)
    assert formats.number(value) == f"{exact:,}"
    assert formats.number(-value) == (f"-{exact:,}" if exact else "0.00")


def test_one_bit_is_ln_2_nats_and_there_and_back_is_the_same_unit() -> None:
    assert Unit.BITS.per_nat * math.log(2) == pytest.approx(1.0, abs=1e-15)
    assert [unit.other.other for unit in Unit] == list(Unit)


@pytest.mark.parametrize(
    ("nats", "text"),
    [
        (-0.31, "▼0.31"),
        (0.02, "▲0.02"),
        (0.0, "·"),
        (0.0049, "·"),
        (-0.0049, "·"),
        (-0.0051, "▼0.01"),
        (None, ""),
        ("inf", "▲∞"),
        ("-inf", "▼∞"),
        ("nan", "NaN"),
    ],
)
def test_a_change_has_its_direction_or_a_dot_where_none_is_seen(nats: Real | None, text: str) -> None:
    assert formats.change(nats, Unit.NATS) == text


@given(st.floats(-1e3, 1e3))
def test_no_change_is_written_as_zero_with_a_direction(nats: float) -> None:
    for unit in Unit:
        assert formats.change(nats, unit) not in ("▲0.00", "▼0.00", "▲-0.00", "▼-0.00")


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (1.0, "100.0 %"),
        (0.1213, "12.1 %"),
        (0.009, "0.9 %"),
        (0.00002, "0.002 %"),
        (0.000996, "0.100 %"),
        (3.2e-7, "3e-5 %"),
        (9.7e-6, "1e-3 %"),
        (1e-30, "<1e-9 %"),
        (0.0, "0.0 %"),
        (math.nan, "NaN"),
    ],
)
def test_a_probability_is_a_percentage(p: float, text: str) -> None:
    assert formats.probability(p) == text


@given(st.floats(0, 1))
def test_a_probability_takes_seven_characters_at_most_and_is_right_within_its_places(p: float) -> None:
    text = formats.probability(p)
    assert len(text) <= 7
    if not text.startswith("<"):
        assert math.isclose(float(text.removesuffix(" %")), 100 * p, rel_tol=0.55, abs_tol=0)
    else:
        assert 0 < p < 1e-11


@given(st.floats(0, 1), st.floats(0, 1))
def test_the_less_probable_of_two_is_never_written_as_the_greater(p: float, q: float) -> None:
    def value(text: str) -> float:
        return 0.5e-9 if text.startswith("<") else float(text.removesuffix(" %"))

    low, high = sorted((p, q))
    assert value(formats.probability(low)) <= value(formats.probability(high))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.00"),
        (9.994, "9.99"),
        (9.996, "10.0"),
        (99.94, "99.9"),
        (99.96, "100"),
        (130.3, "130"),
        (48725.82, "48,726"),
        (999_999_999.7, "1.0e+09"),
        (2.5e12, "2.5e+12"),
        ("inf", "∞"),
        ("nan", "NaN"),
        (None, "–"),
    ],
)
def test_a_count_has_three_significant_places_or_is_whole(value: Real | None, text: str) -> None:
    assert formats.count(value) == text


@given(st.one_of(st.none(), anything))
def test_everything_has_a_way_to_be_written(value: float | None) -> None:
    sent = None if value is None else real(value)
    for unit in Unit:
        assert formats.information(sent, unit)
        formats.change(sent, unit)
    assert formats.bits(sent) and formats.count(sent)
    if value is not None:
        assert formats.probability(abs(value)) and formats.bar(value, 8) is not None


@given(anything, st.integers(0, 60))
def test_a_bar_is_as_long_as_its_share_to_an_eighth_of_a_cell_and_never_too_long(
    share: float, width: int
) -> None:
    bar = formats.bar(share, width)
    assert len(bar) <= width
    eighths = sum(" ▏▎▍▌▋▊▉█".index(c) for c in bar)
    if not share > 0 or width == 0:
        assert bar == ""
    else:
        assert eighths == max(1, round(min(share, 1.0) * width * 8))


def test_the_least_share_still_shows() -> None:
    assert formats.bar(1e-12, 20) == "▏"
    assert formats.bar(1.0, 3) == "███"


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (0.03868, 4, "0.0387"),
        (-0.96132, 4, "−0.9613"),
        (0.0, 4, "0.0000"),
        (-0.0, 3, "0.000"),
        (0.00004, 4, "4e-05"),
        (0.00005, 4, "0.0001"),
        (0.5, 0, "5e-01"),
        (-3e-120, 4, "−3e-120"),
        (12345.678, 3, "12345.68"),
        (-98765.4321, 3, "−98765.4"),
        (123456789.0, 3, "1.2e+08"),
        (1e308, 3, "1.0e+308"),
        (-1e308, 3, "−1e+308"),
        (math.inf, 3, "∞"),
        (math.nan, 3, "NaN"),
    ],
)
def test_a_figure_fits_its_cells_and_is_never_told_as_nothing(value: float, places: int, text: str) -> None:
    assert formats.fitted(value, places) == text


@given(st.floats(-1e308, 1e308), st.integers(0, 4), st.integers(7, 10))
def test_a_figure_of_any_size_fits_and_is_right_within_its_places(
    value: float, places: int, width: int
) -> None:
    text = formats.fitted(value, places, width)
    assert len(text) <= width
    read = float(text.replace("−", "-"))
    assert read == pytest.approx(value, rel=0.5, abs=0.5 * 10.0**-places)
    assert (read == 0) == (value == 0)
