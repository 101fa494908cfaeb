"""What each part loads, seen in an interpreter of its own; tests/check.py reads the same off the source."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.check import OPEN_TO_THE_SCREEN, WITHOUT_TORCH, modules

ROOT = Path(__file__).resolve().parents[1]

PROBE = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]:
    importlib.import_module(name)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def loaded(*names: str) -> set[str]:
    """The top-level names of all that a fresh Python has loaded after importing these modules."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROBE, ROOT, *names], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout))


def test_the_screen_loads_nothing_that_the_engine_is_for() -> None:
    tops = loaded("tui.app")
    assert "textual" in tops
    assert not tops & {"torch", "numpy", "tiktoken", "safetensors", "transformers"}


def test_the_first_frame_waits_for_no_chart_library() -> None:
    assert not loaded("tui.app") & {"plotext", "PIL", "tree_sitter", "click"}


def test_no_part_of_the_screen_loads_torch() -> None:
    names = [name for name in modules("tui") if not name.startswith(("tui.headless", "tui.__main__"))]
    assert "tui.cli" in names
    assert "torch" not in loaded(*names)


def test_the_core_loads_no_screen() -> None:
    tops = loaded(*modules("core"))
    assert "torch" in tops
    assert not tops & {"textual", "rich", "plotext", "click", "tui"}


def test_nothing_that_knows_a_network_is_loaded_before_a_hub_id_asks_for_it() -> None:
    assert not loaded(*modules("core"), "tui.headless.weights") & {"huggingface_hub", "httpx", "httpx2"}


@pytest.mark.parametrize("name", sorted({*WITHOUT_TORCH, *OPEN_TO_THE_SCREEN}))
def test_this_part_of_the_core_loads_no_torch(name: str) -> None:
    assert "torch" not in loaded(name)
