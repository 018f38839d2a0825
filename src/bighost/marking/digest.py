"""One digest of a whole output, equal only where outputs are equal under the comparator.

`exact` is BLAKE2b-256 of the bytes. `lines` and `keyed` don't look at the order, in constant memory: each
line is hashed to 512 bits, the hashes are added modulo 2^512, and the sum and the number of lines are hashed
once more. That is the multiset hash MSet-Add-Hash (Clarke et al., "Incremental multiset hash functions and
their application to memory integrity checking", ASIACRYPT 2003) without its key, an offspring of AdHash
(Bellare and Micciancio, EUROCRYPT 1997).

How far to trust it: outputs that differ by accident never share a digest. Somebody who *knows* the answer's
digest could look for other lines with the same sum, by Wagner's generalised birthday attack (CRYPTO 2002)
with some 2^45 steps and as many lines; the answer's digest never leaves the coordinator, and whoever could
invert it that way has no need to. The digest says nothing about who computed it: a node that is not
trusted is checked by other means.

Unequal digests do not mean unequal outputs: numbers within a tolerance have digests of their own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Protocol

from bighost.job.assignment import Comparator, Compare
from bighost.marking.lines import LineCutter, canonical
from bighost.marking.numbers import canonical_number

_MODULUS_MASK = (1 << 512) - 1
_LONGEST_RECORD = 1024 * 1024


class Normaliser(Protocol):
    """Takes an output block by block and gives its digest."""

    def update(self, block: bytes) -> None:
        """Take the next block of the current part."""

    def end_of_part(self) -> None:
        """The current part file is over, and with it a line whose line end is missing."""

    def hexdigest(self) -> str:
        """BLAKE2b-256, in hex, of all parts that have ended and what came after."""


def normalised(comparator: Comparator) -> Normaliser:
    """What digests an output under `comparator`; the parts must be given in name order."""
    separator = comparator.separator.encode()
    if comparator.kind is Compare.EXACT:
        return _Ordered()
    if comparator.kind is Compare.LINES:
        return _Unordered(b"lines", lambda line: canonical(line, separator))
    return _Unordered(b"keyed", lambda line: _canonical_record(line, separator))


class _Ordered:
    def __init__(self) -> None:
        self._hash = hashlib.blake2b(digest_size=32)

    def update(self, block: bytes) -> None:
        self._hash.update(block)

    def end_of_part(self) -> None:
        """Parts follow each other byte for byte."""

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


class _Unordered:
    def __init__(self, domain: bytes, form: Callable[[bytes], bytes]) -> None:
        self._domain = domain
        self._form = form
        self._cutter = LineCutter()
        self._sum = 0
        self._count = 0

    def update(self, block: bytes) -> None:
        self._add(self._cutter.feed(block))

    def end_of_part(self) -> None:
        self._add(self._cutter.end())

    def hexdigest(self) -> str:
        self.end_of_part()
        final = hashlib.blake2b(digest_size=32, person=self._domain)
        final.update(self._count.to_bytes(16, "big") + self._sum.to_bytes(64, "big"))
        return final.hexdigest()

    def _add(self, lines: list[bytes]) -> None:
        form, blake2b, number = self._form, hashlib.blake2b, int.from_bytes
        total = sum(number(blake2b(form(line)).digest(), "big") for line in lines)
        self._sum = (self._sum + total) & _MODULUS_MASK
        self._count += len(lines)


def _canonical_record(line: bytes, separator: bytes) -> bytes:
    """Key and columns, numbers in their one spelling, joined by a byte that no line holds.

    A line of more than a mebibyte stays as it is: cut into columns it could need gigabytes.
    """
    line = canonical(line, separator)
    if len(line) > _LONGEST_RECORD:
        return line
    key, *columns = line.split(separator)
    return b"\n".join((key, *(canonical_number(c) or c for c in columns)))
