"""Sorts lines by key, and merges sorted runs that are larger than memory.

Only keys are compared, never whole lines: lines of equal keys keep the order in which they came, run by run.
Instead of line by line, a merge goes in rounds: of every run it takes the buffered lines whose keys are below
the smallest of the buffers' last keys, and sorts those together; all other lines of such keys are sure to be
in the buffers. So nearly all work is done in C, and memory is bounded by the buffers.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from operator import ge, gt
from pathlib import Path
from typing import IO, NamedTuple

from bighost.pod.frameworks.records import Layout

BLOCK_BYTES = 256 * 1024
MERGE_BYTES = 2 << 20  # of all buffers together
LEAST_BUFFER_BYTES = 32 * 1024
FAN_IN = 64  # more runs than this are merged in several passes
SAMPLE = 1000
FEW_KEYS = 0.5  # of a sample: below this, lines are grouped by key before the keys are sorted

taking_apart = threading.Lock()  # a text in lines needs several times its size: one at a time


class Run(NamedTuple):
    """Sorted lines: a part of a file, in bytes."""

    path: Path
    start: int
    size: int


def sort_lines(lines: list[bytes], layout: Layout) -> list[bytes]:
    """The lines (without ends) in the order of their keys' bytes; stable."""
    sample = layout.keys(lines[:: max(1, len(lines) // SAMPLE)])
    if len(set(sample)) > FEW_KEYS * len(sample):
        return sorted(lines, key=layout.key_of())
    groups: defaultdict[bytes, list[bytes]] = defaultdict(list)
    for key, line in zip(layout.keys(lines), lines, strict=True):
        groups[key].append(line)
    return list(itertools.chain.from_iterable(groups[key] for key in sorted(groups)))


def join(lines: list[bytes]) -> bytes:
    """The lines as a text, each with its end."""
    return b"\n".join([*lines, b""])


def merged(runs: Sequence[Run], layout: Layout, spill: Path) -> Iterator[bytes]:
    """The lines of all runs in order, in pieces; `spill` takes files meanwhile."""
    runs = [run for run in runs if run.size]
    made: list[Run] = []
    try:
        while len(runs) > FAN_IN:
            groups = [runs[first : first + FAN_IN] for first in range(0, len(runs), FAN_IN)]
            runs = [_merge_to_file(group, layout, spill) for group in groups]
            made += runs
        yield from _whole(runs[0]) if len(runs) == 1 else _rounds(runs, layout)
    finally:
        for run in made:
            run.path.unlink()


def _merge_to_file(runs: Sequence[Run], layout: Layout, spill: Path) -> Run:
    path = spill / f"merge-{next(_numbers)}"
    with path.open("wb") as file:
        file.writelines(_rounds(runs, layout))
        return Run(path, 0, file.tell())


def _whole(run: Run) -> Iterator[bytes]:
    with run.path.open("rb", buffering=0) as file:
        position, end = run.start, run.start + run.size
        while position < end:
            block = os.pread(file.fileno(), min(BLOCK_BYTES, end - position), position)
            position += len(block)
            yield block


def _rounds(runs: Sequence[Run], layout: Layout) -> Iterator[bytes]:
    buffer_bytes = max(LEAST_BUFFER_BYTES, MERGE_BYTES // max(1, len(runs)))
    cursors = [_Cursor(run, layout, buffer_bytes) for run in runs]
    try:
        while cursors := [cursor for cursor in cursors if cursor.fill()]:
            yield from _round(cursors, layout)
    finally:
        for cursor in cursors:
            cursor.close()


def _round(cursors: list[_Cursor], layout: Layout) -> Iterator[bytes]:
    bounds = [cursor.last_key() for cursor in cursors if not cursor.is_all_here]
    if not bounds:
        yield _sorted_together([cursor.take_all() for cursor in cursors], layout)
        return
    bound = min(bounds)
    below = [cursor.take_below(bound) for cursor in cursors]
    if any(below):
        yield _sorted_together(below, layout)
        return
    for cursor in cursors:  # a buffer is full of lines of this one key: pass them on, run after run
        yield from cursor.take_equal(bound)


def _sorted_together(pieces: list[bytes], layout: Layout) -> bytes:
    with taking_apart:
        lines = b"".join(pieces).split(b"\n")
        lines.pop()
        return join(sort_lines(lines, layout))


class _Cursor:
    """A run's place in a merge: what is read of it and not yet taken."""

    def __init__(self, run: Run, layout: Layout, buffer_bytes: int) -> None:
        self._file: IO[bytes] = run.path.open("rb", buffering=0)
        self._position = run.start
        self._end = run.start + run.size
        self._key_of = layout.key_of()
        self._buffer_bytes = buffer_bytes
        self._buffer = b""  # begins with a line; its last line may be cut off
        self._whole = 0  # bytes of whole lines in it

    @property
    def is_all_here(self) -> bool:
        """Whether the rest of the run is in the buffer."""
        return self._position == self._end

    def fill(self) -> bool:
        """See that there are lines in the buffer; false, and closed, when there is none left."""
        while not self.is_all_here and (not self._whole or len(self._buffer) < self._buffer_bytes // 2):
            size = min(self._buffer_bytes, self._end - self._position)
            block = os.pread(self._file.fileno(), size, self._position)
            self._position += len(block)
            self._buffer += block
            self._whole = self._buffer.rfind(b"\n") + 1
        if not self._whole:
            self.close()
        return self._whole > 0

    def last_key(self) -> bytes:
        """The key of the last whole line in the buffer."""
        start = self._buffer.rfind(b"\n", 0, self._whole - 1) + 1
        return self._key_of(self._buffer[start : self._whole - 1])

    def take_all(self) -> bytes:
        """All whole lines of the buffer."""
        return self._take(self._whole)

    def take_below(self, bound: bytes) -> bytes:
        """The lines of the buffer whose keys are below `bound`."""
        return self._take(self._first(ge, bound))

    def take_equal(self, bound: bytes) -> Iterator[bytes]:
        """The lines that begin the buffer and have this key, and those that follow in the file."""
        while self.fill() and (taken := self._take(self._first(gt, bound))):
            yield taken

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _take(self, cut: int) -> bytes:
        taken, self._buffer = self._buffer[:cut], self._buffer[cut:]
        self._whole -= cut
        return taken

    def _first(self, is_past: Callable[[bytes, bytes], bool], bound: bytes) -> int:
        """Where the first line starts whose key is past `bound`: a binary search, by lines."""
        low, high = 0, self._whole
        while low < high:
            start = self._buffer.rfind(b"\n", low, (low + high) // 2) + 1 or low
            end = self._buffer.find(b"\n", start)
            if is_past(self._key_of(self._buffer[start:end]), bound):
                high = start
            else:
                low = end + 1
        return low


_numbers = itertools.count()
