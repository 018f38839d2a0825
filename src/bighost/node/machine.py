"""What this machine has, as far as this process may use it."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

# Where a control group's limit stands, in its version 2 and 1.
_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def cores() -> tuple[int, ...]:
    """The cores that this process may run on, by number."""
    return tuple(sorted(os.sched_getaffinity(0)))


def memory_bytes(limits: tuple[Path, ...] = _LIMITS) -> int:
    """Memory of the machine, or of the container that this process is in."""
    total: int = psutil.virtual_memory().total
    for path in limits:
        try:
            said = path.read_text().strip()
        except OSError:
            continue  # another version of control groups, or none
        if said.isdigit():
            total = min(total, int(said))
    return total
