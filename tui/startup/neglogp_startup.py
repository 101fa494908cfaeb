"""Imported at the start of every Python of the environment neglogp is installed in, by neglogp.pth.

An entry of PYTHONPATH such as "." comes before the installed packages, so that the `tui/`, `core/` or
`torch.py` of whatever folder one stands in would run in place of ours, before any line of ours could
prevent it. Where the program being started is neglogp, such entries are left out; other programs are left
alone. It stands outside our packages since importing one of those is what has to be made safe.
"""

import os
import sys

MODULES = ("tui", "core.engine")


def starts_neglogp(words: list[str]) -> bool:
    """Whether a command line of Python's starts the command `neglogp` or one of our modules."""
    rest = iter(words[1:])
    for word in rest:
        if word in ("-W", "-X"):
            next(rest, None)
        elif word.startswith("-") and word.endswith("m"):  # -m, -Pm
            return next(rest, None) in MODULES
        elif not word.startswith("-"):
            return os.path.basename(word) == "neglogp"
    return False


def without_relative(path: list[str], entries: str, own: set[str]) -> list[str]:
    """A module search path without what stems from relative `entries` (of PYTHONPATH), unless it is `own`."""
    relative = {os.path.abspath(entry) for entry in entries.split(os.pathsep) if not os.path.isabs(entry)}
    return [folder for folder in path if folder not in relative or os.path.realpath(folder) in own]


def editable(site: str) -> set[str]:
    """The source tree, if neglogp is installed from one to work on it: a .pth file in `site` names it."""
    found: set[str] = set()
    for name in os.listdir(site):
        if name.endswith("_neglogp.pth"):
            with open(os.path.join(site, name), encoding="utf-8") as lines:
                found.update(os.path.realpath(line.strip()) for line in lines)
    return found


# Only what is loaded by now is imported above: a glob.py of the current folder would come before Python's.
if os.environ.get("PYTHONPATH") and not sys.flags.ignore_environment and starts_neglogp(sys.orig_argv):
    own_tree = editable(os.path.dirname(__file__))
    sys.path[:] = without_relative(sys.path, os.environ["PYTHONPATH"], own_tree)
