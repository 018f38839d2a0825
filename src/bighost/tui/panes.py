"""What each list of the screen holds: its rows, the orders that they can be in, what a search looks at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from bighost.job.latency import Stamp
from bighost.tui.screen import Pane, Screen
from bighost.wire.http import JobView, NodeView, QueueView, StatusView

R = TypeVar("R")


@dataclass(frozen=True)
class Order(Generic[R]):
    """One order of a list; the first of each list is the one that the coordinator gave."""

    name: str
    by: Callable[[R], Any] | None = None


@dataclass(frozen=True)
class Kind(Generic[R]):
    """One list."""

    rows: Callable[[StatusView], Sequence[R]]
    key: Callable[[R], str]
    words: Callable[[R], tuple[str, ...]]
    orders: tuple[Order[R], ...]


def listed(screen: Screen, pane: Pane) -> list[Any]:
    """The rows of a list that the search leaves, in the order that was chosen."""
    kind, place = KINDS[pane], screen.places[pane]
    wanted = screen.search.casefold()
    rows = [
        row
        for row in kind.rows(screen.status)
        if not wanted or any(wanted in word.casefold() for word in kind.words(row))
    ]
    order = kind.orders[place.order]
    if order.by is not None:
        rows.sort(key=order.by)
    return rows[::-1] if place.backwards else rows


def elapsed(job: JobView, now: int) -> float | None:
    """Seconds that a job has run at `now`; None when it hasn't begun."""
    began = job.timestamps.get(Stamp.PROCESSING_START)
    if began is None:
        return None
    return max(0, job.timestamps.get(Stamp.PROCESSING_END, now) - began) / 1e9


def ended(job: JobView) -> int:
    """When a job ended (ns)."""
    return job.timestamps.get(Stamp.COMPLETED, 0)


def _job_words(job: JobView) -> tuple[str, ...]:
    verdict = job.verdict.value if job.verdict else job.state.value
    return (job.id, job.assignment, job.team, job.node, verdict)


_NODES = Kind[NodeView](
    rows=lambda status: status.nodes,
    key=lambda node: node.key,
    words=lambda node: (node.name, node.profile.value, node.state),
    orders=(
        Order("name"),
        Order("state", lambda node: (node.state, node.name)),
        Order("busy", lambda node: -node.busy),
        Order("CPU", lambda node: -node.load.cpu),
        Order("memory", lambda node: -node.load.memory),
        Order("heard", lambda node: node.last_seen),
        Order("faults", lambda node: -node.faults),
    ),
)
_QUEUE = Kind[QueueView](
    rows=lambda status: status.queue,
    key=lambda queue: queue.assignment,
    words=lambda queue: (queue.assignment,),
    orders=(
        Order("assignment"),
        Order("waiting", lambda queue: -queue.waiting),
        Order("oldest wait", lambda queue: -queue.oldest_wait_s),
        Order("done in", lambda queue: -(queue.eta_s or 0.0)),
    ),
)
_RUNNING = Kind[JobView](
    rows=lambda status: status.running,
    key=lambda job: job.id,
    words=_job_words,
    orders=(
        Order("begin"),
        Order("elapsed", lambda job: job.timestamps.get(Stamp.PROCESSING_START, 0)),
        Order("assignment", lambda job: job.assignment),
        Order("team", lambda job: job.team),
        Order("node", lambda job: job.node),
    ),
)
_LATEST = Kind[JobView](
    rows=lambda status: status.recent,
    key=lambda job: job.id,
    words=_job_words,
    orders=(
        Order("time"),
        Order("verdict", lambda job: (job.verdict or job.state).value),
        Order("assignment", lambda job: job.assignment),
        Order("team", lambda job: job.team),
        Order("took", lambda job: -job.latency.summary.total_time),
    ),
)
KINDS: dict[Pane, Kind[Any]] = {
    Pane.NODES: _NODES,
    Pane.QUEUE: _QUEUE,
    Pane.RUNNING: _RUNNING,
    Pane.LATEST: _LATEST,
}
