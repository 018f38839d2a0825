"""Input splits, and the lines that belong to each: Hadoop's FileInputFormat and LineRecordReader.

A file is cut every `split_bytes`; the last split may be a tenth longer. A line belongs to the split in which
it starts, where a start right at the cut counts to the split before it (LineRecordReader reads one line more
and, at every start but the file's first, throws the first away). A gzip file is one split; it is known by
its first bytes (RFC 1952), since datasets come by digest and have no endings. A byte order mark at a file's
start is left out. An empty file is an empty split.
"""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from bighost.pod.frameworks.records import Newlines

SLOP = 1.1  # FileInputFormat.SPLIT_SLOP
BLOCK_BYTES = 256 * 1024
PROBE_BYTES = 8 * 1024
GZIP_MAGIC = b"\x1f\x8b"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
LINE_END = re.compile(rb"\r\n|\r|\n")


class Split(NamedTuple):
    """A part of an input file, in bytes."""

    path: Path
    start: int
    length: int
    is_compressed: bool = False  # to be unpacked from its beginning


def splits_of(paths: Sequence[str], split_bytes: int) -> list[Split]:
    """The splits of the files, in order. Raises OSError when a file is not there."""
    splits: list[Split] = []
    for path in map(Path, paths):
        size = path.stat().st_size
        start = 0
        compressed = _is_gzip(path)
        while not compressed and (size - start) / split_bytes > SLOP:
            splits.append(Split(path, start, split_bytes))
            start += split_bytes
        if size > start or size == 0:
            splits.append(Split(path, start, size - start, compressed))
    return splits


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == GZIP_MAGIC


class SplitReader:
    """The lines of a split, in blocks that end anywhere; all lines end with `\\n`. Counts them."""

    def __init__(self, split: Split) -> None:
        self.records = 0
        self._blocks = _translated(_blocks(split), skip_mark=split.start == 0)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        block = next(self._blocks)
        self.records += block.count(b"\n")
        return block


def _translated(blocks: Iterator[bytes], skip_mark: bool) -> Iterator[bytes]:
    newlines = Newlines()
    for block in blocks:
        if skip_mark:
            block = block.removeprefix(BYTE_ORDER_MARK)
            skip_mark = False
        if piece := newlines.translate(block):
            yield piece
    if piece := newlines.end():
        yield piece


def _blocks(split: Split) -> Iterator[bytes]:
    if split.is_compressed:
        with gzip.open(split.path) as file:
            yield from iter(lambda: file.read(BLOCK_BYTES), b"")
        return
    with split.path.open("rb", buffering=0) as file:
        end = split.start + split.length
        position = next_line(file, split.start) if split.start else 0
        last = next_line(file, end)
        while position < last:
            block = os.pread(file.fileno(), min(BLOCK_BYTES, last - position), position)
            if not block:
                raise OSError(f"{split.path} became shorter while it was read")
            position += len(block)
            yield block


def next_line(file: IO[bytes], position: int) -> int:
    """Where the line ends that holds, or starts at, `position`: behind its end mark, or at the file's end."""
    while block := os.pread(file.fileno(), PROBE_BYTES, position):
        if found := LINE_END.search(block):
            end = position + found.end()
            is_half = found[0] == b"\r" and os.pread(file.fileno(), 1, end) == b"\n"
            return end + is_half
        position += len(block)
    return position
