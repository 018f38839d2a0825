"""What came out: a node's results, and the output processor's marks.

A result whose every test was judged by digests is graded at once. Else the job is in state marking: the
receipt asks its node for the outputs, and the output processor compares them.
"""

from __future__ import annotations

from bighost.clock import seconds
from bighost.coordinator import commands as do
from bighost.coordinator import events as on
from bighost.coordinator.ledger import Ledger, moved
from bighost.coordinator.membership import Membership
from bighost.coordinator.roster import Node
from bighost.job.job import FaultKind, Job
from bighost.job.latency import Stamp
from bighost.job.state import State, Step
from bighost.wire.messages import Receipt

# Faults that say that the node itself is not well: the next job would fare no better.
UNWELL = frozenset({FaultKind.POD_NOT_STARTED, FaultKind.NODE_DISK, FaultKind.NODE_BUG})


class Results:
    """See the module's docstring."""

    def __init__(self, ledger: Ledger, membership: Membership) -> None:
        self._ledger = ledger
        self._membership = membership

    def pulled(self, event: on.Pulled) -> None:
        """A node hands in results and says how many jobs it will hold."""
        node = self._membership.heard(event.node, event.at)
        if node is None:
            return
        receipts = tuple(self._receive(node, result, event.at) for result in event.results)
        if receipts:
            self._ledger.order(do.SendAck(node=node.key, receipts=receipts))
        self._ledger.roster.says(node, event.credit)
        if node.draining and event.credit:
            self._ledger.order(do.SendDrain(node=node.key))  # it can't have heard that

    def progressed(self, event: on.Progressed) -> None:
        """A job went a step further: it runs, and its lease is renewed."""
        node = self._membership.heard(event.node, event.at)
        lease = self._ledger.leases.match(event.node, event.job, event.attempt)
        if node is None or lease is None:
            return
        job = self._ledger.jobs[event.job]
        if job.state is State.LEASED:
            lease = lease.started(event.at, job.time_bound_s)
            job = moved(job, Step.START, stamps=job.stamped(event.at, Stamp.PROCESSING_START))
            self._ledger.save(job, event.at, f"attempt {job.attempt} started on {node.name}")
        self._ledger.keep(lease.renewed(event.at, self._ledger.terms.lease_s))

    def marked(self, event: on.Marked) -> None:
        """The output processor has judged every test."""
        job = self._ledger.in_marking(event.job, event.attempt)
        if job is not None:
            self._grade(job, event, event.at)

    def marking_failed(self, event: on.MarkingFailed) -> None:
        """The output processor could not do its work."""
        job = self._ledger.in_marking(event.job, event.attempt)
        if job is not None:
            self._ledger.stop(job)
            self._ledger.again(job, FaultKind.MARKING, event.message, event.at)

    def _receive(self, node: Node, result: on.Finished, at: int) -> Receipt:
        job = self._ledger.held(node.key, result.job, result.attempt)
        if job is None:
            return Receipt(job=result.job, attempt=result.attempt, current=False)
        if result.fault is not None:
            self._fault(node, job, result.fault, result.fault_message, at)
            return Receipt(job=job.id, attempt=job.attempt)
        if job.state is not State.MARKING:  # else it is handed in once more, and answered once more
            job = self._take(node, job, result, at)
        wanted = tuple(t.name for t in job.tests if t.verdict is None)
        return Receipt(job=job.id, attempt=job.attempt, upload=wanted)

    def _fault(self, node: Node, job: Job, kind: FaultKind, why: str, at: int) -> None:
        if kind in UNWELL:
            self._membership.unwell(node, at)
        self._ledger.again(job, kind, why or kind.value, at)

    def _take(self, node: Node, job: Job, result: on.Finished, at: int) -> Job:
        """A result that counts: the first of the attempt that the node has."""
        node.done += 1
        self._membership.well(node)
        self._ledger.let_go(job)
        stamps = {**job.stamps, **result.stamps, Stamp.OUTPUT_QUEUE_ENTRY: at}
        job = moved(job, Step.RESULT, tests=result.tests, stamps=stamps)
        if result.marking is not None:
            return self._grade(job, result.marking, at)
        self._ledger.deadlines.set(job.id, at + seconds(self._ledger.terms.marking_deadline_s))
        self._ledger.save(job, at, f"result of attempt {job.attempt} kept, output wanted from {node.name}")
        self._ledger.order(do.Mark(job=job))
        return job

    def _grade(self, job: Job, marking: on.Marked, at: int) -> Job:
        job = moved(
            job,
            Step.GRADE,
            tests=marking.tests,
            verdict=marking.verdict,
            score=marking.score,
            message=marking.message,
            staff_message=marking.staff_message,
            stamps={**job.stamps, **marking.stamps},
        )
        self._ledger.end(job, at, f"graded: {marking.verdict.value}, score {marking.score:g}")
        return job
