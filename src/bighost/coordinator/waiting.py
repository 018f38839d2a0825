"""The waiting line: fair between teams, staff's re-runs behind students, a job's place known at any time.

Jobs with equal requirements share a line. Each is served by start-time fair queueing (Goyal, Vin, Cheng
1996) with jobs of equal cost: a job gets a start tag when it arrives, the larger of its line's virtual time
and the finish tag of its team's previous job there; its finish tag is one more. Jobs leave in the order of
their tags, and the virtual time is the tag of the last that left. So a team that hands in a hundred at once
has its second, third, ... behind everybody else's first, and no job is ever overtaken without end. Among
equal tags the teams keep one order, so between two teams that both wait nobody is ever two jobs ahead.

* A job that a fault of ours brought back comes before all of those; it had its turn already.
* Staff's re-runs have lines of their own, behind the students', and don't use up a team's turns.
* Nodes serve several lines. Tags of different lines are compared after adding each line's offset. A line
  that no node could serve doesn't save its turns up: its offset grows to where the others have come.

Tags never change, so a place is a rank in a sorted list, and every operation is O(log n) in the jobs. It
is linear in the lines, of which there are no more than kinds of pods.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from sortedcontainers import SortedList

from bighost.job.job import Job, Requirement

LOOK_AHEAD = 32  # jobs with faults in one line that are looked at when those before them avoid every node


class Place(NamedTuple):
    """A job's place: what it is sorted by, and its id."""

    rerun: bool
    fresh: bool  # no fault of ours has brought it back
    tag: int
    turn: int  # of its team, among teams with the same tag
    order: int  # of arrival
    job: str
    team: str


@dataclass
class _Flow:
    """One team in one line."""

    turn: int
    finish: int = 0  # the earliest tag of its next job
    served: int = 0  # the same, if none of those that wait had come
    waiting: int = 0


@dataclass
class _Line:
    """The jobs of one requirement: students' or re-runs."""

    rerun: bool
    offset: int = 0  # what is added to its tags when lines are compared
    virtual: int = 0  # the tag of the last job that had its turn
    again: SortedList[Place] = field(default_factory=SortedList)
    fresh: SortedList[Place] = field(default_factory=SortedList)
    flows: dict[str, _Flow] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.again) + len(self.fresh)

    def push(self, job: Job, order: int) -> Place:
        if job.faults:
            place = Place(self.rerun, False, 0, 0, order, job.id, job.team)
            self.again.add(place)
            return place
        flow = self.flows.setdefault(job.team, _Flow(turn=order))
        tag = max(self.virtual, flow.finish)
        flow.finish = tag + 1
        flow.waiting += 1
        place = Place(self.rerun, True, tag, flow.turn, order, job.id, job.team)
        self.fresh.add(place)
        return place

    def serve(self, place: Place) -> None:
        """The turn of this job has come: the virtual time moves on."""
        if place.fresh:
            self.virtual = max(self.virtual, place.tag)
            flow = self.flows[place.team]
            flow.served = max(flow.served, place.tag + 1)

    def remove(self, place: Place) -> None:
        if not place.fresh:
            self.again.remove(place)
            return
        self.fresh.remove(place)
        flow = self.flows[place.team]
        flow.waiting -= 1
        if not flow.waiting:
            flow.finish = flow.served  # jobs that were taken back cost their team no turn

    def rank(self, place: Place) -> int:
        if place.fresh:
            return len(self.again) + int(self.fresh.index(place))
        return int(self.again.index(place))

    def candidates(self) -> Iterator[Place]:
        """In their order, those that may be next: jobs that avoid nodes, and the first that avoids none."""
        yield from islice(self.again, LOOK_AHEAD)
        if self.fresh:
            first: Place = self.fresh[0]
            yield first._replace(tag=first.tag + self.offset) if self.offset else first


class WaitingLine:
    """All jobs that wait."""

    def __init__(self) -> None:
        self._lines: dict[tuple[Requirement, bool], _Line] = {}
        self._places: dict[str, tuple[_Line, Place, Requirement]] = {}
        self._reached = {False: 0, True: 0}  # the highest tag, with its offset, whose turn has come
        self._arrivals = 0

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, job: str) -> bool:
        return job in self._places

    def push(self, job: Job) -> None:
        """Add a job; one with faults goes before those without. Raises ValueError when it is there."""
        if job.id in self._places:
            raise ValueError(f"job {job.id} is in the line already")
        line = self._lines.get((job.requirement, job.rerun))
        if line is None:
            line = self._lines[job.requirement, job.rerun] = _Line(job.rerun)
        if not line.fresh:
            self._catch_up(line, line.virtual)
        self._arrivals += 1
        self._places[job.id] = (line, line.push(job, self._arrivals), job.requirement)

    def remove(self, job: str) -> None:
        """Take a job out, whatever its place. Raises KeyError when it isn't there."""
        line, place, _ = self._places.pop(job)
        line.remove(place)
        if not self._places:
            self._lines.clear()
            self._reached = {False: 0, True: 0}

    def serve(self, job: str) -> None:
        """Take a job out because it is its turn. Raises KeyError when it isn't there."""
        line, place, _ = self._places[job]
        line.serve(place)
        if place.fresh:
            self._catch_up(line, place.tag)
            self._reached[line.rerun] = max(self._reached[line.rerun], place.tag + line.offset)
        self.remove(job)

    def candidates(self, servable: Callable[[Requirement], bool]) -> Iterator[str]:
        """The jobs that may be next, in their order, of the lines with a `servable` requirement.

        The first of them that some node can take is to be served. Don't change the line while you iterate.
        """
        lines = [(line, requirement) for (requirement, _), line in self._lines.items() if line]
        fronts = [(next(line.candidates()), number) for number, (line, _) in enumerate(lines)]
        heapq.heapify(fronts)
        opened: dict[int, Iterator[Place]] = {}
        while fronts:
            place, number = fronts[0]
            if number not in opened:  # asking about a requirement costs more than comparing places
                line, requirement = lines[number]
                if not servable(requirement):
                    heapq.heappop(fronts)
                    continue
                opened[number] = islice(line.candidates(), 1, None)
            yield place.job
            following = next(opened[number], None)
            if following is None:
                heapq.heappop(fronts)
            else:
                heapq.heapreplace(fronts, (following, number))

    def position(self, job: str) -> int:
        """How many jobs of the same requirement are ahead of this one. Raises KeyError."""
        line, place, requirement = self._places[job]
        students = self._lines.get((requirement, False)) if line.rerun else None
        return line.rank(place) + (len(students) if students is not None else 0)

    def last(self, jobs: Iterable[str]) -> str:
        """Which of these, of one requirement, has most jobs ahead. Raises KeyError; ValueError of none."""
        return max(jobs, key=lambda job: self._places[job][1])

    def length(self, requirement: Requirement) -> int:
        """How many jobs wait for this requirement."""
        return sum(len(self._lines.get((requirement, rerun), ())) for rerun in (False, True))

    def _catch_up(self, line: _Line, tag: int) -> None:
        line.offset += max(0, self._reached[line.rerun] - (tag + line.offset))
