"""Files of every kind, read as text or refused in one sentence."""

import os
import signal
import socket
from pathlib import Path

import pytest

from tui import textfile
from tui.textfile import LARGEST, TextFileError, load_text_file


def refusal(path: Path) -> str:
    with pytest.raises(TextFileError) as refused:
        load_text_file(path)
    return str(refused.value)


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_text_comes_without_byte_order_mark_and_with_unix_line_ends(tmp_path: Path) -> None:
    file = load_text_file(written(tmp_path / "a", b"\xef\xbb\xbfThe fat c\xc3\xa4t\r\nsat\rdown\n"))
    assert file.text == "The fat cät\nsat\ndown\n"
    assert file.notes == ()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_byte_order_mark_says_the_encoding(tmp_path: Path, encoding: str) -> None:
    text = "The fat cat ❤ sat 🐈"
    mark = "" if encoding in ("utf-16", "utf-32") else "\ufeff"
    assert load_text_file(written(tmp_path / "a", (mark + text).encode(encoding))).text == text


def test_broken_utf16_says_where(tmp_path: Path) -> None:
    path = written(tmp_path / "a", "cat".encode("utf-16") + b"\x00")
    assert refusal(path) == f"{path} begins as UTF-16 text does, but byte 6 does not fit"


@pytest.mark.parametrize(
    ("data", "text", "note"),
    [
        (b"caf\xe9 and more", "caf\ufffd and more", "1 byte was not UTF-8 and shows as \ufffd"),
        # The first two bytes of a three-byte character, then a stray one: each of the three is replaced.
        (
            b"a \xe2\x82 cat\xff sat",
            "a \ufffd\ufffd cat\ufffd sat",
            "3 bytes were not UTF-8 and show as \ufffd",
        ),
    ],
)
def test_bytes_that_are_not_utf8_are_replaced_and_counted(
    tmp_path: Path, data: bytes, text: str, note: str
) -> None:
    file = load_text_file(written(tmp_path / "a", data))
    assert file.text == text
    assert file.notes == (note,)


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    assert refusal(tmp_path / "a.txt") == f"there is nothing at {tmp_path / 'a.txt'}"


def test_a_path_through_a_file_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a", b"x") / "b"
    assert refusal(path) == f"{path} leads through something that is no directory"


def test_a_directory_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"{tmp_path} is a directory; choose a file in it"


def test_a_file_without_permission_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "a", b"x")

    def denied(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", denied)  # root may read whatever its mode says
    assert refusal(path) == f"{path} cannot be read: permission denied"


def test_other_failures_keep_the_systems_words(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 300)
    assert refusal(path) == f"{path} cannot be read: file name too long"


def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    assert refusal(path) == f"{path} is a pipe, not a file of text"


def test_a_pipe_that_takes_a_files_place_does_not_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, file = tmp_path / "pipe", written(tmp_path / "file", b"x")
    os.mkfifo(path)
    stat = os.stat

    def blocked(*_: object) -> None:
        raise AssertionError("opening the pipe waited for a writer")

    before = signal.signal(signal.SIGALRM, blocked)
    signal.alarm(10)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(os, "stat", lambda _: stat(file))
            assert refusal(path) == f"{path} is a pipe, not a file of text"
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def test_devices_and_sockets_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path has to be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        assert refusal(Path("socket")) == "socket is a socket, not a file of text"
    assert refusal(Path("/dev/zero")) == "/dev/zero is a device, not a file of text"


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\xff\xfe"])
def test_an_empty_file_is_refused(tmp_path: Path, data: bytes) -> None:
    path = written(tmp_path / "a", data)
    assert refusal(path) == f"{path} is empty"


def test_nul_bytes_in_the_beginning_mean_binary(tmp_path: Path) -> None:
    path = written(tmp_path / "a", b"text" * 16_000 + b"\0" + b"text")
    assert refusal(path) == f"{path} is binary (it holds NUL bytes), not text"
    late = written(tmp_path / "b", b"text" * 16_384 + b"\0")
    assert load_text_file(late).text.endswith("text\0")


def test_text_in_another_encoding_is_refused_rather_than_shredded(tmp_path: Path) -> None:
    path = written(tmp_path / "a", "кот сидел на коврике".encode("cp1251"))
    assert (
        refusal(path)
        == f"{path} is not UTF-8 text: 85% of its beginning does not decode; convert it to UTF-8 first"
    )


def test_a_file_too_large_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with path.open("wb") as file:
        file.truncate(LARGEST + 100_000)
    assert refusal(path) == f"{path} has 512.1 MB; at most 512 MB can be read"


def test_a_file_that_does_not_know_its_size_is_read_up_to_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "a", b"The fat cat")
    monkeypatch.setattr(textfile, "LARGEST", 10)
    monkeypatch.setattr(textfile, "_require_text_file", lambda status, name: None)
    assert "has more than the" in refusal(path)


def test_a_hostile_name_is_safe_in_the_sentence() -> None:
    assert refusal(Path("/x\x1b[31m\n[/b]")) == "there is nothing at /x␛[31m↵[/b]"
    assert refusal(Path("/a\0b")) == "/a␀b is no file name: it holds a NUL character"
