"""What the warm pool should do next: which pods to start, and which warm ones to end to make room. Pure.

Three wishes, in this order:
1. somebody waits for a pod and none is coming: start one, at the expense of any warm pod of another spec;
2. a wanted spec has no warm pod: start one, at the expense of a spec that has two or more;
3. there is room left: one more for each wanted spec in turn.
Warm pods of a spec that nobody wants any more are ended. Pods that are just ending still take room.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from bighost.node.runtime.base import PodSpec


@dataclass(frozen=True, slots=True)
class Stock:
    """What is there, counted by spec."""

    room: int  # pods that may exist at the same time
    wanted: Sequence[PodSpec]  # most recently wanted first
    waiting: Counter[PodSpec] = field(default_factory=Counter)  # leases without a pod
    idle: Counter[PodSpec] = field(default_factory=Counter)  # warm
    coming: Counter[PodSpec] = field(default_factory=Counter)  # starting, or being reset
    leased: Counter[PodSpec] = field(default_factory=Counter)
    ending: int = 0
    resting: frozenset[PodSpec] = frozenset()  # failed to start a moment ago

    @property
    def free(self) -> int:
        """Pods that may be started right now."""
        kinds = (self.idle, self.coming, self.leased)
        return self.room - self.ending - sum(kind.total() for kind in kinds)


@dataclass(frozen=True, slots=True)
class Plan:
    """Specs to start a pod of, and specs to end a warm pod of; in this order."""

    start: tuple[PodSpec, ...]
    end: tuple[PodSpec, ...]


def plan(stock: Stock) -> Plan:
    """The next steps. Never starts more than `stock.free`, never ends more than is idle."""
    end = [spec for spec in stock.idle.elements() if spec not in stock.wanted and not stock.waiting[spec]]
    idle = stock.idle - Counter(end)
    start: list[PodSpec] = []
    freed = stock.ending + len(end)  # room to come
    for spec, spare in itertools.chain(_urgent(stock), _absent(stock)):
        if len(start) < stock.free:
            start.append(spec)
        elif freed > 0:
            freed -= 1  # whoever ends makes room for this one
        elif (victim := _victim(stock, idle, spec, spare)) is not None:
            idle[victim] -= 1
            end.append(victim)
    start += _more(stock, stock.free - len(start))
    return Plan(tuple(start), tuple(end))


def _urgent(stock: Stock) -> list[tuple[PodSpec, int]]:
    """Specs that are waited for, with how many warm pods another spec has to keep: none."""
    missing = stock.waiting - stock.coming - stock.idle
    return [(spec, 0) for spec in missing.elements() if spec not in stock.resting]


def _absent(stock: Stock) -> list[tuple[PodSpec, int]]:
    """Wanted specs without any warm pod; another spec has to keep one."""
    there = stock.idle + stock.coming + stock.waiting  # who is waited for is served above
    return [(spec, 1) for spec in stock.wanted if not there[spec] and spec not in stock.resting]


def _more(stock: Stock, room: int) -> list[PodSpec]:
    able = [spec for spec in stock.wanted if spec not in stock.resting]
    return list(itertools.islice(itertools.cycle(able), max(0, room))) if able else []


def _victim(stock: Stock, idle: Counter[PodSpec], spec: PodSpec, spare: int) -> PodSpec | None:
    """The spec to take a warm pod from: the one wanted longest ago that can spare one."""
    order = {wanted: place for place, wanted in enumerate(stock.wanted)}
    able = [s for s in idle if s != spec and idle[s] > spare + stock.waiting[s]]
    return max(able, key=lambda s: order.get(s, len(order)), default=None)
