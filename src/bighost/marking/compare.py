"""An output held against the answer: None where they are equal, else the first difference and how many.

`exact` streams both. `lines` and `keyed` hold the answer in memory (a dictionary of its lines or keys, some
100 bytes an entry besides the text) and stream the output, so that a huge output costs nothing more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import zip_longest

import msgspec

from bighost.errors import AssignmentError
from bighost.job.assignment import Comparator, Compare
from bighost.job.excerpt import excerpt
from bighost.marking import numbers
from bighost.marking.difference import Counts, Difference, Kind
from bighost.marking.lines import Parts, canonical_lines, raw_lines


def compare(comparator: Comparator, answer: Parts, output: Parts) -> Difference | None:
    """The first difference of `output` from `answer`, or None where the comparator calls them equal.

    Raises AssignmentError where the answer is one that no output can equal (see `check_answer`).
    """
    if comparator.kind is Compare.EXACT:
        return _exact(answer, output)
    if comparator.kind is Compare.LINES:
        return _lines(comparator.separator.encode(), answer, output)
    return _Keyed(comparator, answer).compare(output)


def check_answer(comparator: Comparator, answer: Parts) -> None:
    """Raise AssignmentError where no output can equal `answer`: in `keyed`, a key that repeats or a NaN."""
    if comparator.kind is Compare.KEYED:
        _Keyed(comparator, answer)


def _exact(answer: Parts, output: Parts) -> Difference | None:
    first: Difference | None = None
    missing = extra = wrong = 0
    for number, (expected, found) in enumerate(zip_longest(raw_lines(answer), raw_lines(output)), 1):
        if expected == found:
            continue
        if found is None:
            kind, missing = Kind.MISSING_LINE, missing + 1
        elif expected is None:
            kind, extra = Kind.EXTRA_LINE, extra + 1
        else:
            kind, wrong = Kind.DIFFERENT_LINE, wrong + 1
        if first is None:
            first = _difference(kind, line=number, expected=expected, found=found)
    return _counted(first, Counts(of="line", missing=missing, extra=extra, wrong=wrong))


def _lines(separator: bytes, answer: Parts, output: Parts) -> Difference | None:
    """The first difference is that of the smallest key (what stands before the first separator)."""
    left = Counter(canonical_lines(answer, separator))
    extra, first_extra = 0, None
    for number, line in enumerate(canonical_lines(output, separator), 1):
        if left[line] > 0:
            left[line] -= 1
            continue
        extra += 1
        candidate = (*line.partition(separator), number)
        if first_extra is None or candidate < first_extra:
            first_extra = candidate
    first_missing = min((line.partition(separator) for line, n in left.items() if n), default=None)
    counts = Counts(of="line", missing=left.total(), extra=extra)
    return _counted(_first_line(first_missing, first_extra), counts)


def _first_line(
    missing: tuple[bytes, bytes, bytes] | None, extra: tuple[bytes, bytes, bytes, int] | None
) -> Difference | None:
    if extra is not None and (missing is None or extra[0] < missing[0]):
        return _difference(Kind.EXTRA_LINE, line=extra[3], key=extra[0], found=b"".join(extra[:3]))
    if missing is None:
        return None
    key, separator, value = missing
    if extra is not None and extra[0] == key:
        return _difference(Kind.WRONG_VALUE, line=extra[3], key=key, expected=value, found=extra[2])
    return _difference(Kind.MISSING_LINE, key=key if separator else None, expected=b"".join(missing))


class _Keyed:
    """The answer of a `keyed` comparison, by key."""

    def __init__(self, comparator: Comparator, answer: Parts) -> None:
        self._comparator = comparator
        self._separator = comparator.separator.encode()
        self._expected: dict[bytes, bytes] = {}
        for number, (key, value) in enumerate(self._records(answer), 1):
            if key in self._expected:
                raise AssignmentError(
                    f"the answer holds key '{excerpt(key)}' again in line {number}",
                    hint='With comparator "keyed" each key stands once; "lines" takes keys that repeat.',
                )
            if any(map(numbers.is_nan, value.split(self._separator))):
                raise AssignmentError(
                    f"the answer holds NaN for key '{excerpt(key)}' in line {number}",
                    hint="NaN equals nothing, so that no output could be right.",
                )
            self._expected[key] = value

    def compare(self, output: Parts) -> Difference | None:
        first: tuple[bytes, int, Difference] | None = None
        seen: set[bytes] = set()
        totals: Counter[Kind] = Counter()
        for number, (key, value) in enumerate(self._records(output), 1):
            found = self._judge(key, value, seen)
            if found is None:
                continue
            kind, column = found
            totals[kind] += 1
            if first is None or (key, number) < first[:2]:
                first = key, number, self._difference(kind, key, value, number, column)
        missing = len(self._expected) - len(seen)
        smallest = min((k for k in self._expected if k not in seen), default=None)
        counts = Counts(
            missing=missing,
            extra=totals[Kind.EXTRA_KEY],
            wrong=totals[Kind.WRONG_VALUE],
            repeated=totals[Kind.DUPLICATE_KEY],
        )
        if smallest is not None and (first is None or smallest < first[0]):
            return _counted(self._missing(smallest), counts)
        return _counted(first[2], counts) if first else None

    def _records(self, parts: Parts) -> Iterator[tuple[bytes, bytes]]:
        for line in canonical_lines(parts, self._separator):
            key, _, value = line.partition(self._separator)
            yield key, value

    def _judge(self, key: bytes, value: bytes, seen: set[bytes]) -> tuple[Kind, int | None] | None:
        if key not in self._expected:
            return Kind.EXTRA_KEY, None
        if key in seen:
            return Kind.DUPLICATE_KEY, None
        seen.add(key)
        return self._judge_value(self._expected[key], value)

    def _judge_value(self, expected: bytes, found: bytes) -> tuple[Kind, int | None] | None:
        columns = expected.count(self._separator)
        if found.count(self._separator) != columns:
            return Kind.WRONG_VALUE, None
        pairs = zip(expected.split(self._separator), found.split(self._separator), strict=True)
        for column, (a, b) in enumerate(pairs, 1):
            if not numbers.same(a, b, self._comparator.relative, self._comparator.absolute):
                return Kind.WRONG_VALUE, column if columns else None
        return None

    def _difference(
        self, kind: Kind, key: bytes, value: bytes, number: int, column: int | None
    ) -> Difference:
        expected = self._expected[key] if kind is Kind.WRONG_VALUE else None
        return _difference(kind, line=number, column=column, key=key, expected=expected, found=value)

    def _missing(self, key: bytes) -> Difference:
        value = self._expected[key]
        if not value:  # the key is all there is, so it is the answer
            return _difference(Kind.MISSING_LINE, expected=key)
        return _difference(Kind.MISSING_KEY, key=key, expected=value)


def _difference(
    kind: Kind,
    *,
    line: int | None = None,
    column: int | None = None,
    key: bytes | None = None,
    expected: bytes | None = None,
    found: bytes | None = None,
) -> Difference:
    def shown(text: bytes | None) -> str | None:
        return None if text is None else excerpt(text)

    return Difference(
        kind=kind,
        counts=Counts(),
        line=line,
        column=column,
        key=shown(key),
        expected=shown(expected),
        found=shown(found),
    )


def _counted(difference: Difference | None, counts: Counts) -> Difference | None:
    return None if difference is None else msgspec.structs.replace(difference, counts=counts)
