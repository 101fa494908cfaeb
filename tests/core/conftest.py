from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.core.sessions import Stage


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("NEGLOGP_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    stage = Stage(tmp_path)
    yield stage
    for session in stage.sessions:
        session.close()
