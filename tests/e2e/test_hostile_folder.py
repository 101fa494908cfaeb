"""Started in a folder whose files bear our names, the program runs its own code, in both its processes."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.terminal import Terminal, environment, installed_command

OURS = ("core", "tui")
OTHERS = ("torch", "textual", "messages", "click", "msgspec", "numpy", "asyncio", "glob", "re", "neglogp")
TRAP = """
import sys
with open({marks!r} + "/" + __name__, "w") as mark:
    mark.write(" ".join(sys.orig_argv))
raise SystemExit("a file of the current folder was run: " + __file__)
"""

COMMANDS = {
    "command": [str(installed_command())],
    "module": [sys.executable, "-P", "-m", "tui"],
}
PATHS: dict[str, dict[str, str]] = {"plain": {}, "PYTHONPATH": {"PYTHONPATH": "."}}

every_command = pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
every_path = pytest.mark.parametrize("env", PATHS.values(), ids=PATHS)


class Hostile:
    """A folder full of traps; each that is stepped into leaves a file in `marks`."""

    def __init__(self, at: Path) -> None:
        self.folder = at / "folder"
        self.marks = at / "marks"
        self.home = at / "home"
        for folder in (self.folder, self.marks, self.home):
            folder.mkdir()
        trap = TRAP.format(marks=str(self.marks))
        for name in OURS:
            (self.folder / name).mkdir()
            for module in ("__init__", "__main__", "engine", "cli"):
                (self.folder / name / f"{module}.py").write_text(trap)
        for name in OTHERS:
            (self.folder / f"{name}.py").write_text(trap)

    def run(self, words: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words,
            cwd=self.folder,
            env={**environment(self.home), **env},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def sprung(self) -> dict[str, str]:
        """Which traps were stepped into, and by what command line."""
        return {mark.name: mark.read_text() for mark in self.marks.iterdir()}


@pytest.fixture
def hostile(tmp_path: Path) -> Hostile:
    return Hostile(tmp_path)


@pytest.mark.parametrize(
    ("words", "env"),
    [([sys.executable, "-m", "tui"], {}), ([sys.executable, "-P", "-c", "import core"], {"PYTHONPATH": "."})],
)
def test_the_traps_do_spring(hostile: Hostile, words: list[str], env: dict[str, str]) -> None:
    assert hostile.run(words, env).returncode != 0
    assert hostile.sprung()


@every_command
@every_path
def test_the_version_is_told(hostile: Hostile, command: list[str], env: dict[str, str]) -> None:
    done = hostile.run([*command, "--version"], env)
    assert (done.returncode, hostile.sprung()) == (0, {}), done.stderr
    assert re.fullmatch(r"neglogp \d+\.\d+\.\d+\n", done.stdout)


def test_a_source_tree_may_be_the_current_folder(hostile: Hostile) -> None:
    hostile.folder = Path(__file__).resolve().parents[2]
    done = hostile.run([*COMMANDS["command"], "--version"], PATHS["PYTHONPATH"])
    assert done.returncode == 0, done.stderr


@every_command
def test_a_text_is_scored(hostile: Hostile, command: list[str]) -> None:
    done = hostile.run([*command, "score", "The fat cat", "--json"], PATHS["PYTHONPATH"])
    assert (done.returncode, hostile.sprung()) == (0, {}), done.stderr
    assert [token["token"] for token in json.loads(done.stdout)["tokens"]] == ["The", " fat", " cat"]


@every_command
@every_path
def test_the_screen_and_its_engine_run(hostile: Hostile, command: list[str], env: dict[str, str]) -> None:
    with Terminal(command, home=hostile.home, folder=hostile.folder, env=env) as terminal:
        terminal.wait_for(re.compile(r"mean −log p = \d+\.\d+ nats"), timeout=60)
        assert len(terminal.children()) == 1
        terminal.send("ctrl+q")
        assert terminal.wait_for_exit() == 0
    assert hostile.sprung() == {}
