"""The training texts a session knows: the built-in story, and what was handed over, by content."""

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from core import token_cache
from core.messages import Progress
from core.text import clean
from core.tokenizer import END_OF_TEXT, Tokenizer

STORY = "story"
_PIECE = 1_000_000  # characters that are tokenized between two words on how far it is
_LONG = 4 * _PIECE  # characters from which on there are such words
_CUT = re.compile(r"(?<=\S)\n(?=\S)")  # no token reaches over such a line's end: it is one by itself


class MissingText(ValueError):
    """A training text that is not to be had; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class TrainingText:
    """A text as tokens. `sha256` is of its UTF-8 bytes and says which text a run was trained on."""

    name: str
    sha256: str
    ids: NDArray[np.uint16]  # (n,)


class Texts:
    """Texts by name. What was handed over is also kept in the cache folder as tokens, under its hash.

    `tell` hears how far a long text is; one that is `interrupted` is broken off.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        tell: Callable[[Progress], None] = lambda progress: None,
        interrupted: Callable[[], bool] = lambda: False,
    ) -> None:
        self._tokenizer = tokenizer
        self._tell = tell
        self._interrupted = interrupted
        self._texts: dict[str, TrainingText] = {}
        self._arriving: dict[str, list[str]] = {}

    def get(self, name: str) -> TrainingText:
        """The text of that name. Raises MissingText."""
        if name not in self._texts and name == STORY:
            story = resources.files("core").joinpath("assets/story.txt").read_text(encoding="utf-8")
            self._texts[name] = TrainingText(name=name, sha256=_hash(story), ids=self._tokenized(name, story))
        if name not in self._texts:
            known = ", ".join(dict.fromkeys([STORY, *self._texts]))
            raise MissingText(f"there is no training text {name!r} here; known: {known}")
        return self._texts[name]

    def add(self, name: str, text: str) -> TrainingText:
        """Take a text in under a name and keep its tokens in the cache. Raises MissingText."""
        if name == STORY:
            raise MissingText(f"the name {STORY!r} belongs to the built-in story")
        text = clean(text)
        if not text:
            raise MissingText(f"the training text {name!r} is empty")
        sha256 = _hash(text)
        ids = token_cache.stored(sha256)
        if ids is None:
            ids = self._tokenized(name, text)
            with suppress(OSError):  # training needs no cache, and `recall` says where it is missed
                ids = token_cache.store(sha256, ids)
        known = self._texts[name] = TrainingText(name=name, sha256=sha256, ids=ids)
        return known

    def recall(self, name: str, sha256: str) -> TrainingText:
        """A text a run names, from what is known or from the cache. Raises MissingText."""
        if name == STORY or (name in self._texts and self._texts[name].sha256 == sha256):
            known = self.get(name)
            if known.sha256 != sha256:
                raise MissingText(f"{name!r} is another text now than the one this run was trained on")
            return known
        ids = token_cache.stored(sha256)
        if ids is None:
            raise MissingText(
                f"the run was trained on {name!r}, which is not in the cache, or not as it was written there "
                f"({token_cache.file_of(sha256)}); "
                "hand the same file over again: neglogp train FILE --resume RUN"
            )
        known = self._texts[name] = TrainingText(name=name, sha256=sha256, ids=ids)
        return known

    def receive(self, name: str, piece: str, *, first: bool, last: bool) -> TrainingText | None:
        """One piece of a text that arrives in order; the whole text with the last one."""
        if first:
            self._arriving[name] = []
        if name not in self._arriving:
            raise MissingText(f"a piece of {name!r} came without its beginning; send it again from the start")
        self._arriving[name].append(piece)
        return self.add(name, "".join(self._arriving.pop(name))) if last else None

    def _tokenized(self, name: str, text: str) -> NDArray[np.uint16]:
        """The tokens of a text (n,). `<|endoftext|>`, which stands between documents, is a token here."""
        end = np.array([self._tokenizer.end_of_text], dtype=np.uint16)
        found: list[NDArray[np.uint16]] = []
        done = 0
        for number, document in enumerate(text.split(END_OF_TEXT)):
            if number:
                found.append(end)
            for piece in _pieces(document):
                if self._interrupted():
                    raise MissingText(f"tokenizing {name!r} was broken off")
                found.append(self._tokenizer.encode_array(piece).astype(np.uint16))
                done += len(piece)
                if len(text) >= _LONG:
                    total = len(text) // _PIECE
                    what = f"tokenizing {name}"
                    self._tell(Progress(what=what, done=done // _PIECE, total=total, unit="M characters"))
        return np.concatenate(found)


def _pieces(document: str) -> Iterator[str]:
    """A text in pieces of about _PIECE characters that have the tokens of the whole."""
    start = 0
    while start < len(document):
        cut = _CUT.search(document, start + _PIECE)
        end = cut.start() if cut else len(document)
        yield document[start:end]
        start = end


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
