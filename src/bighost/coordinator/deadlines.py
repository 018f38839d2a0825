"""When something must have happened: one time for each key, the earliest found in O(log n).

A heap with lazy deletion: moving a deadline later, as renewing a lease does all the time, only changes a
dictionary; the entry that stands in the heap is put right when its turn comes. Once most entries are out
of date the heap is made anew, so it never holds much more than there are keys.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
FEW = 64  # entries that may be out of date, however few keys there are


class Deadlines(Generic[Key]):
    """A time (ns since 1970) for each key."""

    def __init__(self) -> None:
        self._times: dict[Key, int] = {}
        self._heap: list[tuple[int, int, Key]] = []
        self._queued: dict[Key, int] = {}  # the earliest time at which the heap holds the key
        self._count = 0

    def __len__(self) -> int:
        return len(self._times)

    @property
    def entries(self) -> int:
        """How many entries are kept, those included that are out of date."""
        return len(self._heap)

    def get(self, key: Key) -> int | None:
        """The deadline of a key."""
        return self._times.get(key)

    def set(self, key: Key, at: int) -> None:
        """Give a key a deadline, instead of the one that it had."""
        self._times[key] = at
        queued = self._queued.get(key)
        if queued is None or at < queued:
            self._push(key, at)
            self._tidy()

    def clear(self, key: Key) -> None:
        """Forget a key's deadline, if it has one."""
        self._times.pop(key, None)
        self._tidy()

    def next(self) -> int | None:
        """The earliest deadline, None when there is none."""
        while self._heap:
            at, _, key = self._heap[0]
            actual = self._times.get(key)
            if actual == at:
                return at
            self._drop()
            if actual is not None and self._queued.get(key) is None:
                self._push(key, actual)
        return None

    def expired(self, now: int) -> list[Key]:
        """Take out every key whose deadline is `now` or earlier, the earliest first."""
        due: list[Key] = []
        while (at := self.next()) is not None and at <= now:
            _, _, key = self._heap[0]
            self._drop()
            del self._times[key]
            due.append(key)
        return due

    def _push(self, key: Key, at: int) -> None:
        self._count += 1
        heapq.heappush(self._heap, (at, self._count, key))
        self._queued[key] = at

    def _drop(self) -> None:
        at, _, key = heapq.heappop(self._heap)
        if self._queued.get(key) == at:
            del self._queued[key]

    def _tidy(self) -> None:
        if len(self._heap) > 2 * len(self._times) + FEW:
            self._queued = dict(self._times)
            self._heap = [(at, n, key) for n, (key, at) in enumerate(self._times.items())]
            self._count = len(self._heap)
            heapq.heapify(self._heap)
