"""Routes for hand-ins and jobs. A student sees the jobs of their own team, staff see all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

import msgspec
from litestar import Router, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.response import ServerSentEvent, ServerSentEventMessage

from bighost.coordinator import events as on
from bighost.coordinator.api import auth
from bighost.coordinator.api.auth import ApiRequest
from bighost.coordinator.api.problems import TooLate
from bighost.coordinator.commands import Reject
from bighost.coordinator.intake import HandInTooLarge
from bighost.coordinator.server import Coordinator
from bighost.coordinator.views import job_view
from bighost.job.job import Job
from bighost.job.state import State
from bighost.store.base import JobFilter, User
from bighost.wire.http import JobView, NewHandIn, StoryView

PING_S = 15.0
MAX_BODY = 8 * 1024**2  # base64 of the largest hand-in that any assignment takes, and slack


@post("/jobs", guards=[auth.student], status_code=201, request_max_body_size=MAX_BODY)
async def submit(request: ApiRequest, data: JSONBody[NewHandIn]) -> JobView:
    """Hand in. The job comes back once it is durable: waiting, or rejected with the reasons."""
    coordinator = auth.coordinator_of(request)
    user = auth.user_of(request)
    size = sum(map(len, data.files.values()))
    if size > coordinator.settings.max_hand_in_bytes:
        raise HandInTooLarge(
            f"a hand-in of {size} bytes; at most {coordinator.settings.max_hand_in_bytes} are taken",
            hint="Hand in the programs only, not their data.",
        )
    job = await coordinator.intake.take(user, data.assignment, data.files)
    return view(coordinator, job, user)


@get("/jobs", guards=[auth.student])
async def list_jobs(
    request: ApiRequest,
    assignment: FromQuery[str | None] = None,
    team: FromQuery[str | None] = None,
    job_state: Annotated[list[State] | None, QueryParameter(name="state")] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
) -> list[JobView]:
    """Jobs, the latest first."""
    coordinator = auth.coordinator_of(request)
    user = auth.user_of(request)
    where = JobFilter(
        assignment=assignment,
        team=team if auth.is_staff(user) else user.team,
        states=tuple(job_state) if job_state else None,
        limit=limit,
    )
    return [view(coordinator, job, user) for job in await coordinator.store.jobs(where)]


@get("/jobs/{id:str}", guards=[auth.student])
async def show(request: ApiRequest, id: FromPath[str]) -> JobView:
    """One job."""
    job = await _job(request, id)
    return view(auth.coordinator_of(request), job, auth.user_of(request))


@get("/jobs/{id:str}/story", guards=[auth.student])
async def story(request: ApiRequest, id: FromPath[str]) -> list[StoryView]:
    """What happened to a job, in order."""
    job = await _job(request, id)
    lines = await auth.coordinator_of(request).store.story(job.id)
    return [StoryView(at=line.at, text=line.text) for line in lines]


@get("/jobs/{id:str}/files", guards=[auth.student])
async def files(request: ApiRequest, id: FromPath[str]) -> dict[str, bytes]:
    """The files of a hand-in, as base64."""
    job = await _job(request, id)
    contents = await auth.coordinator_of(request).store.files(list(job.files.values()))
    return {name: contents[digest] for name, digest in job.files.items() if digest in contents}


@get("/jobs/{id:str}/events", guards=[auth.student])
async def follow(request: ApiRequest, id: FromPath[str]) -> ServerSentEvent:
    """The job as it is, then as it changes, until it has ended (server-sent events, `JobView` each)."""
    coordinator = auth.coordinator_of(request)
    user = auth.user_of(request)
    job = await _job(request, id)
    return ServerSentEvent(_changes(coordinator, user, job))


@post("/jobs/{id:str}/cancel", guards=[auth.student], status_code=200)
async def cancel(request: ApiRequest, id: FromPath[str]) -> JobView:
    """Stop a job that has not ended."""
    coordinator = auth.coordinator_of(request)
    user = auth.user_of(request)
    job = await _job(request, id)
    commands = await coordinator.rounds.post(on.CancelAsked(at=coordinator.clock(), job=job.id, by=user.name))
    for command in commands:
        if isinstance(command, Reject):
            raise TooLate(f"job {id} can't be cancelled: {command.message}")
    return view(coordinator, await _job(request, id), user)


@post("/jobs/{id:str}/retry", guards=[auth.staff], status_code=200)
async def retry(request: ApiRequest, id: FromPath[str]) -> JobView:
    """Run a job that has ended again, behind the students' jobs."""
    coordinator = auth.coordinator_of(request)
    user = auth.user_of(request)
    job = await _job(request, id)
    event = on.RetryAsked(at=coordinator.clock(), job=job, by=user.name)
    for command in await coordinator.rounds.post(event):
        if isinstance(command, Reject):
            raise TooLate(f"job {id} can't be run again: {command.message}")
    return view(coordinator, await _job(request, id), user)


def view(coordinator: Coordinator, job: Job, user: User) -> JobView:
    """A job as `user` may see it, with its place and ETA while it waits."""
    shown = job_view(
        job,
        coordinator.catalogue.get(job.assignment),
        coordinator.accounts.node_name,
        staff=auth.is_staff(user),
    )
    if job.state.final:
        return shown
    return msgspec.structs.replace(
        shown,
        position=coordinator.position(job),
        eta_s=coordinator.eta(job),
        stage=coordinator.stages.get(job.id, ""),
    )


async def _job(request: ApiRequest, id: str) -> Job:
    job = await auth.coordinator_of(request).job(id)
    user = auth.user_of(request)
    if job is None or not (auth.is_staff(user) or job.team == user.team):
        raise NotFoundException(f"There is no job {id!r} that you may see.")
    return job


async def _changes(coordinator: Coordinator, user: User, job: Job) -> AsyncIterator[ServerSentEventMessage]:
    listener = coordinator.live.listen(lambda changed: changed.id == job.id)
    try:
        job = await coordinator.job(job.id) or job  # as it is now that changes are heard
        yield _message(view(coordinator, job, user))
        while not job.state.final:
            try:
                job = (await asyncio.wait_for(listener.next(), PING_S))[-1]
                yield _message(view(coordinator, job, user))
            except TimeoutError:
                yield _message(view(coordinator, job, user))  # place and ETA move; and it keeps the line open
    finally:
        coordinator.live.leave(listener)


def _message(shown: JobView) -> ServerSentEventMessage:
    return ServerSentEventMessage(event="job", data=msgspec.json.encode(shown).decode())


router = Router(
    "/", route_handlers=[submit, list_jobs, show, story, files, follow, cancel, retry], tags=["jobs"]
)
