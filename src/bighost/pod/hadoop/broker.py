"""Takes student programs over from Hadoop: the other end of `launcher.py`.

Hadoop starts launchers, each of which connects and hands in the pipes between Hadoop and the program that it
stands for. Whoever runs the job gets it as a `HandOver`, and answers with the exit code.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

REQUEST_BYTES = 256 * 1024
LAUNCHER = Path(__file__).with_name("launcher.py")


class Role(StrEnum):
    """Which of the student's programs Hadoop wants."""

    MAPPER = "mapper"
    COMBINER = "combiner"
    REDUCER = "reducer"


class HandOver:
    """A program that Hadoop waits for: its role, what Hadoop tells it, and its pipes."""

    def __init__(
        self, channel: socket.socket, role: Role, told: dict[str, str], stdin: int, stdout: int
    ) -> None:
        self.channel = channel  # becomes readable when Hadoop has given the program up
        self.role = role
        self.told = told
        self.pipes = (stdin, stdout)

    def release_pipes(self) -> None:
        """Close our ends; the program has its own."""
        for handle in self.pipes:
            os.close(handle)
        self.pipes = (-1, -1)

    def answer(self, code: int) -> None:
        """Tell Hadoop that the program ended with this exit code, and let go of everything."""
        with suppress(BrokenPipeError, ConnectionResetError):  # Hadoop has given it up meanwhile
            self.channel.send(code.to_bytes(4, sys.byteorder))
        self.channel.close()
        if self.pipes[0] >= 0:
            self.release_pipes()


class Broker:
    """Listens in a folder that is ours alone. `take` gets every hand-over, on the broker's own thread."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "tasks.sock"
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(str(self._path))
        self._listener.listen(256)
        self._taker: Callable[[HandOver], None] = refuse
        threading.Thread(target=self._serve, name="broker", daemon=True).start()

    def command(self, role: Role) -> str:
        """The command line by which Hadoop starts a program of this role."""
        return f"{sys.executable} -I -S {LAUNCHER} {self._path} {role}"

    def hand_to(self, take: Callable[[HandOver], None] | None) -> None:
        """From now on `take` gets the hand-overs; None: they are refused."""
        self._taker = take or refuse

    def close(self) -> None:
        """Listen no more."""
        with suppress(
            OSError
        ):  # nobody was connected: shutdown(2) says so, and wakes the thread all the same
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def _serve(self) -> None:
        while True:
            try:
                channel, _ = self._listener.accept()
            except OSError:  # closed
                return
            if handed := receive(channel):
                self._taker(handed)


def receive(channel: socket.socket) -> HandOver | None:
    """The request of a launcher; None when it ended before it said anything."""
    body, handles, _, _ = socket.recv_fds(channel, REQUEST_BYTES, 2, socket.MSG_CMSG_CLOEXEC)
    if not body:
        channel.close()
        return None
    role, *told = os.fsdecode(body).split("\0")
    stdin, stdout = handles
    pairs = (line.partition("=") for line in told)
    return HandOver(channel, Role(role), {name: value for name, _, value in pairs}, stdin, stdout)


def refuse(handed: HandOver) -> None:
    """No program is wanted: nothing runs, or the job is to end."""
    handed.answer(1)
