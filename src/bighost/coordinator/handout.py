"""Giving waiting jobs to hungry nodes, until there is no more of one or the other."""

from __future__ import annotations

from bighost.clock import seconds
from bighost.coordinator import commands as do
from bighost.coordinator.leases import Lease, latest_end
from bighost.coordinator.ledger import Ledger, moved
from bighost.coordinator.roster import Node
from bighost.job.job import FaultKind, Job
from bighost.job.latency import Stamp
from bighost.job.state import Step

# Faults that are no reason to keep a job away from the node that had it.
BLAMELESS = frozenset({FaultKind.MARKING, FaultKind.NO_NODE})


class HandOut:
    """See the module's docstring."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._roster = ledger.roster
        self._waiting = ledger.waiting

    def run(self, at: int) -> None:
        """Lease all that can be leased now, and order the batches."""
        batches: dict[str, list[Job]] = {}
        while self._waiting and self._roster.anybody_ready and (pair := self._next()) is not None:
            job, node = pair
            batches.setdefault(node.key, []).append(self._lease(job, node, at))
        for key, jobs in batches.items():
            self._send(key, jobs)

    def _next(self) -> tuple[Job, Node] | None:
        """Whose turn it is, and the node that takes it."""
        for id in self._waiting.candidates(self._roster.has_ready):
            job = self._ledger.jobs[id]
            node = self._roster.choose(job.requirement, avoided(job))
            if node is not None:
                return job, node
        return None

    def _lease(self, job: Job, node: Node, at: int) -> Job:
        self._waiting.serve(job.id)
        stamps = job.stamped(at, Stamp.WAITING_QUEUE_EXIT, Stamp.PROCESSING_QUEUE_ENTRY)
        job = moved(job, Step.LEASE, attempt=job.attempt + 1, node=node.key, stamps=stamps)
        self._roster.give(node, job.id, seconds(job.time_bound_s))
        end = latest_end(at, node.work_ns)  # it may stand behind everything else that the node holds
        lease = Lease(job.id, job.attempt, node.key, at, end)
        self._ledger.keep(lease.renewed(at, self._ledger.terms.lease_s))
        self._ledger.save(job, at, f"attempt {job.attempt} handed to {node.name}")
        return job

    def _send(self, key: str, jobs: list[Job]) -> None:
        node = self._roster.get(key)
        assert node is not None, "nobody leaves while jobs are handed out"
        self._roster.settle(node)
        for start in range(0, len(jobs), node.terms.batch):
            batch = tuple(jobs[start : start + node.terms.batch])
            self._ledger.order(do.SendBatch(node=key, jobs=batch))


def avoided(job: Job) -> frozenset[str]:
    """The nodes on which a fault of ours has struck this job."""
    return frozenset(f.node for f in job.faults if f.kind not in BLAMELESS)
