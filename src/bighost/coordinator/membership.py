"""Who is here: nodes join, give signs of life, rest, leave, are drained, forgotten, or fall silent.

A node that says nothing for a lease is dropped, and its jobs are run elsewhere. When it speaks again, the
shell asks it to greet again (`Rejoin`), and what it still holds is compared with the leases that are left.
"""

from __future__ import annotations

from bighost.clock import seconds
from bighost.coordinator import commands as do
from bighost.coordinator import events as on
from bighost.coordinator.deadlines import Deadlines
from bighost.coordinator.leases import Lease, latest_end
from bighost.coordinator.ledger import Ledger
from bighost.coordinator.roster import Node
from bighost.job.job import FaultKind
from bighost.job.state import State
from bighost.wire.messages import Held, Load, RefuseReason

SUPERSEDED = "Another node has joined with the same key; each machine needs an identity of its own."
FORGOTTEN = (
    "Staff have removed this node, and its key opens nothing any more. To join again it needs another --data "
    "folder, and a join token."
)


class Membership:
    """See the module's docstring."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._roster = ledger.roster
        self._silence: Deadlines[str] = Deadlines()  # by node: when it is dropped
        self._rests: Deadlines[str] = Deadlines()  # by node: when it is given jobs again

    def next_deadline(self) -> int | None:
        """When (ns) `expire` has something to do."""
        times = [t for t in (self._silence.next(), self._rests.next()) if t is not None]
        return min(times, default=None)

    def heard(self, key: str, at: int) -> Node | None:
        """The node, if it is here; it has given a sign of life."""
        node = self._roster.get(key)
        if node is not None:
            node.heard = at
            self._silence.set(key, at + seconds(self._ledger.terms.lease_s))
        return node

    # -- coming

    def joined(self, event: on.NodeJoined) -> None:
        """A node greets, for the first time or again."""
        before = self._roster.get(event.node)
        same = before is not None and before.instance == event.instance
        if before is not None and not same and before.route != event.route:
            reason = RefuseReason.SUPERSEDED
            self._ledger.order(do.SendRefuse(route=before.route, reason=reason, message=SUPERSEDED))
        if not same:
            self._rests.clear(event.node)
        node = _newcomer(event, before, same)
        self._roster.add(node)
        self.heard(node.key, event.at)
        self._ledger.order(do.SendWelcome(node=node.key))
        if node.draining:
            self._ledger.order(do.SendDrain(node=node.key))
        self._reconcile(node, event.held, event.at)

    def _reconcile(self, node: Node, held: tuple[Held, ...], at: int) -> None:
        """Bring leases and what the node says it holds together."""
        claimed = {(h.job, h.attempt) for h in held}
        leases = self._ledger.leases.held_by(node.key)
        kept = [lease for lease in leases if (lease.job, lease.attempt) in claimed]
        for lease in leases:
            if (lease.job, lease.attempt) not in claimed:
                self._lost(lease, FaultKind.LEASE_LOST, f"{node.name} joined again without the job", at)
        self._confirm(node, kept, at)
        self._disown(node, held)

    def _confirm(self, node: Node, leases: list[Lease], at: int) -> None:
        for lease in leases:
            self._roster.confirm(node, lease.job, seconds(self._ledger.jobs[lease.job].time_bound_s))
        end = latest_end(at, node.work_ns)
        for lease in leases:
            if self._ledger.jobs[lease.job].state is State.LEASED:
                lease = lease.ending_by(end)
            self._ledger.keep(lease.renewed(at, self._ledger.terms.lease_s))

    def _disown(self, node: Node, held: tuple[Held, ...]) -> list[Held]:
        """Have the node forget what isn't its own (any more). Returns what is."""
        own = []
        for item in held:
            if self._ledger.held(node.key, item.job, item.attempt) is not None:
                own.append(item)
            else:
                self._ledger.order(do.SendCancel(node=node.key, job=item.job, attempt=item.attempt))
        return own

    def beaten(self, event: on.Beaten) -> None:
        """A heartbeat renews the leases of the jobs that it names."""
        node = self.heard(event.node, event.at)
        if node is not None:
            node.load = event.load
            for item in self._disown(node, event.held):
                self._ledger.renew(item.job, event.at)

    # -- being unwell

    def unwell(self, node: Node, at: int) -> None:
        """The node could not run a job, for a reason that is its own: it is left alone for a while."""
        terms = self._ledger.terms
        pause = min(terms.longest_rest_s, terms.rest_s * 2.0 ** min(node.faults, 30))
        node.faults += 1
        self._rests.set(node.key, at + seconds(pause))
        self._roster.rest(node, True)

    def well(self, node: Node) -> None:
        """The node has run a job: whatever was wrong is over, or was not its own."""
        node.faults = 0
        if node.resting:
            self._rests.clear(node.key)
            self._roster.rest(node, False)

    # -- going

    def left(self, event: on.NodeLeft) -> None:
        """A node says goodbye; what it hands back costs the jobs nothing."""
        node = self._roster.get(event.node)
        if node is None:
            return
        for item in event.handed_back:
            lease = self._ledger.leases.match(event.node, item.job, item.attempt)
            if lease is not None:
                self._lost(lease, FaultKind.HANDED_BACK, event.reason or f"{node.name} left", event.at)
        self._drop(node, f"{node.name} left", event.at)

    def drained(self, event: on.NodeDrained) -> None:
        """Staff want a node to finish and leave."""
        node = self._roster.get(event.node)
        if node is not None:
            self._roster.drain(node)
            self._ledger.order(do.SendDrain(node=node.key))

    def forgotten(self, event: on.NodeForgotten) -> None:
        """Staff have revoked a node's key."""
        node = self._roster.get(event.node)
        if node is not None:
            reason = RefuseReason.UNKNOWN_KEY
            self._ledger.order(do.SendRefuse(route=node.route, reason=reason, message=FORGOTTEN))
            self._drop(node, f"{node.name} was removed by staff", event.at)
        for lease in self._ledger.leases.held_by(event.node):  # it has not come back since a restart
            self._lost(lease, FaultKind.LEASE_LOST, "its node was removed by staff", event.at)

    def expire(self, at: int) -> None:
        """Wake nodes that have rested, drop those that were silent for too long."""
        for key in self._rests.expired(at):
            node = self._roster.get(key)
            if node is not None:
                self._roster.rest(node, False)
        for key in self._silence.expired(at):
            node = self._roster.get(key)
            if node is not None:
                self._ledger.order(do.Tell(message=f"node {node.name} was not heard of for a lease"))
                self._drop(node, f"{node.name} was not heard of in time", at)

    def spare(self, at: int) -> None:
        """Nobody is silent: it was us who did not listen."""
        for node in self._roster:
            self._silence.set(node.key, at + seconds(self._ledger.terms.lease_s))

    def _drop(self, node: Node, why: str, at: int) -> None:
        self._roster.remove(node.key)
        self._silence.clear(node.key)
        self._rests.clear(node.key)
        for lease in self._ledger.leases.held_by(node.key):
            self._lost(lease, FaultKind.LEASE_LOST, why, at)

    def _lost(self, lease: Lease, kind: FaultKind, why: str, at: int) -> None:
        self._ledger.again(self._ledger.jobs[lease.job], kind, why, at)


def _newcomer(event: on.NodeJoined, before: Node | None, same: bool) -> Node:
    """The node of a greeting; `same` when it is the present life of the one that was here `before`.

    A new life is sent nothing before its first Pull; one that only greets again keeps its word.
    """
    known = before if same else None
    return Node(
        key=event.node,
        name=event.name,
        route=event.route,
        instance=event.instance,
        profile=event.profile,
        capacity=event.capacity,
        terms=event.credit,
        said=known.said if known else 0,
        joined=event.at,
        heard=event.at,
        draining=known.draining if known else False,
        resting=known.resting if known else False,
        load=known.load if known else Load(),
        done=before.done if before else 0,
        faults=known.faults if known else 0,
    )
