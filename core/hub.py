"""Models of the Hugging Face hub, by their id: from its cache, and only what is not there from the network.

`huggingface_hub` is the extra `hub`. It is imported when a model is asked for by its hub id, never before.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, cast

from core.checkpoint import CONFIG, read_config
from core.messages import Progress
from core.shards import INDEX, WEIGHTS, BadModelFolder, shards
from core.sources import Folder
from core.tokenizer import require_vocabulary

# The ids without an owner that the hub still knows. Any other word is a run's name with a slip in it, which
# is nobody else's business.
CLASSICS = ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl", "distilgpt2")
_PART = r"[A-Za-z0-9](?:[A-Za-z0-9_]|[.-](?![.-]))*"
_ID = re.compile(f"{_PART}/{_PART}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_MB = 1_000_000
_OR = "or give the path of a model folder"


class HubError(ValueError):
    """A model of the hub that is not to be had; the message says why and what to do."""


def is_hub_id(name: str) -> bool:
    """Whether a name has the form of an id: owner/name, or one of the few old ones without an owner."""
    return name in CLASSICS or _ID.fullmatch(name) is not None


@dataclass(frozen=True, kw_only=True)
class HubModel(Folder):
    """A model of the hub at one of its commits; `name` is its id, `path` the cache's folder."""

    commit: str

    def record(self) -> dict[str, str | int]:
        return {"kind": "hub", "id": self.name, "commit": self.commit}


class _Library(Protocol):
    """What is used of huggingface_hub."""

    def try_to_load_from_cache(self, repo_id: str, filename: str, *, revision: str) -> object: ...
    def hf_hub_url(self, repo_id: str, filename: str, *, revision: str) -> str: ...
    def get_hf_file_metadata(self, url: str) -> Any: ...
    def hf_hub_download(
        self, repo_id: str, filename: str, *, revision: str, tqdm_class: Any = None
    ) -> str: ...

    constants: Any
    errors: Any


@dataclass(frozen=True)
class Hub:
    """The way to the hub. `tell` hears how far a download is; one that is `interrupted` is broken off."""

    tell: Callable[[Progress], None]
    interrupted: Callable[[], bool]

    def model(self, repo_id: str, commit: str | None = None) -> HubModel:
        """The model of an id, at a commit or as it was last fetched; no network where the cache has it whole.

        Raises HubError, and BadModelFolder where what was fetched is no model that can be loaded.
        """
        if not is_hub_id(repo_id) or (commit is not None and not _COMMIT.fullmatch(commit)):
            raise HubError(f"{repo_id!r} at commit {commit!r} is no model that the hub can have, {_OR}")
        library = _library(repo_id)
        folder = _cached(library, repo_id, commit or "main") or self._fetched(library, repo_id, commit)
        return HubModel(path=folder, name=repo_id, commit=folder.name)

    def _fetched(self, library: _Library, repo_id: str, commit: str | None) -> Path:
        with _explained(library, repo_id):
            # Where there is no way to the hub this says so at once; the download would try for half a minute.
            _size(library, repo_id, CONFIG, commit or "main")
            config = library.hf_hub_download(repo_id, CONFIG, revision=commit or "main", tqdm_class=_Silent)
        folder = Path(config).parent
        # Before hundreds of megabytes are fetched: can what they are for be loaded at all?
        require_vocabulary(read_config(folder).vocab_size)
        with _explained(library, repo_id):
            self._fetch_weights(library, repo_id, folder)
        return folder

    def _fetch_weights(self, library: _Library, repo_id: str, folder: Path) -> None:
        """The weights that go with a config, into the snapshot folder it lies in."""
        commit = folder.name
        try:
            sizes = {WEIGHTS: _size(library, repo_id, WEIGHTS, commit)}
        except library.errors.EntryNotFoundError:
            library.hf_hub_download(repo_id, INDEX, revision=commit, tqdm_class=_Silent)
            sizes = {name: _size(library, repo_id, name, commit) for name in shards(folder)}
        counting = _counting(self, f"downloading {repo_id}", sum(sizes.values()))
        for name in sizes:
            library.hf_hub_download(repo_id, name, revision=commit, tqdm_class=counting)


class _Silent:
    """Stands in for a tqdm bar."""

    def __init__(self, **_: object) -> None: ...
    def update(self, n: float | None = 1) -> None: ...
    def __enter__(self) -> "_Silent":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def _counting(hub: Hub, what: str, total: int) -> type[_Silent]:
    """A class of bars that together tell how much of `total` bytes there is."""
    unit: Literal["MB", "bytes"]
    scale, unit = (_MB, "MB") if total >= _MB else (1, "bytes")
    done = 0

    def tell() -> None:
        if total:  # 0 where the hub does not say how much there is
            hub.tell(Progress(what=what, done=done // scale, total=total // scale, unit=unit))

    class Counting(_Silent):
        def update(self, n: float | None = 1) -> None:
            nonlocal done
            if hub.interrupted():
                raise HubError(f"{what} was broken off")
            done += int(n or 0)
            tell()

    tell()
    return Counting


def _library(repo_id: str) -> _Library:
    # Plain HTTP: its bytes are counted once, and a download by it can be broken off.
    os.environ.setdefault("HF_HUB_DISABLE_XET", "1")
    # Nothing but the files is asked for: without this, one more request tells what started the program.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        import huggingface_hub  # late: an extra, 0.3 s, and the only thing here that knows a network
        from huggingface_hub import constants, errors
        from huggingface_hub.utils import logging
    except ImportError:
        raise HubError(
            f"{repo_id} is a model of the Hugging Face hub, for which the extra is not installed: "
            f"pip install 'neglogp[hub]', {_OR}"
        ) from None
    logging.set_verbosity_error()  # what it warns of would stand between our lines
    assert constants and errors  # now attributes of the package
    return cast(_Library, huggingface_hub)


def _cached(library: _Library, repo_id: str, revision: str) -> Path | None:
    """The snapshot folder in the cache if it has all that is needed."""

    def has(name: str) -> bool:
        return isinstance(library.try_to_load_from_cache(repo_id, name, revision=revision), str)

    config = library.try_to_load_from_cache(repo_id, CONFIG, revision=revision)
    if not isinstance(config, str):
        return None
    folder = Path(config).parent
    if has(WEIGHTS) or (has(INDEX) and all(map(has, shards(folder)))):
        return folder
    return None


def _size(library: _Library, repo_id: str, name: str, revision: str) -> int:
    """The bytes of a file on the hub; one request, not repeated."""
    url = library.hf_hub_url(repo_id, name, revision=revision)
    return int(library.get_hf_file_metadata(url).size or 0)


@contextmanager
def _explained(library: _Library, repo_id: str) -> Iterator[None]:
    """What goes wrong on the way to the hub, as HubError."""
    try:
        yield
    except (HubError, BadModelFolder):
        raise
    except Exception as error:  # of two HTTP libraries, of the file system, of the hub itself
        raise HubError(_why_not(library, repo_id, error)) from error


def _why_not(library: _Library, repo_id: str, error: Exception) -> str:
    errors, hub = library.errors, library.constants.ENDPOINT
    words = str(error).strip().partition("\n")[0]
    if isinstance(error, errors.GatedRepoError):
        return (
            f"{repo_id} is open only to those its owner lets in: ask on {hub}/{repo_id}, "
            f"then log in with `hf auth login`, {_OR}"
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return (
            f"there is no model {repo_id} on {hub}, nor a run of that name: look at how it is written (for a "
            "private one log in with `hf auth login`), " + _OR
        )
    if isinstance(error, errors.EntryNotFoundError) and not isinstance(error, FileNotFoundError):
        return f"{repo_id} on {hub} has no {CONFIG} or no {WEIGHTS}: choose another model, {_OR}"
    if isinstance(error, errors.OfflineModeIsEnabled):
        return (
            f"{repo_id} is not in the cache, and HF_HUB_OFFLINE forbids to fetch it: unset that once, {_OR}"
        )
    if isinstance(error, ConnectionError | TimeoutError) or type(error).__module__.startswith("httpx"):
        return (
            f"{repo_id} is not in the cache, and {hub} cannot be reached: connect to the network once, {_OR}"
        )
    return f"{repo_id} could not be fetched from {hub} ({type(error).__name__}: {words}): try again, {_OR}"
