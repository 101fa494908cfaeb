"""How this process gets its memory from the system."""

import ctypes
import ctypes.util

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # glibc's M_TRIM_THRESHOLD and M_MMAP_MAX (malloc.h)


def keep_freed_memory() -> bool:
    """Let what was freed stay with the process, ready for the next tensor; whether that could be arranged.

    By itself glibc maps every large tensor anew and gives it back at once, so that a training step spends
    much of its time in page faults. Other C libraries are left as they are.
    """
    name = ctypes.util.find_library("c") if _is_glibc() else None
    if name is None:
        return False
    libc = ctypes.CDLL(name)
    # -1: never trim; 0: no mapping of a tensor's own.
    return bool(libc.mallopt(_TRIM_THRESHOLD, -1) and libc.mallopt(_MMAP_MAX, 0))


def _is_glibc() -> bool:
    return hasattr(ctypes.CDLL(None), "gnu_get_libc_version")
