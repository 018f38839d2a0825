"""What an event costs does not depend on how many jobs wait or how many nodes are here."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

import pytest
from line_jobs import job

from bighost.coordinator import events as on
from bighost.coordinator.engine import Engine
from bighost.job.verdict import Verdict
from bighost.wire.messages import Capacity, CreditTerms, Held, Profile


def joined(key: str) -> on.NodeJoined:
    return on.NodeJoined(
        at=1,
        node=key,
        name=key,
        route=key.encode(),
        instance="first",
        profile=Profile.CORE,
        capacity=Capacity(slots=2, cpus=2, memory_bytes=2, frameworks=("streaming",)),
        credit=CreditTerms(window=4, low_water=2, batch=4),
    )


def passed(id: str) -> on.Finished:
    mark = on.Marked(at=1, job=id, attempt=1, tests=(), verdict=Verdict.PASSED, score=1.0, message="")
    return on.Finished(job=id, attempt=1, marking=mark)


def engine_with(nodes: int, jobs: int) -> Engine:
    """All nodes full, all other jobs waiting."""
    engine = Engine()
    for number in range(jobs):
        engine.handle(on.Submitted(at=1, job=job(f"j{number}", f"team {number % 50}")))
    for number in range(nodes):
        engine.handle(joined(f"n{number}"))
        engine.handle(on.Pulled(at=1, node=f"n{number}", credit=4))
    return engine


def calls(work: Callable[[], object]) -> int:
    """How many Python functions are called."""
    count = 0

    def count_calls(frame: FrameType, what: str, argument: object) -> None:
        nonlocal count
        count += what == "call"

    before = sys.getprofile()
    sys.setprofile(count_calls)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def cost_of(event: str, nodes: int, jobs: int) -> int:
    engine = engine_with(nodes, jobs)
    first = [lease.job for lease in engine.leases.held_by("n0")]
    events: dict[str, on.Event] = {
        "submit": on.Submitted(at=2, job=job("new", "team 7")),
        "beat": on.Beaten(at=2, node="n0", held=tuple(Held(id, 1) for id in first)),
        "pull": on.Pulled(at=2, node="n0", credit=4, results=tuple(map(passed, first))),
        "progress": on.Progressed(at=2, node="n0", job=first[0], attempt=1, test="t", stage="mapper"),
        "cancel": on.CancelAsked(at=2, job=f"j{jobs - 1}", by="somebody"),
        "leave": on.NodeLeft(at=2, node="n0", handed_back=()),
        "join": joined("another"),
        "tick": on.Ticked(at=2),
    }
    return calls(lambda: engine.handle(events[event]))


@pytest.mark.parametrize("event", ["submit", "beat", "pull", "progress", "cancel", "leave", "join", "tick"])
def test_an_event_costs_about_the_same_in_a_crowd(event: str) -> None:
    few = cost_of(event, nodes=4, jobs=40)
    many = cost_of(event, nodes=200, jobs=2_000)
    assert few > 0
    assert many <= 2 * few + 20
