"""Training texts by name and by content."""

import hashlib
from pathlib import Path

import pytest

from core.texts import STORY, MissingText, Texts, cache_folder
from core.tokenizer import gpt2


@pytest.fixture
def texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Texts:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Texts(gpt2())


def test_the_story_is_there(texts: Texts) -> None:
    story = texts.get(STORY)
    text = gpt2().decode(story.ids.tolist()).decode()
    assert story.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert "The fat cat sat on the mat." in text


def test_an_unknown_text_is_refused_with_the_known_ones(texts: Texts) -> None:
    texts.get(STORY)
    texts.add("a.txt", "a cat")
    with pytest.raises(MissingText, match=r"'b\.txt' here; known: story, a\.txt$"):
        texts.get("b.txt")


def test_a_text_is_its_tokens_and_its_hash(texts: Texts) -> None:
    added = texts.add("a.txt", "a cat\r\nand a d\u00f6g \U0001f408")
    clean = "a cat\nand a d\u00f6g \U0001f408"
    assert gpt2().decode(added.ids.tolist()).decode() == clean
    assert added.sha256 == hashlib.sha256(clean.encode()).hexdigest()
    assert texts.get("a.txt") is added


def test_the_storys_name_and_an_empty_text_are_refused(texts: Texts) -> None:
    with pytest.raises(MissingText, match="belongs to the built-in story"):
        texts.add(STORY, "mine")
    with pytest.raises(MissingText, match=r"'a\.txt' is empty"):
        texts.add("a.txt", "")


def test_pieces_in_order_make_the_text(texts: Texts) -> None:
    assert texts.receive("a.txt", "one, ", first=True, last=False) is None
    assert texts.receive("b.txt", "other ", first=True, last=False) is None
    assert texts.receive("a.txt", "two", first=False, last=False) is None
    whole = texts.receive("a.txt", ", three", first=False, last=True)
    assert whole is not None and gpt2().decode(whole.ids.tolist()) == b"one, two, three"
    with pytest.raises(MissingText, match="beginning"):
        texts.receive("a.txt", "four", first=False, last=True)
    whole = texts.receive("b.txt", "text", first=False, last=True)
    assert whole is not None and gpt2().decode(whole.ids.tolist()) == b"other text"


def test_a_text_sent_again_from_the_start_forgets_the_pieces_before(texts: Texts) -> None:
    texts.receive("a.txt", "half ", first=True, last=False)
    whole = texts.receive("a.txt", "whole", first=True, last=True)
    assert whole is not None and gpt2().decode(whole.ids.tolist()) == b"whole"


def test_what_a_run_was_trained_on_is_recalled_by_its_content(texts: Texts) -> None:
    first = texts.add("a.txt", "the first text")
    texts.add("a.txt", "another text of the same name")
    later = Texts(gpt2())
    recalled = later.recall("a.txt", first.sha256)
    assert recalled.ids.tolist() == first.ids.tolist()
    assert later.get("a.txt") is recalled
    assert texts.recall("a.txt", first.sha256).ids.tolist() == first.ids.tolist()
    assert later.recall(STORY, later.get(STORY).sha256) is later.get(STORY)


def test_what_is_gone_or_another_text_now_is_not_recalled(texts: Texts) -> None:
    first = texts.add("a.txt", "the first text")
    file = cache_folder() / f"{first.sha256}.txt"
    file.write_text("tampered with")
    with pytest.raises(MissingText, match="another text now"):
        Texts(gpt2()).recall("a.txt", first.sha256)
    file.unlink()
    with pytest.raises(MissingText, match="no longer in the cache"):
        Texts(gpt2()).recall("a.txt", first.sha256)
    with pytest.raises(MissingText, match="another text now"):
        texts.recall(STORY, "0" * 64)


def test_a_cache_that_cannot_be_written_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert len(Texts(gpt2()).add("a.txt", "a cat").ids) == 2
