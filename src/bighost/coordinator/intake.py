"""Takes hand-ins: is it the time, are there tries left, does it pass the sanity check? Then it is a job.

A rejection names file, line and reason, is kept as a job of its own, and costs no try. Neither do faults
of ours and what was cancelled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from hashlib import blake2b

from bighost.clock import SECOND, Clock
from bighost.coordinator import events as on
from bighost.coordinator.catalogue import Catalogue
from bighost.coordinator.rounds import Rounds
from bighost.errors import NetworkError, StudentError
from bighost.job import ids
from bighost.job.assignment import Assignment
from bighost.job.job import Job, requirement, time_bound
from bighost.job.latency import Stamp
from bighost.job.state import State
from bighost.job.units import show_duration
from bighost.store.base import Store, User

HandIn = Mapping[str, bytes]
Checker = Callable[[Assignment, HandIn], Awaitable[list[str]]]
FREE = frozenset({State.REJECTED, State.FAILED, State.CANCELLED})  # these cost no try
HOUR = 3600 * SECOND


class TriesUsedUp(StudentError):
    """The team has no try left now."""


class HandInTooLarge(StudentError):
    """The hand-in is larger than any may be."""


class Busy(NetworkError):
    """The waiting line is full."""


class Intake:
    """`check` is the sanity check: sentences of what is wrong, none when the hand-in may run."""

    def __init__(
        self,
        store: Store,
        rounds: Rounds,
        catalogue: Catalogue,
        clock: Clock,
        check: Checker,
        max_waiting: int,
    ) -> None:
        self._store = store
        self._rounds = rounds
        self._catalogue = catalogue
        self._clock = clock
        self._check = check
        self._max_waiting = max_waiting
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}

    async def take(self, user: User, assignment_id: str | None, handin: HandIn) -> Job:
        """A hand-in becomes a job: waiting, or rejected with the reasons in its message.

        When this returns, the job is durable. Raises StudentError when the assignment isn't open or no
        try is left, StoreFault when nothing can be kept now.
        """
        if len(self._rounds.engine.waiting) >= self._max_waiting:
            raise Busy("the waiting line is full", hint="Nothing was kept; hand in again in some minutes.")
        received = self._clock()
        assignment = self._catalogue.taking(assignment_id)
        started = self._clock()
        findings = await self._check(assignment, handin)
        ended = self._clock()
        stamps = {
            Stamp.RECEIVED: received,
            Stamp.SANITY_CHECK_START: started,
            Stamp.SANITY_CHECK_END: ended,
        }
        lock = self._locks.setdefault((assignment.id, user.team), asyncio.Lock())
        try:
            async with lock:
                return await self._keep(user, assignment, handin, findings, stamps)
        finally:
            if not lock.locked():
                self._locks.pop((assignment.id, user.team), None)

    async def _keep(
        self,
        user: User,
        assignment: Assignment,
        handin: HandIn,
        findings: list[str],
        stamps: dict[Stamp, int],
    ) -> Job:
        earlier = await self._store.hand_ins(assignment.id, user.team)
        if not findings:
            self._check_tries(assignment, earlier)
        job = Job(
            id=ids.new_job_id(),
            assignment=assignment.id,
            team=user.team,
            by=user.name,
            number=max((j.number for j in earlier), default=0) + 1,
            files={name: digest(content) for name, content in handin.items()},
            requirement=requirement(assignment),
            time_bound_s=time_bound(assignment),
            stamps=stamps,
        )
        files = [(digest(content), content) for content in handin.values()]
        event = on.Submitted(at=self._clock(), job=job, refused="\n".join(findings))
        await self._rounds.post(event, [] if findings else files)
        return self._rounds.engine.jobs.get(job.id) or await self._stored(job)

    async def _stored(self, job: Job) -> Job:
        return await self._store.job(job.id) or job

    def _check_tries(self, assignment: Assignment, earlier: list[Job]) -> None:
        charged = [j.stamps.get(Stamp.RECEIVED, 0) for j in earlier if j.state not in FREE]
        tries = assignment.tries
        if tries.total is not None and len(charged) >= tries.total:
            raise TriesUsedUp(f"your team has used all {tries.total} tries for {assignment.id}")
        if tries.per_hour is not None:
            now = self._clock()
            recent = sorted(at for at in charged if at > now - HOUR)
            if len(recent) >= tries.per_hour:
                wait = (recent[-tries.per_hour] + HOUR - now) / SECOND
                raise TriesUsedUp(
                    f"your team has used its {tries.per_hour} tries of this hour for {assignment.id}",
                    hint=f"The next one is free in {show_duration(wait)}.",
                )


def digest(content: bytes) -> str:
    """BLAKE2b-256 in lower-case hex."""
    return blake2b(content, digest_size=32).hexdigest()
