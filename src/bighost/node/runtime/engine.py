"""The Docker engine as the node sees it: blocking calls on few threads, and its failures as our faults.

The connection is made at the first call and dropped when the engine is gone, so an engine that comes back is
simply used again. A call whose caller is cancelled is waited for all the same: only then is it known what
there is to clean up.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock
from typing import Any, TypeVar

import docker
import requests
import urllib3
from docker.errors import APIError, DockerException, ImageNotFound

from bighost.node.runtime.base import EngineGone, EngineRefused, ImageMissing

LEAST_API = (1, 41)  # Docker 20.10
CALL_S = 120.0
KNOCK_S = 5.0
DEFAULT_URL = "unix:///var/run/docker.sock"
THREADS = 4
GATEWAY_ERRORS = (502, 503, 504)  # said by a proxy in front of an engine that is down

T = TypeVar("T")


class Engine:
    """One Docker engine: the one at `url`, or else the one that DOCKER_HOST or the default socket names."""

    def __init__(self, url: str | None = None) -> None:
        self._url = url
        self._connection: docker.DockerClient | None = None
        self._lock = Lock()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="docker")

    async def call(self, ask: Callable[[docker.DockerClient], T]) -> T:
        """`ask` on a thread of the engine's. Raises EngineGone, ImageMissing or EngineRefused."""
        answer = asyncio.get_running_loop().run_in_executor(self._threads, self.ask, ask)
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            await asyncio.wait([answer])
            if not answer.cancelled():
                answer.exception()  # seen; whoever was cancelled cleans up by name
            raise

    def ask(self, ask: Callable[[docker.DockerClient], T]) -> T:
        """The same for callers that may block."""
        try:
            self._knock()
            with _as_faults():
                return ask(self._connect())
        except EngineGone:
            self._disconnect()
            raise

    async def check(self) -> dict[str, Any]:
        """What the engine says of itself (`docker info`). Raises EngineGone; EngineRefused: too old."""
        return await self.call(_info)

    def close(self) -> None:
        """Let the threads and the connection go."""
        self._threads.shutdown(wait=True)
        self._disconnect()

    def _knock(self) -> None:
        """Raises EngineGone when nobody listens at a local engine's socket.

        The SDK finds that out as well, but says it less clearly and leaves a socket open each time.
        """
        url = self._url or os.environ.get("DOCKER_HOST") or DEFAULT_URL
        scheme, _, path = url.partition("://")
        if scheme in ("unix", "http+unix"):
            with socket.socket(socket.AF_UNIX) as door:
                door.settimeout(KNOCK_S)
                try:
                    door.connect(path)
                except OSError as error:
                    raise EngineGone(f"no Docker engine answers at {path} ({error})") from error

    def _connect(self) -> docker.DockerClient:
        with self._lock:
            if self._connection is None:
                if self._url is None:
                    self._connection = docker.DockerClient.from_env(version="auto", timeout=int(CALL_S))
                else:
                    self._connection = docker.DockerClient(self._url, version="auto", timeout=int(CALL_S))
            return self._connection

    def _disconnect(self) -> None:
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _info(client: docker.DockerClient) -> dict[str, Any]:
    version = client.version()
    if tuple(int(part) for part in version["ApiVersion"].split(".")) < LEAST_API:
        raise EngineRefused(
            f"Docker {version.get('Version')} is too old: API 1.41 is needed",
            hint="install Docker Engine 20.10 or newer",
        )
    info: dict[str, Any] = client.info()
    return info


@contextmanager
def _as_faults() -> Iterator[None]:
    try:
        yield
    except ImageNotFound as error:
        raise ImageMissing(error.explanation or str(error)) from error
    except APIError as error:
        if error.status_code in GATEWAY_ERRORS:
            raise EngineGone(f"the Docker engine does not answer ({error.status_code})") from error
        raise EngineRefused(f"the Docker engine refused: {error.explanation or error}") from error
    except (requests.RequestException, urllib3.exceptions.HTTPError, DockerException, OSError) as error:
        raise EngineGone(f"the Docker engine does not answer: {error}") from error
