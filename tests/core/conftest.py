from collections.abc import Iterator
from pathlib import Path

import pytest

from core import history
from tests.core.sessions import Stage


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the test's own, with the runs and the cache in it."""
    monkeypatch.setenv("NEGLOGP_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def stage(own_folder: Path) -> Iterator[Stage]:
    stage = Stage(own_folder)
    yield stage
    for session in stage.sessions:
        session.close()


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step's snapshot is taken, and written to disk."""
    monkeypatch.setattr(history, "_WRITE_RATE", 1e15)
    monkeypatch.setattr(history, "_WRITE_SECONDS", 0.0)
    monkeypatch.setattr(history, "_SNAPSHOT_SHARE", 1e9)
