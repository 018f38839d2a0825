"""Keeps the control server small: what a run needed for a moment goes back to the system at its end.

Left to itself, glibc gives each thread an arena and learns from large blocks to keep them, so that a server
that once sorted stays twice as large for ever.
"""

from __future__ import annotations

import ctypes

M_TRIM_THRESHOLD = -1  # of mallopt(3)
M_MMAP_THRESHOLD = -3
M_ARENA_MAX = -8
LARGE_BYTES = 1 << 20


def keep_small() -> None:
    """Tell the allocator of this process; where it is not glibc's, nothing happens."""
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is None:
        return
    for option, value in (
        (M_ARENA_MAX, 1),
        (M_MMAP_THRESHOLD, LARGE_BYTES),
        (M_TRIM_THRESHOLD, LARGE_BYTES),
    ):
        set_option(option, value)
