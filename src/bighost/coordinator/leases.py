"""Leases: which node holds a job, with which attempt number, and until when.

A lease is renewed by every heartbeat that names its job and by every progress message, but never beyond
the attempt's own deadline: a node that is alive and gets nowhere loses the job as well. The attempt number
goes up with each lease and fences off what an earlier holder still says.
"""

from __future__ import annotations

import msgspec

from bighost.clock import SECOND
from bighost.wire.messages import CreditTerms

SLACK_S = 600.0  # what a node may need besides running: datasets to fetch, pods to start


class Lease(msgspec.Struct, frozen=True):
    """One job in the hands of one node."""

    job: str
    attempt: int
    node: str
    until: int  # ns: lost when not renewed by then
    overdue: int  # ns: lost then, renewed or not

    @property
    def deadline(self) -> int:
        """When it ends if nothing more is heard."""
        return min(self.until, self.overdue)

    def renewed(self, now: int, lease_s: float) -> Lease:
        """The same lease, good for another `lease_s` seconds from `now`."""
        return msgspec.structs.replace(self, until=now + int(lease_s * SECOND))

    def started(self, now: int, lease_s: float, time_bound_s: float) -> Lease:
        """The lease once the job runs: the attempt must end within its time bound."""
        overdue = min(self.overdue, now + int(time_bound_s * SECOND))
        return msgspec.structs.replace(self, until=now + int(lease_s * SECOND), overdue=overdue)


def granted(
    job: str, attempt: int, node: str, now: int, *, lease_s: float, time_bound_s: float, terms: CreditTerms
) -> Lease:
    """A new lease: the job may wait on the node behind a window full of jobs as long as itself."""
    overdue = now + int((terms.window * time_bound_s + SLACK_S) * SECOND)
    return Lease(job, attempt, node, now + int(lease_s * SECOND), overdue)


class Leases:
    """Every lease by job, and the jobs of each node."""

    def __init__(self) -> None:
        self._leases: dict[str, Lease] = {}
        self._of_node: dict[str, set[str]] = {}

    def __len__(self) -> int:
        return len(self._leases)

    def get(self, job: str) -> Lease | None:
        """The lease of a job, if it is in a node's hands."""
        return self._leases.get(job)

    def put(self, lease: Lease) -> None:
        """Keep a lease, instead of the one that its job had."""
        self.drop(lease.job)
        self._leases[lease.job] = lease
        self._of_node.setdefault(lease.node, set()).add(lease.job)

    def drop(self, job: str) -> Lease | None:
        """End a job's lease and return it."""
        lease = self._leases.pop(job, None)
        if lease is not None:
            jobs = self._of_node[lease.node]
            jobs.discard(job)
            if not jobs:
                del self._of_node[lease.node]
        return lease

    def match(self, node: str, job: str, attempt: int) -> Lease | None:
        """The job's lease, if it is this node's and of this attempt: else what it says is fenced off."""
        lease = self._leases.get(job)
        return lease if lease is not None and (lease.node, lease.attempt) == (node, attempt) else None

    def held_by(self, node: str) -> list[Lease]:
        """What a node holds, in the order of job ids."""
        return [self._leases[job] for job in sorted(self._of_node.get(node, ()))]
