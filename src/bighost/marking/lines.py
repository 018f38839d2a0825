"""Blocks of bytes cut into lines, and the one form of a line in which outputs are compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

Parts = Iterable[Iterable[bytes]]
"""An output: its part files in name order, each as blocks of bytes (of some 64 KiB: a block is held)."""


class LineCutter:
    """Cuts blocks into lines without their "\\n"; holds one unfinished line, however the blocks fall."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []

    def feed(self, block: bytes) -> list[bytes]:
        """The lines that `block` finishes."""
        if b"\n" not in block:
            self._rest.append(block)
            return []
        lines = block.split(b"\n")
        lines[0] = b"".join((*self._rest, lines[0]))
        self._rest = [lines.pop()]
        return lines

    def end(self) -> list[bytes]:
        """The last line, where its line end is missing."""
        rest, self._rest = b"".join(self._rest), []
        return [rest] if rest else []


def canonical(line: bytes, separator: bytes) -> bytes:
    """`line` without a "\\r" at its end, nor the separator where nothing follows the key."""
    if line.endswith(b"\r"):
        line = line[:-1]
    if line.endswith(separator) and line.find(separator) == len(line) - 1:
        return line[:-1]
    return line


def canonical_lines(parts: Parts, separator: bytes) -> Iterator[bytes]:
    """Every line of an output in canonical form; the end of a part ends a line."""
    for part in parts:
        cutter = LineCutter()
        for block in part:
            for line in cutter.feed(block):
                yield canonical(line, separator)
        for line in cutter.end():
            yield canonical(line, separator)


def raw_lines(parts: Parts) -> Iterator[bytes]:
    """The lines of the parts one after the other, byte for byte, each with the "\\n" that ends it."""
    cutter = LineCutter()
    for part in parts:
        for block in part:
            for line in cutter.feed(block):
                yield line + b"\n"
    yield from cutter.end()
