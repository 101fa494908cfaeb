"""Who computes first where there are more threads than cores."""

import os
import sys
import threading


def give_way() -> None:
    """Let every other thread go first: on Linux each has a niceness of its own."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
