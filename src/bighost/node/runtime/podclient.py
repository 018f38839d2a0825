"""Talks to a pod's control server: HTTP over a Unix socket, as `pod/contract.py` has it.

Every call has a deadline. Whatever goes wrong on the way (nobody there, a connection cut, an answer that is
not the contract's) is PodDied, because a pod that can't be talked to is of no more use; only `ready` tells
'not yet' from 'broken'. Each call opens its own connection: that costs 0.1 ms on a Unix socket, and no call
can meet a connection that the server is just closing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from bighost.node.runtime.base import OnProgress, PodDied, PodNotReady
from bighost.pod import contract
from bighost.pod.contract import ContractError, Progress, Ready, RunOrder, RunReport

CALL_S = 10.0  # of the calls that only ask or tell
RESET_S = 30.0  # killing, wiping and looking again
GRACE_S = 15.0  # a run may take its wall limit and this, for killing, hashing and reporting
OUTPUT_IDLE_S = 30.0  # between two pieces of an output file
LONGEST_LINE = 64 * 1024 * 1024  # bytes of one line of the stream: no pod may fill the node's memory
ANSWERS_BUSY = 503

T = TypeVar("T")


class PodClient:
    """One control server, found at a Unix socket."""

    def __init__(self, socket: Path) -> None:
        transport = httpx.AsyncHTTPTransport(
            uds=str(socket), verify=False, limits=httpx.Limits(max_keepalive_connections=0)
        )
        self._http = httpx.AsyncClient(transport=transport, base_url="http://pod", timeout=CALL_S)

    async def ready(self) -> Ready | None:
        """What the pod says of itself; None while nobody answers or the framework still warms up.

        Raises PodNotReady when it never will be, or speaks another version of the contract.
        """
        try:
            answer = await self._http.get("/ready")
        except httpx.TransportError:
            return None
        if answer.status_code == ANSWERS_BUSY:
            return None
        if answer.is_error:
            raise PodNotReady(f"the pod can't get ready: {answer.text[:500]}")
        with _garbled_is_death():
            ready = contract.from_dict(Ready, answer.json())
        if ready.contract != contract.VERSION:
            raise PodNotReady(
                f"the pod speaks contract version {ready.contract}, this node {contract.VERSION}",
                hint=f"build its image again: bighost images build {ready.framework}",
            )
        return ready

    async def run(self, order: RunOrder, on_progress: OnProgress) -> RunReport:
        """Run an order, telling progress as it comes. Raises PodDied."""
        allowed = order.limits.wall_s + GRACE_S
        with _broken_is_death():
            async with _within(allowed, "did not end the run"), self._run_stream(order) as answer:
                async for line in _lines(answer):
                    message = _parse(line)
                    if "report" in message:
                        return _read(RunReport, message["report"])
                    on_progress(_read(Progress, message.get("progress")))
        raise PodDied("the pod ended the run without a report")

    async def output(self, name: str) -> AsyncGenerator[bytes, None]:
        """The bytes of an output file of the last run, as they come. Raises PodDied."""
        timeout = httpx.Timeout(OUTPUT_IDLE_S)
        with _broken_is_death():
            async with self._http.stream("GET", f"/output/{quote(name, safe='')}", timeout=timeout) as answer:
                answer.raise_for_status()
                async for piece in answer.aiter_raw():
                    yield piece

    async def cancel(self) -> None:
        """Let the running order end as cancelled. Raises PodDied."""
        with _broken_is_death():
            (await self._http.post("/cancel")).raise_for_status()

    async def reset(self) -> str | None:
        """Wipe the pod: None when it is clean, else why it is not. Raises PodDied."""
        with _broken_is_death():
            async with _within(RESET_S, "did not reset"):
                answer = await self._http.post("/reset", timeout=None)
            answer.raise_for_status()
        match _parse(answer.content):
            case {"clean": True}:
                return None
            case {"clean": False, **rest}:
                return str(rest.get("why", "no reason given"))
            case other:
                raise PodDied(f"the pod answered a reset with {other!r:.200}")

    async def close(self) -> None:
        """Close the connections that are still open."""
        await self._http.aclose()

    def _run_stream(self, order: RunOrder) -> Any:
        timeout = httpx.Timeout(CALL_S, read=None)  # `_within` bounds the whole
        return _accepted(self._http.stream("POST", "/run", json=contract.to_dict(order), timeout=timeout))


@asynccontextmanager
async def _accepted(stream: Any) -> AsyncIterator[httpx.Response]:
    async with stream as answer:
        if answer.is_error:
            body = (await answer.aread())[:500].decode(errors="replace")
            raise PodDied(f"the pod refused the order ({answer.status_code}): {body}")
        yield answer


@asynccontextmanager
async def _within(seconds: float, what: str) -> AsyncIterator[None]:
    deadline = asyncio.timeout(seconds)
    try:
        async with deadline:
            yield
    except TimeoutError as error:
        if not deadline.expired():
            raise
        raise PodDied(f"the pod {what} within {seconds:g} s") from error


@contextmanager
def _broken_is_death() -> Iterator[None]:
    with _garbled_is_death():
        try:
            yield
        except httpx.TransportError as error:
            raise PodDied(f"the connection to the pod broke ({type(error).__name__})") from error


@contextmanager
def _garbled_is_death() -> Iterator[None]:
    try:
        yield
    except httpx.HTTPStatusError as error:
        raise PodDied(f"the pod answered {error.response.status_code} to {error.request.url.path}") from error
    except (ContractError, json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PodDied(f"the pod does not speak the contract: {error}") from error


async def _lines(answer: httpx.Response) -> AsyncIterator[bytes]:
    rest = bytearray()
    searched = 0
    async for piece in answer.aiter_raw():
        rest += piece
        while (end := rest.find(b"\n", searched)) >= 0:
            line, searched = bytes(rest[:end]), 0
            del rest[: end + 1]
            if line.strip():
                yield line
        searched = len(rest)
        if searched > LONGEST_LINE:
            raise PodDied(f"the pod sent a line of more than {LONGEST_LINE} bytes")


def _parse(line: bytes) -> dict[str, Any]:
    with _garbled_is_death():
        message = json.loads(line)
    if not isinstance(message, dict):
        raise PodDied(f"the pod sent {type(message).__name__} where an object is due")
    return message


def _read(kind: type[T], data: Any) -> T:
    with _garbled_is_death():
        return contract.from_dict(kind, data)
