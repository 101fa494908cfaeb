"""When a text is put in order, by whom, and what of it is kept."""

import os
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from core import indexing as module
from core import token_cache
from core.indexing import Indexing
from core.messages import Indexed
from core.suffix_array import suffix_array

PATIENCE = 30.0  # seconds
IDS = np.array([3, 1, 2, 3, 1, 4] * 5, dtype=np.uint16)


class Heard:
    """An indexing of a text in a thread of its own, and what it tells."""

    def __init__(self, ids: NDArray[np.uint16] = IDS) -> None:
        self.told: list[Indexed] = []
        self.threads: set[int] = set()
        self.over = threading.Event()
        self.indexing = Indexing("a.txt", ids, self._hear)

    def _hear(self, event: Indexed) -> None:
        self.told.append(event)
        self.threads.add(threading.get_native_id())
        if event.done == event.total:
            self.over.set()

    def counts(self) -> list[int]:
        """Of a context, once there is a concordance."""
        self.indexing.concordance()
        assert self.over.wait(PATIENCE)
        concordance = self.indexing.concordance()
        assert concordance is not None, self.indexing.missing
        return concordance.counts([3, 1])


@pytest.fixture(autouse=True)
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache folder of the test's own, pieces of a few tokens, and a text of IDS' length is a long one."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("core.suffix_array._PIECE", 4)
    monkeypatch.setattr(module, "AT_ONCE", len(IDS) - 1)


def refuse(*given: object, **named: object) -> NDArray[np.uint32]:
    raise AssertionError("sorted again")


def test_a_small_text_is_ready_at_once_and_takes_no_room_on_disk() -> None:
    heard = Heard(IDS[:-1])
    concordance = heard.indexing.concordance()
    assert concordance is not None and concordance.counts([3, 1]) == [9, 9]
    assert heard.indexing.concordance() is concordance
    assert heard.told == [] and heard.indexing.missing is None
    assert not token_cache.cache_folder().exists()


def test_a_long_text_is_put_in_order_by_a_thread_that_tells_how_far_it_is() -> None:
    heard = Heard()
    assert heard.counts() == [10, 10]
    assert {(event.text, event.total) for event in heard.told} == {("a.txt", 30)}
    done = [event.done for event in heard.told]
    assert len(done) > 2 and done == sorted(set(done))
    assert heard.indexing.missing is None


def test_the_text_that_is_being_put_in_order_is_named() -> None:
    heard = Heard()
    heard.indexing.concordance()
    assert heard.indexing.missing in ("the text a.txt is being indexed", None)  # if it was faster
    assert heard.over.wait(PATIENCE)


def test_the_thread_lets_every_other_one_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to: list[tuple[int, int, int]] = []
    monkeypatch.setattr(os, "setpriority", lambda *words: set_to.append(words))
    heard = Heard()
    heard.counts()
    (thread,) = heard.threads
    assert thread != threading.get_native_id()
    # Where threads have no niceness of their own it would be the whole engine's.
    assert set_to == ([(os.PRIO_PROCESS, thread, 19)] if sys.platform == "linux" else [])


def test_what_was_put_in_order_once_is_mapped_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    Heard().counts()
    monkeypatch.setattr(module, "suffix_array", refuse)
    again = Heard(IDS.copy())
    assert again.counts() == [10, 10]
    assert [event.done for event in again.told] == [30]
    assert isinstance(token_cache.stored_order(IDS), np.memmap)


@pytest.mark.parametrize("damage", ["longer", "other", "no index"])
def test_an_order_that_is_not_as_written_is_made_anew(damage: str) -> None:
    Heard().counts()
    file = token_cache.order_file_of(IDS)
    content = file.read_bytes()
    file.unlink()
    match damage:
        case "longer":
            file.write_bytes(content + b"\0\0\0\0")
        case "other":
            file.write_bytes(content[4:] + content[:4])
        case "no index":
            file.write_bytes(content)
            file.with_suffix(".json").unlink()
    assert token_cache.stored_order(IDS) is None
    assert Heard().counts() == [10, 10]
    assert file.read_bytes() == content and token_cache.stored_order(IDS) is not None


def test_the_order_of_other_tokens_is_another_file() -> None:
    Heard().counts()
    assert token_cache.stored_order(IDS[::-1]) is None
    assert token_cache.stored_order(IDS[:-1]) is None


def test_a_cache_that_cannot_be_written_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert Heard().counts() == [10, 10]


def test_what_goes_wrong_is_said_and_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*given: object, **named: object) -> NDArray[np.uint32]:
        raise MemoryError

    monkeypatch.setattr(module, "suffix_array", fails)
    heard = Heard()
    heard.indexing.concordance()
    assert heard.over.wait(PATIENCE)
    monkeypatch.setattr(module, "suffix_array", refuse)
    assert heard.indexing.concordance() is None
    assert heard.indexing.missing == "the text a.txt could not be indexed: MemoryError"
    assert len(heard.told) == 1


def test_nothing_is_told_or_kept_of_a_text_that_is_no_longer_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, abandoned, ended = threading.Event(), threading.Event(), threading.Event()

    def waits(ids: NDArray[np.uint16], **steered: object) -> NDArray[np.uint32]:
        asked.set()
        abandoned.wait(PATIENCE)
        try:
            return suffix_array(ids, **steered)  # type: ignore[arg-type]
        finally:
            ended.set()

    monkeypatch.setattr(module, "suffix_array", waits)
    heard = Heard()
    heard.indexing.concordance()
    assert asked.wait(PATIENCE)
    heard.indexing.abandon()
    abandoned.set()
    assert ended.wait(PATIENCE)
    for thread in threading.enumerate():
        if thread.name == "indexing":
            thread.join(PATIENCE)
    assert heard.told == [] and token_cache.stored_order(IDS) is None


def test_a_text_is_known_by_its_name_and_its_tokens() -> None:
    indexing = Heard().indexing
    assert indexing.is_of("a.txt", IDS.astype(np.int64))
    assert not indexing.is_of("b.txt", IDS)
    assert not indexing.is_of("a.txt", IDS[:-1])
    assert not indexing.is_of("a.txt", IDS[::-1])
