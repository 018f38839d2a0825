"""The nodes that are here, what each holds, and which one takes the next job: the least loaded for its slots.

For each requirement that was ever asked for there is a pool of the nodes that fit it: those that are hungry
stand in a list sorted by load, so choosing is O(log n) however many nodes there are. What changes about a
node is noted in every pool, and worked in when that pool is asked next, so a change costs little however
many requirements there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from sortedcontainers import SortedList

from bighost.coordinator import credit
from bighost.job.job import Requirement
from bighost.wire.messages import Capacity, CreditTerms, Load, Profile


@dataclass
class Node:
    """A node that has joined and not left. Belongs to the roster, which alone changes it."""

    key: str
    name: str
    route: bytes
    instance: str
    profile: Profile
    capacity: Capacity
    terms: CreditTerms
    said: int  # the most that it will hold, in its own last word
    joined: int
    heard: int
    held: dict[str, int] = field(default_factory=dict)  # job -> ns that it may take
    work_ns: int = 0  # of all that it holds
    draining: bool = False
    resting: bool = False  # it is not well, and is given nothing for a while
    load: Load = field(default_factory=Load)
    done: int = 0
    faults: int = 0  # of the node itself, in a row

    def fits(self, requirement: Requirement) -> bool:
        """Whether this node can run such a job."""
        return (
            requirement.framework in self.capacity.frameworks
            and requirement.cpus <= self.capacity.cpus
            and requirement.memory_bytes <= self.capacity.memory_bytes
        )

    @property
    def willing(self) -> bool:
        """Whether it takes jobs at all, now or once it has room."""
        return not self.draining and credit.limit(self.terms, self.said) > 0

    @property
    def room(self) -> bool:
        """Whether it may be given one more job at all."""
        return self.willing and not self.resting and len(self.held) < credit.limit(self.terms, self.said)

    @property
    def hungry(self) -> bool:
        """Whether it is to be topped up."""
        return self.room and credit.hungry(self.terms, self.said, len(self.held))


@dataclass
class _Pool:
    """The nodes that fit one requirement."""

    ready: SortedList[tuple[float, str]] = field(default_factory=SortedList)
    ranks: dict[str, tuple[float, str]] = field(default_factory=dict)  # of those that are ready
    willing: dict[str, int] = field(default_factory=dict)  # key -> slots
    slots: int = 0  # of all that are willing
    changed: set[str] = field(default_factory=set)  # nodes to look at again

    def place(self, key: str, rank: tuple[float, str] | None, slots: int) -> None:
        """Put a node where it belongs: `rank` where it is ready, 0 slots where it takes nothing."""
        before = self.ranks.pop(key, None)
        if before is not None:
            self.ready.remove(before)
        if rank is not None:
            self.ranks[key] = rank
            self.ready.add(rank)
        self.slots += slots - self.willing.pop(key, 0)
        if slots:
            self.willing[key] = slots


class Roster:
    """All nodes by key."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._pools: dict[Requirement, _Pool] = {}
        self._ranks: dict[str, tuple[float, str]] = {}  # of nodes that are ready

    def __iter__(self) -> Iterator[Node]:
        return iter(self._nodes.values())

    def __len__(self) -> int:
        return len(self._nodes)

    def get(self, key: str) -> Node | None:
        """The node of this key, if it is here."""
        return self._nodes.get(key)

    def add(self, node: Node) -> None:
        """A node joins, or joins again."""
        self._nodes[node.key] = node
        self.settle(node)

    def remove(self, key: str) -> Node:
        """A node is gone. Raises KeyError."""
        node = self._nodes.pop(key)
        self._ranks.pop(key, None)
        self._note(key)
        return node

    # -- what changes about a node

    def give(self, node: Node, job: str, work_ns: int) -> None:
        """The node holds one job more, of `work_ns` at most; it stays ready until `settle`, to be filled."""
        self._hold(node, job, work_ns)
        self._place(node, node.room)

    def confirm(self, node: Node, job: str, work_ns: int) -> None:
        """The node says that it still holds a job."""
        self._hold(node, job, work_ns)
        self.settle(node)

    def take(self, key: str, job: str) -> None:
        """The node, if it is here, no longer holds a job."""
        node = self._nodes.get(key)
        if node is not None and job in node.held:
            node.work_ns -= node.held.pop(job)
            self.settle(node)

    def says(self, node: Node, credit: int) -> None:
        """The node's own word on how many jobs it will hold."""
        node.said = credit
        self.settle(node)

    def drain(self, node: Node) -> None:
        """The node is to finish and leave: it is given nothing more."""
        node.draining = True
        self.settle(node)

    def rest(self, node: Node, resting: bool) -> None:
        """The node is given nothing for a while, or is well again."""
        node.resting = resting
        self.settle(node)

    def settle(self, node: Node) -> None:
        """Put a node whose credit or load changed where it belongs: among the hungry, or not."""
        self._place(node, node.hungry)

    # -- choosing

    @property
    def anybody_ready(self) -> bool:
        """Whether any node at all is hungry."""
        return bool(self._ranks)

    def choose(self, requirement: Requirement, avoid: AbstractSet[str] = frozenset()) -> Node | None:
        """The least loaded node that is hungry and fits; one in `avoid` only where no other is willing."""
        pool = self._pool(requirement)
        for _, key in pool.ready:  # no more than are in `avoid`, and one
            if key not in avoid:
                return self._nodes[key]
        if pool.ready and pool.willing.keys() <= avoid:
            return self._nodes[pool.ready[0][1]]
        return None

    def has_ready(self, requirement: Requirement) -> bool:
        """Whether any hungry node fits."""
        return bool(self._pool(requirement).ready)

    def has_willing(self, requirement: Requirement) -> bool:
        """Whether any node that takes jobs fits."""
        return bool(self._pool(requirement).willing)

    def slots(self, requirement: Requirement) -> int:
        """How many such jobs could run at the same time now."""
        return self._pool(requirement).slots

    # -- inside

    def _hold(self, node: Node, job: str, work_ns: int) -> None:
        node.work_ns += work_ns - node.held.get(job, 0)
        node.held[job] = work_ns

    def _place(self, node: Node, ready: bool) -> None:
        if ready:
            self._ranks[node.key] = (len(node.held) / node.capacity.slots, node.key)
        else:
            self._ranks.pop(node.key, None)
        self._note(node.key)

    def _note(self, key: str) -> None:
        for pool in self._pools.values():
            pool.changed.add(key)

    def _pool(self, requirement: Requirement) -> _Pool:
        """The requirement's pool, with everything that changed worked in."""
        pool = self._pools.get(requirement)
        if pool is None:
            pool = self._pools[requirement] = _Pool(changed=set(self._nodes))
        while pool.changed:
            key = pool.changed.pop()
            node = self._nodes.get(key)
            if node is None or not node.fits(requirement):
                pool.place(key, None, 0)
            else:
                pool.place(key, self._ranks.get(key), node.capacity.slots if node.willing else 0)
        return pool
