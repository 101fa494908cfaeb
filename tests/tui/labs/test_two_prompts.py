"""What is said of a model's doubt after two prompts follows from what was measured."""

import math

import pytest

from core import messages as m
from tui.formats import Unit
from tui.labs.two_prompts import PAIRS, RUBBISH, TwoPrompts, pairs


def predicted(entropy: float, p: float = 0.1) -> m.Predicted:
    top = (m.Candidate(token_id=1, piece=b" a", log_prob=math.log(p), rank=1),)
    return m.Predicted(
        step=3, prefix=(), entropy=entropy, top=top, logits=(0.0,), others=1.0, n_others=50_256
    )


def compared(left: float, right: float, texts: tuple[str, str] = PAIRS[0]) -> TwoPrompts:
    return TwoPrompts(texts=texts).answered(predicted(left, 0.3), predicted(right, 0.6))


def test_uniform_is_ln_of_the_vocabulary() -> None:
    two = compared(5.0, 6.0)
    assert two.vocab_size == 50_257
    assert two.uniform == pytest.approx(10.825, abs=5e-4)
    assert two.uniform is not None and two.uniform / math.log(2) == pytest.approx(15.617, abs=5e-4)
    assert two.largest == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("left", "right", "said"),
    [
        (5.0, 6.5, "more in doubt after “Armed heNetflix”: by 1.50 nats, 4.48 times"),
        (6.5, 5.0, "more in doubt after “The fat cat sat on the”: by 1.50 nats, 4.48 times"),
        (5.0, 5.1, "about equally in doubt: the two differ by 0.10 nats only"),
        (5.1, 5.0, "about equally in doubt: the two differ by 0.10 nats only"),
        (10.4, 10.8, "Both H(q) are within 0.50 nats of uniform"),
        (10.2, 10.8, "more in doubt after “Armed heNetflix”"),
    ],
)
def test_the_verdict_is_of_the_measured_difference(left: float, right: float, said: str) -> None:
    assert said in compared(left, right).verdict(Unit.NATS)[0]


def test_in_bits_the_verdict_is_in_bits_and_the_choices_stay() -> None:
    assert "by 2.16 bits, 4.48 times" in compared(5.0, 6.5).verdict(Unit.BITS)[0]


def test_a_long_or_hostile_prompt_is_called_by_its_side() -> None:
    long = compared(7.0, 5.0, ("word " * 9, RUBBISH)).verdict(Unit.NATS)[0]
    assert "more in doubt after the left prompt" in long
    assert "␛[31m" in compared(7.0, 5.0, ("\x1b[31m", RUBBISH)).verdict(Unit.NATS)[0]


def test_without_an_answer_nothing_is_claimed() -> None:
    waiting = TwoPrompts(texts=PAIRS[0])
    assert waiting.entropies is waiting.uniform is None and waiting.largest == 0
    assert "Waiting for the model" in waiting.verdict(Unit.NATS)[0]
    for failed in (waiting.answered(None, None), compared(5, 6).answered(predicted(5), None)):
        assert failed.failed and failed.entropies is None
        assert "no answer" in failed.verdict(Unit.NATS)[1] and "r asks again" in failed.verdict(Unit.NATS)[1]
    assert not failed.answered(predicted(5), predicted(6)).failed


def test_another_text_has_no_prediction_yet_and_none_is_refused() -> None:
    other = compared(5, 6).with_text(1, "a b")
    assert other.texts == (PAIRS[0][0], "a b") and other.predicted is None
    with pytest.raises(ValueError, match="at least one token"):
        other.with_text(0, "")


def test_the_prompt_on_the_screen_is_a_pair_of_its_own_unless_it_is_one_already() -> None:
    assert pairs("Hello") == [*PAIRS, ("Hello", RUBBISH)]
    assert pairs(None) == pairs("") == pairs("Once upon a") == pairs(RUBBISH) == list(PAIRS)
