"""The wheel: built from the tree, installed into an environment of its own, used from an empty folder."""

import os
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

USE_ASSETS = """
import core, tui.cli
from pathlib import Path
from core.texts import Texts
from core.tokenizer import gpt2

own = Path({site!r})
for module in (core, tui.cli):
    assert own in Path(module.__file__).parents, module.__file__
tokenizer = gpt2()
ids = tokenizer.encode("The fat cat sat on the mat")
assert len(ids) == 7, ids
print(len(Texts(tokenizer).get("story").ids))
"""


def run(*command: str | Path, folder: Path) -> str:
    """What a command prints. Raises AssertionError, with all it said, where it fails."""
    done = subprocess.run(
        command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(
        sys.executable, "-P", "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT,
        folder=folder,
    )  # fmt: skip
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with the wheel installed, which finds what it depends on where these tests do."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", folder, folder=folder)
    path = folder / "bin" / "python"
    (site,) = folder.glob("lib/python*/site-packages")
    # Dependencies by path alone, in a file that comes last: an editable neglogp among them must not count.
    installed = [folder for folder in sys.path if Path(folder).name in ("site-packages", "dist-packages")]
    (site / "zz-dependencies.pth").write_text("\n".join(installed) + "\n")
    run(
        sys.executable, "-m", "pip", "--python", path, "install",
        "--quiet", "--no-deps", "--no-index", "--no-compile", wheel,
        folder=folder,
    )  # fmt: skip
    return path


def test_the_wheel_holds_what_the_program_reads_and_no_test(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for package in ("core", "tui"):
        for path in (ROOT / package).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts and "startup" not in path.parts:
                assert path.relative_to(ROOT).as_posix() in names
    tops = {name.partition("/")[0] for name in names}
    version = metadata.version("neglogp")
    assert tops == {"core", "tui", "neglogp.pth", "neglogp_startup.py", f"neglogp-{version}.dist-info"}


def test_the_installed_command_tells_its_version(python: Path, tmp_path: Path) -> None:
    version = metadata.version("neglogp")
    assert run(python.parent / "neglogp", "--version", folder=tmp_path) == f"neglogp {version}\n"


def test_the_installed_copy_finds_its_own_assets(python: Path, tmp_path: Path) -> None:
    (site,) = python.parents[1].glob("lib/python*/site-packages")
    tokens = int(run(python, "-P", "-c", USE_ASSETS.format(site=str(site)), folder=tmp_path))
    assert 5_000 <= tokens <= 6_000
