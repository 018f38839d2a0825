"""A control server that says exactly the bytes that a test wants, and then hangs up or holds the line."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class FakeServer:
    answers: dict[str, bytes] = field(default_factory=dict)  # path -> raw HTTP answer
    holds: set[str] = field(default_factory=set)  # paths whose connection stays open after the answer
    asked: list[tuple[str, str, bytes]] = field(default_factory=list)  # method, path, body

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
        except asyncio.IncompleteReadError:  # somebody only looked whether we are there
            writer.close()
            return
        method, path, _ = head.split(" ", 2)
        sizes = [line for line in head.lower().splitlines() if line.startswith("content-length:")]
        body = await reader.readexactly(int(sizes[0].split(":")[1]) if sizes else 0)
        self.asked.append((method, path, body))
        writer.write(self.answers.get(path, answer(404)))
        await writer.drain()
        if path in self.holds:
            await reader.read()  # until the client hangs up
        writer.close()


@contextlib.asynccontextmanager
async def serving(socket: Path) -> AsyncIterator[FakeServer]:
    fake = FakeServer()
    server = await asyncio.start_unix_server(fake.serve, socket)
    async with server:
        yield fake


def answer(status: int = 200, body: bytes = b"", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status} said\r\ncontent-length: {size}\r\n\r\n".encode() + body


def json_answer(value: Any, status: int = 200) -> bytes:
    return answer(status, json.dumps(value).encode())


def stream(*messages: Any, cut: bool = False) -> bytes:
    """An answer of `/run`; `cut`: more was promised than comes."""
    body = b"".join(json.dumps(message).encode() + b"\n" for message in messages)
    return answer(200, body, len(body) + 1 if cut else None)
