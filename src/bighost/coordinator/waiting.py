"""The waiting line: fair between teams, staff's re-runs behind students, a job's place known at any time.

Start-time fair queueing (Goyal, Vin, Cheng 1996) with jobs of equal cost: a job gets a start tag when it
arrives, the larger of the line's virtual time and the finish tag of its team's previous job; its finish
tag is one more. Jobs leave in order of start tags, and the virtual time is the tag of the last that left.
So a team that hands in a hundred at once has its second, third, ... behind everybody else's first, and no
team's job is ever overtaken without end. Because tags never change, a place is a rank in a sorted list.

A job whose lease was lost keeps its tag, which is not above the virtual time: it is first again.
Every operation is O(log n).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sortedcontainers import SortedList

from bighost.job.job import Job, Requirement


class Place(NamedTuple):
    """A job's place: what it is sorted by, and its id."""

    rerun: bool
    tag: int
    order: int  # of arrival
    job: str


class WaitingLine:
    """Jobs that wait, a sorted line for each requirement, tags shared by all of them."""

    def __init__(self) -> None:
        self._lines: dict[Requirement, SortedList[Place]] = {}
        self._places: dict[str, tuple[Requirement, Place, str]] = {}
        self._finish: dict[str, int] = {}  # team -> finish tag of its latest job
        self._waiting: dict[str, int] = {}  # team -> jobs of it that wait
        self._virtual = 0
        self._arrivals = 0

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, job: str) -> bool:
        return job in self._places

    def push(self, job: Job, *, tag: int | None = None) -> int:
        """Add a job and return its tag; with the `tag` that it had before, it takes that place again."""
        if job.id in self._places:
            raise ValueError(f"job {job.id} is in the line already")
        if tag is None:
            tag = max(self._virtual, self._finish.get(job.team, 0))
            self._finish[job.team] = tag + 1
        self._arrivals += 1
        place = Place(job.rerun, tag, self._arrivals, job.id)
        self._lines.setdefault(job.requirement, SortedList()).add(place)
        self._places[job.id] = (job.requirement, place, job.team)
        self._waiting[job.team] = self._waiting.get(job.team, 0) + 1
        return tag

    def remove(self, job: str) -> int:
        """Take a job out, whatever its place, and return its tag. Raises KeyError when it isn't there."""
        requirement, place, team = self._places.pop(job)
        line = self._lines[requirement]
        line.remove(place)
        if not line:
            del self._lines[requirement]
        self._waiting[team] -= 1
        if not self._waiting[team]:
            del self._waiting[team]
            if self._finish.get(team, 0) <= self._virtual:
                self._finish.pop(team, None)
        return place.tag

    def serve(self, job: str) -> int:
        """Take a job out because it is its turn: the virtual time moves on. Returns its tag."""
        _, place, _ = self._places[job]
        self._virtual = max(self._virtual, place.tag)
        return self.remove(job)

    def heads(self) -> list[tuple[Place, Requirement]]:
        """The first job of each requirement's line, the one whose turn it is first."""
        return sorted(
            ((line[0], requirement) for requirement, line in self._lines.items()), key=lambda h: h[0]
        )

    def line(self, requirement: Requirement) -> Iterator[str]:
        """The jobs of one requirement in their order. Don't change the line while you iterate."""
        return (place.job for place in self._lines.get(requirement, ()))

    def requirements(self) -> tuple[Requirement, ...]:
        """Those for which jobs wait."""
        return tuple(self._lines)

    def position(self, job: str) -> int:
        """How many jobs of the same requirement are ahead of this one. Raises KeyError."""
        requirement, place, _ = self._places[job]
        return int(self._lines[requirement].index(place))

    def length(self, requirement: Requirement) -> int:
        """How many jobs wait for this requirement."""
        return len(self._lines.get(requirement, ()))
