"""Where an output first differs from the answer, told to staff in full and to students without the answer."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import msgspec

from bighost.job.assignment import Feedback


class Kind(StrEnum):
    """What is different."""

    MISSING_KEY = "missing_key"
    EXTRA_KEY = "extra_key"
    DUPLICATE_KEY = "duplicate_key"
    WRONG_VALUE = "wrong_value"
    MISSING_LINE = "missing_line"
    EXTRA_LINE = "extra_line"
    DIFFERENT_LINE = "different_line"


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How many keys (`keyed`) or lines (else) differ in all."""

    of: str = "key"
    missing: int = 0
    extra: int = 0  # too many
    wrong: int = 0  # keys with another value, or lines that differ at the same place
    repeated: int = 0  # of a key that may stand once

    def __str__(self) -> str:
        told = (
            (self.missing, "missing"),
            (self.extra, "too many"),
            (self.wrong, "wrong"),
            (self.repeated, "repeated"),
        )
        return f"In all: {', '.join(f'{_amount(n, self.of)} {what}' for n, what in told if n)}."


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """The first difference (that of the smallest key in byte order; in `exact` the first line's).

    `key`, `expected` and `found` are excerpts: short and free of control characters. They are whole lines
    for the kinds of lines, else values.
    """

    kind: Kind
    counts: Counts
    line: int | None = None  # of the output, all parts together, from 1
    column: int | None = None  # of the value, from 1, where it has several
    key: str | None = None
    expected: str | None = None  # the answer: for staff only
    found: str | None = None

    def for_staff(self) -> str:
        """What differs, with what the answer says."""
        return f"{_STAFF[self.kind](self)} {self.counts}"

    def for_student(self, feedback: Feedback) -> str:
        """What differs, as far as `feedback` allows; what the answer says is never part of it."""
        return f"{_STUDENT[self.kind](self)} {self.counts}" if feedback is Feedback.FULL else ""


def _place(difference: Difference) -> str:
    column = f", column {difference.column}" if difference.column else ""
    return f" (line {difference.line}{column})" if difference.line else ""


def _with_key(difference: Difference) -> str:
    return f" with key '{difference.key}'" if difference.key is not None else ""


_Sentence = Callable[[Difference], str]

_STAFF: dict[Kind, _Sentence] = {
    Kind.MISSING_KEY: lambda d: f"Key '{d.key}' is missing; its value is to be '{d.expected}'.",
    Kind.EXTRA_KEY: lambda d: f"Key '{d.key}' with value '{d.found}'{_place(d)} is not in the answer.",
    Kind.DUPLICATE_KEY: lambda d: f"Key '{d.key}' comes again with value '{d.found}'{_place(d)}.",
    Kind.WRONG_VALUE: lambda d: (
        f"Key '{d.key}' has value '{d.found}'{_place(d)} where '{d.expected}' is expected."
    ),
    Kind.MISSING_LINE: lambda d: f"Line '{d.expected}' is missing{_place(d)}.",
    Kind.EXTRA_LINE: lambda d: f"Line '{d.found}'{_place(d)} is not in the answer.",
    Kind.DIFFERENT_LINE: lambda d: f"'{d.found}'{_place(d)} stands where '{d.expected}' is expected.",
}

_STUDENT: dict[Kind, _Sentence] = {
    Kind.MISSING_KEY: lambda d: f"Key '{d.key}' is missing from your output.",
    Kind.EXTRA_KEY: lambda d: f"Key '{d.key}' with your value '{d.found}'{_place(d)} should not be there.",
    Kind.DUPLICATE_KEY: lambda d: f"Key '{d.key}' comes again with your value '{d.found}'{_place(d)}.",
    Kind.WRONG_VALUE: lambda d: (
        f"Your value '{d.found}' of key '{d.key}'{_place(d)} is not the expected one."
    ),
    Kind.MISSING_LINE: lambda d: f"A line{_with_key(d)} is missing from your output{_place(d)}.",
    Kind.EXTRA_LINE: lambda d: f"Your line '{d.found}'{_place(d)} should not be there.",
    Kind.DIFFERENT_LINE: lambda d: f"Your line '{d.found}'{_place(d)} is not the expected one.",
}


def _amount(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
