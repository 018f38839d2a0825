"""Leases: which node holds a job, with which attempt number, and until when.

A lease is renewed by every heartbeat that names its job and by every progress message, but never beyond
the attempt's own deadline: a node that is alive and gets nowhere loses the job as well. The attempt number
goes up with each lease and fences off what an earlier holder still says.
"""

from __future__ import annotations

import msgspec

from bighost.clock import seconds

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
        return msgspec.structs.replace(self, until=now + seconds(lease_s))

    def started(self, now: int, time_bound_s: float) -> Lease:
        """The lease once the job runs: the attempt must end within its time bound."""
        return self.ending_by(now + seconds(time_bound_s))

    def ending_by(self, overdue: int) -> Lease:
        """The same lease, overdue then at the latest."""
        return msgspec.structs.replace(self, overdue=min(self.overdue, overdue))

    def slept(self, late: int) -> Lease:
        """The same lease after `late` ns that don't count: the only thing that makes an attempt longer."""
        return msgspec.structs.replace(self, overdue=self.overdue + late)


def latest_end(now: int, work_ns: int) -> int:
    """When a job must have ended on a node that has `work_ns` to do, the job included, at its slowest."""
    return now + work_ns + seconds(SLACK_S)


class Leases:
    """Every lease by job, and the jobs of each node."""

    def __init__(self) -> None:
        self._leases: dict[str, Lease] = {}
        self._of_node: dict[str, dict[str, None]] = {}  # sets that keep their order

    def __len__(self) -> int:
        return len(self._leases)

    def get(self, job: str) -> Lease | None:
        """The lease of a job, if it is in a node's hands."""
        return self._leases.get(job)

    def put(self, lease: Lease) -> None:
        """Keep a lease, instead of the one that its job had."""
        before = self._leases.get(lease.job)
        if before is not None and before.node != lease.node:
            self.drop(lease.job)
        self._leases[lease.job] = lease
        self._of_node.setdefault(lease.node, {})[lease.job] = None

    def drop(self, job: str) -> Lease | None:
        """End a job's lease and return it."""
        lease = self._leases.pop(job, None)
        if lease is not None:
            jobs = self._of_node[lease.node]
            del jobs[job]
            if not jobs:
                del self._of_node[lease.node]
        return lease

    def match(self, node: str, job: str, attempt: int) -> Lease | None:
        """The job's lease, if it is this node's and of this attempt: else what it says is fenced off."""
        lease = self._leases.get(job)
        return lease if lease is not None and (lease.node, lease.attempt) == (node, attempt) else None

    def held_by(self, node: str) -> list[Lease]:
        """What a node holds, in the order in which it was given."""
        return [self._leases[job] for job in self._of_node.get(node, ())]

    def all(self) -> list[Lease]:
        """Every lease, in the order in which jobs were given to nodes."""
        return list(self._leases.values())
