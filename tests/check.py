"""`python -m tests.check`: format, lint, types, which module may import which, and how long a file may be.

One line a check, below it what is wrong; exit code 1 where anything is.
"""

import ast
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MAX_LINES = 300

SCREEN_LIBRARIES = {"textual", "rich", "plotext", "pyte"}
WITHOUT_TORCH = (
    "core",
    "core.information",
    "core.messages",
    "core.randomness",
    "core.text",
    "core.tokenizer",
)
OPEN_TO_THE_SCREEN = ("core.information", "core.messages", "core.text")
COMMANDS = "tui.headless"  # score, train, generate and runs work in their own process
COMMAND_LINE = ("tui.cli", "tui.run_commands", "tui.train_command")
ENGINE_COMMAND = ("tui.cli", "core.engine")  # `neglogp engine` is that process
CHARTS = "tui.raster"


# ------------------------------------------------------------------------------------------- what is there


@cache
def modules(top: str) -> dict[str, Path]:
    """The modules of a package by their dotted names."""
    found = {}
    for path in sorted((ROOT / top).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports(module: str) -> dict[str, int]:
    """What a module of ours imports, at its top or late, and where; `from a import b` is a.b, if a module."""
    path = modules(module.partition(".")[0])[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found: dict[str, int] = {}
    for node in run_nodes(ast.parse(path.read_text("utf-8"), str(path))):
        if isinstance(node, ast.Import):
            found.update({alias.name: node.lineno for alias in node.names})
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                source = ".".join([*above, source] if source else above)
            for alias in node.names:
                name = f"{source}.{alias.name}"
                found[name if is_module(name) else source] = node.lineno
    return found


def run_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those under `if TYPE_CHECKING`, which never run."""
    yield tree
    for child in ast.iter_child_nodes(tree):
        if (
            isinstance(child, ast.If)
            and isinstance(child.test, ast.Name)
            and child.test.id == "TYPE_CHECKING"
        ):
            continue
        yield from run_nodes(child)


def is_module(name: str) -> bool:
    """Whether a dotted name is a module of ours."""
    top = name.partition(".")[0]
    return top in ("core", "tui") and name in modules(top)


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


# -------------------------------------------------------------------------------------------- the checks


def import_rules() -> Iterator[str]:
    """The dependencies point one way, and torch and plotext stand behind one door each."""
    for module, name, at in every_import("core"):
        if name.partition(".")[0] in {"tui", "tests", *SCREEN_LIBRARIES}:
            yield f"{at}: {module} imports {name}; the core knows no screen"
    for module, name, at in every_import("tui"):
        if within(name, "torch"):
            yield f"{at}: {module} imports {name}; only the core does"
        if within(name, "plotext") and module != CHARTS:
            yield f"{at}: {module} imports plotext; only {CHARTS} does"
        if within(name, "tests"):
            yield f"{at}: {module} imports {name}; the program knows no test"
        allowed = name in OPEN_TO_THE_SCREEN or within(module, COMMANDS) or (module, name) == ENGINE_COMMAND
        if within(name, "core") and not allowed:
            yield f"{at}: {module} imports {name}; the screen may import {', '.join(OPEN_TO_THE_SCREEN)}"
        if within(name, COMMANDS) and not within(module, COMMANDS) and module not in COMMAND_LINE:
            yield f"{at}: {module} imports {name}; only the commands do, it loads the model"
    for module in WITHOUT_TORCH:
        if route := route_to("torch", module):
            yield f"{' -> '.join(route)}; {module} must do without torch"


def every_import(top: str) -> Iterator[tuple[str, str, str]]:
    """Each import in a package: the module it stands in, what it names, and where."""
    for module, path in modules(top).items():
        for name, line in imports(module).items():
            yield module, name, f"{path.relative_to(ROOT)}:{line}"


def route_to(library: str, module: str, seen: frozenset[str] = frozenset()) -> list[str]:
    """How a module of ours comes to import a library, through which others; empty if it does not."""
    for name in imports(module):
        if within(name, library):
            return [module, name]
    for name in imports(module):
        if is_module(name) and name not in seen and (route := route_to(library, name, seen | {module, name})):
            return [module, *route]
    return []


def file_lengths() -> Iterator[str]:
    """One noun a file: where one grows past the limit, there are two in it."""
    for path in (*modules("core").values(), *modules("tui").values()):
        lines = path.read_text("utf-8").count("\n")
        if lines > MAX_LINES:
            yield f"{path.relative_to(ROOT)}: {lines} lines; split it, {MAX_LINES} is the limit"


def tool(*words: str) -> Callable[[], Iterator[str]]:
    """A check by another program of this environment: what it prints where it is not content."""

    def check() -> Iterator[str]:
        done = subprocess.run(
            [sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=False
        )
        if done.returncode:
            yield from (done.stdout + done.stderr).splitlines()

    return check


CHECKS: dict[str, Callable[[], Iterable[str]]] = {
    "format": tool("ruff", "format", "--check", "--output-format", "concise", "."),
    "lint": tool("ruff", "check", "--output-format", "concise", "."),
    "types": tool("mypy"),
    "imports": import_rules,
    "lengths": file_lengths,
}


def main() -> int:
    failed = False
    for name, check in CHECKS.items():
        problems = list(check())
        print(f"{name:8} {'failed' if problems else 'ok'}", flush=True)
        for problem in problems:
            print(f"         {problem}", flush=True)
        failed = failed or bool(problems)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
