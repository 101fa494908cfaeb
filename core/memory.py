"""How this process gets its memory: large buffers are kept for the next step instead of being given back."""

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # malloc.h of glibc


def keep_large_buffers() -> bool:
    """Have malloc reuse the pages of large tensors. A training step frees and takes hundreds of megabytes;
    with fresh pages each time, a third of it goes into page faults. False where there is no glibc."""
    try:
        libc = ctypes.CDLL("libc.so.6")
        return bool(libc.mallopt(_M_MMAP_MAX, 0) and libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1))
    except (OSError, AttributeError):
        return False
