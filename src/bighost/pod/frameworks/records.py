"""Lines, keys and partitions as Hadoop Streaming sees them.

- A line ends with `\\n`, `\\r\\n` or `\\r` (Hadoop's LineReader); here it always ends with `\\n`.
- The key of a line is what stands before the n-th separator; a line with fewer separators is all key, and
  comes out with a separator behind it, because its value is an empty Text that TextOutputFormat writes.
- A key's partition is `(h & 0x7fffffff) % reducers` (HashPartitioner), with Text's hash of the key's bytes:
  h = 1, then h = 31 h + byte for each signed byte, in 32 bits (WritableComparator.hashBytes).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from bighost.pod.contract import Outcome
from bighost.pod.stderr import Offence

RECORD_BYTES = 8 << 20  # a longer line could not be sorted in bounded memory
INT_MASK = 0xFFFFFFFF
POSITIVE_MASK = 0x7FFFFFFF


def text_hash(key: bytes) -> int:
    """Java's `new Text(key).hashCode()`, as an unsigned number of 32 bits."""
    value = 1
    for byte in memoryview(key).cast("b"):
        value = (31 * value + byte) & INT_MASK
    return value


def partition_of(key: bytes, reducers: int) -> int:
    """Which reducer a key belongs to."""
    return (text_hash(key) & POSITIVE_MASK) % reducers


class Layout(NamedTuple):
    """How a line is divided into key and value."""

    separator: bytes
    key_fields: int = 1

    def key_of(self) -> Callable[[bytes], bytes]:
        """A function from a line (without its end) to its key."""
        separator, fields = self
        if fields == 1:
            return lambda line: line.partition(separator)[0]
        return lambda line: separator.join(line.split(separator, fields)[:fields])

    def keys(self, lines: list[bytes]) -> list[bytes]:
        """The keys of many lines, without a call for each."""
        separator, fields = self
        if fields == 1:
            return [line.partition(separator)[0] for line in lines]
        return [separator.join(line.split(separator, fields)[:fields]) for line in lines]

    def complete(self, lines: list[bytes]) -> list[bytes]:
        """The lines, each with the separator between key and value, even if there is no value."""
        separator, fields = self
        if fields == 1:
            return [line if separator in line else line + separator for line in lines]
        return [line if line.count(separator) >= fields else line + separator for line in lines]


class Newlines:
    """Makes every line of a stream end with `\\n`."""

    def __init__(self) -> None:
        self._held = b""  # a carriage return that may belong to a line feed still to come
        self._at_start = True  # of a line

    def translate(self, block: bytes) -> bytes:
        """The block's bytes, as far as they are certain."""
        if self._held or b"\r" in block:
            block = self._held + block
            self._held = b"\r" if block.endswith(b"\r") else b""
            block = block.removesuffix(b"\r").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if block:
            self._at_start = block.endswith(b"\n")
        return block

    def end(self) -> bytes:
        """What is still needed to end the last line."""
        if self._held:
            return b"\n"
        return b"" if self._at_start else b"\n"


class Lines:
    """Cuts what a program writes into whole lines."""

    def __init__(self) -> None:
        self._newlines = Newlines()
        self._rest = b""

    def feed(self, block: bytes) -> bytes:
        """The lines that are now complete. Raises Offence for a line longer than RECORD_BYTES."""
        data = self._rest + self._newlines.translate(block)
        cut = data.rfind(b"\n") + 1
        self._rest = data[cut:]
        if len(self._rest) > RECORD_BYTES:
            raise Offence(Outcome.OUTPUT_LIMIT, f"wrote a line longer than {RECORD_BYTES >> 20} MiB")
        return data[:cut]

    def end(self) -> bytes:
        """The last line, if it had no end."""
        rest, self._rest = self._rest, b""
        return rest + self._newlines.end()
