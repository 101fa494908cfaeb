"""Snapshots of a run in files of its folder, under a budget, written by a thread of their own.

A file is a safetensors one, which says of itself its run, its step and the SHA-256 of its tensors. Only one
for which all of that is right is used.
"""

import hashlib
import os
import re
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from core.checkpoint import PARTIAL, appearing_file
from core.snapshot import Snapshot, least_missed
from core.tensor_file import header, raw, write

_NAME = re.compile(r"step-(\d+)\.safetensors")


class SnapshotFiles:
    """The snapshots in a folder, by step; `run` is what tells this run from any other.

    `like` are the parameters of the run's model. `budget` is in bytes and bounds what all files hold
    together; over it go those that are missed least. What does not belong here, or not in whole, is removed
    when it is found; files of other names are let alone.
    """

    def __init__(self, folder: Path, *, run: str, like: Mapping[str, Tensor], budget: int) -> None:
        self.warning: str | None = None
        self._folder = folder
        self._run = run
        self._shapes = {f"parameters/{name}": (p.shape, p.dtype) for name, p in like.items()}
        self._budget = budget
        self._lock = threading.Lock()  # of _sizes: the writer adds to it
        self._sizes: dict[int, int] = {}
        self._writing: threading.Thread | None = None
        self._closed = False
        if folder.is_symlink():
            self.warning = f"{folder} is a link: no snapshots are written there"
            self._closed = True
            return
        for left in folder.glob(PARTIAL):  # by a writer that was killed
            left.unlink(missing_ok=True)
        for file in folder.glob("step-*.safetensors"):
            match = _NAME.fullmatch(file.name)
            if match and self._is_ours(file, int(match[1])):
                self._sizes[int(match[1])] = file.stat().st_size
            elif match:
                file.unlink(missing_ok=True)

    @property
    def steps(self) -> list[int]:
        """The steps that are on disk, ascending."""
        with self._lock:
            return sorted(self._sizes)

    @property
    def n_bytes(self) -> int:
        with self._lock:
            return sum(self._sizes.values())

    def offer(self, snapshot: Snapshot, spacing: int) -> bool:
        """Write a snapshot in the background, unless one lies fewer than `spacing` steps before it.

        False where it is not written: for that, for its size, or because another is being written, so that
        no more than one is held for it.
        """
        if self._closed or self.writing:
            return False
        if any(snapshot.step - spacing < held <= snapshot.step for held in self.steps):
            return False
        if self._size(snapshot) > self._budget:
            return False
        self._writing = threading.Thread(target=self._write, args=(snapshot,), name="snapshot", daemon=True)
        self._writing.start()
        return True

    def _size(self, snapshot: Snapshot) -> int:
        """Of the file that holds it; what is said in it is always as long."""
        said = self._said(snapshot.step, "0" * 64)
        return len(header(snapshot.tensors, said)) + snapshot.n_bytes

    def _said(self, step: int, sha256: str) -> dict[str, str]:
        return {"run": self._run, "step": str(step), "sha256": sha256}

    @property
    def writing(self) -> bool:
        return self._writing is not None and self._writing.is_alive()

    def wait(self) -> None:
        """Wait for the snapshot that is being written."""
        if self._writing is not None:
            self._writing.join()

    def close(self) -> None:
        """Nothing is written, read or deleted any more once this returns: the folder may be another's."""
        self._closed = True
        self.wait()
        with self._lock:
            self._sizes = {}

    def allow(self, budget: int) -> None:
        """Another budget from now on."""
        self.wait()
        self._budget = budget
        with suppress(OSError):
            self._make_room(max(self.steps, default=0), 0)

    def load(self, step: int) -> Snapshot | None:
        """The snapshot of a step, its tensors mapped from its file; one that is damaged is dropped: None."""
        file = self._file(step)
        try:
            with safe_open(file, framework="pt") as opened:
                tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
                said = opened.metadata() or {}
            if said.get("sha256") == _sha256(tensors) and self._fits(tensors):
                return Snapshot(step, tensors)
        except (OSError, SafetensorError, ValueError, RuntimeError):
            pass
        self.drop(step)
        return None

    def drop(self, step: int) -> None:
        """Delete the snapshot of a step."""
        with self._lock:
            self._sizes.pop(step, None)
        with suppress(OSError):
            self._file(step).unlink(missing_ok=True)

    # -------------------------------------------------------------------------------------------- the files

    def _file(self, step: int) -> Path:
        return self._folder / f"step-{step}.safetensors"

    def _is_ours(self, file: Path, step: int) -> bool:
        """Whether a file says so and is as long as it says; its contents are looked at when it is loaded."""
        try:
            with safe_open(file, framework="pt") as opened:
                said = opened.metadata() or {}
        except (OSError, SafetensorError, ValueError, RuntimeError):
            return False
        return file.is_file() and said.get("run") == self._run and said.get("step") == str(step)

    def _fits(self, tensors: Mapping[str, Tensor]) -> bool:
        shapes = {name: (t.shape, t.dtype) for name, t in tensors.items() if name.startswith("parameters/")}
        return shapes == self._shapes

    def _write(self, snapshot: Snapshot) -> None:
        tensors = snapshot.tensors
        file = self._file(snapshot.step)
        try:
            self._folder.mkdir(exist_ok=True)
            self._make_room(snapshot.step, self._size(snapshot))
            with appearing_file(file) as beside:
                write(beside, tensors, self._said(snapshot.step, _sha256(tensors)))
                size = beside.stat().st_size
            with self._lock:
                self._sizes[snapshot.step] = size
        except OSError as error:
            self._closed = True
            self.warning = (
                f"the snapshot of step {snapshot.step} could not be written: {error.strerror}. "
                "The run goes on, and going far back in it takes longer."
            )

    def _make_room(self, newest: int, n_bytes: int) -> None:
        while (steps := self.steps) and self.n_bytes + n_bytes > self._budget:
            others = [step for step in steps if step != newest]
            self.drop(least_missed(others, newest) if len(others) > 1 else steps[0])


def link_up_to(step: int, folder: Path, other: Path) -> None:
    """Have the snapshots of a folder up to a step in another one, too, as links, which take up no room.

    A file is never written to once it is there, so what becomes of one link is nothing to the other. Where
    the file system has no links, the other folder begins with none of them.
    """
    if folder.is_symlink():
        return
    with suppress(OSError):
        for file in folder.iterdir():
            match = _NAME.fullmatch(file.name)
            if match and int(match[1]) <= step and not file.is_symlink():
                other.mkdir(exist_ok=True)
                os.link(file, other / file.name)


def _sha256(tensors: Mapping[str, Tensor]) -> str:
    """Of the tensors' names, kinds, shapes and bytes, in the order of their names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        digest.update(raw(tensor))  # type: ignore[arg-type]
    return digest.hexdigest()
