"""The assignments that are known, by id; their keys and datasets lie in the blob store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from bighost.clock import Clock
from bighost.errors import AssignmentError, StudentError
from bighost.job.assignment import Answer, Assignment, Window
from bighost.job.spelling import perhaps
from bighost.store.base import Changes, Store
from bighost.wire.http import NewAssignment
from bighost.wire.messages import PodNeed
from bighost.wire.orders import pod_need

replace = msgspec.structs.replace


class NoAssignment(StudentError):
    """There is no such assignment."""


class Catalogue:
    """All assignments; `find_blob` gives a blob's path by digest, or None."""

    def __init__(self, store: Store, clock: Clock, find_blob: Callable[[str], Path | None]) -> None:
        self._store = store
        self._clock = clock
        self._find_blob = find_blob
        self._assignments: dict[str, Assignment] = {}

    async def load(self) -> None:
        """Read all assignments from the store."""
        self._assignments = {a.id: a for a in await self._store.assignments()}

    def all(self) -> list[Assignment]:
        """All assignments in the order in which they were added."""
        return list(self._assignments.values())

    def get(self, id: str) -> Assignment:
        """The assignment of this id. Raises NoAssignment, with the nearest name, when there is none."""
        try:
            return self._assignments[id]
        except KeyError:
            hint = perhaps(id, self._assignments) or "See `bighost assignments list`."
            raise NoAssignment(f"there is no assignment {id!r}", hint=hint) from None

    def taking(self, id: str | None) -> Assignment:
        """The assignment that a hand-in is for; the only open one where none is named.

        Raises StudentError when it is unknown, closed, not yet open, or when it must be named.
        """
        now = self._clock()
        if id is None:
            return self._only_open(now)
        assignment = self.get(id)
        window = assignment.window(now)
        if window is not Window.OPEN:
            moment = assignment.opens if window is Window.NOT_YET_OPEN else assignment.due
            when = (
                f" (since {moment})" if moment and window is Window.CLOSED and not assignment.closed else ""
            )
            when = f" (it opens {moment})" if window is Window.NOT_YET_OPEN else when
            raise StudentError(f"assignment {id} is {window.value}{when}")
        return assignment

    async def add(self, new: NewAssignment, normalised: dict[str, str]) -> Assignment:
        """Add an assignment, or replace the one of its id. `normalised`: the digest of each test's key
        under its comparator. Raises AssignmentError when a blob that it names isn't there."""
        assignment = new.assignment
        for test in assignment.tests:
            if test.name not in new.keys:
                raise AssignmentError(f"test {test.name!r} has no answer")
        for digest in {d for dataset in assignment.datasets.values() for d in dataset.files}:
            if self._find_blob(digest) is None:
                raise AssignmentError(f"dataset file {digest[:12]} was not uploaded")
        answers = {
            test.name: Answer(digest=new.keys[test.name], normalised=normalised[test.name])
            for test in assignment.tests
        }
        assignment = replace(assignment, answers=answers)
        await self._keep(assignment)
        return assignment

    async def close(self, id: str, closed: bool) -> Assignment:
        """Close an assignment for hand-ins, or open it again. Raises NoAssignment when there is none."""
        assignment = replace(self.get(id), closed=closed)
        await self._keep(assignment)
        return assignment

    def pods_needed(self) -> tuple[PodNeed, ...]:
        """The pods of the assignments that are open, the latest added first."""
        now = self._clock()
        needs = {pod_need(a): None for a in reversed(self.all()) if a.window(now) is Window.OPEN}
        return tuple(needs)

    def _only_open(self, now: int) -> Assignment:
        is_open = [a for a in self.all() if a.window(now) is Window.OPEN]
        if len(is_open) == 1:
            return is_open[0]
        if not is_open:
            raise StudentError("no assignment is open", hint="See `bighost assignments list`.")
        names = ", ".join(a.id for a in is_open)
        raise StudentError(f"several assignments are open: {names}", hint="Say which one: --assignment ID.")

    async def _keep(self, assignment: Assignment) -> None:
        await self._store.commit(Changes(assignments=[assignment]))
        self._assignments[assignment.id] = assignment
