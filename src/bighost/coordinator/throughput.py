"""How many marks were given in each short span of the last hour."""

from __future__ import annotations

from collections import Counter

from bighost.clock import seconds

SPAN_S = 5.0
SPANS = 720  # an hour of them


class Throughput:
    """Counts marks by the span of time that they fall into."""

    def __init__(self) -> None:
        self._marks: Counter[int] = Counter()

    def marked(self, at: int) -> None:
        """A mark was given at `at` (ns)."""
        span = at // seconds(SPAN_S)
        self._marks[span] += 1
        if len(self._marks) > 2 * SPANS:
            self._marks = Counter({k: n for k, n in self._marks.items() if k > span - SPANS})

    def spans(self, now: int) -> tuple[int, ...]:
        """Marks in each span of the hour that ends at `now`, the earliest first."""
        last = now // seconds(SPAN_S)
        return tuple(self._marks[span] for span in range(last - SPANS + 1, last + 1))
