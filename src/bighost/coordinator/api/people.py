"""Routes for users and tokens."""

from __future__ import annotations

from litestar import Router, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from bighost.coordinator import tokens
from bighost.coordinator.api import auth
from bighost.coordinator.api.auth import ApiRequest
from bighost.store.base import Token, User
from bighost.wire.http import NewToken, NewUser, TokenView, UserView


@get("/me", guards=[auth.student])
async def me(request: ApiRequest) -> UserView:
    """Who I am."""
    return _user_view(auth.user_of(request))


@get("/users", guards=[auth.staff])
async def list_users(request: ApiRequest) -> list[UserView]:
    """All users, by name."""
    return [_user_view(user) for user in auth.coordinator_of(request).accounts.users()]


@post("/users", guards=[auth.admin], status_code=201)
async def add_users(
    request: ApiRequest, data: JSONBody[list[NewUser]], update: FromQuery[bool] = False
) -> list[UserView]:
    """Add people, all or none; a new one comes back with a token, which is not shown again.

    With `update`, those who are there already are changed instead of refused.
    """
    added = await auth.coordinator_of(request).accounts.add_users(data, update=update)
    return [_user_view(user, token) for user, token in added]


@get("/tokens", guards=[auth.admin])
async def list_tokens(request: ApiRequest) -> list[TokenView]:
    """All tokens, without what they are."""
    return [_token_view(token) for token in auth.coordinator_of(request).accounts.tokens()]


@post("/tokens", guards=[auth.admin], status_code=201)
async def new_token(request: ApiRequest, data: JSONBody[NewToken]) -> TokenView:
    """A token for a user, or one that lets nodes join."""
    told, kept = await auth.coordinator_of(request).accounts.new_token(data)
    return _token_view(kept, told)


@delete("/tokens/{id:str}", guards=[auth.admin], status_code=200)
async def revoke(request: ApiRequest, id: FromPath[str]) -> TokenView:
    """Revoke a token. Nodes that joined with it stay; forget them by themselves."""
    return _token_view(await auth.coordinator_of(request).accounts.revoke(id))


def _user_view(user: User, token: str = "") -> UserView:
    return UserView(name=user.name, team=user.team, role=user.role, email=user.email, token=token)


def _token_view(kept: Token, told: str = "") -> TokenView:
    return TokenView(
        id=tokens.short(kept),
        kind=kept.kind.value,
        subject=kept.subject,
        created=kept.created,
        expires=kept.expires,
        revoked=kept.revoked,
        profiles=kept.profiles,
        token=told,
    )


router = Router(
    "/", route_handlers=[me, list_users, add_users, list_tokens, new_token, revoke], tags=["people"]
)
