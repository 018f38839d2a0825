"""Who is asking: a bearer token names a user or a node; guards say who may use a route."""

from __future__ import annotations

from typing import Any, cast

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import State as AppState
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult

from bighost.coordinator.server import Coordinator
from bighost.job.role import Role
from bighost.store.base import NodeRecord, User

Asker = User | NodeRecord | None
Connection = ASGIConnection[Any, Asker, Any, AppState]
ApiRequest = Request[Any, Any, AppState]
_RANK = {Role.STUDENT: 0, Role.STAFF: 1, Role.ADMIN: 2}


class BearerAuthentication(AbstractAuthenticationMiddleware):
    """Puts the asker into `request.user`; None without a token that opens anything."""

    async def authenticate_request(
        self, connection: ASGIConnection[Any, Any, Any, Any]
    ) -> AuthenticationResult:
        """Look at the Authorization header; nothing is read from URLs, which end up in logs."""
        scheme, _, token = connection.headers.get("authorization", "").partition(" ")
        token = token.strip() if scheme.lower() == "bearer" else ""
        accounts = coordinator_of(connection).accounts
        asker: Asker = (accounts.user_of(token) or accounts.node_of(token)) if token else None
        return AuthenticationResult(user=asker, auth=token)


def coordinator_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Coordinator:
    """The coordinator behind this API."""
    return cast(Coordinator, connection.app.state.coordinator)


def student(connection: Connection, _: BaseRouteHandler) -> None:
    """Guard: anybody with an account."""
    _at_least(Role.STUDENT, connection)


def staff(connection: Connection, _: BaseRouteHandler) -> None:
    """Guard: course staff."""
    _at_least(Role.STAFF, connection)


def admin(connection: Connection, _: BaseRouteHandler) -> None:
    """Guard: who runs the coordinator."""
    _at_least(Role.ADMIN, connection)


def node(connection: Connection, _: BaseRouteHandler) -> None:
    """Guard: an enrolled node."""
    if not isinstance(connection.user, NodeRecord):
        raise _unauthorized(connection, "A node's token is needed")


def user_of(request: ApiRequest) -> User:
    """The user behind a request that a guard let through."""
    return cast(User, request.user)


def is_staff(user: User) -> bool:
    """Whether a user sees everything."""
    return _RANK[user.role] >= _RANK[Role.STAFF]


def _at_least(role: Role, connection: Connection) -> None:
    user = connection.user
    if not isinstance(user, User):
        raise _unauthorized(connection, "This needs a token: set BIGHOST_TOKEN, or run `bighost login`")
    if _RANK[user.role] < _RANK[role]:
        raise PermissionDeniedException(f"This is for {role.value}; you are {user.role.value}.")


def _unauthorized(connection: Connection, needed: str) -> NotAuthorizedException:
    if isinstance(connection.user, NodeRecord):
        needed += "; this is a node's token"
    elif isinstance(connection.user, User):
        needed += "; this is a user's"
    elif connection.auth:
        needed += f"; the one that came {coordinator_of(connection).accounts.why_not(connection.auth)}"
    return NotAuthorizedException(f"{needed}.", headers={"www-authenticate": "Bearer"})
