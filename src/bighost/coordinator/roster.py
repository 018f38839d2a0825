"""The nodes that are here, what each holds, and which one takes the next job: the least loaded for its slots.

For each requirement that was ever asked for, the hungry nodes that fit it stand in a list sorted by load,
so choosing is O(log n) however many nodes there are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
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
    held: set[str] = field(default_factory=set)
    draining: bool = False
    load: Load = field(default_factory=Load)
    done: int = 0
    faults: int = 0  # in a row

    def fits(self, requirement: Requirement) -> bool:
        """Whether this node can run such a job."""
        return (
            requirement.framework in self.capacity.frameworks
            and requirement.cpus <= self.capacity.cpus
            and requirement.memory_bytes <= self.capacity.memory_bytes
        )

    @property
    def room(self) -> bool:
        """Whether it may be given one more job at all."""
        return not self.draining and len(self.held) < credit.limit(self.terms, self.said)

    @property
    def hungry(self) -> bool:
        """Whether it is to be topped up."""
        return not self.draining and credit.hungry(self.terms, self.said, len(self.held))


class Roster:
    """All nodes by key."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._ready: dict[Requirement, SortedList[tuple[float, str]]] = {}
        self._rank: dict[str, tuple[float, str]] = {}  # of nodes that stand in the ready lists

    def __iter__(self) -> Iterator[Node]:
        return iter(self._nodes.values())

    def __len__(self) -> int:
        return len(self._nodes)

    def get(self, key: str) -> Node | None:
        """The node of this key, if it is here."""
        return self._nodes.get(key)

    def add(self, node: Node) -> None:
        """A node joins, or joins again with another instance."""
        if node.key in self._nodes:
            self.remove(node.key)
        self._nodes[node.key] = node
        self.settle(node)

    def remove(self, key: str) -> Node:
        """A node is gone. Raises KeyError."""
        node = self._nodes.pop(key)
        self._unrank(node)
        return node

    def give(self, node: Node, job: str) -> None:
        """The node holds one job more; it stays in line for others until `settle`, so that it is filled."""
        node.held.add(job)
        self._place(node, node.room)

    def take(self, key: str, job: str) -> None:
        """The node, if it is here, no longer holds a job."""
        node = self._nodes.get(key)
        if node is not None and job in node.held:
            node.held.discard(job)
            self.settle(node)

    def settle(self, node: Node) -> None:
        """Put a node whose credit or load changed where it belongs: among the hungry, or not."""
        self._place(node, node.hungry)

    def choose(self, requirement: Requirement, avoid: Collection[str]) -> Node | None:
        """The least loaded node that is hungry and fits; one in `avoid` only where no other node fits."""
        if requirement not in self._ready:
            self._open(requirement)
        ready = self._ready[requirement]
        for _, key in ready:
            if key not in avoid:
                return self._nodes[key]
        if ready and avoid and all(n.key in avoid for n in self._nodes.values() if n.fits(requirement)):
            return self._nodes[ready[0][1]]
        return None

    def has_ready(self, requirement: Requirement) -> bool:
        """Whether any hungry node fits."""
        if requirement not in self._ready:
            self._open(requirement)
        return bool(self._ready[requirement])

    def slots(self, requirement: Requirement) -> int:
        """How many such jobs could run at the same time now."""
        return sum(n.capacity.slots for n in self._nodes.values() if not n.draining and n.fits(requirement))

    def _open(self, requirement: Requirement) -> None:
        ranks = (rank for key, rank in self._rank.items() if self._nodes[key].fits(requirement))
        self._ready[requirement] = SortedList(ranks)

    def _place(self, node: Node, ready: bool) -> None:
        rank = (len(node.held) / node.capacity.slots, node.key) if ready else None
        if self._rank.get(node.key) == rank:
            return
        self._unrank(node)
        if rank is not None:
            self._rank[node.key] = rank
            for requirement, line in self._ready.items():
                if node.fits(requirement):
                    line.add(rank)

    def _unrank(self, node: Node) -> None:
        rank = self._rank.pop(node.key, None)
        if rank is not None:
            for line in self._ready.values():
                line.discard(rank)
