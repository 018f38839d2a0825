"""The API put together: `/api/...`, its description at `/api/schema`, errors as problem+json."""

from __future__ import annotations

from litestar import Litestar, Router, get
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.response import Redirect

from bighost import __version__
from bighost.coordinator.api import assignments, jobs, nodes, people, problems, status
from bighost.coordinator.api.auth import BearerAuthentication
from bighost.coordinator.server import Coordinator
from bighost.errors import BigHostError


@get("/", include_in_schema=False)
async def root() -> Redirect:
    """Who comes with a browser is shown the API's description."""
    return Redirect("/api/schema")


def create(coordinator: Coordinator) -> Litestar:
    """The ASGI application of a coordinator that has been entered."""
    api = Router(
        "/api",
        route_handlers=[jobs.router, assignments.router, nodes.router, people.router, status.router],
        middleware=[BearerAuthentication],
    )
    management = Router(
        "/", route_handlers=[status.executors, status.logs], middleware=[BearerAuthentication]
    )
    return Litestar(
        route_handlers=[root, api, management],
        state=State({"coordinator": coordinator}),
        openapi_config=OpenAPIConfig(title="BigHOST", version=__version__, path="/api/schema"),
        exception_handlers={
            BigHostError: problems.of_bighost,
            HTTPException: problems.of_http,
            RecursionError: problems.of_nesting,
            Exception: problems.of_bug,
        },
        logging_config=None,
    )
