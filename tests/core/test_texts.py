"""Training texts by name and by content."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from core import token_cache
from core.messages import Progress
from core.text import clean
from core.texts import STORY, MissingText, Texts
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
    file = token_cache.file_of(first.sha256)
    other = file.read_bytes()[::-1]
    file.unlink()  # written anew, not into what is mapped
    file.write_bytes(other)
    with pytest.raises(MissingText, match="not as it was written"):
        Texts(gpt2()).recall("a.txt", first.sha256)
    assert Texts(gpt2()).add("a.txt", "the first text").ids.tolist() == first.ids.tolist()
    file.unlink()
    with pytest.raises(MissingText, match="not in the cache"):
        Texts(gpt2()).recall("a.txt", first.sha256)
    with pytest.raises(MissingText, match="another text now"):
        texts.recall(STORY, "0" * 64)


def test_a_cache_that_cannot_be_written_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert len(Texts(gpt2()).add("a.txt", "a cat").ids) == 2


def test_a_text_that_is_cut_into_pieces_has_the_tokens_of_the_whole(
    texts: Texts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.texts._PIECE", 7)
    text = "One\n\ntwo  \n three\nfour\n'll five\n  6\r7\n\n\n\n8 \u00e9\u732b\nend\n\n" * 5
    assert texts.add("a.txt", text).ids.tolist() == gpt2().encode(clean(text))


def test_the_mark_between_documents_is_one_token_in_a_training_text(texts: Texts) -> None:
    ids = texts.add("a.txt", "<|endoftext|>a cat<|endoftext|>\na dog").ids.tolist()
    end = gpt2().end_of_text
    assert ids == [end, *gpt2().encode("a cat"), end, *gpt2().encode("\na dog")]


def test_a_long_text_tells_how_far_it_is_and_can_be_broken_off(
    texts: Texts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.texts._PIECE", 10)
    monkeypatch.setattr("core.texts._LONG", 40)
    told: list[Progress] = []
    telling = Texts(gpt2(), tell=told.append)
    telling.add("short.txt", "a cat\n" * 6)
    assert not told
    telling.add("long.txt", "a cat\n" * 10)
    assert [progress.done for progress in told] == sorted({progress.done for progress in told})
    assert (told[-1].done, told[-1].total, told[-1].unit) == (6, 6, "M characters")
    with pytest.raises(MissingText, match=r"tokenizing 'other\.txt' was broken off"):
        Texts(gpt2(), interrupted=lambda: True).add("other.txt", "a dog")


def test_a_text_in_the_cache_is_not_tokenized_again(texts: Texts, monkeypatch: pytest.MonkeyPatch) -> None:
    first = texts.add("a.txt", "a cat and a dog")
    assert isinstance(first.ids, np.memmap)
    later = Texts(gpt2(), interrupted=lambda: True)
    assert later.add("b.txt", "a cat and a dog").ids.tolist() == first.ids.tolist()


@pytest.mark.parametrize("damage", ["longer", "shorter", "other", "index", "no index"])
def test_tokens_that_are_not_as_written_are_not_used(texts: Texts, damage: str) -> None:
    first = texts.add("a.txt", "a cat and a dog")
    file = token_cache.file_of(first.sha256)
    content = file.read_bytes()
    index = file.with_suffix(".json")
    file.unlink()
    match damage:
        case "longer":
            file.write_bytes(content + b"\0\0")
        case "shorter":
            file.write_bytes(content[:-1])
        case "other":
            file.write_bytes(content[2:] + content[:2])
        case "index":
            file.write_bytes(content)
            index.write_text("{}")
        case "no index":
            file.write_bytes(content)
            index.unlink()
    assert token_cache.stored(first.sha256) is None
    assert texts.add("a.txt", "a cat and a dog").ids.tolist() == first.ids.tolist()
    assert token_cache.stored(first.sha256) is not None
