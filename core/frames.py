"""Frames of one size by step: of a text's recording, in memory or in a file that is only appended to."""

import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np

Frame = np.ndarray  # one record of a dtype given, ()

_HEADER_BYTES = 16 * 2**20  # at most: a text of a million tokens
_STEP_OFFSET = 4  # in a record, after its checksum
_DROPPED = -1  # in place of the step of a frame that does not count any more


class Frames(Protocol):
    """What was recorded, by step; the later of two frames of one step counts."""

    def steps(self) -> list[int]:
        """The steps there is a frame of, in no order."""

    def __len__(self) -> int:
        """Of how many steps there is a frame."""

    def __contains__(self, step: int) -> bool:
        """Whether there is a frame of a step."""

    def get(self, step: int) -> Frame | None:
        """The frame of a step; None where there is none, or it is damaged."""

    def put(self, step: int, frame: Frame) -> None:
        """Keep a frame. Raises OSError."""

    def drop_after(self, step: int) -> None:
        """Forget the frames of later steps: they are of another future. Raises OSError."""

    def close(self) -> None:
        """Nothing is asked of it any more."""


class InMemory:
    """Frames that go with the process; there is only so much room for them."""

    def __init__(self) -> None:
        self.frames: dict[int, Frame] = {}

    def steps(self) -> list[int]:
        return list(self.frames)

    def __len__(self) -> int:
        return len(self.frames)

    def __contains__(self, step: int) -> bool:
        return step in self.frames

    def get(self, step: int) -> Frame | None:
        return self.frames.get(step)

    def put(self, step: int, frame: Frame) -> None:
        self.frames[step] = frame

    def drop_after(self, step: int) -> None:
        self.frames = {at: frame for at, frame in self.frames.items() if at <= step}

    def close(self) -> None:
        pass

    def thin(self) -> bool:
        """Drop every second frame but the first and the latest; whether there was one to drop."""
        steps = sorted(self.frames)
        self.frames = {step: self.frames[step] for step in thinned(steps)}
        return len(steps) > 2


def thinned(steps: Sequence[int]) -> list[int]:
    """Every second of ascending steps, the first and the latest among them."""
    return [*steps[:-1:2], *steps[-1:]]


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The first line of a file of frames: all that a table has beside them."""

    text: str
    first_token: bool = False
    token_ids: tuple[int, ...]
    window_starts: tuple[int, ...]
    width: int
    schema: int = 1

    def dtype(self) -> np.dtype:
        """What a frame consists of."""
        rows = len(self.token_ids)
        return np.dtype(
            [
                ("entropy", "<f4", (rows,)),
                ("log_prob", "<f4", (rows,)),  # of the targets; the open row's is not read
                ("rank", "<i4", (rows,)),
                ("top", "<i4", (rows, self.width)),  # -1 where a row has fewer
                ("top_log_prob", "<f4", (rows, self.width)),
            ]
        )


class InFile:
    """Frames in a file: a line that says what they are of, then each with its step and a checksum.

    One that a kill or a power loss left half written is not counted, and written over by the next.
    """

    def __init__(self, file: Path, head: Head) -> None:
        """Open a file whose head this is, or begin it anew. Raises OSError."""
        self.file = file
        self._record = np.dtype([("crc", "<u4"), ("step", "<i8"), ("frame", head.dtype())])
        line = msgspec.json.encode(head) + b"\n"
        self._begin = len(line)
        # Were it a link, the file could be anywhere.
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._handle = os.open(file, flags, 0o666)
        if os.pread(self._handle, len(line), 0) != line:
            os.ftruncate(self._handle, 0)
            _write_all(self._handle, line, 0)
        self._n = (os.fstat(self._handle).st_size - self._begin) // self._record.itemsize
        self._at = {step: n for n, step in enumerate(self._steps().tolist()) if step != _DROPPED}

    @classmethod
    def head_of(cls, file: Path) -> Head | None:
        """What a file is of; None where it is no such file."""
        try:
            with file.open("rb") as handle:
                return msgspec.json.decode(handle.readline(_HEADER_BYTES), type=Head)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    def steps(self) -> list[int]:
        return list(self._at)

    def __len__(self) -> int:
        return len(self._at)

    def __contains__(self, step: int) -> bool:
        return step in self._at

    def get(self, step: int) -> Frame | None:
        place = self._at.get(step)
        if place is None:
            return None
        raw = os.pread(self._handle, self._record.itemsize, self._begin + place * self._record.itemsize)
        if len(raw) < self._record.itemsize or zlib.crc32(raw[4:]) != int.from_bytes(raw[:4], "little"):
            return None
        record = np.frombuffer(raw, self._record)[0]
        frame: Frame = record["frame"]
        return frame if record["step"] == step else None

    def put(self, step: int, frame: Frame) -> None:
        known = self.get(step)
        if known is not None and known.tobytes() == frame.tobytes():
            return  # the same step made again
        rest = _step_bytes(step) + frame.tobytes()
        try:
            _write_all(self._handle, zlib.crc32(rest).to_bytes(4, "little") + rest, self._end)
        except OSError:
            os.ftruncate(self._handle, self._end)
            raise
        self._at[step] = self._n
        self._n += 1

    def drop_after(self, step: int) -> None:
        steps = self._steps()
        later = steps > step  # also of a step's earlier frames, which the later one hides
        staying = np.flatnonzero(~later & (steps != _DROPPED))
        n = int(staying[-1]) + 1 if len(staying) else 0
        for place in np.flatnonzero(later[:n]).tolist():
            at = self._begin + place * self._record.itemsize + _STEP_OFFSET
            _write_all(self._handle, _step_bytes(_DROPPED), at)
        self._n = n
        os.ftruncate(self._handle, self._end)
        self._at = {held: place for held, place in self._at.items() if held <= step}

    def close(self) -> None:
        os.close(self._handle)

    def _steps(self) -> np.ndarray:
        """The step of each frame in the file, (n,) int64."""
        if not self._n:  # which cannot be mapped
            return np.zeros(0, np.int64)
        records = np.memmap(self.file, self._record, mode="r", offset=self._begin, shape=(self._n,))
        steps: np.ndarray = np.array(records["step"])
        return steps

    @property
    def _end(self) -> int:
        return self._begin + self._n * self._record.itemsize


def _step_bytes(step: int) -> bytes:
    return step.to_bytes(8, "little", signed=True)


def _write_all(handle: int, data: bytes, offset: int) -> None:
    while data:
        written = os.pwrite(handle, data, offset)
        data, offset = data[written:], offset + written
