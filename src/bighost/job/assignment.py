"""An assignment: what a hand-in must hold, how it runs, within which limits, and what it is worth.

The folder that course staff write (`assignment.toml` and files beside it) is read by `bighost.folder`;
here are only the values, which can't be built wrong.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from bighost.job import ids
from bighost.job.verdict import Verdict


class Feedback(StrEnum):
    """What a student is shown of a graded submission."""

    FULL = "full"  # verdict, stage, traceback, counters, and where the output first differs
    STAGE = "stage"  # verdict, the stage that failed and its traceback
    VERDICT = "verdict"  # the verdict of the whole and of each test, and the score


class Reuse(StrEnum):
    """What happens to a pod after a run."""

    RESET = "reset"  # wiped, and used again when it reports itself clean
    NEVER = "never"  # destroyed; the next run gets a new one that was started ahead


class Partial(StrEnum):
    """What a submission gets that is right only in parts."""

    TESTS = "tests"  # the weights of the tests that it passes
    NONE = "none"  # nothing: all tests or no marks


class Compare(StrEnum):
    """How an output is compared with the key."""

    EXACT = "exact"  # the same bytes, part files in their order
    LINES = "lines"  # the same lines in any order
    KEYED = "keyed"  # the same keys, each with an equal or close enough value


class Value(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The base of everything in `assignment.toml`: frozen, by keyword, no unknown keys."""


class FileRule(Value, frozen=True):
    """One file that a hand-in must (or may) hold."""

    name: str
    max_bytes: int = 64 * 1024
    required: bool = True

    def __post_init__(self) -> None:
        if not ids.is_name(self.name):
            raise ValueError(f"{self.name!r} can't be a file's name here: use letters, digits, '.', '_', '-'")
        if self.max_bytes < 1:
            raise ValueError("max_bytes must be at least 1")


class SanityRules(Value, frozen=True):
    """What is checked before a hand-in is run; see `bighost.job.sanity`."""

    lint: bool = True  # ruff's E9 and F: syntax errors, undefined names
    forbidden_modules: tuple[str, ...] = ()
    allowed_modules: tuple[str, ...] | None = None  # None: any but the forbidden ones


class Limits(Value, frozen=True):
    """What a submission may use in its pod."""

    cpus: int = 1
    memory_bytes: int = 256 * 1024**2  # of all the student's processes together
    wall_s: float = 60.0  # of one test
    cpu_s: float = 20.0  # CPU seconds of one stage, all its processes, user and system
    processes: int = 64
    output_bytes: int = 64 * 1024**2
    disk_bytes: int = 256 * 1024**2

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above zero")
        if self.cpus > 256 or self.wall_s > 86400 or self.memory_bytes < 8 * 1024**2:
            raise ValueError("at most 256 cpus and 24 h of wall time, at least 8 MiB of memory")


class Framework(Value, frozen=True):
    """What runs the hand-in, and with which options (checked by the framework itself)."""

    name: str = "streaming"
    image: str = ""  # empty: the framework's own
    reuse: Reuse | None = None  # None: as the framework itself needs it
    options: dict[str, Any] = {}


class Dataset(Value, frozen=True):
    """An input of a test, known by its digest once the folder was read."""

    name: str
    files: tuple[str, ...]  # digests of the files, in order
    size: int  # bytes, summed


class Answer(Value, frozen=True):
    """The key of a test. Never sent to a node or a student."""

    digest: str  # of the key's file in the coordinator's store
    normalised: str  # of the key under the assignment's comparator, see `bighost.marking`


class Comparator(Value, frozen=True):
    """How outputs are compared; `relative` and `absolute` are tolerances of numbers in `keyed`."""

    kind: Compare = Compare.LINES
    separator: str = "\t"
    relative: float = 0.0
    absolute: float = 0.0

    def __post_init__(self) -> None:
        if len(self.separator.encode()) != 1:
            raise ValueError("separator must be one ASCII character")
        if not (0 <= self.relative < 1 and 0 <= self.absolute < float("inf")):
            raise ValueError("relative must be in [0, 1), absolute at least 0")


class Test(Value, frozen=True):
    """One run of a submission on one dataset, worth `weight` of the marks."""

    name: str
    dataset: str
    weight: float = 1.0
    arguments: tuple[str, ...] = ()
    options: dict[str, Any] = {}  # over the framework's own, for this test

    def __post_init__(self) -> None:
        if not ids.is_name(self.name):
            raise ValueError(f"{self.name!r} can't name a test")
        if not 0 <= self.weight < float("inf"):
            raise ValueError("weight must be zero or more")


class Marks(Value, frozen=True):
    """What the assignment is worth."""

    total: float = 10.0
    partial: Partial = Partial.TESTS

    def __post_init__(self) -> None:
        if not 0 < self.total < float("inf"):
            raise ValueError("total must be above zero")


class Tries(Value, frozen=True):
    """How often a team may hand in; None is without bound. Rejections and faults of ours don't count."""

    per_hour: int | None = None
    total: int | None = None

    def __post_init__(self) -> None:
        if (self.per_hour is not None and self.per_hour < 1) or (self.total is not None and self.total < 1):
            raise ValueError("per_hour and total must be at least 1; leave them out for no bound")


class Window(StrEnum):
    """Whether an assignment takes hand-ins."""

    NOT_YET_OPEN = "not yet open"
    OPEN = "open"
    CLOSED = "closed"


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """An assignment as the coordinator keeps it: everything by value or by digest."""

    id: str
    title: str
    opens: datetime | None = None
    due: datetime | None = None
    closed: bool = False  # by staff, whatever `due` says
    framework: Framework = msgspec.field(default_factory=Framework)  # has a dictionary: not hashable
    files: tuple[FileRule, ...] = (FileRule(name="mapper.py"), FileRule(name="reducer.py"))
    sanity: SanityRules = SanityRules()
    limits: Limits = Limits()
    datasets: dict[str, Dataset] = {}
    tests: tuple[Test, ...] = ()
    answers: dict[str, Answer] = {}  # by test
    comparator: Comparator = Comparator()
    marks: Marks = Marks()
    tries: Tries = Tries()
    feedback: Feedback = Feedback.FULL

    def __post_init__(self) -> None:
        if not ids.is_name(self.id):
            raise ValueError(f"id {self.id!r}: use letters, digits, '.', '_' and '-', 64 at most")
        for name, moment in (("opens", self.opens), ("due", self.due)):
            if moment is not None and moment.tzinfo is None:
                raise ValueError(f"{name} has no time zone: write 2026-11-30T18:00:00+05:30, for example")
        if not self.tests:
            raise ValueError("at least one test is needed")
        if len({t.name for t in self.tests}) < len(self.tests):
            raise ValueError("two tests have the same name")
        if not sum(t.weight for t in self.tests) > 0:
            raise ValueError("at least one test must have a weight above zero")
        for test in self.tests:
            if test.dataset not in self.datasets:
                raise ValueError(f"test {test.name!r} asks for dataset {test.dataset!r}, which isn't defined")

    def window(self, now_ns: int) -> Window:
        """Whether hand-ins are taken at `now_ns` (nanoseconds since 1970, UTC)."""
        now = now_ns / 1e9
        if self.opens is not None and now < self.opens.timestamp():
            return Window.NOT_YET_OPEN
        if self.closed or (self.due is not None and now > self.due.timestamp()):
            return Window.CLOSED
        return Window.OPEN


class Marking(msgspec.Struct, frozen=True):
    """What a submission as a whole gets."""

    verdict: Verdict
    score: float


def mark(assignment: Assignment, verdicts: dict[str, Verdict]) -> Marking:
    """The verdict and score of a submission from the verdict of each of its tests.

    All passed is `passed`; some passed, where partial credit is given, is `partial`; else the verdict is
    that of the first test that failed. The score is `marks.total` times the weight that was passed. A test
    without weight is run and shown, and decides nothing.
    """
    counted = [t for t in assignment.tests if t.weight > 0]
    passed = [t for t in counted if verdicts[t.name] is Verdict.PASSED]
    if len(passed) == len(counted):
        return Marking(Verdict.PASSED, assignment.marks.total)
    first_failure = next(verdicts[t.name] for t in counted if verdicts[t.name] is not Verdict.PASSED)
    share = sum(t.weight for t in passed) / sum(t.weight for t in counted)
    if assignment.marks.partial is Partial.NONE or share == 0:
        return Marking(first_failure, 0.0)
    return Marking(Verdict.PARTIAL, round(assignment.marks.total * share, 4))
