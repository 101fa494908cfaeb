"""How long an edit in a lab takes to be drawn: from the key to the last line built because of it.

`python -m tests.bench.labs [LAB] [--keys KEY,KEY] [--edits N] [--size 120x40]` opens every lab, or one by its
name, over a fake engine, and presses keys that change it in turn. One JSON line a lab: `edit_ms` is the
median; asked is that an edit is drawn within `asked_ms`. A key that changes no line counts as no edit. A lab
in which none does is a failure, as is one that cannot be imported.
"""

import asyncio
import gc
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from unittest.mock import patch

from textual.strip import Strip

from tests.bench.contest import Record, at_length, options, report
from tests.bench.spin import spin
from tests.tui.exploring import exploring
from tui.screens.labs import LABS, Lab
from tui.widgets.keybar import KeyBar
from tui.widgets.lines import LineView

ASKED_MS = 30
WARM_UP = 4  # edits that are not counted: they import and fill caches
KEYS = {  # what changes a lab, pressed one after the other; of a lab that is not named here, the arrows
    "logits": ("right", "left", "space", "t", "a", "l", "enter", "5", "enter"),
    "perplexity": ("down", "s", "up", "s"),
}
ARROWS = ("right", "left")


class Built:
    """When lines that differ from those before were last built."""

    def __init__(self) -> None:
        self.at: float | None = None


@contextmanager
def watched() -> Iterator[Built]:
    """While every view of lines tells when it has others to show; the line of keys is none of a lab's."""
    built, show = Built(), LineView.show

    def telling(view: LineView, lines: Sequence[Strip]) -> None:
        before = view.lines
        show(view, lines)
        if not isinstance(view, KeyBar) and list(before) != list(lines):
            built.at = time.perf_counter()

    with patch.object(LineView, "show", telling):
        yield built


async def timed(lab: Lab, keys: Sequence[str], edits: int, size: tuple[int, int]) -> list[float]:
    """The milliseconds from each key that changed something to its last line."""
    found: list[float] = []
    with watched() as built:
        async with exploring(size=size) as ex:
            await ex.press("escape", "L", str(1 + LABS.index(lab)))
            assert isinstance(ex.app.screen, lab.screen())
            for number in range(WARM_UP + edits):
                built.at = None
                began = time.perf_counter()
                ex.burst(keys[number % len(keys)])
                await ex.settled()
                if built.at is not None and number >= WARM_UP:
                    found.append((built.at - began) * 1000)
    return found


def measured(lab: Lab, keys: Sequence[str], edits: int, size: tuple[int, int]) -> Record:
    """The record of one lab. Raises ValueError where no key changed anything."""
    spun = spin()
    gc.collect()
    gc.freeze()  # as the program does when it has started
    times = asyncio.run(timed(lab, keys, edits, size))
    if not times:
        raise ValueError(
            f"nothing changed in the lab {lab.name} with {', '.join(keys)}: name others with --keys"
        )
    return {
        "name": "labs",
        "size": lab.name,
        "edit_ms": round(statistics.median(times), 2),
        "p95_ms": round(statistics.quantiles(times, n=20)[-1] if len(times) > 1 else times[0], 2),
        "worst_ms": round(max(times), 2),
        "asked_ms": ASKED_MS,
        "columns": size[0],
        "runs": len(times),
        "spin": round(spun, 4),
    }


def main() -> int:
    words = options(__doc__)
    words.add_argument("lab", nargs="?", choices=[lab.name for lab in LABS], help="one lab alone")
    words.add_argument("--keys", help="what to press in it, such as right,left")
    words.add_argument("--edits", type=int, default=at_length(200, 14))
    words.add_argument("--size", default="120x40", help="of the terminal")
    given = words.parse_args()
    columns, _, rows = given.size.partition("x")
    failed = False
    for lab in LABS:
        if given.lab in (None, lab.name):
            keys = given.keys.split(",") if given.keys else KEYS.get(lab.name, ARROWS)
            try:
                lab.screen()
                report(measured(lab, keys, given.edits, (int(columns), int(rows))))
            except (ImportError, ValueError) as error:
                failed = True
                print(f"{lab.name}: {error}", file=sys.stderr)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
