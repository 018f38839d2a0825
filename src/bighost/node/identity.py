"""How a machine becomes a node: it enrols once, over HTTP, with a join token, and is known by its key then.

What the coordinator answers is kept in the node's data folder, so that the next start needs no token.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import msgspec

from bighost.errors import NetworkError, OperatorError, Refused
from bighost.wire.http import EnrolReply, EnrolRequest, Health, Problem
from bighost.wire.keys import KeyPair, is_key
from bighost.wire.messages import Profile

ENROL_S = 30.0
ASK_S = 5.0
_REFUSALS = (401, 403)


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """A node as its coordinator knows it. `token` opens datasets and takes outputs."""

    url: str
    name: str
    profile: Profile
    server_key: str
    port: int
    token: str

    @property
    def endpoint(self) -> str:
        """Where the node dials."""
        host = urlsplit(self.url).hostname or "127.0.0.1"
        return f"tcp://{f'[{host}]' if ':' in host else host}:{self.port}"

    def __repr__(self) -> str:
        return f"Identity(url={self.url!r}, name={self.name!r}, profile={self.profile.value!r})"


async def enrol(url: str, join_token: str, name: str, profile: Profile, keys: KeyPair) -> Identity:
    """Ask the coordinator at `url` to know this key from now on.

    Raises Refused (with the coordinator's own words) for a token that is not good, NetworkError when nobody
    answers, or somebody who is no coordinator; both can be tried again.
    """
    url = url.rstrip("/")
    if not url.startswith(("http://", "https://")):
        raise OperatorError(f"{url!r} is not a URL", hint=f"Write http://{url or 'HOST:9000'}.")
    request = EnrolRequest(token=join_token, public_key=keys.public, name=name, profile=profile)
    try:
        async with httpx.AsyncClient(timeout=ENROL_S) as http:
            answer = await http.post(
                f"{url}/api/nodes/enrol",
                content=msgspec.json.encode(request),
                headers={"content-type": "application/json"},
            )
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise NetworkError(
            f"no coordinator answers at {url} ({type(error).__name__}: {error})",
            hint="is the address right, and does `bighost coordinator up` run there?",
        ) from error
    if answer.is_error:
        raise _refusal(url, answer)
    reply = _reply(url, answer.content)
    return Identity(
        url=url,
        name=reply.name,
        profile=profile,
        server_key=reply.server_key,
        port=reply.port,
        token=reply.token,
    )


async def located(who: Identity) -> Identity:
    """The same node, with the port on which its coordinator listens for nodes now.

    A coordinator that was started again may have another one. Where it doesn't answer, the port stays.
    """
    try:
        async with httpx.AsyncClient(timeout=ASK_S) as http:
            answer = await http.get(f"{who.url}/api/health")
        health = msgspec.json.decode(answer.content, type=Health)
    except (httpx.HTTPError, httpx.InvalidURL, msgspec.MsgspecError):
        return who  # it is still away, or it is not the coordinator that answers: the next try asks again
    return msgspec.structs.replace(who, port=health.node_port)


async def identity(
    path: Path, url: str, join_token: str | None, name: str, profile: Profile, keys: KeyPair
) -> Identity:
    """The identity kept at `path`; one enrolled anew (and kept) where there is a token, or none is kept.

    A token that has run out meanwhile does no harm to a machine that is enrolled already. Raises Refused,
    NetworkError, and OperatorError when a token is needed.
    """
    kept = load(path, url)
    if join_token is None:
        if kept is None:
            raise OperatorError(
                f"this machine is not enrolled with {url}",
                hint="add --token: the coordinator prints one when it starts (or: bighost coordinator token)",
            )
        return kept
    try:
        fresh = await enrol(url, join_token, name, profile, keys)
    except (Refused, NetworkError):
        if kept is None or kept.profile is not profile:
            raise
        return kept
    await asyncio.to_thread(save, path, fresh)
    return fresh


def load(path: Path, url: str) -> Identity | None:
    """The identity kept at `path`, if it is one with the coordinator at `url`. Raises OperatorError."""
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=Identity)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise OperatorError(f"{path} is damaged: {error}", hint="remove it, and join with a token") from None
    return kept if kept.url == url.rstrip("/") else None


def save(path: Path, identity: Identity) -> None:
    """Keep an identity, readable by its owner alone."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(msgspec.json.encode(identity))
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _reply(url: str, body: bytes) -> EnrolReply:
    try:
        reply = msgspec.json.decode(body, type=EnrolReply)
    except msgspec.MsgspecError as error:
        raise NetworkError(f"{url} does not answer like a coordinator: {error}") from None
    if not is_key(reply.server_key):
        raise NetworkError(f"{url} does not answer like a coordinator: its key is none")
    return reply


def _refusal(url: str, answer: httpx.Response) -> Refused | OperatorError | NetworkError:
    try:
        problem = msgspec.json.decode(answer.content, type=Problem)
    except msgspec.MsgspecError:
        return NetworkError(f"{url} does not answer like a coordinator (HTTP {answer.status_code})")
    words, hint = problem.detail or problem.title, problem.hint
    if answer.status_code in _REFUSALS:
        hint = hint or "ask whoever runs the coordinator for a new join token"
        return Refused(f"the coordinator refuses this machine: {words}", hint=hint)
    if answer.is_server_error:
        return NetworkError(f"the coordinator at {url} can't enrol just now: {words}", hint=hint)
    return OperatorError(f"the coordinator can't enrol this machine: {words}", hint=hint)
