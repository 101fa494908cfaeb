"""What texts looked like at the steps of a run, packed: in the run's folder once it has one."""

import hashlib
import sys
import threading
from contextlib import suppress
from pathlib import Path

import msgspec

from core.checkpoint import write_json
from core.frames import Frames, InFile, InMemory, thinned
from core.messages import Prompt, Table
from core.recorded import Recorded, head_of, packed, prompt_of
from core.tokenizer import Tokenizer

EVERY_STEP = 32  # tokens at most of a text that is recorded at every step; a longer one when it is shown
TEXTS = 16  # at most: every edit of a prompt makes another; those that are kept do not count
MOST_KEPT = 4  # each is scored after every step
BUDGET = 64 * 2**20  # bytes of memory; of a row with 20 candidates 172 go into it

_KEPT = "recording.kept.json"
_FILES = "recording.*.frames"


class Recordings:
    """The tables of a run's texts by step, of the latest TEXTS of them and of those that are kept.

    A text with its first token scored is another one than without. One thread records and another may read.
    Without a folder they lie in memory; over the budget, of the text with the most frames there every second
    one is dropped, never its first or its latest.
    """

    def __init__(self, tokenizer: Tokenizer, *, budget: int = BUDGET) -> None:
        self.kept: tuple[Prompt, ...] = ()
        self.warning: str | None = None
        self._tokenizer = tokenizer
        self._budget = budget
        self._folder: Path | None = None
        self._texts: dict[Prompt, Recorded] = {}
        self._lock = threading.Lock()  # a reader's file is not closed while it reads

    def put(self, table: Table) -> None:
        """Keep a table of a text of one token or more; one of the same step is replaced."""
        width = max((len(prediction.top) for prediction in table.predictions), default=0)
        with self._lock:
            known = self._texts.get(table.prompt)
            if known is None or known.head.width < width:
                # A frame holds as many candidates as the widest: there are no narrower ones.
                known = Recorded(head_of(table, width), InMemory())
            self._enter(known)
            frame = packed(table, known.dtype)
            try:
                self._move_to_disk(known, again=table.step not in known.frames)
                known.frames.put(table.step, frame)
            except OSError as error:
                self._stay_in_memory(error)
                known.frames.put(table.step, frame)
            self._hold_budget()

    def at(self, text: str, step: int, *, first_token: bool = False) -> Table | None:
        """The table of a text at the latest recorded step up to `step`, or else the first recorded one.

        None where nothing of that text, with its first token scored or without, is recorded.
        """
        with self._lock:
            known = self._texts.get(Prompt(text=text, first_token=first_token))
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

    def keep(self, prompt: Prompt) -> None:
        """Have a text among those that are always recorded. Raises ValueError where there are too many."""
        if prompt not in self.kept and len(self.kept) >= MOST_KEPT:
            raise ValueError(f"{MOST_KEPT} prompts are kept already: let go of one of them first")
        self.kept = (*(other for other in self.kept if other != prompt), prompt)
        self._write_kept()

    def release(self, prompt: Prompt) -> None:
        """The inverse of `keep`; what was recorded stays."""
        self.kept = tuple(other for other in self.kept if other != prompt)
        self._write_kept()

    def drop_after(self, step: int) -> None:
        """Forget later steps, in memory and on file: they are of another future."""
        with self._lock:
            for text in list(self._texts.values()):
                try:
                    text.frames.drop_after(step)
                except OSError as error:
                    self.warning = (
                        f"the recording of a prompt could not be cut off: {error.strerror}. It begins anew."
                    )
                    self._forget(text)
                else:
                    if not len(text.frames):
                        self._forget(text)

    def branch(self, folder: Path | None, step: int) -> None:
        """A run that leaves this one's way after `step` goes on in a folder of its own, or in memory.

        What was recorded up to there goes along as a copy, of the longer ones so many steps, the first and
        the latest among them, as fit into the budget. This run's folder stays as it is.
        """
        with self._lock:
            self._to_memory(step)
        self.write_to(folder)
        with self._lock:
            for text in list(self._texts.values()):
                if len(text.frames) > 1:
                    try:
                        self._move_to_disk(text, again=True)
                    except OSError as error:
                        self._stay_in_memory(error)

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
                if head is not None and file == self._file(prompt_of(head)):
                    with suppress(OSError):
                        self._enter(Recorded(head, InFile(file, head)))
            for text in recent.values():
                known = self._texts.get(text.prompt)
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

    def _enter(self, text: Recorded) -> None:
        """Make a text the latest, and let go of one too many."""
        known = self._texts.pop(text.prompt, text)
        if known is not text:
            _delete(known.frames)
        self._texts[text.prompt] = text
        others = [each for prompt, each in self._texts.items() if prompt not in self.kept]
        for one_too_many in others[: max(0, len(others) - TEXTS)]:
            self._forget(one_too_many)

    def _forget(self, text: Recorded) -> None:
        del self._texts[text.prompt]
        _delete(text.frames)

    def _move_to_disk(self, text: Recorded, *, again: bool) -> None:
        """Have a text's frames in a file; not those of one that was looked at once. Raises OSError."""
        known = text.frames
        if self._folder is None or not isinstance(known, InMemory):
            return
        if not (again and known.frames) and text.prompt not in self.kept:
            return
        on_disk = InFile(self._file(text.prompt), text.head)
        for step, frame in known.frames.items():
            on_disk.put(step, frame)
        text.frames = on_disk

    def _stay_in_memory(self, error: OSError) -> None:
        self.warning = (
            f"the recording of the prompt could not be written: {error.strerror}. It goes on in memory."
        )
        self._to_memory()

    def _to_memory(self, last: int = sys.maxsize) -> None:
        """Have what was recorded up to the step `last` in memory, as far as there is room; files stay."""
        for text in self._texts.values():
            steps = sorted(step for step in text.frames.steps() if step <= last)
            while len(steps) > 2 and len(steps) * text.dtype.itemsize > self._budget:
                steps = thinned(steps)
            in_memory = InMemory()
            for step in steps:
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

    def _file(self, prompt: Prompt) -> Path:
        assert self._folder is not None
        name = hashlib.sha256(msgspec.json.encode(prompt)).hexdigest()[:16]
        return self._folder / f"recording.{name}.frames"

    def _read_kept(self) -> None:
        assert self._folder is not None
        with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
            said = msgspec.json.decode((self._folder / _KEPT).read_bytes(), type=tuple[Prompt, ...])
            self.kept = tuple(dict.fromkeys((*said, *self.kept)))[:MOST_KEPT]

    def _write_kept(self) -> None:
        if self._folder is not None and (self.kept or (self._folder / _KEPT).exists()):
            try:
                write_json(self._folder / _KEPT, msgspec.to_builtins(self.kept))
            except OSError as error:
                self.warning = f"which prompts are kept could not be written down: {error.strerror}"

    def _piece(self, token_id: int) -> bytes:
        return self._tokenizer.piece(token_id)


def _delete(frames: Frames) -> None:
    frames.close()
    if isinstance(frames, InFile):
        with suppress(OSError):
            frames.file.unlink(missing_ok=True)
