"""The whole coordinator as a pure machine: `handle(event) -> commands`. No sockets, files, or clock.

    Submitted ──> waiting line ──> lease (save, then send) ──> result ──> marking ──> graded
                      ^                    │ lost, fault of ours, handed back
                      └────────────────────┘

* Time comes with each event. `next_deadline` says when `Ticked` must come at the latest.
* Every change of a job is a `Save`; the shell makes all saves of a round durable before it carries out
  anything else, so nobody is ever told what could still be lost.
* The engine holds the jobs that are not final, and nothing that could not be derived from them: after a
  restart `recovery.recovered` builds it again from the store. A store that fails is handled the same way.
* Only the holder of a lease, with its attempt number, moves a job; anything else said is fenced off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from bighost.clock import SECOND
from bighost.coordinator import commands as do
from bighost.coordinator import events as on
from bighost.coordinator.deadlines import Deadlines
from bighost.coordinator.leases import SLACK_S, Lease, Leases, granted
from bighost.coordinator.roster import Node, Roster
from bighost.coordinator.waiting import WaitingLine
from bighost.errors import Ours
from bighost.job.job import HARMLESS, Fault, FaultKind, Job
from bighost.job.latency import Stamp
from bighost.job.state import State, Step, step
from bighost.job.verdict import Verdict
from bighost.wire.messages import Held, Receipt, RefuseReason

replace = msgspec.structs.replace
LOOK_AHEAD = 32  # jobs behind the head that are looked at when the head avoids every node with room


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """The engine's settings, in seconds and counts."""

    lease_s: float = 15.0
    heartbeat_s: float = 3.0
    max_attempts: int = 5  # faults of ours that a job survives before staff must look at it
    max_pod_deaths: int = 2  # nodes on which it may take a pod down before it is quarantined
    waiting_deadline_s: float = 86_400.0
    marking_deadline_s: float = 120.0


class Engine:
    """See the module's docstring."""

    def __init__(self, terms: Terms | None = None) -> None:
        self.terms = terms or Terms()
        self.jobs: dict[str, Job] = {}  # not final
        self.waiting = WaitingLine()
        self.roster = Roster()
        self.leases = Leases()
        self._tags: dict[str, int] = {}  # place in the line of jobs that have left it
        self._job_deadlines: Deadlines[str] = Deadlines()
        self._node_deadlines: Deadlines[str] = Deadlines()
        self._out: list[do.Command] = []
        self._handlers: dict[type[on.Event], Callable[[Any], None]] = {
            on.Submitted: self._submitted,
            on.NodeJoined: self._node_joined,
            on.Pulled: self._pulled,
            on.Progressed: self._progressed,
            on.Beaten: self._beaten,
            on.NodeLeft: self._node_left,
            on.NodeDrained: self._node_drained,
            on.NodeForgotten: self._node_forgotten,
            on.Marked: self._marked,
            on.MarkingFailed: self._marking_failed,
            on.CancelAsked: self._cancel_asked,
            on.RetryAsked: self._retry_asked,
            on.Ticked: self._ticked,
        }

    def handle(self, event: on.Event) -> list[do.Command]:
        """What is to be done about `event`; the saves among it come first."""
        self._out = []
        self._handlers[type(event)](event)
        self._hand_out(event.at)
        self._out.sort(key=lambda command: not isinstance(command, do.Save))
        return self._out

    def next_deadline(self) -> int | None:
        """When (ns) a `Ticked` is due, None when nothing is pending."""
        times = [t for t in (self._job_deadlines.next(), self._node_deadlines.next()) if t is not None]
        return min(times, default=None)

    def deadline(self, job: str) -> int | None:
        """When (ns) something must have happened to a live job."""
        return self._job_deadlines.get(job)

    def adopt(self, job: Job, at: int) -> None:
        """Take in a live job from the store, before any event; see `recovery`. Raises Ours on a final one."""
        if job.state in (State.LEASED, State.RUNNING):
            overdue = at + int((job.time_bound_s + SLACK_S) * SECOND)
            self._renew(Lease(job.id, job.attempt, job.node, at, overdue), at)
        elif job.state is State.MARKING:
            self._job_deadlines.set(job.id, at + int(self.terms.marking_deadline_s * SECOND))
        elif job.state is State.WAITING:
            # One that was tried before was first in its line, and is again.
            self._tags[job.id] = self.waiting.push(job, tag=0 if job.attempt else None)
            self._job_deadlines.set(job.id, at + int(self.terms.waiting_deadline_s * SECOND))
        else:
            raise Ours(f"job {job.id} is {job.state.value} and can't be taken up after a restart")
        self.jobs[job.id] = job

    # -- hand-ins and what people ask for

    def _submitted(self, event: on.Submitted) -> None:
        if event.refused:
            job = self._step(event.job, Step.REJECT, message=event.refused)
            self._finish(replace(job, stamps=job.stamped(event.at, Stamp.COMPLETED)), event.at, "rejected")
            return
        job = self._step(event.job, Step.ACCEPT)
        self._wait(job, event.at, f"waits, hand-in {job.number} of team {job.team}")

    def _cancel_asked(self, event: on.CancelAsked) -> None:
        job = self.jobs.get(event.job)
        if job is None:
            self._out.append(do.Reject(job=event.job, message="it has ended already"))
            return
        lease = self.leases.get(job.id)
        self._let_go(job)
        if lease is not None:
            self._out.append(do.SendCancel(node=lease.node, job=job.id, attempt=lease.attempt))
        job = self._step(job, Step.CANCEL, message=f"Cancelled by {event.by}.")
        self._finish(
            replace(job, stamps=job.stamped(event.at, Stamp.COMPLETED)), event.at, f"cancelled by {event.by}"
        )

    def _retry_asked(self, event: on.RetryAsked) -> None:
        if event.job.id in self.jobs:
            self._out.append(do.Reject(job=event.job.id, message="it has not ended yet"))
            return
        job = self._step(
            event.job, Step.RETRY, rerun=True, verdict=None, score=None, message="", tests=(), faults=()
        )
        self._wait(job, event.at, f"to be run again, asked by {event.by}")

    # -- nodes

    def _node_joined(self, event: on.NodeJoined) -> None:
        before = self.roster.get(event.node)
        if before is not None and before.instance != event.instance and before.route != event.route:
            message = "Another node has joined with the same key; each machine needs an identity of its own."
            self._out.append(
                do.SendRefuse(route=before.route, reason=RefuseReason.SUPERSEDED, message=message)
            )
        node = Node(
            key=event.node,
            name=event.name,
            route=event.route,
            instance=event.instance,
            profile=event.profile,
            capacity=event.capacity,
            terms=event.credit,
            said=0,  # nothing is sent before its first Pull, which follows the Welcome
            joined=event.at,
            heard=event.at,
            done=before.done if before else 0,
        )
        self.roster.add(node)
        self._hear(node, event.at)
        self._out.append(do.SendWelcome(node=node.key))
        self._reconcile(node, event.held, event.at)

    def _reconcile(self, node: Node, held: tuple[Held, ...], at: int) -> None:
        """Bring leases and what the node says it holds together after a (re)join."""
        claimed = {(h.job, h.attempt) for h in held}
        for lease in self.leases.held_by(node.key):
            if (lease.job, lease.attempt) in claimed:
                node.held.add(lease.job)
                self._renew(lease, at)
                claimed.discard((lease.job, lease.attempt))
            else:
                fault = FaultKind.LEASE_LOST
                self._requeue(lease, fault, f"{node.name} joined again without the job", at)
        for job, attempt in sorted(claimed):
            # In state marking the node keeps the outputs until it is told; anything else is fenced off.
            if not self._is_marking(job, attempt, node.key):
                self._out.append(do.SendCancel(node=node.key, job=job, attempt=attempt))
        self.roster.settle(node)

    def _pulled(self, event: on.Pulled) -> None:
        node = self._heard_from(event.node, event.at)
        if node is None:
            return
        receipts = tuple(self._result(node, result, event.at) for result in event.results)
        if receipts:
            self._out.append(do.SendAck(node=node.key, receipts=receipts))
        node.said = event.credit
        self.roster.settle(node)

    def _progressed(self, event: on.Progressed) -> None:
        node = self._heard_from(event.node, event.at)
        lease = self.leases.match(event.node, event.job, event.attempt)
        if node is None or lease is None:
            return
        job = self.jobs[event.job]
        if job.state is State.LEASED:
            job = self._step(job, Step.START)
            self._keep(lease.started(event.at, self.terms.lease_s, job.time_bound_s))
            self._save(job, event.at, f"attempt {job.attempt} started on {node.name}")
        else:
            self._renew(lease, event.at)

    def _beaten(self, event: on.Beaten) -> None:
        node = self._heard_from(event.node, event.at)
        if node is None:
            return
        node.load = event.load
        for held in event.held:
            lease = self.leases.match(event.node, held.job, held.attempt)
            if lease is not None:
                self._renew(lease, event.at)
            elif not self._is_marking(held.job, held.attempt, node.key):
                self._out.append(do.SendCancel(node=node.key, job=held.job, attempt=held.attempt))

    def _node_left(self, event: on.NodeLeft) -> None:
        node = self.roster.get(event.node)
        if node is None:
            return
        for held in event.handed_back:
            lease = self.leases.match(event.node, held.job, held.attempt)
            if lease is not None:
                self._requeue(lease, FaultKind.HANDED_BACK, event.reason or "the node left", event.at)
        self._drop_node(node, "the node left", event.at)

    def _node_drained(self, event: on.NodeDrained) -> None:
        node = self.roster.get(event.node)
        if node is not None:
            node.draining = True
            self.roster.settle(node)
            self._out.append(do.SendDrain(node=node.key))

    def _node_forgotten(self, event: on.NodeForgotten) -> None:
        node = self.roster.get(event.node)
        if node is not None:
            message = "Staff have removed this node. Ask them for a new join token to enrol again."
            self._out.append(
                do.SendRefuse(route=node.route, reason=RefuseReason.UNKNOWN_KEY, message=message)
            )
            self._drop_node(node, "the node was removed by staff", event.at)

    def _drop_node(self, node: Node, why: str, at: int) -> None:
        for lease in self.leases.held_by(node.key):
            self._requeue(lease, FaultKind.LEASE_LOST, why, at)
        self._node_deadlines.clear(node.key)
        self.roster.remove(node.key)

    # -- results and marks

    def _result(self, node: Node, result: on.Finished, at: int) -> Receipt:
        if self._is_marking(result.job, result.attempt, node.key):
            return self._wanted(self.jobs[result.job])
        lease = self.leases.match(node.key, result.job, result.attempt)
        if lease is None:
            return Receipt(job=result.job, attempt=result.attempt, current=False)
        if result.fault is not None:
            node.faults += 1
            self._requeue(lease, result.fault, result.fault_message, at)
            return Receipt(job=result.job, attempt=result.attempt)
        node.faults = 0
        node.done += 1
        job = self.jobs[result.job]
        self._let_go(job)
        stamps = {**job.stamps, **result.stamps, Stamp.OUTPUT_QUEUE_ENTRY: at}
        job = self._step(job, Step.RESULT, tests=result.tests, stamps=stamps)
        self.jobs[job.id] = job
        if result.marking is not None:
            self._grade(job, result.marking, at)
            return Receipt(job=job.id, attempt=result.attempt)
        self._job_deadlines.set(job.id, at + int(self.terms.marking_deadline_s * SECOND))
        self._save(job, at, f"result of attempt {job.attempt} kept, output wanted from {node.name}")
        self._out.append(do.Mark(job=job))
        return self._wanted(job)

    def _wanted(self, job: Job) -> Receipt:
        upload = tuple(t.name for t in job.tests if t.verdict is None)
        return Receipt(job=job.id, attempt=job.attempt, upload=upload)

    def _marked(self, event: on.Marked) -> None:
        job = self.jobs.get(event.job)
        if job is not None and job.state is State.MARKING and job.attempt == event.attempt:
            self._grade(job, event, event.at)

    def _marking_failed(self, event: on.MarkingFailed) -> None:
        job = self.jobs.get(event.job)
        if job is not None and job.state is State.MARKING and job.attempt == event.attempt:
            self._again(job, FaultKind.MARKING, event.message, event.at)

    def _grade(self, job: Job, marking: on.Marked, at: int) -> None:
        self._job_deadlines.clear(job.id)
        job = self._step(
            job,
            Step.GRADE,
            tests=marking.tests,
            verdict=Verdict(marking.verdict),
            score=marking.score,
            message=marking.message,
            staff_message=marking.staff_message,
            stamps={**job.stamps, **marking.stamps, Stamp.COMPLETED: at},
        )
        self._finish(job, at, f"graded: {marking.verdict}, score {marking.score:g}")

    # -- time

    def _ticked(self, event: on.Ticked) -> None:
        for key in self._node_deadlines.expired(event.at):
            node = self.roster.get(key)
            if node is not None:
                self._out.append(do.Tell(message=f"node {node.name} was not heard of for a lease"))
                self._drop_node(node, f"{node.name} was not heard of in time", event.at)
        for id in self._job_deadlines.expired(event.at):
            self._overdue(self.jobs[id], event.at)

    def _overdue(self, job: Job, at: int) -> None:
        lease = self.leases.get(job.id)
        if lease is not None:
            late = at >= lease.overdue
            kind = FaultKind.OVERDUE if late else FaultKind.LEASE_LOST
            why = "the attempt did not end in time" if late else "the lease was not renewed"
            self._out.append(do.SendCancel(node=lease.node, job=job.id, attempt=lease.attempt))
            self._requeue(lease, kind, why, at)
        elif job.state is State.MARKING:
            self._again(job, FaultKind.OUTPUT_LOST, "its output was not handed in and compared in time", at)
        else:
            self._give_up(job, FaultKind.NO_NODE, "no node that can run it was there in time", at)

    # -- the moves that several events share

    def _requeue(self, lease: Lease, kind: FaultKind, why: str, at: int) -> None:
        self._again(self.jobs[lease.job], kind, why, at)

    def _again(self, job: Job, kind: FaultKind, why: str, at: int) -> None:
        """A fault of ours: wait again, first in line, or show staff that it could not be run."""
        fault = Fault(kind=kind, message=why, at=at, node=job.node, attempt=job.attempt)
        job = replace(job, faults=(*job.faults, fault))
        deaths = {f.node for f in job.faults if f.kind is FaultKind.POD_DIED}
        if job.charged_faults >= self.terms.max_attempts or len(deaths) >= self.terms.max_pod_deaths:
            self._give_up(job, None, why, at)
            return
        self._let_go(job)
        self._wait(self._step(job, Step.REQUEUE, node="", tests=()), at, f"{kind.value}: {why}; waits again")

    def _give_up(self, job: Job, kind: FaultKind | None, why: str, at: int) -> None:
        self._let_go(job)
        if kind is not None:
            fault = Fault(kind=kind, message=why, at=at, node=job.node, attempt=job.attempt)
            job = replace(job, faults=(*job.faults, fault))
        message = "BigHOST could not run this submission. It costs no try, and the staff have been told."
        job = self._step(job, Step.GIVE_UP, message=message, stamps=job.stamped(at, Stamp.COMPLETED))
        self._out.append(do.Tell(message=f"job {job.id} failed, ours: {why}"))
        self._finish(job, at, f"given up: {why}")

    def _wait(self, job: Job, at: int, story: str) -> None:
        job = replace(job, stamps=job.stamped(at, Stamp.WAITING_QUEUE_ENTRY))
        self._tags[job.id] = self.waiting.push(job, tag=self._tags.get(job.id))
        self._job_deadlines.set(job.id, at + int(self.terms.waiting_deadline_s * SECOND))
        self._save(job, at, story)

    def _finish(self, job: Job, at: int, story: str) -> None:
        self._tags.pop(job.id, None)
        self.jobs.pop(job.id, None)
        self._out.append(do.Save(job=job, at=at, story=story))

    def _let_go(self, job: Job) -> None:
        """Take a job out of the line, its lease and its deadline, wherever it stands."""
        if job.id in self.waiting:
            self.waiting.remove(job.id)
        lease = self.leases.drop(job.id)
        if lease is not None:
            self.roster.take(lease.node, job.id)
        self._job_deadlines.clear(job.id)

    def _save(self, job: Job, at: int, story: str) -> None:
        self.jobs[job.id] = job
        self._out.append(do.Save(job=job, at=at, story=story))

    def _step(self, job: Job, move: Step, **changes: Any) -> Job:
        return replace(job, state=step(job.id, job.state, move), **changes)

    # -- leases

    def _is_marking(self, id: str, attempt: int, node: str) -> bool:
        job = self.jobs.get(id)
        return job is not None and job.state is State.MARKING and job.attempt == attempt and job.node == node

    def _renew(self, lease: Lease, at: int) -> None:
        self._keep(lease.renewed(at, self.terms.lease_s))

    def _keep(self, lease: Lease) -> None:
        self.leases.put(lease)
        self._job_deadlines.set(lease.job, lease.deadline)

    def _heard_from(self, key: str, at: int) -> Node | None:
        node = self.roster.get(key)
        if node is not None:
            self._hear(node, at)
        return node

    def _hear(self, node: Node, at: int) -> None:
        node.heard = at
        self._node_deadlines.set(node.key, at + int(self.terms.lease_s * SECOND))

    # -- handing out

    def _hand_out(self, at: int) -> None:
        """Give waiting jobs to hungry nodes until there is no more of one or the other."""
        batches: dict[str, list[Job]] = {}
        blocked = False
        while len(self.waiting) and not blocked:
            blocked = True
            for _, requirement in self.waiting.heads():
                if not self.roster.has_ready(requirement):
                    continue
                picked = self._pick(self.waiting.line(requirement))
                if picked is not None:
                    job, node = picked
                    batches.setdefault(node.key, []).append(self._lease(job, node, at))
                    blocked = False
                    break
        for key, jobs in batches.items():
            self._send(key, jobs)

    def _pick(self, line: Iterable[str]) -> tuple[Job, Node] | None:
        for looked_at, id in enumerate(line):
            if looked_at == LOOK_AHEAD:
                break
            job = self.jobs[id]
            avoid = {f.node for f in job.faults if f.kind not in HARMLESS} if job.faults else ()
            node = self.roster.choose(job.requirement, avoid)
            if node is not None:
                return job, node
        return None

    def _lease(self, job: Job, node: Node, at: int) -> Job:
        self._tags[job.id] = self.waiting.serve(job.id)
        job = self._step(
            job,
            Step.LEASE,
            attempt=job.attempt + 1,
            node=node.key,
            stamps=job.stamped(at, Stamp.WAITING_QUEUE_EXIT, Stamp.PROCESSING_QUEUE_ENTRY),
        )
        lease = granted(
            job.id,
            job.attempt,
            node.key,
            at,
            lease_s=self.terms.lease_s,
            time_bound_s=job.time_bound_s,
            terms=node.terms,
        )
        self._keep(lease)
        self.roster.give(node, job.id)
        self._save(job, at, f"attempt {job.attempt} handed to {node.name}")
        return job

    def _send(self, key: str, jobs: list[Job]) -> None:
        node = self.roster.get(key)
        if node is None:
            raise Ours(f"jobs were handed to node {key}, which is not here")
        self.roster.settle(node)
        for start in range(0, len(jobs), node.terms.batch):
            self._out.append(do.SendBatch(node=key, jobs=tuple(jobs[start : start + node.terms.batch])))
