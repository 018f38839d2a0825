"""From what mappers write to what reducers read: map output is partitioned, sorted, and kept as segments.

A `Collector` gathers lines until its buffer is full, then sorts them and spills them to a file, one run for
each partition; in the end the runs are merged into one segment a partition, all in one file (as Hadoop's
map side does). Memory is bounded, whatever a program writes. The digest of a segment does not depend on how
often it was spilled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from bighost.pod.frameworks.merge import Run, join, merged, sort_lines, taking_apart
from bighost.pod.frameworks.records import Layout, Lines, partition_of

BUFFER_BYTES = 32 << 20  # of all collectors that run at a time, together
LINE_BYTES = 64  # what a line costs in memory beside its bytes
KNOWN_KEYS = 50_000  # partitions that a collector remembers
DIGEST_BYTES = 32


class Segment(NamedTuple):
    """The sorted lines of one map task for one reducer."""

    run: Run
    digest: str


class Collector:
    """Takes a program's output and makes a segment of it for each partition.

    `charge` is told the bytes of each piece that comes in; `buffer_bytes` is this collector's share.
    """

    def __init__(
        self,
        path: Path,
        layout: Layout,
        partitions: int,
        charge: Callable[[int], None],
        buffer_bytes: int = BUFFER_BYTES,
    ) -> None:
        self.records = 0
        self.size = 0
        self.segments: list[Segment] = []
        self._path = path
        self._layout = layout
        self._partitions = partitions
        self._charge = charge
        self._buffer_bytes = buffer_bytes
        self._lines = Lines()
        self._blocks: list[bytes] = []
        self._held_bytes = 0
        self._spills: list[list[Run]] = []
        self._known: dict[bytes, int] = {}

    def write(self, data: bytes) -> None:
        """Take the next bytes. Raises Offence for a line that is too long."""
        self._gather(self._lines.feed(data))

    def close(self) -> None:
        """Make the segments."""
        self._gather(self._lines.end())
        if not self._spills:
            self._write_segments([[text] for text in self._sorted()])
            return
        self._spill()
        parts = zip(*self._spills, strict=True)
        self._write_segments(merged(runs, self._layout, self._path.parent) for runs in parts)
        for spill in self._spills:
            spill[0].path.unlink()

    def _gather(self, lines: bytes) -> None:
        if not lines:
            return
        count = lines.count(b"\n")
        self._charge(len(lines))
        self.records += count
        self.size += len(lines)
        self._blocks.append(lines)
        self._held_bytes += len(lines) + LINE_BYTES * count
        if self._held_bytes > self._buffer_bytes:
            self._spill()

    def _spill(self) -> None:
        path = self._path.with_suffix(f".spill-{len(self._spills)}")
        with path.open("wb") as file:
            self._spills.append([_append(file, path, [text])[0] for text in self._sorted()])

    def _sorted(self) -> list[bytes]:
        """The buffer's lines, sorted, a text for each partition; the buffer is empty then."""
        with taking_apart:
            lines = b"".join(self._blocks).split(b"\n")
            self._blocks = []
            self._held_bytes = 0
            lines.pop()
            lines = self._layout.complete(lines)
            return [join(sort_lines(part, self._layout)) for part in self._partitioned(lines)]

    def _partitioned(self, lines: list[bytes]) -> list[list[bytes]]:
        if self._partitions == 1:
            return [lines]
        parts: list[list[bytes]] = [[] for _ in range(self._partitions)]
        for key, line in zip(self._layout.keys(lines), lines, strict=True):
            parts[self._partition(key)].append(line)
        return parts

    def _partition(self, key: bytes) -> int:
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= KNOWN_KEYS:
                self._known.clear()
            found = self._known[key] = partition_of(key, self._partitions)
        return found

    def _write_segments(self, texts: Iterable[Iterable[bytes]]) -> None:
        with self._path.open("wb") as file:
            self.segments = [Segment(*_append(file, self._path, pieces)) for pieces in texts]


def _append(file: IO[bytes], path: Path, pieces: Iterable[bytes]) -> tuple[Run, str]:
    start = file.tell()
    digest = new_digest()
    for piece in pieces:
        file.write(piece)
        digest.update(piece)
    return Run(path, start, file.tell() - start), digest.hexdigest()


def new_digest() -> hashlib.blake2b:
    """The digest of every segment and file: BLAKE2b-256."""
    return hashlib.blake2b(digest_size=DIGEST_BYTES)


class MergedReader:
    """What a program reads: the lines of several segments, merged. Counts and digests them."""

    def __init__(self, segments: Iterable[Segment], layout: Layout, spill: Path) -> None:
        self.records = 0
        self._digest = new_digest()
        self._pieces = merged([segment.run for segment in segments], layout, spill)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece = next(self._pieces)
        self.records += piece.count(b"\n")
        self._digest.update(piece)
        return piece

    def digest(self) -> str:
        """The digest of all the lines, also of those that the program did not ask for."""
        for _ in self:
            pass
        return self._digest.hexdigest()
