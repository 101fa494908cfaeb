"""A file read as text: never one that blocks, never one that is no text, every refusal one clear sentence."""

import codecs
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from core.text import clean, safe

LARGEST = 512_000_000  # bytes
_BEGINNING = 64 * 1024  # bytes looked at to tell text from something else
_UNDECODABLE = 0.3  # of the beginning; accents in another 8-bit encoding stay far below it

# UTF-32's mark for little endian begins with UTF-16's, so it is asked for first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_ESCAPED = re.compile("[\udc80-\udcff]")  # how surrogateescape hands on a byte that is no UTF-8


class TextFileError(ValueError):
    """Why a file cannot be had as text, in one sentence that is safe to show."""


@dataclass(frozen=True, kw_only=True)
class TextFile:
    """The text of a file, valid and with \\n at its line ends, and what a person should know about it."""

    text: str
    notes: tuple[str, ...] = ()


def load_text_file(path: Path) -> TextFile:
    """The text of a file, with notes on what was replaced in it. Raises TextFileError and never waits."""
    name = safe(str(path))
    data = _read(path, name)
    encoding, data = _encoding(data)
    if not data:
        raise TextFileError(f"{name} is empty")
    if encoding != "utf-8":
        try:
            return TextFile(text=clean(data.decode(encoding)))
        except UnicodeDecodeError as error:
            raise TextFileError(
                f"{name} begins as {encoding[:6].upper()} text does, but byte {error.start} does not fit"
            ) from None
    beginning = data[:_BEGINNING]
    if b"\0" in beginning:
        raise TextFileError(f"{name} is binary (it holds NUL bytes), not text")
    strange = len(_ESCAPED.findall(beginning.decode("utf-8", "surrogateescape"))) / len(beginning)
    if strange > _UNDECODABLE:
        raise TextFileError(
            f"{name} is not UTF-8 text: {strange:.0%} of its beginning does not decode; "
            "convert it to UTF-8 first"
        )
    return _utf8(data)


def why(path: Path, error: OSError, verb: str) -> str:
    """One sentence, safe to show, on why `path` cannot be read (or written, listed: `verb`)."""
    name = safe(str(path))
    if isinstance(error, FileNotFoundError):
        return f"there is nothing at {name}"
    if isinstance(error, PermissionError):
        return f"{name} cannot be {verb}: permission denied"
    if isinstance(error, NotADirectoryError):
        return f"{name} leads through something that is no directory"
    return f"{name} cannot be {verb}: {safe(error.strerror or str(error)).lower()}"


def kind(mode: int) -> str | None:
    """What a file is by its mode if it is no regular file: "a directory", "a pipe", ...; else None."""
    if stat.S_ISREG(mode):
        return None
    if stat.S_ISDIR(mode):
        return "a directory"
    return next((name for is_kind, name in _KINDS if is_kind(mode)), "no regular file")


def _read(path: Path, name: str) -> bytes:
    try:
        _require_text_file(os.stat(path), name)  # before opening: to open a device can already do something
        # Should a pipe take the file's place now, opening it still does not wait for a writer.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            _require_text_file(os.fstat(file.fileno()), name)
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise TextFileError(why(path, error, "read")) from None
    except ValueError as error:
        if isinstance(error, TextFileError):
            raise
        raise TextFileError(f"{name} is no file name: it holds a NUL character") from None
    if len(data) > LARGEST:  # grew meanwhile, or does not know its size
        raise TextFileError(f"{name} has more than the {LARGEST / 1e6:.0f} MB that can be read")
    return data


def _require_text_file(status: os.stat_result, name: str) -> None:
    other = kind(status.st_mode)
    if other:
        advice = "; choose a file in it" if stat.S_ISDIR(status.st_mode) else ", not a file of text"
        raise TextFileError(f"{name} is {other}{advice}")
    if status.st_size > LARGEST:
        size = f"{status.st_size / 1e6:,.1f} MB"
        raise TextFileError(f"{name} has {size}; at most {LARGEST / 1e6:.0f} MB can be read")


def _encoding(data: bytes) -> tuple[str, bytes]:
    """The encoding a byte order mark names (UTF-8 without one) and the bytes after the mark."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding, data[len(mark) :]
    return "utf-8", data


def _utf8(data: bytes) -> TextFile:
    try:
        return TextFile(text=clean(data.decode("utf-8")))
    except UnicodeDecodeError:
        text, replaced = _ESCAPED.subn("\ufffd", data.decode("utf-8", "surrogateescape"))
    how = "1 byte was not UTF-8 and shows" if replaced == 1 else f"{replaced:,} bytes were not UTF-8 and show"
    return TextFile(text=clean(text), notes=(f"{how} as \ufffd",))
