"""The time of day in nanoseconds: handed in wherever it is needed, so that tests can set it."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], int]

SECOND = 1_000_000_000


def system_clock() -> int:
    """Nanoseconds since 1970-01-01 UTC."""
    return time.time_ns()


def seconds(value: float) -> int:
    """Seconds as nanoseconds."""
    return int(value * SECOND)
