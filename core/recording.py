"""What texts looked like at the steps of a run, packed: in the run's folder once it has one."""

import hashlib
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import numpy as np

from core.checkpoint import write_json
from core.frames import Frame, Frames, Head, InFile, InMemory
from core.messages import Candidate, Prediction, Table, Token, real
from core.tables import summary
from core.tokenizer import Tokenizer

EVERY_STEP = 32  # tokens at most of a text that is recorded at every step; a longer one when it is shown
TEXTS = 16  # at most: every edit of a prompt makes another; those that are kept do not count
MOST_KEPT = 4  # each is scored after every step
BUDGET = 64 * 2**20  # bytes of memory; of a row with 20 candidates 172 go into it

_KEPT = "recording.kept.json"
_FILES = "recording.*.frames"


class Recordings:
    """The tables of a run's texts by step, of the latest TEXTS of them and of those that are kept.

    One thread records and another may read. Without a folder they lie in memory; over the budget, of the text
    with the most frames there every second one is dropped, never its first or its latest.
    """

    def __init__(self, tokenizer: Tokenizer, *, budget: int = BUDGET) -> None:
        self.kept: tuple[str, ...] = ()
        self.warning: str | None = None
        self._tokenizer = tokenizer
        self._budget = budget
        self._folder: Path | None = None
        self._texts: dict[str, _Text] = {}
        self._lock = threading.Lock()  # a reader's file is not closed while it reads

    def put(self, table: Table) -> None:
        """Keep a table of a text of one token or more; one of the same step is replaced."""
        width = max((len(prediction.top) for prediction in table.predictions), default=0)
        with self._lock:
            known = self._texts.get(table.text)
            if known is None or known.head.width < width:
                # A frame holds as many candidates as the widest: there are no narrower ones.
                known = _Text(_head(table, width), InMemory())
            self._enter(known)
            frame = _packed(table, known.dtype)
            try:
                self._move_to_disk(known, again=table.step not in known.frames.steps())
                known.frames.put(table.step, frame)
            except OSError as error:
                self._stay_in_memory(f"the recording of the prompt could not be written: {error.strerror}")
                known.frames.put(table.step, frame)
            self._hold_budget()

    def at(self, text: str, step: int) -> Table | None:
        """The table of a text at the latest recorded step up to `step`, or else the first recorded one.

        None where nothing of that text is recorded.
        """
        with self._lock:
            known = self._texts.get(text)
            steps = sorted(known.frames.steps()) if known else []
            before = [s for s in steps if s <= step]
            found = frame = None
            for found in (*reversed(before), *steps[len(before) :]):
                frame = known.frames.get(found) if known else None
                if frame is not None:
                    break
        return (
            None
            if known is None or frame is None or found is None
            else known.table(frame, found, self._piece)
        )

    def keep(self, text: str) -> None:
        """Have a text among those that are always recorded. Raises ValueError where there are too many."""
        if text not in self.kept and len(self.kept) >= MOST_KEPT:
            raise ValueError(f"{MOST_KEPT} prompts are kept already: let go of one of them first")
        self.kept = (*(other for other in self.kept if other != text), text)
        self._write_kept()

    def release(self, text: str) -> None:
        """The inverse of `keep`; what was recorded stays."""
        self.kept = tuple(other for other in self.kept if other != text)
        self._write_kept()

    def write_to(self, folder: Path | None) -> None:
        """From now on record into the folder of a run, or without one into memory.

        What the folder holds already is found again, and what it says is kept is kept.
        """
        if folder == self._folder:
            return
        with self._lock:
            if folder is None:
                self._to_memory()
                return
            self._folder = folder
            self._read_kept()  # first: they are not let go of
            recent = self._texts
            self._texts = {}
            for file in sorted(folder.glob(_FILES), key=lambda file: (file.lstat().st_mtime, file.name)):
                head = InFile.head_of(file)
                if head is not None and file == self._file(head.text):
                    with suppress(OSError):
                        self._enter(_Text(head, InFile(file, head)))
            for text in recent.values():
                known = self._texts.get(text.head.text)
                self._enter(known if known is not None and known.head.width >= text.head.width else text)
        self._write_kept()

    def clear(self) -> None:
        """Another run begins: what is kept stays so, what was recorded is the other run's."""
        with self._lock:
            for text in self._texts.values():
                text.frames.close()
            self._texts = {}
            self._folder = None
            self.warning = None

    # --------------------------------------------------------------------------------------- with the lock

    def _enter(self, text: "_Text") -> None:
        """Make a text the latest, and let go of one too many."""
        replaced = self._texts.pop(text.head.text, text)
        if replaced is not text:
            replaced.frames.close()
        self._texts[text.head.text] = text
        others = [name for name in self._texts if name not in self.kept]
        for name in others[: max(0, len(others) - TEXTS)]:
            dropped = self._texts.pop(name)
            dropped.frames.close()
            if isinstance(dropped.frames, InFile):
                with suppress(OSError):
                    dropped.frames.file.unlink(missing_ok=True)

    def _move_to_disk(self, text: "_Text", *, again: bool) -> None:
        """Have a text's frames in a file; not those of one that was looked at once. Raises OSError."""
        known = text.frames
        if self._folder is None or not isinstance(known, InMemory):
            return
        if not (again and known.frames) and text.head.text not in self.kept:
            return
        on_disk = InFile(self._file(text.head.text), text.head)
        for step, frame in known.frames.items():
            on_disk.put(step, frame)
        text.frames = on_disk

    def _stay_in_memory(self, reason: str) -> None:
        self.warning = f"{reason}. It goes on in memory."
        self._to_memory()

    def _to_memory(self) -> None:
        for text in self._texts.values():
            if not isinstance(text.frames, InMemory):
                in_memory = InMemory()
                for step in text.frames.steps():
                    frame = text.frames.get(step)
                    if frame is not None:
                        in_memory.put(step, frame)
                text.frames.close()
                text.frames = in_memory
                self._hold_budget()
        self._folder = None

    def _hold_budget(self) -> None:
        held = [t for t in self._texts.values() if isinstance(t.frames, InMemory)]
        while sum(text.memory for text in held) > self._budget:
            largest = max(held, key=lambda text: text.memory)
            if not (isinstance(largest.frames, InMemory) and largest.frames.thin()):
                break

    def _file(self, text: str) -> Path:
        assert self._folder is not None
        return self._folder / f"recording.{hashlib.sha256(text.encode()).hexdigest()[:16]}.frames"

    def _read_kept(self) -> None:
        assert self._folder is not None
        with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
            said = msgspec.json.decode((self._folder / _KEPT).read_bytes(), type=tuple[str, ...])
            self.kept = tuple(dict.fromkeys((*said, *self.kept)))[:MOST_KEPT]

    def _write_kept(self) -> None:
        if self._folder is not None and (self.kept or (self._folder / _KEPT).exists()):
            try:
                write_json(self._folder / _KEPT, list(self.kept))
            except OSError as error:
                self.warning = f"which prompts are kept could not be written down: {error.strerror}"

    def _piece(self, token_id: int) -> bytes:
        return self._tokenizer.piece(token_id)


class _Text:
    """One text's frames. What its tables have in common is kept once."""

    def __init__(self, head: Head, frames: Frames) -> None:
        self.head = head
        self.dtype = head.dtype()
        self.frames = frames

    @property
    def memory(self) -> int:
        return len(self.frames.steps()) * self.dtype.itemsize

    def table(self, frame: Frame, step: int, piece: Callable[[int], bytes]) -> Table:
        ids = self.head.token_ids
        targets = (*ids[1:], None)
        columns = zip(targets, *(frame[name].tolist() for name in self.dtype.names or ()), strict=True)

        def candidate(token_id: int, log_prob: float, rank: int) -> Candidate:
            return Candidate(token_id=token_id, piece=piece(token_id), log_prob=real(log_prob), rank=rank)

        def row(
            target: int | None,
            entropy: float,
            log_prob: float,
            rank: int,
            ids: Sequence[int],
            log_probs: Sequence[float],
        ) -> Prediction:
            ranked = [t for t in zip(ids, log_probs, range(1, len(ids) + 1), strict=True) if t[0] >= 0]
            return Prediction(
                entropy=real(entropy),
                top=tuple(candidate(*triple) for triple in ranked),
                target=None if target is None else candidate(target, log_prob, rank),
            )

        predictions = tuple(row(*column) for column in columns)
        tokens = tuple(Token(token_id=i, piece=piece(i)) for i in ids)
        return Table(
            text=self.head.text,
            tokens=tokens,
            predictions=predictions,
            window_starts=self.head.window_starts,
            summary=summary(tokens, predictions),
            step=step,
        )


def _head(table: Table, width: int) -> Head:
    ids = tuple(token.token_id for token in table.tokens)
    return Head(text=table.text, token_ids=ids, window_starts=table.window_starts, width=width)


def _packed(table: Table, dtype: np.dtype) -> Frame:
    frame = np.zeros((), dtype)
    frame["top"] = -1
    for i, prediction in enumerate(table.predictions):
        frame["entropy"][i] = float(prediction.entropy)
        if prediction.target is not None:
            frame["log_prob"][i] = float(prediction.target.log_prob)
            frame["rank"][i] = prediction.target.rank
        n = len(prediction.top)
        frame["top"][i, :n] = [c.token_id for c in prediction.top]
        frame["top_log_prob"][i, :n] = [float(c.log_prob) for c in prediction.top]
    return frame
