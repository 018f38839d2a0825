"""Every live job and where it stands, and the moves that several events share, each with its `Save`.

A live job is in exactly one place, which its state names: `waiting` in the line, `leased` and `running`
under a lease, `marking` with the output processor. Wherever it is, it has a deadline.
"""

from __future__ import annotations

from typing import Any

import msgspec

from bighost.clock import seconds
from bighost.coordinator import commands as do
from bighost.coordinator.deadlines import Deadlines
from bighost.coordinator.leases import Lease, Leases
from bighost.coordinator.roster import Roster
from bighost.coordinator.terms import Terms
from bighost.coordinator.waiting import WaitingLine
from bighost.errors import Ours
from bighost.job.job import Fault, FaultKind, Job
from bighost.job.latency import Stamp
from bighost.job.state import State, Step, step

replace = msgspec.structs.replace
WITH_NODE = frozenset({State.LEASED, State.RUNNING, State.MARKING})
REMEMBERED = 1000  # ended jobs whose last attempt is kept in mind
UNLUCKY = "BigHOST could not run this submission. It costs no try, and the staff have been told."


def moved(job: Job, move: Step, **changes: Any) -> Job:
    """The job after a step, with these fields changed. Raises IllegalStep."""
    return replace(job, state=step(job.id, job.state, move), **changes)


class Ledger:
    """See the module's docstring."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.jobs: dict[str, Job] = {}  # not final
        self.waiting = WaitingLine()
        self.leases = Leases()
        self.roster = Roster()
        self.deadlines: Deadlines[str] = Deadlines()
        self._ended: dict[str, int] = {}  # the last attempt of the jobs that ended most recently
        self._commands: list[do.Command] = []

    def order(self, command: do.Command) -> None:
        """Have something done."""
        self._commands.append(command)

    def orders(self) -> list[do.Command]:
        """What was ordered since the last call; the saves come first."""
        commands, self._commands = self._commands, []
        commands.sort(key=lambda command: not isinstance(command, do.Save))
        return commands

    # -- where a job stands

    def held(self, node: str, job: str, attempt: int) -> Job | None:
        """The job, if this attempt of it is the node's: under its lease, or its outputs are being marked."""
        known = self.jobs.get(job)
        if known is None or (known.node, known.attempt) != (node, attempt) or known.state not in WITH_NODE:
            return None
        return known

    def in_marking(self, job: str, attempt: int) -> Job | None:
        """The job, if this attempt of it is being marked."""
        known = self.jobs.get(job)
        if known is None or known.attempt != attempt or known.state is not State.MARKING:
            return None
        return known

    def is_stale(self, job: Job) -> bool:
        """Whether a job that has ended was run since it was read from the store: its attempts are used up.

        Reading is the shell's, and asking takes a round; older jobs than are remembered can't be that fast.
        """
        return job.attempt < self._ended.get(job.id, 0)

    def adopt(self, job: Job, at: int) -> None:
        """Take in a live job from the store. Raises Ours on a final one, or one that was never accepted."""
        soonest = at + seconds(self.terms.rejoin_s)  # before that, nodes may not have come back
        match job.state:
            case State.WAITING:
                since = job.stamps.get(Stamp.WAITING_QUEUE_ENTRY, at)
                self.waiting.push(job)
                end = max(soonest, since + seconds(self.terms.waiting_deadline_s))
                self.deadlines.set(job.id, end)
            case State.LEASED:  # how long it may have to wait there is seen when its node comes back
                end = at + seconds(self.terms.waiting_deadline_s)
                self.keep(Lease(job.id, job.attempt, job.node, soonest, end))
            case State.RUNNING:
                end = max(soonest, at + seconds(job.time_bound_s))
                self.keep(Lease(job.id, job.attempt, job.node, soonest, end))
            case State.MARKING:
                self.deadlines.set(job.id, max(soonest, at + seconds(self.terms.marking_deadline_s)))
            case _:
                raise Ours(f"job {job.id} is {job.state.value} and can't be taken up after a restart")
        self.jobs[job.id] = job

    def keep(self, lease: Lease) -> None:
        """The job's lease is now this one."""
        self.leases.put(lease)
        self.deadlines.set(lease.job, lease.deadline)

    def renew(self, job: str, at: int) -> None:
        """The job's lease, if it has one, is good for some time more."""
        lease = self.leases.get(job)
        if lease is not None:
            self.keep(lease.renewed(at, self.terms.lease_s))

    def spare(self, at: int, late: int) -> None:
        """The coordinator itself slept for `late` ns: that time counts against nobody."""
        for lease in self.leases.all():
            self.keep(lease.slept(late).renewed(at, self.terms.lease_s))
        for job in self.jobs.values():
            end = self.deadlines.get(job.id)
            if job.state is State.MARKING and end is not None:
                self.deadlines.set(job.id, end + late)

    # -- moves

    def save(self, job: Job, at: int, story: str) -> None:
        """The job is now this."""
        self.jobs[job.id] = job
        self.order(do.Save(job=job, at=at, story=story))

    def wait(self, job: Job, at: int, story: str) -> None:
        """The job, in state waiting, takes its place in the line."""
        job = replace(job, stamps=job.stamped(at, Stamp.WAITING_QUEUE_ENTRY))
        self.waiting.push(job)
        self.deadlines.set(job.id, at + seconds(self.terms.waiting_deadline_s))
        self.save(job, at, story)

    def wait_longer(self, job: Job, at: int) -> None:
        """A waiting job keeps its place for another term."""
        self.deadlines.set(job.id, at + seconds(self.terms.waiting_deadline_s))

    def end(self, job: Job, at: int, story: str) -> None:
        """The job, in a final state, is no longer ours to move."""
        self.let_go(job)
        self.jobs.pop(job.id, None)
        self._ended.pop(job.id, None)
        self._ended[job.id] = job.attempt
        if len(self._ended) > REMEMBERED:
            del self._ended[next(iter(self._ended))]
        job = replace(job, stamps=job.stamped(at, Stamp.COMPLETED))
        self.order(do.Save(job=job, at=at, story=story))

    def let_go(self, job: Job) -> None:
        """Take a job out of the line, its lease and its deadline, wherever it stands."""
        if job.id in self.waiting:
            self.waiting.remove(job.id)
        lease = self.leases.drop(job.id)
        if lease is not None:
            self.roster.take(lease.node, job.id)
        self.deadlines.clear(job.id)

    def stop(self, job: Job) -> None:
        """Tell the node that has the job, if one has it and is here, to forget it."""
        if job.state in WITH_NODE and self.roster.get(job.node) is not None:
            self.order(do.SendCancel(node=job.node, job=job.id, attempt=job.attempt))

    def again(self, job: Job, kind: FaultKind, why: str, at: int) -> None:
        """A fault of ours: the job waits again, before those without faults, or staff are shown it."""
        job = _blamed(job, kind, why, at)
        self.let_go(job)
        spent = self._spent(job)
        if spent:
            self.fail(job, f"{spent}; the last fault: {why}", at)
        else:
            job = moved(job, Step.REQUEUE, node="", tests=())
            self.wait(job, at, f"{kind.value}: {why}; waits again")

    def no_node(self, job: Job, why: str, at: int) -> None:
        """A waiting job is given up."""
        self.fail(_blamed(job, FaultKind.NO_NODE, why, at), why, at)

    def fail(self, job: Job, why: str, at: int) -> None:
        """The job ends without a mark, for reasons that are ours: staff must look at it."""
        self.order(do.Tell(message=f"job {job.id} failed, ours: {why}"))
        self.end(moved(job, Step.GIVE_UP, message=UNLUCKY), at, f"given up: {why}")

    def _spent(self, job: Job) -> str:
        """Why the job is not tried again; empty when it is."""
        deaths = {f.node for f in job.faults if f.kind is FaultKind.POD_DIED}
        if len(deaths) >= self.terms.max_pod_deaths:
            return f"quarantined, it took pods down on {len(deaths)} nodes"
        if job.charged_faults >= self.terms.max_attempts:
            return f"its {self.terms.max_attempts} attempts are used up"
        if len(job.faults) >= self.terms.max_returns:
            return f"it came back {len(job.faults)} times"
        return ""


def _blamed(job: Job, kind: FaultKind, why: str, at: int) -> Job:
    fault = Fault(kind=kind, message=why, at=at, node=job.node, attempt=job.attempt)
    return replace(job, faults=(*job.faults, fault))
