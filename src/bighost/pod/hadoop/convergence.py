"""How far two rounds are apart: the change of the number that each key has.

Reducers usually write keys in the order they get them. Then both rounds are merged as they lie, part by part,
in bounded memory; else the numbers of one round are held by key.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bighost.pod.contract import Outcome
from bighost.pod.run import Stop

MISSING = math.inf  # a key that only one of two rounds has: they are not near each other


class Norm(StrEnum):
    """How the changes of all keys become one number."""

    MAX = "max"
    SUM = "sum"


class Unsorted(Exception):
    """A part file whose keys do not ascend."""


@dataclass(frozen=True)
class Measure:
    """Which field of a line is the number, counted from 1 (field 1 is the key), and how changes add up."""

    separator: bytes
    field: int
    norm: Norm
    stage: str  # named where a line has no number

    def delta(self, old: Sequence[Path], new: Sequence[Path]) -> float:
        """The change between two rounds. Raises Stop when a line has no number where it should."""
        try:
            if [path.name for path in old] != [path.name for path in new]:
                raise Unsorted
            changes = (change for pair in zip(old, new, strict=True) for change in self._merge(*pair))
            return self._sum(changes)
        except Unsorted:
            return self._sum(self._look_up(old, new))

    def _sum(self, changes: Iterable[float]) -> float:
        known = (change if math.isfinite(change) else MISSING for change in changes)
        return max(known, default=0.0) if self.norm is Norm.MAX else math.fsum(known)

    def _merge(self, old: Path, new: Path) -> Iterator[float]:
        before, after = self._ascending(old), self._ascending(new)
        left, right = next(before, None), next(after, None)
        while left is not None and right is not None:
            yield abs(left[1] - right[1]) if left[0] == right[0] else MISSING
            order = (left[0] > right[0]) - (left[0] < right[0])
            if order <= 0:
                left = next(before, None)
            if order >= 0:
                right = next(after, None)
        yield from (MISSING for rest in (left, right) if rest is not None)
        for _ in (*before, *after):
            pass  # the rest must ascend as well, or nothing of the above is right

    def _look_up(self, old: Sequence[Path], new: Sequence[Path]) -> Iterator[float]:
        before = {key: value for path in old for key, value in self._lines(path)}
        for path in new:
            for key, value in self._lines(path):
                yield abs(before.pop(key, MISSING) - value)
        if before:
            yield MISSING

    def _ascending(self, path: Path) -> Iterator[tuple[bytes, float]]:
        last = b""
        for key, value in self._lines(path):
            if key <= last and last:
                raise Unsorted
            last = key
            yield key, value

    def _lines(self, path: Path) -> Iterator[tuple[bytes, float]]:
        with path.open("rb") as lines:
            for line in lines:
                fields = line.rstrip(b"\n").split(self.separator, self.field)
                try:
                    yield fields[0], float(fields[self.field - 1])
                except (IndexError, ValueError):
                    words = f"{self.stage} wrote a line whose field {self.field} is no number: {line[:80]!r}"
                    raise Stop(Outcome.RUNTIME_ERROR, words, self.stage) from None
