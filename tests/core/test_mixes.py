"""What a person types for a target: what is meant, what is refused, and that it is written as it is read."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.messages import Share
from core.mixes import parsed, written
from core.tokenizer import END_OF_TEXT_ID, N_VOCAB, gpt2


def meant(typed: str) -> list[tuple[bytes, float]]:
    return [(gpt2().piece(each.token_id), float(each.share)) for each in parsed(typed, gpt2())]


def outcome(typed: str) -> tuple[Share, ...] | str:
    """The mix, or the sentence that says why there is none."""
    try:
        return parsed(typed, gpt2())
    except ValueError as fault:
        return str(fault)


@pytest.mark.parametrize(
    ("typed", "mix"),
    [
        ("mat", [(b" mat", 1)]),
        ("  mat  ", [(b" mat", 1)]),
        ("mat 1", [(b" mat", 1)]),
        ("mat 0.7, dog 0.2, lap 0.1", [(b" mat", 0.7), (b" dog", 0.2), (b" lap", 0.1)]),
        ("mat .7,dog 2e-1 ,lap 10%", [(b" mat", 0.7), (b" dog", 0.2), (b" lap", 0.1)]),
        ("mat 70 %, dog 30%", [(b" mat", 0.7), (b" dog", 0.3)]),
        ("mat, dog", [(b" mat", 0.5), (b" dog", 0.5)]),
        ("mat, ", [(b" mat", 1)]),
        (
            "mat 0.3333333, dog 0.3333333, lap 0.3333334",
            [(b" mat", 1 / 3), (b" dog", 1 / 3), (b" lap", 1 / 3)],
        ),
        ('"mat"', [(b"mat", 1)]),
        ('" mat" 0.5, "mat" 0.5', [(b" mat", 0.5), (b"mat", 0.5)]),
        ('"," 0.5, "\\n" 0.25, "\\"" 0.25', [(b",", 0.5), (b"\n", 0.25), (b'"', 0.25)]),
        ('"\\\\"', [(b"\\", 1)]),
        (".", [(b".", 1)]),
        ("'s", [(b"'s", 1)]),
        ("ophobia", [(b"ophobia", 1)]),
        ("7", [(b" 7", 1)]),
        ("7 0.5, 8 0.5", [(b" 7", 0.5), (b" 8", 0.5)]),
        ("#262 0.5, # 0.5", [(b" the", 0.5), (b"#", 0.5)]),
        ("<|endoftext|>", [(b"<|endoftext|>", 1)]),
    ],
)
def test_a_mix_is_read_as_a_person_means_it(typed: str, mix: list[tuple[bytes, float]]) -> None:
    assert [piece for piece, _ in meant(typed)] == [piece for piece, _ in mix]
    assert [share for _, share in meant(typed)] == pytest.approx([share for _, share in mix], abs=1e-6)


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("mat 0.7, dog 0.2", "the shares sum to 0.9; they must sum to 1"),
        ("mat 7, dog 2, lap 1", "the shares sum to 10; they must sum to 1"),
        ("mat 0.7, dog", "'dog' has no share: give each token one, or none for equal shares"),
        ("mat 0, dog 1", "the share of ␣mat is 0; it must be above 0"),
        ("mat 1.5, dog -0.5", "the share of ␣dog is -0.5; it must be above 0"),
        ('mat 0.5, " mat" 0.5', "␣mat stands there 2 times; give it one share"),
        ("mat 1e999", "the shares sum to inf; they must sum to 1"),
        (
            "New York 1",
            "'New York' is 2 tokens: ␣New ␣York; a target is one, so type the first, New, or another",
        ),
        (
            '"xylophone"',
            "'xylophone' is 3 tokens: x yl ophone; a target is one, so type the first, \"x\", or another",
        ),
        ("#50257", "there is no token 50257; ids go from 0 to 50256"),
        (", dog", 'a comma parts two tokens, and one is missing: the token "," stands in quotes'),
        ("mat,, dog", 'a comma parts two tokens, and one is missing: the token "," stands in quotes'),
        ('"mat', 'a quote is opened and not closed: put a " behind the token'),
        ('""', "nothing stands between the quotes: put a token there"),
        ('"mat" much', "behind \"mat\" stands 'much': put a share such as 0.7 there, or a comma"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_sentence(typed: str, fault: str) -> None:
    assert outcome(typed) == fault


@pytest.mark.parametrize("typed", ["", "  ", "\n"])
def test_nothing_typed_is_no_mix(typed: str) -> None:
    assert parsed(typed, gpt2()) == ()


@pytest.mark.parametrize(
    ("token_id", "typed"),
    [
        (2603, "mat"),
        (6759, '"mat"'),
        (11, '","'),
        (198, '"\\n"'),
        (END_OF_TEXT_ID, "<|endoftext|>"),
        (447, "#447"),
    ],
)
def test_a_token_is_written_as_plainly_as_it_can_be_read(token_id: int, typed: str) -> None:
    assert written((Share(token_id=token_id, share=1.0),), gpt2()) == typed


def test_every_token_there_is_can_be_written_and_read_back() -> None:
    for token_id in range(N_VOCAB):
        one = (Share(token_id=token_id, share=1.0),)
        assert parsed(written(one, gpt2()), gpt2()) == one


@given(st.dictionaries(st.integers(0, N_VOCAB - 1), st.floats(0.001, 1), min_size=1, max_size=12))
def test_a_mix_is_read_back_as_it_is_written(weights: dict[int, float]) -> None:
    total = math.fsum(weights.values())
    mix = tuple(Share(token_id=i, share=weight / total) for i, weight in weights.items())
    again = parsed(written(mix, gpt2()), gpt2())
    assert [each.token_id for each in again] == list(weights)
    shares = [float(each.share) for each in mix]
    assert [float(each.share) for each in again] == pytest.approx(shares, abs=1e-6)


@given(st.text(max_size=40) | st.text(alphabet='ma t,"\\#1.0%-e', max_size=20))
@example("\u0661")
@example("1_0 1")
@example('a 1"')
def test_whatever_is_typed_is_a_mix_that_sums_to_one_or_a_fault_in_words(typed: str) -> None:
    mix = outcome(typed)
    if isinstance(mix, str):
        assert len(mix) > 20
    else:
        assert not mix or math.fsum(float(each.share) for each in mix) == pytest.approx(1, abs=1e-12)
        assert len({each.token_id for each in mix}) == len(mix) and all(float(each.share) > 0 for each in mix)
