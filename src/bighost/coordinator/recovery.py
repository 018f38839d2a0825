"""After a restart, or a store that failed: the engine, derived from the jobs that are not final.

A job that a node holds keeps its attempt and gets a lease of `Terms.rejoin_s`, so that a node that kept
working while the coordinator was away greets again and hands its result in as if nothing had happened; a
node that is gone loses it when that lease runs out. A job in state marking is marked again from its stored
result: that is for the shell to order. Waiting jobs that a fault brought back are first in line again.
"""

from __future__ import annotations

from collections.abc import Iterable

from bighost.coordinator.engine import Engine, Terms
from bighost.job.job import Job


def recovered(jobs: Iterable[Job], now: int, terms: Terms) -> Engine:
    """An engine that holds `jobs` (none of them final, in the order in which they were received)."""
    engine = Engine(terms)
    for job in jobs:
        engine.adopt(job, now)
    return engine
