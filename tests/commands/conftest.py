"""A folder of their own for these tests, and in it the run `cat` of a few steps."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.commands.command import PROMPT, SMALL, STEPS, STORY, neglogp


@pytest.fixture(scope="package", autouse=True)
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Runs, cache and current folder of these tests alone."""
    folder = tmp_path_factory.mktemp("commands")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEGLOGP_RUNS", str(folder / "runs"))
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        patch.chdir(folder)
        (folder / "notes.txt").write_text(STORY, encoding="utf-8")
        yield folder


@pytest.fixture(scope="package")
def trained(folders: Path) -> Result:
    """The run `cat`: four steps without a stop."""
    result = neglogp("train", "notes.txt", "--steps", str(STEPS), "--out", "cat", *SMALL, "--prompt", PROMPT)
    assert result.exit_code == 0, result.stderr
    return result


@pytest.fixture(scope="package")
def cat(trained: Result, folders: Path) -> Path:
    """Its folder."""
    return folders / "runs" / "cat"


@pytest.fixture(scope="package")
def scored(cat: Path) -> dict[str, Any]:
    """PROMPT as that run's model scores it, in JSON."""
    result = neglogp("score", PROMPT, "--model", "cat", "--json")
    assert result.exit_code == 0
    assert result.stderr == ""
    record: dict[str, Any] = json.loads(result.stdout)
    return record
