"""When a waiting job will be graded: from how long the latest ones took, and the slots that are there.

An estimate of this kind is honest about what it knows: the upper quartile of measured seconds in a pod,
times the rounds that the jobs ahead need on the slots. Without a measurement there is none.
"""

from __future__ import annotations

import math
import statistics
from collections import deque

from bighost.job.job import Job
from bighost.job.latency import latency

REMEMBERED = 64


class Durations:
    """Seconds in a pod of each assignment's latest jobs."""

    def __init__(self) -> None:
        self._seconds: dict[str, deque[float]] = {}

    def saw(self, job: Job) -> None:
        """A job was graded."""
        seconds = latency(job.stamps).individual.processing_time
        self._seconds.setdefault(job.assignment, deque(maxlen=REMEMBERED)).append(seconds)

    def typical(self, assignment: str) -> float | None:
        """The upper quartile of the latest, in seconds; None when there was none."""
        seen = self._seconds.get(assignment)
        if not seen:
            return None
        return statistics.quantiles(seen, n=4)[2] if len(seen) > 1 else seen[0]

    def eta(self, assignment: str, ahead: int, slots: int) -> float | None:
        """Seconds until a job with `ahead` jobs before it is graded; None when that can't be told."""
        typical = self.typical(assignment)
        if typical is None or slots < 1:
            return None
        return math.ceil((ahead + 1) / slots) * typical
