from collections.abc import Iterator
from pathlib import Path

import pytest

from core import history
from tests.core.sessions import Stage


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("NEGLOGP_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    stage = Stage(tmp_path)
    yield stage
    for session in stage.sessions:
        session.close()


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step's snapshot is taken, and written to disk."""
    monkeypatch.setattr(history, "_WRITE_RATE", 1e15)
    monkeypatch.setattr(history, "_WRITE_SECONDS", 0.0)
    monkeypatch.setattr(history, "_SNAPSHOT_SHARE", 1e9)
