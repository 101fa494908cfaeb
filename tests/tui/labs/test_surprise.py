"""The state of the surprise lab, without a screen."""

import math
from collections import Counter

import pytest
import torch

from tui.labs.surprise import (
    LANDMARKS,
    MOST_EVENTS,
    Surprise,
    curves,
    jumps,
    landmark,
    leapt,
    measured,
    stepped,
    together,
)


def test_the_curves_run_from_next_to_0_to_1_and_are_what_torch_says() -> None:
    x, sure, log = curves()
    p = torch.tensor(x, dtype=torch.float64)
    assert list(x) == sorted(set(x)) and x[0] < 1e-4 and x[-1] == 1
    assert sure == pytest.approx((1 - p).tolist()) and log == pytest.approx((-p.log()).tolist())


def test_the_jumps_are_two_equal_ones_and_two_very_different_ones() -> None:
    (a, b) = jumps()
    assert (round(a.one_minus_p, 3), round(b.one_minus_p, 3)) == (0.499, 0.499)
    assert (round(a.surprisal, 3), round(b.surprisal, 3)) == (0.692, 6.215)


def walked(start: float, by: int, step: object = stepped) -> list[float]:
    found = [start]
    while (p := step(found[-1], by)) != found[-1]:  # type: ignore[operator]
        found.append(p)
    return found


def test_the_cursor_goes_by_hundredths_and_near_0_by_factors_until_0_and_1() -> None:
    down, up = walked(0.5, -1), walked(0.5, 1)
    assert down[:3] == [0.5, 0.49, 0.48] and down[-1] == 0 and {0.01, 0.001, 1e-6, 1e-12} <= set(down)
    assert up[1] == 0.51 and up[-2:] == [0.999, 1.0]
    assert [p for p in down if 1e-4 <= p < 0.011] == [0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002, 0.0001]
    assert walked(0.0, 1) == [*down[::-1], *up[1:]], "the way back is the same"


def test_larger_steps_go_by_tenths_and_by_powers_of_ten() -> None:
    down = walked(0.5, -1, leapt)
    assert down[:6] == [0.5, 0.4, 0.3, 0.2, 0.1, 0.01] and down[8] == 1e-5 and down[-2:] == [1e-12, 0]
    assert walked(0.5, 1, leapt) == [0.5, 0.6, 0.7, 0.8, 0.9, 1.0]


@pytest.mark.parametrize("p", [1 / 6, 0.0333, 3e-7, 0.99999])
def test_from_what_was_typed_a_step_goes_to_the_next_place_and_never_past_it(p: float) -> None:
    for step in (stepped, leapt):
        assert step(p, -1) < p < step(p, 1) and step(step(p, -1), 1) > p


def test_landmarks_are_gone_through_in_their_order() -> None:
    assert walked(1.0, -1, landmark)[1:] == list(LANDMARKS)
    assert landmark(0.3, -1) == 0.1 and landmark(0.3, 1) == 0.5


@pytest.mark.parametrize("faces", [2, 6, 20, 1_000_000])
def test_surprisal_adds_for_any_number_of_dice_and_one_minus_p_for_one_alone(faces: int) -> None:
    for n in range(1, MOST_EVENTS + 1):
        of = together(n, 1 / faces)
        assert of.all.p == pytest.approx(float(faces) ** -n, rel=1e-12)
        assert of.all.surprisal == pytest.approx(n * math.log(faces), rel=1e-12)
        assert of.added_one_minus_p == pytest.approx(n * (1 - 1 / faces))
        assert of.surprisal_adds and of.one_minus_p_adds == (n == 1)


def test_one_three_and_two_threes() -> None:
    one, two = together(1, 1 / 6), together(2, 1 / 6)
    assert (round(one.all.one_minus_p, 3), round(one.all.surprisal, 3)) == (0.833, 1.792)
    assert (round(two.all.one_minus_p, 3), round(two.all.surprisal, 3)) == (0.972, 3.584)


def test_a_roll_is_known_by_its_number_and_more_dice_leave_those_that_lie_there() -> None:
    lab = Surprise(n=3)
    assert lab.rolled == ()
    lab.roll()
    first = lab.rolled
    assert first == lab.rolled and len(first) == 3
    lab.n = 5
    assert lab.rolled[:3] == first
    again = Surprise(n=3)
    again.roll()
    assert again.rolled == first
    again.roll()
    assert again.rolled != first


def test_dice_are_fair() -> None:
    lab = Surprise(n=10)
    seen: Counter[int] = Counter()
    for _ in range(600):
        lab.roll()
        seen.update(lab.rolled)
    assert set(seen) == set(range(1, 7))
    chi_squared = sum((count - 1000) ** 2 / 1000 for count in seen.values())
    assert chi_squared < 20.5  # exceeded once in a thousand seeds, of five degrees of freedom


@pytest.mark.parametrize("typed", ["1", "0", "-6", "six", "", "2.5", "1000001", "inf"])
def test_a_die_has_two_faces_or_more(typed: str) -> None:
    lab = Surprise()
    with pytest.raises(ValueError, match="a die has 2"):
        lab.set_faces(typed)
    assert lab.faces == 6
    lab.set_faces("50,257")
    assert lab.faces == 50_257


def test_of_what_is_impossible_the_surprisal_is_infinite_and_its_slope_as_well() -> None:
    of = measured(0.0)
    assert (of.one_minus_p, of.surprisal, of.slope_of_one_minus_p) == (1, math.inf, -1)
    assert of.slope_of_surprisal == -math.inf
