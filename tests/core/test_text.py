"""What may come out on a terminal, and what may come in."""

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.text import clean, safe, safe_lines, spaced, visible
from core.tokenizer import gpt2

ANY_TEXT = st.text(st.characters())  # with surrogates, controls and unassigned code points
HARMFUL = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def assert_harmless(shown: str) -> None:
    for before, character in zip(" " + shown, shown, strict=False):
        category = unicodedata.category(character)
        assert category not in HARMFUL, f"{character!r} in {shown!r}"
        if category[0] == "M":
            assert unicodedata.category(before)[0] in "LMNPS", f"{character!r} joins {before!r} in {shown!r}"


def test_every_token_shows_as_something_harmless() -> None:
    for piece in gpt2().pieces:
        shown = visible(piece)
        assert shown.strip()
        assert_harmless(shown)


def test_the_signs_of_spaces_are_read_on_as_spaces_and_all_others_stay() -> None:
    ids = gpt2().encode(" a\u00a0b\n\tc  d ")
    assert spaced("".join(visible(gpt2().piece(token_id)) for token_id in ids)) == " a<U+00A0>b↵⇥c  d "


def test_no_two_tokens_show_alike() -> None:
    shown = [visible(piece) for piece in gpt2().pieces]
    assert len(set(shown)) == len(shown)


@pytest.mark.parametrize(
    ("piece", "shown"),
    [
        (b" fat", "␣fat"),
        (b"   ", "␣␣␣"),
        (b"\n\n", "↵↵"),
        (b"\t", "⇥"),
        (b"\r", "␍"),
        (b"\x00", "␀"),
        (b"\x1b[31m", "␛[31m"),
        (b"\x7f", "␡"),
        (b"\xe2", "<0xE2>"),
        (b"\xe2\x80", "<0xE2><0x80>"),
        (b"caf\xc3\xa9\xc3", "café<0xC3>"),
        (b"\xed\xa0\x80", "<0xED><0xA0><0x80>"),
        ("\x85".encode(), "<U+0085>"),
        ("\xa0".encode(), "<U+00A0>"),
        ("\xad".encode(), "<U+00AD>"),
        ("\u200b".encode(), "<U+200B>"),
        ("\u202e".encode(), "<U+202E>"),
        ("\u2066".encode(), "<U+2066>"),
        ("\ufeff".encode(), "<U+FEFF>"),
        ("\ufe0f".encode(), "<U+FE0F>"),
        ("\u3164".encode(), "<U+3164>"),
        ("\u0301".encode(), "◌\u0301"),
        (" \u0301".encode(), "␣◌\u0301"),
        ("e\u0301\u0302".encode(), "e\u0301\u0302"),
        (b"[/b]", "[/b]"),
        ("日本".encode(), "日本"),
    ],
)
def test_a_token_shows_as(piece: bytes, shown: str) -> None:
    assert visible(piece) == shown


@settings(deadline=None)
@given(st.binary())
def test_any_bytes_show_as_something_harmless(piece: bytes) -> None:
    assert_harmless(visible(piece))


@settings(deadline=None)
@given(ANY_TEXT)
@example("\u202e\u0301a")
def test_any_text_is_safe_on_one_line(text: str) -> None:
    shown = safe(text)
    assert_harmless(shown)
    assert len(shown) >= len(text)  # nothing disappears
    assert shown.count(" ") == text.count(" ")


def test_safe_text_keeps_its_spaces_and_shows_its_breaks() -> None:
    assert safe("a b\nc\td\u3000e") == "a b↵c⇥d\u3000e"
    assert safe("\x1b]0;x\x07\u2028\ud83d\udcff") == "␛]0;x␇<U+2028><U+D83D><U+DCFF>"


def test_lines_are_split_at_any_line_ending() -> None:
    assert safe_lines("a\r\nb\rc\x0b\n") == ["a", "b", "c␋", ""]


@settings(deadline=None)
@given(ANY_TEXT)
def test_any_text_is_clean_utf8_afterwards(text: str) -> None:
    cleaned = clean(text)
    assert cleaned.encode("utf-8").decode("utf-8") == cleaned
    assert "\r" not in cleaned
    assert clean(cleaned) == cleaned


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r")))
@example("\ufeff\x00")
def test_valid_text_is_not_changed(text: str) -> None:
    assert clean(text) == text


def test_what_cannot_be_utf8_is_replaced_one_for_one() -> None:
    assert clean("a\ud800b\udc80\udc81c") == "a\ufffdb\ufffd\ufffdc"
    assert clean("\r\n\r\r\n") == "\n\n\n"
