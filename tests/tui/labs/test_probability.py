"""Probabilities as they are typed and written."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.labs.probability import complement, counted, figure, odds, one_in, probability, slope, written


@pytest.mark.parametrize(
    ("typed", "p"),
    [("0.001", 0.001), ("1e-6", 1e-6), (" 1/6 ", 1 / 6), ("1 in 20", 0.05), ("12 %", 0.12), ("12%", 0.12),
     ("3 in 50,257", 3 / 50257), ("0", 0.0), ("0/5", 0.0), ("0e0", 0.0), ("1", 1.0), ("100 %", 1.0),
     (".5", 0.5), ("1e-300", 1e-300)],
)  # fmt: skip
def test_a_probability_is_read_as_a_person_writes_it(typed: str, p: float) -> None:
    assert probability(typed) == pytest.approx(p, rel=1e-15)


@given(st.integers(0, 1000), st.integers(1, 1000))
def test_fractions_are_those_of_exact_arithmetic(above: int, below: int) -> None:
    if above <= below:
        assert probability(f"{above}/{below}") == float(Fraction(above, below))
        assert probability(f"{above} in {below}") == float(Fraction(above, below))


@pytest.mark.parametrize(
    ("typed", "fault"),
    [("", "p is empty"), ("cat", "p is 'cat', which is not a number; write 0.001"),
     ("1/", "not a number"), ("/6", "not a number"), ("nan", "not a number"), ("inf", "not a number"),
     ("1/inf", "not a number"), ("1 in cats", "not a number"), ("1/6/2", "not a number"), ("1,5", "not a n"),
     ("1.5", "it must lie between 0 and 1"), ("-0.1", "between 0 and 1"), ("7/6", "between 0 and 1"),
     ("120 %", "between 0 and 1"), ("1/0", "below must be more than 0"), ("-1/-6", "more than 0"),
     ("1e-400", "below 1e-300 it cannot be told from 0"), ("1/1e308", "below 1e-300"),
     ("\x1b[2J", "p is '␛\\[2J', which"), ("5\x1b %", "p is '5␛ %', which")],
)  # fmt: skip
def test_what_is_no_probability_is_refused_in_one_sentence(typed: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        probability(typed)


@pytest.mark.parametrize(
    ("typed", "n"),
    [("6", 6), ("50257", 50257), ("50,257", 50257), ("1e6", 1e6), ("1,000,000", 1e6), ("2.5", 2.5), ("1", 1)],
)
def test_an_n_is_read_with_and_without_commas(typed: str, n: float) -> None:
    assert one_in(typed) == n


@pytest.mark.parametrize(
    ("typed", "fault"),
    [("", "N is empty"), ("die", "N is 'die', which is not a number"), ("0.5", "it must lie between 1 and"),
     ("-6", "between 1 and 1e300"), ("inf", "between 1 and"), ("nan", "between 1 and"), ("1,2", "not a n")],
)  # fmt: skip
def test_what_is_no_n_is_refused_in_one_sentence(typed: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        one_in(typed)


@given(st.floats(1e-300, 1))
def test_what_is_written_reads_back_as_nearly_the_same_and_never_as_a_certainty(p: float) -> None:
    assert probability(written(p)) == pytest.approx(p, rel=1e-5)
    assert (written(p) == "1") == (p == 1) and "e-0" not in written(p)


@given(st.floats(1e-12, 1))
def test_one_minus_p_is_written_with_its_nines_and_as_1_for_0_alone(p: float) -> None:
    told = complement(p, 1 - p)
    shown = float(told) if "−" not in told else 1 - float(told.split()[-1])
    assert 0 <= shown < 1 and shown == pytest.approx(1 - p, abs=0.0005)
    assert len(told) <= 11 and complement(0.0, 1.0) == "1.000"


def test_numbers_are_written_short() -> None:
    assert [complement(p, 1 - p) for p in (0.999, 0.5, 0.001, 1e-6, 1e-12, 1.0)] == [
        "0.001", "0.500", "0.999", "0.999999", "1 − 1e-12", "0.000"]  # fmt: skip
    assert [figure(x) for x in (0.6931, 13.8155, -2.0, 0.0, 4e-5, -4e-5, math.inf, -math.inf, math.nan)] == [
        "0.693", "13.816", "−2.000", "0.000", "4e-5", "−4e-5", "∞", "−∞", "NaN"]  # fmt: skip
    assert [slope(-1 / p) for p in (1, 0.3, 0.001, 1e-6, 1e-12)] == [
        "−1.000", "−3.333", "−1,000", "−1,000,000", "−1e12"]  # fmt: skip
    assert slope(-math.inf) == "−∞"
    assert [odds(p) for p in (0, 1, 1 / 6, 0.95, 1e-6, 1e-12)] == [
        "never", "always", "one in 6", "one in 1.05", "one in 1,000,000", "one in 1e12"]  # fmt: skip
    assert [counted(n) for n in (2, 2.5, 50257, 99_999.999, 123456.7, 1e9)] == [
        "2", "2.5", "50,257", "100,000", "123,457", "1e9"]  # fmt: skip
