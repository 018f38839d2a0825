"""What a producer reads on stdin: the lines of the dataset, at once, at a rate, or with pauses.

Of several producers each gets every n-th line, so that all see the whole of the data's time. While a feed
waits it holds up nothing but its own program, and it ends at once when that program does.
"""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Iterator, Sequence
from itertools import islice

from bighost.pod.frameworks.splits import SplitReader, splits_of
from bighost.pod.kafka.plan import Pause
from bighost.pod.sandbox import Program

WHOLE_FILE = 1 << 62
LOOK_S = 0.05  # how often a waiting feed looks whether it is still needed
PIECE_BYTES = 64 * 1024


class Gate:
    """Stops a feed after so many lines, until somebody opens it."""

    def __init__(self, lines: int) -> None:
        self.lines = lines
        self.reached = threading.Event()
        self.opened = threading.Event()


class Feed:
    """The lines of one producer: a source as `Pump` wants it, which counts what it has given."""

    def __init__(
        self,
        inputs: Sequence[str],
        share: tuple[int, int] = (0, 1),
        lines_per_s: float = 0.0,
        pauses: Sequence[Pause] = (),
        gate: Gate | None = None,
    ) -> None:
        """`share` is (i, n): every n-th line from the i-th on."""
        self.records = 0
        self.is_exhausted = False
        self._stopped = threading.Event()
        self._program: Program | None = None
        self._lines_per_s = lines_per_s
        self._pauses = list(pauses)
        self._gate = gate
        self._due = 0.0
        self._pieces = self._cut(inputs, *share)

    def attend(self, program: Program) -> None:
        """From now on waiting ends when this program does."""
        self._program = program

    def stop(self) -> None:
        """Give nothing more. May be called from any thread."""
        self._stopped.set()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece = next(self._pieces)
        self.records += piece.count(b"\n")
        return piece

    def _cut(self, inputs: Sequence[str], first: int, step: int) -> Iterator[bytes]:
        """Pieces of whole lines, each when it is due."""
        lines = islice(_lines(inputs), first, None, step)
        given = 0
        self._due = time.monotonic()
        while piece := b"".join(_up_to(lines, self._room(given))):
            given += piece.count(b"\n")
            yield piece
            if not self._rest(given):
                return
        self.is_exhausted = True

    def _room(self, given: int) -> int:
        """How many lines may be given now, without passing a pause or the gate."""
        stops = [pause.lines for pause in self._pauses if pause.lines > given]
        if self._gate and self._gate.lines > given:
            stops.append(self._gate.lines)
        room = min(stops, default=WHOLE_FILE) - given
        return 1 if self._lines_per_s else room

    def _rest(self, given: int) -> bool:
        """Wait for as long as the next line takes; false when nobody needs it any more."""
        now = time.monotonic()
        if self._lines_per_s:
            self._due += 1 / self._lines_per_s
        pause = sum(pause.seconds for pause in self._pauses if pause.lines == given)
        if pause:
            self._due = max(self._due, now) + pause
        if self._gate and self._gate.lines == given:
            self._gate.reached.set()
            while not self._gate.opened.is_set():
                if not self._wait_until(time.monotonic() + LOOK_S):
                    return False
            self._due = max(self._due, time.monotonic())
        return self._wait_until(self._due)

    def _wait_until(self, due: float) -> bool:
        """False when the program has ended, or the feed was stopped."""
        poll = select.poll()
        if self._program is not None:
            poll.register(self._program.channel, select.POLLIN)
        while not self._stopped.is_set():
            left = due - time.monotonic()
            if left <= 0:
                return True
            if poll.poll(1000 * min(left, LOOK_S)):
                return False
        return False


def _lines(inputs: Sequence[str]) -> Iterator[bytes]:
    for split in splits_of(inputs, WHOLE_FILE):
        rest = b""
        for block in SplitReader(split):
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                yield line + b"\n"


def _up_to(lines: Iterator[bytes], most: int) -> Iterator[bytes]:
    """At most so many lines, and about PIECE_BYTES."""
    size = 0
    for line in islice(lines, most):
        yield line
        size += len(line)
        if size >= PIECE_BYTES:
            return
