"""What goes over HTTP between a node and its coordinator: datasets come, outputs go.

Both are streamed; the node's own token opens the door. Every failure is one of two: `Unavailable` may work
later, `Gone` never will.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType

import httpx

from bighost.errors import NetworkError

IDLE_S = 60.0  # between two pieces
CONNECT_S = 10.0
CHUNK = 256 * 1024
_FINAL = frozenset({400, 404, 405, 409, 410, 413, 422})


class Unavailable(NetworkError):
    """The coordinator does not answer, or can't do it just now."""


class Gone(NetworkError):
    """The coordinator does not have it, or does not want it any more."""


class Transfer:
    """Downloads and uploads for one node."""

    def __init__(self, url: str, token: str) -> None:
        self._http = httpx.AsyncClient(
            base_url=url,
            headers={"authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(IDLE_S, connect=CONNECT_S),
        )

    async def __aenter__(self) -> Transfer:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    @asynccontextmanager
    async def dataset(self, digest: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """The bytes of a dataset's file, as they come. Raises Gone, Unavailable."""
        try:
            async with self._http.stream("GET", f"/api/node/datasets/{digest}") as answer:
                _check(answer, f"dataset {digest[:12]}")
                yield answer.aiter_bytes(CHUNK)
        except httpx.TransportError as error:
            raise Unavailable(f"dataset {digest[:12]} did not come: {_words(error)}") from error

    async def output(self, job: str, attempt: int, test: str, packed: Path) -> None:
        """Hand in the packed output of a test. Raises Gone, Unavailable."""
        what = f"output of test {test} of job {job}"
        try:
            answer = await self._http.put(
                f"/api/node/jobs/{job}/{attempt}/outputs/{test}",
                content=_chunks(packed),
                headers={
                    "content-type": "application/zstd",
                    "content-length": str(packed.stat().st_size),
                },
            )
        except httpx.TransportError as error:
            raise Unavailable(f"the {what} was not taken: {_words(error)}") from error
        _check(answer, what)


def _check(answer: httpx.Response, what: str) -> None:
    if answer.status_code in _FINAL:
        raise Gone(f"the coordinator does not have, or no longer wants, the {what} ({answer.status_code})")
    if not answer.is_success:
        raise Unavailable(f"the coordinator answers {answer.status_code} for the {what}")


def _words(error: Exception) -> str:
    return f"{type(error).__name__} {error}".strip()


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as file:
        while chunk := await asyncio.to_thread(file.read, CHUNK):
            yield chunk
