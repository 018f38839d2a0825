"""What of the machine is given to jobs, and what is taken of it: cores and memory, counted. Pure.

A job takes the cores and the memory that its limits name. Where cores suffice for all slots at a job's size,
each job gets cores of its own (the original's `taskset` rule: else pinning is given up for it).

`Queue` holds the jobs that wait on the node. The first one that fits goes next; one that does not fit yet may
be overtaken, but not for ever: after `PATIENCE` others it is waited for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

PATIENCE = 8


@dataclass(frozen=True, slots=True)
class Share:
    """What one job was given; `cores` names them where it is pinned."""

    cpus: int
    memory_bytes: int
    cores: tuple[int, ...] | None = None


class Slots:
    """The part of a machine that runs jobs: `slots` of them at most."""

    def __init__(self, slots: int, cores: tuple[int, ...], memory_bytes: int, *, pinned: bool) -> None:
        self._slots = slots
        self._cores = cores
        self._memory_bytes = memory_bytes
        self._pinned = pinned
        self._free_slots = slots
        self._free_cpus = len(cores)
        self._free_memory = memory_bytes
        self._free_cores = list(cores)

    @property
    def busy(self) -> int:
        """Jobs that run."""
        return self._slots - self._free_slots

    @property
    def memory_bytes(self) -> int:
        """Memory for all jobs together."""
        return self._memory_bytes

    def could_fit(self, cpus: int, memory_bytes: int) -> bool:
        """Whether such a job fits when nothing else runs."""
        return cpus <= len(self._cores) and memory_bytes <= self._memory_bytes

    def fits(self, cpus: int, memory_bytes: int) -> bool:
        """Whether such a job fits beside those that run."""
        return self._free_slots > 0 and cpus <= self._free_cpus and memory_bytes <= self._free_memory

    def take(self, cpus: int, memory_bytes: int) -> Share | None:
        """A share for a job, None while it does not fit beside the others."""
        if not self.fits(cpus, memory_bytes):
            return None
        self._free_slots -= 1
        self._free_cpus -= cpus
        self._free_memory -= memory_bytes
        return Share(cpus, memory_bytes, self._pin(cpus))

    def release(self, share: Share) -> None:
        """A job has ended."""
        self._free_slots += 1
        self._free_cpus += share.cpus
        self._free_memory += share.memory_bytes
        self._free_cores = sorted({*self._free_cores, *(share.cores or ())})

    def _pin(self, cpus: int) -> tuple[int, ...] | None:
        if not self._pinned or self._slots * cpus > len(self._cores) or len(self._free_cores) < cpus:
            return None
        start = _aligned(self._free_cores, cpus)
        cores = self._free_cores[start : start + cpus]
        del self._free_cores[start : start + cpus]
        return tuple(cores)


def _aligned(free: list[int], cpus: int) -> int:
    """Where in `free` to begin: at neighbours that are a block of their own (0-3, 4-7), else in front."""
    for start in range(len(free) - cpus + 1):
        if free[start] % cpus == 0 and free[start + cpus - 1] == free[start] + cpus - 1:
            return start
    return 0


@dataclass(slots=True)
class _Waiting(Generic[T]):
    item: T
    cpus: int
    memory_bytes: int
    overtaken: int = field(default=0)


class Queue(Generic[T]):
    """Jobs that wait, first come first served as far as they fit."""

    def __init__(self) -> None:
        self._waiting: deque[_Waiting[T]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[T]:
        return (waiting.item for waiting in self._waiting)

    def put(self, item: T, cpus: int, memory_bytes: int) -> None:
        """One more waits."""
        self._waiting.append(_Waiting(item, cpus, memory_bytes))

    def fits(self, slots: Slots) -> bool:
        """Whether `take` would give a job."""
        return self._next(slots) is not None

    def take(self, slots: Slots) -> tuple[T, Share] | None:
        """The next job that may start now, and what it was given."""
        place = self._next(slots)
        if place is None:
            return None
        waiting = self._waiting[place]
        share = slots.take(waiting.cpus, waiting.memory_bytes)
        if share is None:
            return None
        for other in list(self._waiting)[:place]:
            other.overtaken += 1
        del self._waiting[place]
        return waiting.item, share

    def _next(self, slots: Slots) -> int | None:
        for place, waiting in enumerate(self._waiting):
            if slots.fits(waiting.cpus, waiting.memory_bytes):
                return place
            if waiting.overtaken >= PATIENCE:
                return None
        return None

    def remove(self, item: T) -> None:
        """One waits no more. Raises ValueError when it didn't."""
        place = [waiting.item for waiting in self._waiting].index(item)
        del self._waiting[place]

    def clear(self) -> list[T]:
        """Nobody waits any more: gives all of them."""
        items = [waiting.item for waiting in self._waiting]
        self._waiting.clear()
        return items
