"""Feeds a program, takes what it writes, and waits for its end: one loop, one thread, bounded memory.

Backpressure is the pipes' own: while `sink` is busy the program waits at its stdout, while the program is
busy the next piece of `source` is not asked for.
"""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Iterator

from bighost.pod.messages import Exited
from bighost.pod.sandbox import Program

READ_BYTES = 256 * 1024
DRAIN_READS = 8  # a pipe holds 256 KiB, or the 1 MiB that the program may have asked for

Sink = Callable[[bytes], None]


class Pump:
    """Moves the data of one program. `source` gives non-empty pieces; exceptions pass through."""

    def __init__(self, program: Program, source: Iterator[bytes], sink: Sink, stderr: Sink) -> None:
        self._program = program
        self._source = source
        self._piece = memoryview(b"")
        self._poll = select.poll()
        self._poll.register(program.stdin, select.POLLOUT)
        self._poll.register(program.channel, select.POLLIN)
        self._readers = {program.stdout: sink, program.stderr: stderr}
        for handle in self._readers:
            self._poll.register(handle, select.POLLIN)

    def run(self) -> Exited:
        """Pump until the program has ended; its end counts, not that of children that hold its pipes.

        Raises NoProcessLeft and Fault as `Program.ending` does.
        """
        while True:
            ready = {handle for handle, _ in self._poll.poll()}
            if self._program.stdin in ready:
                self._feed()
            for handle in ready & self._readers.keys():
                self._read(handle)
            if self._program.channel.fileno() in ready:
                exited = self._program.ending()
                self._drain()
                return exited

    def _feed(self) -> None:
        if not self._piece:
            self._piece = memoryview(next(self._source, b""))
        try:
            written = os.write(self._program.stdin, self._piece) if self._piece else 0
        except BlockingIOError:
            return
        except BrokenPipeError:  # it reads no further, which is its right
            written = 0
        self._piece = self._piece[written:]
        if written == 0:
            self._poll.unregister(self._program.stdin)
            self._program.close_stdin()

    def _read(self, handle: int) -> bool:
        """Take one piece; false when there is none, now or for ever."""
        try:
            data = os.read(handle, READ_BYTES)
        except BlockingIOError:
            return False
        if data:
            self._readers[handle](data)
        else:
            self._poll.unregister(handle)
            del self._readers[handle]
        return bool(data)

    def _drain(self) -> None:
        """Take what lies in the pipes, at most what fits them: a child that stays may write for ever."""
        for handle in list(self._readers):
            left = DRAIN_READS
            while left and self._read(handle):
                left -= 1
