"""Text cut and padded to a width in terminal cells."""

from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from core.text import safe
from tui import cells

texts = st.text(max_size=30).map(safe) | st.text("ab 猫🐈é漢…", max_size=30)
widths = st.integers(0, 40)


@given(texts, widths)
def test_every_cut_is_exactly_as_wide_as_it_is_asked_to_be(text: str, width: int) -> None:
    for cut in (cells.left, cells.right, cells.tail):
        assert cell_len(cut(text, width)) == width, cut.__name__


@given(texts)
@example("\U0001f3fb")  # the mark of a skin's tone, which has no width by itself
def test_a_text_that_fits_is_only_padded(text: str) -> None:
    width = cell_len(text)
    assert cells.left(text, width) == cells.right(text, width) == cells.tail(text, width) == text
    assert cells.left(text, width + 2) == cells.tail(text, width + 2) == text + "  "
    assert cells.right(text, width + 2) == "  " + text


def test_the_end_is_cut_off_or_the_beginning_and_an_ellipsis_says_so() -> None:
    assert cells.left("the fat cat", 6) == "the f…"
    assert cells.left("the fat", 5) == "the… ", "no gap before the ellipsis"
    assert cells.tail("the fat cat", 6) == "…t cat"
    assert cells.left("猫猫猫", 4) == "猫… "
    assert cells.tail("猫猫猫", 4) == "…猫 "


def test_a_number_without_room_is_never_shown_as_another() -> None:
    assert cells.right("12345", 4) == "····"
    assert cells.right("12345", 5) == "12345"


@given(st.text("e\u0301\u0302a猫", max_size=20), st.integers(2, 12))
def test_a_mark_is_not_torn_from_its_letter_onto_the_ellipsis(text: str, width: int) -> None:
    shown = safe(text)
    cut = cells.tail(shown, width)
    assert not cut.startswith(("…\u0301", "…\u0302"))
