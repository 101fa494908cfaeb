"""What every test starts from, wherever it runs: output that is no terminal's is as wide as in a pipe."""

import os
from collections.abc import Iterator

import pytest

# Before anything loads torch: on models this small threads wait for one another more than they work, and the
# more so where another worker has its own.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session", autouse=True)
def piped() -> Iterator[None]:
    """The workers of pytest-xdist inherit a terminal, and commands would fit their tables to it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "100")
        patch.setenv("LINES", "24")
        yield
