"""`python -m tests.bench`: every bench in turn, and a Markdown table of what they say."""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench import __doc__ as about
from tests.bench.contest import QUICK, ROOT, Record
from tests.bench.table import markdown

FOLDER = Path(__file__).parent
ORDER = ("spin", "first_frame", "engine_ready", "training_step", "loss_speed", "loss_memory")  # then the rest
BY_HAND = (
    "between",
    "book",
    "certainty",
    "concordance",
    "embedded",
    "recording",
    "rewinding",
    "training_text",
    "trigram",
)  # need texts of their own, the book a package too, or take long: their docstrings say which
GUARD = 'if __name__ == "__main__":'
QUICK_WORDS = {"first_frame": ("1",)}  # its own way to be short


def benches() -> list[str]:
    """The modules here that are benches, in the order they run in."""
    found = sorted(
        file.stem
        for file in FOLDER.glob("[!_]*.py")
        if file.stem not in BY_HAND and GUARD in file.read_text("utf-8").splitlines()
    )
    return [name for name in ORDER if name in found] + [name for name in found if name not in ORDER]


def run(name: str, words: Sequence[str]) -> Iterator[Record]:
    """The records a bench prints, as they come. Raises CalledProcessError where it fails."""
    command = [sys.executable, "-m", f"tests.bench.{name}", *words]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("{"):
                yield json.loads(line)
            else:
                print(line, end="", file=sys.stderr)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


def main() -> int:
    words = argparse.ArgumentParser(
        prog="python -m tests.bench", description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    words.add_argument("name", nargs="?", choices=benches(), help="one bench alone")
    words.add_argument("--quick", action="store_true", help="a smoke run: every bench as short as it goes")
    words.add_argument("--out", type=Path, help="a file for the table, too")
    given, rest = words.parse_known_args()
    if rest and not given.name:
        words.error(f"unknown: {' '.join(rest)}")
    if given.quick:
        os.environ[QUICK] = "1"
    records: list[Record] = []
    failed = []
    for name in [given.name] if given.name else benches():
        began = time.monotonic()
        try:
            for record in run(name, rest or (QUICK_WORDS.get(name, ()) if given.quick else ())):
                records.append(record)
                print(json.dumps(record, ensure_ascii=False), file=sys.stderr, flush=True)
        except subprocess.CalledProcessError as error:
            failed.append(name)
            print(f"{name} failed with status {error.returncode}", file=sys.stderr)
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    page = markdown(records, failed)
    print(page, end="")
    if given.out:
        given.out.write_text(page, "utf-8")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
