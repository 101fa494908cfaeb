"""A file of JSON lines that is only appended to."""

import os
from pathlib import Path
from typing import IO

import msgspec


class LineFile:
    """Opened with the first line that is written. A torn last one, left by a kill, is cut off then."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._handle: IO[bytes] | None = None

    def append(self, record: msgspec.Struct) -> None:
        """Write a line: a kill does not take it any more once this returns. Raises OSError."""
        if self._handle is None:
            self._handle = self._file.open("a+b")
            self._handle.seek(0)
            self._handle.truncate(self._handle.read().rfind(b"\n") + 1)
        self._handle.write(msgspec.json.encode(record) + b"\n")
        self._handle.flush()

    def sync(self) -> None:
        """Have on the disk what was written: then a power loss does not take it either. Raises OSError."""
        if self._handle is not None:
            os.fsync(self._handle.fileno())

    def close(self) -> None:
        if self._handle is not None:
            self._handle.close()
