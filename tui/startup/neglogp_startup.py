"""Imported at the start of every Python of the environment neglogp is installed in, by neglogp.pth.

An entry of PYTHONPATH such as "." comes before the installed packages, so that the `tui/`, `core/` or
`torch.py` of whatever folder one stands in would run in place of ours, before any line of ours could
prevent it. Where the program being started is neglogp, such entries go to the end; other programs are
left alone. It stands outside our packages since importing one of those is what has to be made safe.
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


def own_before_relative(path: list[str], entries: str) -> list[str]:
    """A module search path with what stems from relative `entries` (of PYTHONPATH) at its end."""
    relative = {os.path.abspath(entry) for entry in entries.split(os.pathsep) if not os.path.isabs(entry)}
    return sorted(path, key=lambda folder: os.path.abspath(folder) in relative)


if os.environ.get("PYTHONPATH") and not sys.flags.ignore_environment and starts_neglogp(sys.orig_argv):
    sys.path[:] = own_before_relative(sys.path, os.environ["PYTHONPATH"])
