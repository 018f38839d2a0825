"""Reaches a control server where a bind-mounted Unix socket can't: through `exec` of the engine.

Docker Desktop and remote engines run containers on another kernel, and sockets do not cross a file share. So
the node listens on a Unix socket of its own, and for each connection a few lines of Python run inside the
container and pump bytes between the exec's streams and the server's socket. The pod keeps having no network,
and the pod's client does not notice. A connection costs an exec (some 0.1 s).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path
from typing import Any

import docker
import structlog

from bighost.node.runtime.base import RuntimeFault
from bighost.node.runtime.engine import Engine

PIECE = 64 * 1024
STDOUT = 1
HEADER = 8  # bytes before each piece: stream number, three zeros, length (big endian)

INSIDE = """
import os, socket, sys, threading
server = socket.socket(socket.AF_UNIX)
server.connect(sys.argv[1])
def upwards():
    while piece := os.read(0, 65536):
        server.sendall(piece)
    os._exit(0)
threading.Thread(target=upwards, daemon=True).start()
while piece := server.recv(65536):
    sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
"""

log = structlog.get_logger()


class Relay:
    """Stands at the Unix socket `outside` for the socket `inside` a container."""

    def __init__(self, engine: Engine, container: str, inside: str, outside: Path) -> None:
        self._engine = engine
        self._container = container
        self._command = ["python3", "-c", INSIDE, inside]
        self._outside = outside
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen."""
        self._server = await asyncio.start_unix_server(self._serve, self._outside)

    async def close(self) -> None:
        """Listen no more; connections end with the container."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pump until either side ends; a failure shows to the client as a broken connection."""
        try:
            wire = await self._engine.call(self._exec)
            from_pod, to_pod = await asyncio.open_connection(sock=wire)
            await _pump(reader, to_pod, from_pod, writer)
            to_pod.close()
        except (RuntimeFault, OSError, asyncio.IncompleteReadError) as error:
            log.debug("relay broke", action="relay_broke", pod=self._container, why=str(error))
        finally:
            writer.close()

    def _exec(self, client: docker.DockerClient) -> socket.socket:
        made = client.api.exec_create(self._container, self._command, stdin=True)
        stream: Any = client.api.exec_start(made["Id"], socket=True)
        hijacked: socket.socket = stream._sock  # the SDK has no public way to the socket itself
        wire = hijacked.dup()
        wire.setblocking(False)
        stream._response.close()
        hijacked.close()
        return wire


async def _pump(
    reader: asyncio.StreamReader,
    to_pod: asyncio.StreamWriter,
    from_pod: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    directions = [asyncio.ensure_future(_up(reader, to_pod)), asyncio.ensure_future(_down(from_pod, writer))]
    try:
        await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for direction in directions:
            direction.cancel()
    for direction in directions:
        with contextlib.suppress(asyncio.CancelledError):
            await direction


async def _up(reader: asyncio.StreamReader, to_pod: asyncio.StreamWriter) -> None:
    while piece := await reader.read(PIECE):
        to_pod.write(piece)
        await to_pod.drain()


async def _down(from_pod: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while header := await from_pod.read(HEADER):
        if len(header) < HEADER:
            header += await from_pod.readexactly(HEADER - len(header))
        piece = await from_pod.readexactly(int.from_bytes(header[4:], "big"))
        if header[0] == STDOUT:
            writer.write(piece)
            await writer.drain()
