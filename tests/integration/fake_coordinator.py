"""A coordinator that a test plays: a real ROUTER, a real HTTP port, and a memory of all that was said."""

from __future__ import annotations

import asyncio
import contextlib
import io
import tarfile
from collections import deque
from collections.abc import Callable
from typing import TypeVar

import msgspec
import zstandard

from bighost.wire.http import EnrolReply, EnrolRequest, Problem
from bighost.wire.keys import KeyPair
from bighost.wire.messages import (
    Ack,
    FromCoordinator,
    FromNode,
    Join,
    Pull,
    Receipt,
    Result,
    Welcome,
    decode_from_node,
    encode,
)
from bighost.wire.sockets import CoordinatorSocket

M = TypeVar("M", bound=FromNode)

DEADLINE_S = 30.0
TOKEN = "join me"


class FakeCoordinator:
    """Welcomes whoever joins and acknowledges every result, unless a test says otherwise."""

    def __init__(self, *, lease_s: float = 5.0, heartbeat_s: float = 0.1) -> None:
        self.keys = KeyPair.new()
        self.lease_s = lease_s
        self.heartbeat_s = heartbeat_s
        self.answer_to_join: Callable[[Join], FromCoordinator | None] = self._welcome
        self.receipt: Callable[[Result], Receipt | None] = lambda r: Receipt(r.job, r.attempt)
        self.datasets: dict[str, bytes] = {}
        self.requests: list[tuple[str, str, str]] = []  # method, path, authorization
        self.uploads: dict[str, bytes] = {}
        self.upload_answers: deque[int] = deque()  # else 204
        self.enrolled: list[EnrolRequest] = []
        self.port = 0
        self.http_port = 0
        self.said: list[FromNode] = []
        self._unread: list[FromNode] = []
        self._unread_results: list[Result] = []
        self._news = asyncio.Condition()
        self._route = b""
        self._socket: CoordinatorSocket | None = None
        self._listening: asyncio.Task[None] | None = None
        self._http: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    async def __aenter__(self) -> FakeCoordinator:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Serve, on the same ports as before where there were some."""
        self._socket = CoordinatorSocket(self.keys)
        await self._socket.bind("127.0.0.1", self.port)
        self.port = self._socket.port
        self._listening = asyncio.create_task(self._listen(self._socket))
        self._http = await asyncio.start_server(self._serve, "127.0.0.1", self.http_port)
        self.http_port = self._http.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Vanish."""
        if self._listening is not None:
            self._listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listening
        if self._http is not None:
            self._http.close()
        if self._socket is not None:
            await self._socket.close()

    async def say(self, message: FromCoordinator) -> None:
        assert self._socket is not None
        assert self._socket.send(self._route, encode(message))

    async def heard(self, kind: type[M], where: Callable[[M], bool] = lambda _: True) -> M:
        """The next message of a kind (and for which `where` holds) that no test has asked for yet."""
        async with asyncio.timeout(DEADLINE_S), self._news:
            while True:
                for message in self._unread:
                    if isinstance(message, kind) and where(message):
                        self._unread.remove(message)
                        return message
                await self._news.wait()

    async def result(self, job: str) -> Result:
        """The next result of a job, in whichever message it comes."""
        async with asyncio.timeout(DEADLINE_S), self._news:
            await self._news.wait_for(lambda: any(result.job == job for result in self._unread_results))
            result = next(result for result in self._unread_results if result.job == job)
            self._unread_results.remove(result)
            return result

    async def ever(self, kind: type[M], where: Callable[[M], bool]) -> M:
        """The first message of a kind for which `where` holds, read or not."""
        async with asyncio.timeout(DEADLINE_S), self._news:
            while True:
                for message in self.said:
                    if isinstance(message, kind) and where(message):
                        return message
                await self._news.wait()

    def results(self) -> list[Result]:
        """Every result that was ever handed in."""
        return [result for message in self.said if isinstance(message, Pull) for result in message.results]

    async def _listen(self, socket: CoordinatorSocket) -> None:
        while True:
            envelope = await socket.receive()
            self._route = envelope.route
            message = decode_from_node(envelope.data)
            for answer in self._answers(message):
                socket.send(envelope.route, encode(answer))
            async with self._news:
                self.said.append(message)
                self._unread.append(message)
                self._unread_results += message.results if isinstance(message, Pull) else ()
                self._news.notify_all()

    def _answers(self, message: FromNode) -> list[FromCoordinator]:
        if isinstance(message, Join):
            answer = self.answer_to_join(message)
            return [answer] if answer else []
        if isinstance(message, Pull):
            receipts = tuple(r for r in map(self.receipt, message.results) if r is not None)
            return [Ack(receipts=receipts)] if receipts else []
        return []

    def _welcome(self, join: Join) -> Welcome:
        return Welcome(name="node", lease_s=self.lease_s, heartbeat_s=self.heartbeat_s, now=0)

    # -- HTTP, as little of it as a node needs

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            method, path, _ = head.split(" ", 2)
            headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            self.requests.append((method, path, headers.get("authorization", "")))
            status, content = self._answer(method, path, body)
            lines = (f"HTTP/1.1 {status} x", f"content-length: {len(content)}", "connection: close", "", "")
            writer.write("\r\n".join(lines).encode() + content)
            await writer.drain()
        writer.close()

    def _answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        last = path.rpartition("/")[2]
        if path == "/api/nodes/enrol":
            return self._enrol(msgspec.json.decode(body, type=EnrolRequest))
        if path.startswith("/api/node/datasets/"):
            return (200, self.datasets[last]) if last in self.datasets else (404, b"")
        if method == "PUT" and path.startswith("/api/node/jobs/"):
            status = self.upload_answers.popleft() if self.upload_answers else 204
            if status == 204:
                self.uploads[path.removeprefix("/api/node/jobs/")] = body
            return status, b""
        return 404, b""

    def _enrol(self, request: EnrolRequest) -> tuple[int, bytes]:
        self.enrolled.append(request)
        if request.token != TOKEN:
            problem = Problem(title="Unauthorized", status=401, detail="this join token has expired")
            return 401, msgspec.json.encode(problem)
        reply = EnrolReply(name=request.name, server_key=self.keys.public, port=self.port, token="node token")
        return 201, msgspec.json.encode(reply)


def unpacked(packed: bytes) -> dict[str, bytes]:
    """The part files of an uploaded output."""
    plain = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(packed)).read()
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
