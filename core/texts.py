"""The training texts a session knows: the built-in story, and what was handed over, by content."""

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import platformdirs

from core.text import clean
from core.tokenizer import Tokenizer

STORY = "story"


class MissingText(ValueError):
    """A training text that is not to be had; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class TrainingText:
    """A text as tokens. `sha256` is of its UTF-8 bytes and says which text a run was trained on."""

    name: str
    sha256: str
    ids: np.ndarray  # (n,) uint16


def cache_folder() -> Path:
    return platformdirs.user_cache_path("neglogp", appauthor=False) / "texts"


class Texts:
    """Texts by name. What was handed over is also kept in the cache folder, under its hash."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._texts: dict[str, TrainingText] = {}
        self._arriving: dict[str, list[str]] = {}

    def get(self, name: str) -> TrainingText:
        """The text of that name. Raises MissingText."""
        if name not in self._texts and name == STORY:
            story = resources.files("core").joinpath("assets/story.txt").read_text(encoding="utf-8")
            self._texts[name] = self._tokenized(STORY, story)
        if name not in self._texts:
            known = ", ".join(dict.fromkeys([STORY, *self._texts]))
            raise MissingText(f"there is no training text {name!r} here; known: {known}")
        return self._texts[name]

    def add(self, name: str, text: str) -> TrainingText:
        """Take a text in under a name and keep a copy in the cache. Raises MissingText for an empty one."""
        if name == STORY:
            raise MissingText(f"the name {STORY!r} belongs to the built-in story")
        text = clean(text)
        if not text:
            raise MissingText(f"the training text {name!r} is empty")
        known = self._texts[name] = self._tokenized(name, text)
        with suppress(OSError):  # training needs no copy, and `recall` says where one is missed
            folder = cache_folder()
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{known.sha256}.txt").write_text(text, encoding="utf-8", newline="")
        return known

    def recall(self, name: str, sha256: str) -> TrainingText:
        """A text a run names, from what is known or from the cache. Raises MissingText."""
        if name == STORY or (name in self._texts and self._texts[name].sha256 == sha256):
            known = self.get(name)
        else:
            file = cache_folder() / f"{sha256}.txt"
            try:
                known = self._tokenized(name, file.read_bytes().decode("utf-8"))
            except (OSError, UnicodeDecodeError):
                raise MissingText(
                    f"the run was trained on {name!r}, which is no longer in the cache ({file}); "
                    "hand the same file over again: neglogp train FILE --resume RUN"
                ) from None
            self._texts[name] = known
        if known.sha256 != sha256:
            raise MissingText(f"{name!r} is another text now than the one this run was trained on")
        return known

    def receive(self, name: str, piece: str, *, first: bool, last: bool) -> TrainingText | None:
        """One piece of a text that arrives in order; the whole text with the last one."""
        if first:
            self._arriving[name] = []
        if name not in self._arriving:
            raise MissingText(f"a piece of {name!r} came without its beginning; send it again from the start")
        self._arriving[name].append(piece)
        return self.add(name, "".join(self._arriving.pop(name))) if last else None

    def _tokenized(self, name: str, text: str) -> TrainingText:
        ids = self._tokenizer.encode_array(text).astype(np.uint16)
        return TrainingText(name=name, sha256=hashlib.sha256(text.encode()).hexdigest(), ids=ids)
