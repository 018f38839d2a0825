"""The HTTP API of a coordinator inside the test's own process, asked as whoever a test wants to be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

import httpx
import msgspec
from litestar import Litestar

from bighost.coordinator.api.app import create
from bighost.coordinator.server import Coordinator
from bighost.job.role import Role
from bighost.store.base import Store
from bighost.wire.http import EnrolReply, EnrolRequest, NewUser, Problem
from bighost.wire.keys import KeyPair
from bighost.wire.messages import Profile
from tests.integration.coordinators import DEADLINE_S, coordinator


class Who(StrEnum):
    """Who asks."""

    NOBODY = "nobody"
    STUDENT = "ana"
    RIVAL = "raj"  # a student of another team
    STAFF = "tom"
    ADMIN = "admin"
    NODE = "node"


PEOPLE = (
    NewUser(name=Who.STUDENT, team="reds"),
    NewUser(name=Who.RIVAL, team="blues"),
    NewUser(name=Who.STAFF, role=Role.STAFF, team="staff"),
)


class Api:
    """The API of `at`. `tokens` opens it for everybody in `Who`."""

    def __init__(self, at: Coordinator, http: httpx.AsyncClient, app: Litestar) -> None:
        self.at = at
        self.app = app
        self.tokens: dict[str, str] = {}
        self._http = http

    async def ask(self, method: str, path: str, who: Who | str = Who.ADMIN, **sent: Any) -> httpx.Response:
        """One request; `who` may also be a token. `body` is sent as JSON."""
        if "body" in sent:
            sent["content"] = msgspec.json.encode(sent.pop("body"))
        headers = {"content-type": "application/json"} | bearer(self.tokens.get(who, who))
        return await self._http.request(method, path, headers=headers, **sent)

    async def enrol(self, name: str, keys: KeyPair) -> str:
        """A new node's own token."""
        request = EnrolRequest(
            token=self.at.join_token, public_key=keys.public, name=name, profile=Profile.CORE
        )
        answer = await self.ask("POST", "/api/nodes/enrol", Who.NOBODY, body=request)
        assert answer.status_code == 201
        return msgspec.json.decode(answer.content, type=EnrolReply).token

    @asynccontextmanager
    async def open(self, method: str, path: str, who: Who) -> AsyncIterator[OpenAnswer]:
        """The answer to a request without a body, as it comes; who asked goes away at the block's end."""
        answer = OpenAnswer()
        headers = {"content-type": "application/json"} | bearer(self.tokens[who])
        asking = self.app(_scope(method, path, headers), answer.receive, answer.send)  # type: ignore[arg-type]
        task = asyncio.ensure_future(asking)
        try:
            yield answer
        finally:
            task.cancel()
            await asyncio.wait({task})


class OpenAnswer:
    """An answer that may go on for ever."""

    def __init__(self) -> None:
        self._asked = False
        self._parts: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()

    async def status(self) -> int:
        """To be called first."""
        status: int = (await self._next())["status"]
        return status

    async def events(self) -> AsyncIterator[str]:
        """The data of each server-sent event, until the answer ends."""
        more = True
        while more:
            part = await self._next()
            more = part.get("more_body", False)
            for line in part.get("body", b"").decode().splitlines():
                if line.startswith("data: "):
                    yield line.removeprefix("data: ")

    async def receive(self) -> dict[str, Any]:
        if self._asked:
            await asyncio.Event().wait()  # who asked stays connected
        self._asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        self._parts.put_nowait(message)

    async def _next(self) -> MutableMapping[str, Any]:
        return await asyncio.wait_for(self._parts.get(), DEADLINE_S)


@asynccontextmanager
async def api(folder: Path, store: Store | None = None, **settings: Any) -> AsyncIterator[Api]:
    """A coordinator with its API, people, and a node."""
    async with coordinator(folder, store, **settings) as at:
        app = create(at)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://coordinator") as http:
            made = Api(at, http, app)
            made.tokens |= {user.name: token for user, token in await at.accounts.add_users(PEOPLE)}
            made.tokens |= {Who.NOBODY: "", Who.ADMIN: at.admin_token}
            made.tokens[Who.NODE] = await made.enrol("node", KeyPair.new())
            yield made


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"} if token else {}


def problem(answer: httpx.Response) -> Problem:
    """What an answer says went wrong; every error has this shape."""
    assert answer.headers["content-type"] == "application/problem+json"
    told = msgspec.json.decode(answer.content, type=Problem)
    assert told.status == answer.status_code
    assert told.title
    assert told.detail
    assert told.type == f"urn:bighost:{told.title}"
    return told


def _scope(method: str, path: str, headers: dict[str, str]) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("coordinator", 80),
    }
