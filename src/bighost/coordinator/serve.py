"""Runs a coordinator with its API until it is told to stop: what `bighost coordinator up` calls."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import structlog
import uvicorn

from bighost.coordinator.api.app import create
from bighost.coordinator.server import Coordinator
from bighost.errors import OperatorError
from bighost.settings import CoordinatorSettings
from bighost.store.base import Store

log = structlog.get_logger()
STOP_S = 5.0  # for requests that are under way when we are told to stop


class Serving(msgspec.Struct, frozen=True):
    """Where a coordinator serves, and the tokens that open it: also what `--ready-file` holds."""

    url: str
    join_token: str
    admin_token: str
    pid: int


async def serve(settings: CoordinatorSettings, store: Store, on_ready: Callable[[Serving], None]) -> None:
    """Serve until SIGINT or SIGTERM. `on_ready` is called once requests are answered.

    Raises OperatorError when a port is taken or another coordinator holds the data folder, StoreFault when
    the store can't be opened, and whatever ended a task that must not end.
    """
    # At Python's default of 5 ms a busy event loop starves the threads that write to the disk: commits then
    # take seconds, and with 0.5 ms milliseconds (measured beside a loop that never rests).
    sys.setswitchinterval(0.0005)
    with _listen(settings.host, settings.port) as listener:
        async with Coordinator(settings, store) as coordinator:
            server = _Server(listener, coordinator)
            await server.start()
            on_ready(_serving(settings.host, listener, coordinator))
            try:
                await _until_told_or_failed(coordinator)
            finally:
                await server.stop()


def write_ready_file(path: Path, serving: Serving) -> None:
    """Write the ready file at once as a whole, readable by its owner alone: it holds tokens."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(msgspec.to_builtins(serving), file)
    part.replace(path)


class _Server:
    """Uvicorn as a task of ours: signals are handled by us, not by it."""

    def __init__(self, listener: socket.socket, coordinator: Coordinator) -> None:
        config = uvicorn.Config(
            create(coordinator),
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=int(STOP_S),
            timeout_keep_alive=30,
            server_header=False,
        )
        self._listener = listener
        self._server = uvicorn.Server(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        config = self._server.config
        if not config.loaded:
            config.load()
        self._server.lifespan = config.lifespan_class(config)
        await self._server.startup(sockets=[self._listener])
        self._task = asyncio.create_task(self._server.main_loop(), name="http")

    async def stop(self) -> None:
        self._server.should_exit = True
        if self._task is not None:
            await self._task
        await self._server.shutdown(sockets=[self._listener])


async def _until_told_or_failed(coordinator: Coordinator) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    waiting = [asyncio.create_task(told.wait()), asyncio.create_task(coordinator.failed())]
    try:
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in waiting:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise OperatorError(
                f"port {port} on {host} is taken",
                hint="Choose another: --listen HOST:PORT (0 is any free one).",
            ) from None
        raise OperatorError(f"can't listen on {host}:{port}: {error.strerror}") from None
    listener.listen(2048)
    listener.setblocking(False)
    return listener


def _serving(host: str, listener: socket.socket, coordinator: Coordinator) -> Serving:
    port = listener.getsockname()[1]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return Serving(
        url=f"http://{shown}:{port}",
        join_token=coordinator.join_token,
        admin_token=coordinator.admin_token,
        pid=os.getpid(),
    )
