"""The two ends of the wire: the coordinator's ROUTER and a node's DEALER, both with CURVE on.

The coordinator's end lets every CURVE key in and says of each frame which key sent it, as the ZAP handler
proved it (RFC 27); whether that key is enrolled is for the engine to say, so that a node that was forgotten
can be told. Routing ids are the ROUTER's own random ones, and a client can't choose one that looks like
them, so no node can take over another's answers and ROUTER_HANDOVER stays off.

A node's socket is one connection: when that breaks, `receive` and `send` raise NetworkError, and
`reconnect` makes a fresh socket. So nothing that was queued for a former connection is ever sent on the
next one; what must not be lost lies in the node's outbox.
"""

from __future__ import annotations

import asyncio
import errno
import socket as tcp
from typing import Any, NamedTuple, cast

import zmq
import zmq.asyncio
import zmq.auth
from zmq.auth.asyncio import AsyncioAuthenticator

from bighost.errors import NetworkError, OperatorError, WireError
from bighost.wire.keys import KeyPair
from bighost.wire.messages import MAX_MESSAGE
from bighost.wire.monitor import Monitor
from bighost.wire.strangers import Strangers

HIGH_WATER = 10_000  # messages queued for one peer
HEARTBEAT_S = 5.0  # pings of ZMTP (RFC 37), below our own messages
SILENCE_S = 15.0  # without an answer to them a connection is closed
HANDSHAKE_S = 10.0
SEND_S = 10.0
LINGER_S = 1.0

_UNDELIVERABLE = frozenset({errno.EHOSTUNREACH, errno.EAGAIN})
_BROKEN = (
    zmq.EVENT_CLOSED
    | zmq.EVENT_DISCONNECTED
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)


class Envelope(NamedTuple):
    """What came in: the key that sent it, where an answer goes, and the bytes."""

    key: str  # CURVE public key, Z85
    route: bytes
    data: bytes


class CoordinatorSocket:
    """The coordinator's end. Cancel whoever waits in `receive` before `close`."""

    def __init__(self, keys: KeyPair) -> None:
        self.port = 0
        self.strangers = Strangers()
        self._context = zmq.asyncio.Context()
        self._authenticator = AsyncioAuthenticator(self._context)
        self._socket = self._context.socket(zmq.ROUTER)
        self._monitor: Monitor | None = None
        _common_options(self._socket)
        self._socket.curve_server = True
        _use_keys(self._socket, keys)
        self._socket.router_mandatory = True
        self._socket.handshake_ivl = _ms(HANDSHAKE_S)

    async def bind(self, host: str, port: int) -> None:
        """Listen; port 0 takes a free one, `port` then says which. Raises OperatorError, and is closed."""
        self._authenticator.start()
        self._authenticator.configure_curve(domain="*", location=zmq.auth.CURVE_ALLOW_ANY)
        self._monitor = Monitor(self._socket, self.strangers.saw, Strangers.EVENTS)
        try:
            address = await _resolve(host, port)
            self._socket.ipv6 = ":" in address
            self._socket.bind(f"tcp://{address}:{port or '*'}")
        except (zmq.ZMQError, OSError) as error:
            await self.close()
            raise _cannot_listen(host, port, error) from error
        self.port = int(cast(bytes, self._socket.last_endpoint).rpartition(b":")[2])

    async def receive(self) -> Envelope:
        """The next message. What is malformed is counted and passed over."""
        while True:
            frames = await self._socket.recv_multipart(copy=False)
            if len(frames) == 2 and (key := frames[1].get("User-Id")):
                return Envelope(str(key), frames[0].bytes, frames[1].bytes)
            self.strangers.malformed()

    def send(self, route: bytes, data: bytes) -> bool:
        """Hand a message to the connection `route`, without waiting.

        False when there is no such connection (any more), or when the peer has stopped reading.
        """
        sent = cast("asyncio.Future[object]", self._socket.send_multipart((route, data), flags=zmq.DONTWAIT))
        error = sent.exception()
        if error is None:
            return True
        if isinstance(error, zmq.ZMQError) and error.errno in _UNDELIVERABLE:
            return False
        raise error

    async def close(self) -> None:
        """Stop listening, after a moment for what is on its way. Can be called twice."""
        if self._socket.closed:
            return
        if self._monitor is not None:
            self._monitor.close()
        self._socket.close(linger=_ms(LINGER_S))
        self._authenticator.stop()
        await _terminated(self._context)


class NodeSocket:
    """A node's end. `send` and `receive` may be called by different tasks at the same time."""

    def __init__(self, keys: KeyPair) -> None:
        self._keys = keys
        self._target: tuple[str, str] | None = None
        self._connection: _Connection | None = None

    async def connect(self, endpoint: str, server_key: str, *, timeout_s: float = HANDSHAKE_S) -> None:
        """Dial `endpoint` ("tcp://host:port") and wait until the peer has proved `server_key`.

        Raises NetworkError: nobody there, somebody else there, or no answer within `timeout_s`.
        """
        await self.close()
        self._target = (endpoint, server_key)
        connection = _Connection(self._keys, server_key)
        try:
            await connection.dial(endpoint, timeout_s)
        except BaseException:  # cancelled as well: no half-open connection stays
            await connection.close()
            raise
        self._connection = connection

    async def reconnect(self, *, timeout_s: float = HANDSHAKE_S) -> None:
        """Drop the connection and dial the same coordinator by a fresh socket. Raises NetworkError."""
        if self._target is None:
            raise NetworkError("there was no connection yet")
        await self.connect(*self._target, timeout_s=timeout_s)

    async def send(self, data: bytes) -> None:
        """Hand over a message. Raises NetworkError when the connection is lost or takes no more."""
        await self._connected().send(data)

    async def receive(self) -> bytes:
        """The next message. Raises NetworkError once the connection is lost and all that came is read."""
        return await self._connected().receive()

    async def close(self) -> None:
        """Let go of the connection, after a moment for what is on its way. Can be called twice."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    def _connected(self) -> _Connection:
        if self._connection is None:
            raise NetworkError("not connected")
        return self._connection


class _Connection:
    """One socket that is dialled once; its monitor tells when it is admitted and when it is lost."""

    def __init__(self, keys: KeyPair, server_key: str) -> None:
        self._context = zmq.asyncio.Context()
        self._socket = self._context.socket(zmq.DEALER)
        _common_options(self._socket)
        _use_keys(self._socket, keys)
        self._socket.curve_serverkey = server_key.encode()
        self._socket.ipv6 = True
        self._socket.reconnect_ivl = -1  # never by itself
        loop = asyncio.get_running_loop()
        self._admitted: asyncio.Future[str] = loop.create_future()
        self._lost: asyncio.Future[str] = loop.create_future()
        self._monitor = Monitor(self._socket, self._saw)

    async def dial(self, endpoint: str, timeout_s: float) -> None:
        try:
            self._socket.connect(endpoint)
            async with asyncio.timeout(timeout_s):
                await asyncio.wait({self._admitted, self._lost}, return_when=asyncio.FIRST_COMPLETED)
        except zmq.ZMQError as error:
            raise NetworkError(f"{endpoint} can't be dialled: {error}") from error
        except TimeoutError:
            raise NetworkError(f"no answer from {endpoint} within {timeout_s:g} s") from None
        if not self._admitted.done():
            raise NetworkError(f"no coordinator with the right key answers at {endpoint}")

    async def send(self, data: bytes) -> None:
        if self._lost.done():
            raise NetworkError(self._lost.result())
        try:
            async with asyncio.timeout(SEND_S):
                await self._socket.send(data)
        except TimeoutError:
            raise NetworkError("the coordinator has stopped reading") from None

    async def receive(self) -> bytes:
        incoming = asyncio.ensure_future(self._socket.recv_multipart())
        first: set[asyncio.Future[Any]] = {incoming, self._lost}
        try:
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        finally:
            incoming.cancel()
        frames = await self._left_behind() if incoming.cancelled() else incoming.result()
        if len(frames) != 1:
            raise WireError(f"a message of {len(frames)} frames")
        return frames[0]

    async def _left_behind(self) -> list[bytes]:
        """What came before the connection was lost and was not read yet."""
        try:
            return await self._socket.recv_multipart(flags=zmq.DONTWAIT)
        except zmq.Again:
            raise NetworkError(self._lost.result()) from None

    async def close(self) -> None:
        self._monitor.close()
        self._socket.close(linger=_ms(LINGER_S))
        await _terminated(self._context)

    def _saw(self, event: int) -> None:
        if event == zmq.EVENT_HANDSHAKE_SUCCEEDED and not self._admitted.done():
            self._admitted.set_result("")
        elif event & _BROKEN and not self._lost.done():
            self._lost.set_result("the connection was lost")


def _common_options(socket: zmq.asyncio.Socket) -> None:
    socket.sndhwm = socket.rcvhwm = HIGH_WATER
    socket.maxmsgsize = MAX_MESSAGE
    socket.tcp_keepalive = 1
    socket.heartbeat_ivl = _ms(HEARTBEAT_S)
    socket.heartbeat_timeout = _ms(SILENCE_S)


def _use_keys(socket: zmq.asyncio.Socket, keys: KeyPair) -> None:
    socket.curve_publickey = keys.public.encode()
    socket.curve_secretkey = keys.secret.encode()


async def _resolve(host: str, port: int) -> str:
    """The numeric address of `host`: libzmq takes names of interfaces there, not of machines."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=tcp.SOCK_STREAM)
    address = str(found[0][4][0])
    return f"[{address}]" if ":" in address else address


def _cannot_listen(host: str, port: int, error: zmq.ZMQError | OSError) -> OperatorError:
    if error.errno == errno.EADDRINUSE:
        return OperatorError(
            f"port {port} on {host} is taken, so nodes can't connect",
            hint="end the program that listens there, or choose another port by --listen HOST:PORT",
        )
    return OperatorError(
        f"can't listen for nodes on {host}:{port}: {error.strerror or error}",
        hint="choose an address of this machine by --listen HOST:PORT",
    )


async def _terminated(context: zmq.asyncio.Context) -> None:
    """Wait until what was on its way is sent, LINGER_S at most; goes on by itself when we are cancelled."""
    await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, context.term))


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
