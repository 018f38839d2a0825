"""What the control server and the warden say to each other, beside file descriptors, over Unix sockets.

One datagram (SOCK_SEQPACKET) is one message: a JSON list of the message's name and its fields.

| channel | server to warden | warden to server |
|---|---|---|
| control, one a pod | `Begin` with the new stage's channel | |
| stage | `Spawn` with stdio and the program's channel; `Charge`; `Kill`; `End` | `StageUsage` after `End` |
| program | closing it kills the program | `Exited`, or `NotStarted` |

A channel that closes takes with it what it stands for, so that nothing outlives a server that died.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

MESSAGE_BYTES = 192 * 1024  # below Linux's default send buffer, which bounds one datagram
FDS = 4


class Breach(StrEnum):
    """Which limit of a stage was broken."""

    CPU = "cpu"
    WALL = "wall"
    MEMORY = "memory"
    PROCESSES = "processes"
    DISK = "disk"


class Begin(NamedTuple):
    """Watch a stage by these limits. `deadline` is on the monotonic clock, which all processes share."""

    cpu_s: float
    deadline: float
    memory_bytes: int
    processes: int
    disk_bytes: int
    charged_bytes: int  # intermediate data of earlier stages, which counts as disk too
    scratch: str  # the folder below which all student-writable folders lie


class Spawn(NamedTuple):
    """Start a student program."""

    argv: list[str]
    environment: dict[str, str]
    folder: str


class Charge(NamedTuple):
    """Count more bytes of intermediate data against the stage's disk limit."""

    size: int


class Kill(NamedTuple):
    """Kill every student process; the stage stays open."""


class End(NamedTuple):
    """Kill what is left, then answer with `StageUsage`."""


class Exited(NamedTuple):
    """A program ended. `status` is a wait status, `peak_bytes` its own highest resident size."""

    status: int
    cpu_s: float
    peak_bytes: int


class NotStarted(NamedTuple):
    """A program could not be started: the error number, and a sentence."""

    errno: int
    why: str


class StageUsage(NamedTuple):
    """What all student processes of a stage used together; `clean` tells that none is left."""

    cpu_s: float
    peak_bytes: int
    threads: int  # most processes and threads at one moment
    breach: str | None
    clean: bool


Message = Begin | Spawn | Charge | Kill | End | Exited | NotStarted | StageUsage
KINDS: dict[str, type[Message]] = {
    kind.__name__: kind for kind in (Begin, Spawn, Charge, Kill, End, Exited, NotStarted, StageUsage)
}


def send(channel: socket.socket, message: Message, fds: Sequence[int] = ()) -> None:
    """Send one message. Raises OSError when the other side is gone or the message is too large."""
    body = json.dumps([type(message).__name__, *message]).encode()
    socket.send_fds(channel, [body], list(fds))


def receive(channel: socket.socket) -> tuple[Message, list[int]] | None:
    """The next message and its file descriptors; None when the other side has closed the channel."""
    try:
        body, fds, _, _ = socket.recv_fds(channel, MESSAGE_BYTES, FDS)
    except ConnectionResetError:
        return None
    for handle in fds:
        os.set_inheritable(handle, False)  # recv_fds drops the flag that would do it
    if not body:
        return None
    name, *values = json.loads(body)
    return KINDS[name](*values), list(fds)


def pair() -> tuple[socket.socket, socket.socket]:
    """Both ends of a new channel."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
