"""Routes for nodes: what machines call (enrol, datasets, outputs), and what people ask about them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import anyio
import msgspec
import structlog
from litestar import Router, delete, get, post, put
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, JSONBody
from litestar.response import Stream

from bighost.coordinator import events as on
from bighost.coordinator.api import auth
from bighost.coordinator.api.auth import ApiRequest
from bighost.coordinator.marker import Unwanted
from bighost.coordinator.roster import Node
from bighost.coordinator.server import Coordinator
from bighost.job import ids
from bighost.job.state import State
from bighost.store.base import NodeRecord
from bighost.wire.http import EnrolReply, EnrolRequest, NodeView
from bighost.wire.messages import Capacity, CreditTerms, Load, System

log = structlog.get_logger()
CHUNK = 256 * 1024


@post("/nodes/enrol", status_code=201)
async def enrol(request: ApiRequest, data: JSONBody[EnrolRequest]) -> EnrolReply:
    """A machine becomes a node, with a join token."""
    coordinator = auth.coordinator_of(request)
    record, told = await coordinator.accounts.enrol(data)
    return EnrolReply(
        name=record.name, server_key=coordinator.keys.public, port=coordinator.socket.port, token=told
    )


@get("/nodes", guards=[auth.student])
async def list_nodes(request: ApiRequest) -> list[NodeView]:
    """All enrolled nodes, here or away."""
    coordinator = auth.coordinator_of(request)
    return node_views(coordinator, full=auth.is_staff(auth.user_of(request)))


@post("/nodes/{name:str}/drain", guards=[auth.staff], status_code=200)
async def drain(request: ApiRequest, name: FromPath[str]) -> NodeView:
    """Let a node finish what it runs, and leave."""
    coordinator = auth.coordinator_of(request)
    record = coordinator.accounts.named(name)
    await coordinator.rounds.post(on.NodeDrained(at=coordinator.clock(), node=record.key))
    return node_view(coordinator, record, full=True)


@delete("/nodes/{name:str}", guards=[auth.staff], status_code=204)
async def forget(request: ApiRequest, name: FromPath[str]) -> None:
    """Remove a node for good; its jobs run elsewhere."""
    coordinator = auth.coordinator_of(request)
    record = coordinator.accounts.named(name)
    await coordinator.accounts.forget(record)
    await coordinator.rounds.post(on.NodeForgotten(at=coordinator.clock(), node=record.key))


@get("/nodes/{name:str}/logs", guards=[auth.staff], sync_to_thread=True)
def logs(request: ApiRequest, name: FromPath[str]) -> dict[str, str]:
    """The end of each log stream of a node's latest life."""
    coordinator = auth.coordinator_of(request)
    return coordinator.archive.logs_of(coordinator.accounts.named(name).name)


@get("/node/datasets/{digest:str}", guards=[auth.node])
async def dataset(request: ApiRequest, digest: FromPath[str]) -> Stream:
    """A dataset's file by digest. Keys are not given out, whoever asks."""
    coordinator = auth.coordinator_of(request)
    known = {d for a in coordinator.catalogue.all() for data in a.datasets.values() for d in data.files}
    if not ids.is_digest(digest) or digest not in known:
        raise NotFoundException("There is no dataset file of this digest.")
    if not await coordinator.blobs.has(digest):
        log.error("a dataset is lost: add its assignment again", action="dataset_lost", digest=digest)
        raise NotFoundException("The coordinator has lost this dataset file.")
    path = coordinator.blobs.path(digest)
    size = str(path.stat().st_size)
    return Stream(_read(path), media_type="application/octet-stream", headers={"content-length": size})


@put(
    "/node/jobs/{job:str}/{attempt:int}/outputs/{test:str}",
    guards=[auth.node],
    status_code=204,
    request_max_body_size=None,
)
async def output(
    request: ApiRequest, job: FromPath[str], attempt: FromPath[int], test: FromPath[str]
) -> None:
    """The output of one test of an attempt: a zstd-compressed tar of its part files."""
    coordinator = auth.coordinator_of(request)
    record = cast(NodeRecord, request.user)
    live = coordinator.rounds.engine.jobs.get(job)
    if live is None or live.node != record.key:
        raise Unwanted
    await coordinator.marker.take(job, attempt, test, request.stream())


def node_views(coordinator: Coordinator, *, full: bool) -> list[NodeView]:
    """All nodes, by name."""
    return [node_view(coordinator, record, full=full) for record in coordinator.accounts.nodes()]


def node_view(coordinator: Coordinator, record: NodeRecord, *, full: bool) -> NodeView:
    """A node as it is now; `full` with its machine and settings, for staff."""
    node = coordinator.rounds.engine.roster.get(record.key)
    said = record.last_join
    capacity = msgspec.convert(said["capacity"], Capacity) if said else None
    jobs = coordinator.rounds.engine.jobs
    details: dict[str, Any] = {}
    if full and said:
        details = {
            "terms": msgspec.convert(said["credit"], CreditTerms),
            "system": msgspec.convert(said["system"], System),
            "settings": said["settings"],
        }
    return NodeView(
        key=record.key,
        name=record.name,
        profile=record.profile,
        state=_state(node),
        slots=capacity.slots if capacity else 0,
        held=len(node.held) if node else 0,
        busy=sum(jobs[job].state is State.RUNNING for job in node.held if job in jobs) if node else 0,
        credit=min(node.said, node.terms.window) if node else 0,
        load=node.load if node else Load(),
        done=node.done if node else 0,
        faults=node.faults if node else 0,
        last_seen=max(record.last_seen, coordinator.link.heard.get(record.key, 0)),
        capacity=capacity,
        runtime=said.get("runtime", ""),
        software=said.get("software", ""),
        **details,
    )


def _state(node: Node | None) -> str:
    """What a node is doing: one that takes no jobs drains, on somebody's wish, or rests after a fault."""
    if node is None:
        return "away"
    if node.draining:
        return "draining"
    return "here" if node.said else "resting"


async def _read(path: Path) -> AsyncIterator[bytes]:
    async with await anyio.open_file(path, "rb") as file:
        while chunk := await file.read(CHUNK):
            yield chunk


router = Router("/", route_handlers=[enrol, list_nodes, drain, forget, logs, dataset, output], tags=["nodes"])
