"""Listens to a program that nobody feeds: keeps the end of what it says, and knows when it has ended."""

from __future__ import annotations

import os
import select
import threading

from bighost.pod.messages import Exited
from bighost.pod.sandbox import Fault, NoProcessLeft, Program

TAIL_BYTES = 256 * 1024  # Java's stack traces are long
READ_BYTES = 64 * 1024


class Tail:
    """The end of a stream of bytes."""

    def __init__(self) -> None:
        self._kept = b""

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        self._kept = (self._kept + data)[-TAIL_BYTES:]

    def text(self) -> str:
        """What is kept, as text."""
        return self._kept.decode(errors="replace")


class Talk:
    """A thread that reads stdout and stderr of a program until it ends. Its stdin stays open."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._tail = Tail()
        self._exited: Exited | None = None
        self.ended = threading.Event()
        threading.Thread(target=self._listen, name="talk", daemon=True).start()

    @property
    def said(self) -> str:
        """The end of what it has said so far."""
        return self._tail.text()

    @property
    def status(self) -> int | None:
        """Its wait status; None while it runs, and when it could not be started."""
        return self._exited.status if self._exited else None

    def _listen(self) -> None:
        poll = select.poll()
        for handle in (self._program.stdout, self._program.stderr, self._program.channel.fileno()):
            poll.register(handle, select.POLLIN)
        while not self.ended.is_set():
            for handle, _ in poll.poll():
                if handle == self._program.channel.fileno():
                    self._end()
                elif not self._read(handle):
                    poll.unregister(handle)

    def _read(self, handle: int) -> bool:
        try:
            data = os.read(handle, READ_BYTES)
        except BlockingIOError:
            return True
        self._tail.feed(data)
        return bool(data)

    def _end(self) -> None:
        try:
            self._exited = self._program.ending()
        except (Fault, NoProcessLeft) as error:
            self._tail.feed(f"{type(error).__name__}: {error}\n".encode())
        for handle in (self._program.stdout, self._program.stderr):
            self._read(handle)
        self.ended.set()
