"""What stands in a folder, as far as a file dialog shows it."""

import heapq
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, takewhile
from pathlib import Path

from core.text import safe

SHOWN_AT_MOST = 300  # entries, of which the sizes are asked
_NAMES_AT_MOST = 20_000  # names of one folder that are looked at


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A file or folder: its name as the system has it, the same safe to show, and a file's size in bytes."""

    name: str
    shown: str
    is_folder: bool
    size: int | None


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The entries that begin with what was typed, folders first; `more` where there are others left out."""

    entries: tuple[Entry, ...]
    more: bool


def matching(folder: Path, typed: str) -> Listing:
    """What in `folder` begins with `typed` (either case), hidden entries only if that begins with a dot.

    Raises OSError where the folder cannot be listed.
    """
    with os.scandir(folder) as scan:
        first = list(islice(scan, _NAMES_AT_MOST + 1))
    found = [entry for entry in first[:_NAMES_AT_MOST] if _begins(entry.name, typed)]
    best = heapq.nsmallest(SHOWN_AT_MOST, found, key=_order)
    more = len(found) > len(best) or len(first) > _NAMES_AT_MOST
    return Listing(entries=tuple(_entries(best)), more=more)


def completion(listing: Listing, typed: str) -> str | None:
    """The longest beginning that all shown entries share, as shown, if it is longer than what was typed."""
    names = [entry.shown for entry in listing.entries]
    if listing.more or not names:
        return None
    columns = zip(*(name.casefold() for name in names), strict=False)
    common = sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, columns))
    return names[0][:common] if common > len(typed) else None


def size(count: int) -> str:
    """A number of bytes in at most seven characters: 812 B, 20.5 kB, 1.2 GB."""
    if count < 1000:
        return f"{count} B"
    value = float(count)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 999.95:
            return f"{value:.1f} {unit}"
    return f"{value / 1000:,.0f} TB"


def _begins(name: str, typed: str) -> bool:
    if name.startswith(".") and not typed.startswith("."):
        return False
    return safe(name).casefold().startswith(typed.casefold())


def _order(entry: os.DirEntry[str]) -> tuple[bool, str, str]:
    return (not _is_folder(entry), entry.name.casefold(), entry.name)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _entries(found: list[os.DirEntry[str]]) -> Iterator[Entry]:
    for entry in found:
        try:
            status = entry.stat()
            count = status.st_size if stat.S_ISREG(status.st_mode) else None
        except OSError:  # a link that leads nowhere
            count = None
        yield Entry(name=entry.name, shown=safe(entry.name), is_folder=_is_folder(entry), size=count)
