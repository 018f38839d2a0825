"""Routes for assignments and their files. Datasets and keys are uploaded by digest before."""

from __future__ import annotations

from litestar import Router, get, head, post, put
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, JSONBody

from bighost.coordinator.api import auth
from bighost.coordinator.api.auth import ApiRequest
from bighost.coordinator.views import assignment_view
from bighost.errors import AssignmentError
from bighost.folder import normalised_answer
from bighost.job import ids
from bighost.wire.http import AssignmentView, NewAssignment

MAX_BLOB = 64 * 1024**3


@get("/assignments", guards=[auth.student])
async def list_assignments(request: ApiRequest) -> list[AssignmentView]:
    """All assignments."""
    coordinator = auth.coordinator_of(request)
    return [assignment_view(a, coordinator.clock()) for a in coordinator.catalogue.all()]


@get("/assignments/{id:str}", guards=[auth.student])
async def show(request: ApiRequest, id: FromPath[str]) -> AssignmentView:
    """One assignment."""
    coordinator = auth.coordinator_of(request)
    return assignment_view(coordinator.catalogue.get(id), coordinator.clock())


@post("/assignments", guards=[auth.staff], status_code=201)
async def add(request: ApiRequest, data: JSONBody[NewAssignment]) -> AssignmentView:
    """Add an assignment, or replace the one of its id."""
    coordinator = auth.coordinator_of(request)
    normalised = {}
    for test, digest in data.keys.items():
        if not await coordinator.blobs.has(digest):
            raise AssignmentError(f"the key of test {test!r} was not uploaded")
        normalised[test] = await coordinator.workers.run(
            normalised_answer, data.assignment.comparator, coordinator.blobs.path(digest)
        )
    assignment = await coordinator.catalogue.add(data, normalised)
    coordinator.assignments_changed()
    return assignment_view(assignment, coordinator.clock())


@post("/assignments/{id:str}/close", guards=[auth.staff], status_code=200)
async def close(request: ApiRequest, id: FromPath[str]) -> AssignmentView:
    """Take no more hand-ins; what waits is still run."""
    return await _set_closed(request, id, closed=True)


@post("/assignments/{id:str}/open", guards=[auth.staff], status_code=200)
async def reopen(request: ApiRequest, id: FromPath[str]) -> AssignmentView:
    """Take hand-ins again, within `opens` and `due`."""
    return await _set_closed(request, id, closed=False)


async def _set_closed(request: ApiRequest, id: str, *, closed: bool) -> AssignmentView:
    coordinator = auth.coordinator_of(request)
    assignment = await coordinator.catalogue.close(id, closed)
    coordinator.assignments_changed()
    return assignment_view(assignment, coordinator.clock())


@head("/blobs/{digest:str}", guards=[auth.staff])
async def has_blob(request: ApiRequest, digest: FromPath[str]) -> None:
    """Whether a file is there already, and whole: one that was damaged is uploaded anew."""
    if not ids.is_digest(digest) or not await auth.coordinator_of(request).blobs.verify(digest):
        raise NotFoundException


@put("/blobs/{digest:str}", guards=[auth.staff], status_code=204, request_max_body_size=None)
async def put_blob(request: ApiRequest, digest: FromPath[str]) -> None:
    """Upload a dataset's file or a key; the body must have this digest."""
    await auth.coordinator_of(request).blobs.put_stream(request.stream(), digest, MAX_BLOB)


router = Router(
    "/", route_handlers=[list_assignments, show, add, close, reopen, has_blob, put_blob], tags=["assignments"]
)
