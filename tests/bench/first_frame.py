"""From the start of the program's process to its first whole frame on the terminal: all four panes.

`python -m tests.bench.first_frame [RUNS]` prints one JSON line. In every other run letters are typed from the
first millisecond on; `keys_kept` is how many of those runs show all of them, in order, in the prompt.
"""

import json
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.spin import spin
from tests.e2e.display import Display
from tests.e2e.terminal import Terminal

ROOT = Path(__file__).resolve().parents[2]
COLUMNS, ROWS = 120, 40
PANES = [
    re.compile(title, re.MULTILINE)
    for title in (r"^ prompt +next token", r"^ prefix → next token", r"  loss *$")  # two stand side by side
]
PROMPT = "The fat cat sat on the mat"
TYPED = "abcdefghijkl"
UNDISTURBED = 1.0  # seconds in which nothing is drawn here: that would take a core from the program
TYPED_EVERY = 0.03  # seconds: past the first frame, as a person who knows the program would


def whole(text: str) -> bool:
    """Whether a screen is the first frame: the four titles, and a prompt to type in."""
    return PROMPT in text and all(title.search(text) for title in PANES)


def start(home: Path) -> Terminal:
    command = [sys.executable, "-P", "-m", "tui"]
    return Terminal(command, home=home, columns=COLUMNS, rows=ROWS, env={"PYTHONPATH": str(ROOT)})


def first_frame(terminal: Terminal) -> float:
    """When the first whole frame had been written, in milliseconds after the start of the process."""
    display = Display(COLUMNS, ROWS)
    for chunk in terminal.chunks:
        display.feed(chunk.data)
        if whole("\n".join(display.screen.rows())):
            return (chunk.at - terminal.started) * 1000
    raise AssertionError(terminal.describe("no whole frame"))


def timed(home: Path) -> float:
    """One run: milliseconds to the first frame."""
    with start(home) as terminal:
        time.sleep(UNDISTURBED)
        terminal.wait_for(whole)
        terminal.send("ctrl+q")
        terminal.wait_for_exit()
    return first_frame(terminal)


def keeps_keys(home: Path) -> bool:
    """One run: whether every letter typed since the start is in the prompt, in order."""
    with start(home) as terminal:
        for letter in TYPED:
            terminal.write(letter)
            time.sleep(TYPED_EVERY)
        try:
            terminal.wait_for(PROMPT + TYPED, timeout=10)
        except AssertionError as error:
            print(error, file=sys.stderr)
            return False
        terminal.send("ctrl+q")
        terminal.wait_for_exit()
    return True


def main(runs: int) -> None:
    times, spins, kept = [], [], 0
    with tempfile.TemporaryDirectory() as folder:
        timed(Path(folder))  # compiles what has not been, and brings the files into memory
        for _ in range(runs):
            spins.append(spin())
            times.append(timed(Path(folder)))
            kept += keeps_keys(Path(folder))
    result = {
        "name": "first_frame",
        "median_ms": round(statistics.median(times), 1),
        "best_ms": round(min(times), 1),
        "runs": runs,
        "keys_kept": kept,
        "spin": round(statistics.median(spins), 4),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 11)
