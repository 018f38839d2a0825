"""Routes for whoever watches: health, the cluster at a moment and live, a backup, and the original's
management API (`/executors`, `/logs`)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from litestar import Router, get, post
from litestar.response import ServerSentEvent, ServerSentEventMessage

from bighost import __version__
from bighost.clock import SECOND
from bighost.coordinator.api import auth
from bighost.coordinator.api.auth import ApiRequest
from bighost.coordinator.api.jobs import view
from bighost.coordinator.api.nodes import node_views
from bighost.coordinator.server import Coordinator
from bighost.coordinator.throughput import SPAN_S
from bighost.job.job import Job
from bighost.job.latency import Stamp
from bighost.job.state import State
from bighost.store.base import User
from bighost.wire.http import BackupView, Health, QueueView, StatusView, ThroughputView
from bighost.wire.messages import PROTOCOL

LISTED = 200  # running jobs in a snapshot
REFRESH_S = 1.0  # snapshots a second at most, so that a burst costs little


@get("/health")
async def health(request: ApiRequest) -> Health:
    """Whether the coordinator takes submissions."""
    coordinator = auth.coordinator_of(request)
    return Health(
        version=__version__,
        protocol=PROTOCOL,
        taking=coordinator.rounds.taking,
        now=coordinator.clock(),
        node_port=coordinator.socket.port,
        notice=coordinator.rounds.notice,
    )


@get("/status", guards=[auth.student])
async def status(request: ApiRequest) -> StatusView:
    """The cluster at this moment."""
    return snapshot(auth.coordinator_of(request), auth.user_of(request))


@get("/events", guards=[auth.student])
async def events(request: ApiRequest) -> ServerSentEvent:
    """The cluster now, and again whenever a job changed (server-sent events, `StatusView` each)."""
    return ServerSentEvent(_snapshots(auth.coordinator_of(request), auth.user_of(request)))


@post("/backup", guards=[auth.admin], status_code=200)
async def backup(request: ApiRequest) -> BackupView:
    """Write a consistent copy of the store into the data folder's `backups`, while everything goes on."""
    coordinator = auth.coordinator_of(request)
    folder = coordinator.data / "backups"
    await asyncio.to_thread(folder.mkdir, exist_ok=True)
    path = folder / time.strftime("bighost-%Y%m%d-%H%M%S.db", time.gmtime(coordinator.clock() / SECOND))
    await coordinator.store.backup(str(path))
    return BackupView(path=str(path), bytes=(await asyncio.to_thread(path.stat)).st_size)


@get("/executors", guards=[auth.staff])
async def executors(request: ApiRequest) -> dict[str, Any]:
    """All nodes with their settings and machines, under the original's path."""
    nodes = node_views(auth.coordinator_of(request), full=True)
    return {node.name: msgspec.to_builtins(node) for node in nodes}


@get("/logs", guards=[auth.staff], sync_to_thread=True)
def logs(request: ApiRequest) -> dict[str, dict[str, dict[str, str]]]:
    """All nodes' logs, under the original's path."""
    coordinator = auth.coordinator_of(request)
    return {"logs": {n.name: coordinator.archive.logs_of(n.name) for n in coordinator.accounts.nodes()}}


def snapshot(coordinator: Coordinator, user: User) -> StatusView:
    """The cluster as `user` may see it: a student sees the jobs of their own team only."""
    staff = auth.is_staff(user)
    jobs = list(coordinator.rounds.engine.jobs.values())
    running = [j for j in jobs if j.state in (State.RUNNING, State.MARKING)]
    seen = [j for j in running if staff or j.team == user.team][:LISTED]
    recent = [j for j in reversed(coordinator.recent) if staff or j.team == user.team]
    return StatusView(
        now=coordinator.clock(),
        version=__version__,
        nodes=tuple(node_views(coordinator, full=staff)),
        queue=tuple(_queues(coordinator, jobs)),
        running=tuple(view(coordinator, j, user) for j in seen),
        recent=tuple(view(coordinator, j, user) for j in recent[:20]),
        waiting=len(coordinator.rounds.engine.waiting),
        taking=coordinator.rounds.taking,
        notice=coordinator.rounds.notice,
        throughput=ThroughputView(span_s=SPAN_S, marks=coordinator.throughput.spans(coordinator.clock())),
    )


def _queues(coordinator: Coordinator, jobs: list[Job]) -> list[QueueView]:
    now = coordinator.clock()
    by_assignment: dict[str, list[Job]] = {}
    for job in jobs:
        by_assignment.setdefault(job.assignment, []).append(job)
    queues = []
    for assignment, members in sorted(by_assignment.items()):
        waiting = [j for j in members if j.state is State.WAITING]
        oldest = min((j.stamps.get(Stamp.RECEIVED, now) for j in waiting), default=now)
        last = coordinator.rounds.engine.waiting.last(j.id for j in waiting) if waiting else ""
        queues.append(
            QueueView(
                assignment=assignment,
                waiting=len(waiting),
                running=len(members) - len(waiting),
                oldest_wait_s=(now - oldest) / SECOND,
                eta_s=coordinator.eta(coordinator.rounds.engine.jobs[last]) if last else None,
            )
        )
    return queues


async def _snapshots(coordinator: Coordinator, user: User) -> AsyncIterator[ServerSentEventMessage]:
    listener = coordinator.live.listen(lambda _: True)
    try:
        while True:
            data = msgspec.json.encode(snapshot(coordinator, user)).decode()
            yield ServerSentEventMessage(event="status", data=data)
            await asyncio.sleep(REFRESH_S)  # what changes meanwhile goes into one snapshot
            try:
                await asyncio.wait_for(listener.next(), timeout=5 * REFRESH_S)
            except TimeoutError:
                continue  # nodes' loads move too
    finally:
        coordinator.live.leave(listener)


router = Router("/", route_handlers=[health, status, events, backup, executors, logs], tags=["status"])
