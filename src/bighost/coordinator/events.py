"""What happens to the engine: everything from outside, with the time at which it happened (ns since 1970)."""

from __future__ import annotations

import msgspec

from bighost.job.job import FaultKind, Job, TestRun
from bighost.job.latency import Stamp
from bighost.job.verdict import Verdict
from bighost.wire.messages import Capacity, CreditTerms, Held, Load, Profile


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """The base of all events."""

    at: int


class Submitted(Event, frozen=True, kw_only=True):
    """A hand-in passed the sanity check (or, with `refused`, did not)."""

    job: Job
    refused: str = ""


class NodeJoined(Event, frozen=True, kw_only=True):
    """An enrolled node greeted us. `route` is where answers go, `instance` its present life."""

    node: str
    name: str
    route: bytes
    instance: str
    profile: Profile
    capacity: Capacity
    credit: CreditTerms
    held: tuple[Held, ...] = ()


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt that a node finished, as far as it could be judged from digests alone.

    A test whose `verdict` is None needs its output compared. `fault` stops everything else.
    """

    job: str
    attempt: int
    tests: tuple[TestRun, ...] = ()
    fault: FaultKind | None = None
    fault_message: str = ""
    marking: Marked | None = None  # set when every test has its verdict
    stamps: dict[Stamp, int] = {}


class Marked(Event, frozen=True, kw_only=True):
    """The output processor has judged every test of a job in state marking."""

    job: str
    attempt: int
    tests: tuple[TestRun, ...]
    verdict: Verdict
    score: float
    message: str
    staff_message: str = ""
    stamps: dict[Stamp, int] = {}


class MarkingFailed(Event, frozen=True, kw_only=True):
    """The output processor could not do its work: ours."""

    job: str
    attempt: int
    message: str


class Pulled(Event, frozen=True, kw_only=True):
    """A node handed in results and said how many jobs it will hold."""

    node: str
    credit: int
    results: tuple[Finished, ...] = ()


class Progressed(Event, frozen=True, kw_only=True):
    """A job went a step further on its node."""

    node: str
    job: str
    attempt: int
    test: str
    stage: str


class Beaten(Event, frozen=True, kw_only=True):
    """A node gave a sign of life, naming the jobs that it holds."""

    node: str
    held: tuple[Held, ...]
    load: Load = Load()


class NodeLeft(Event, frozen=True, kw_only=True):
    """A node said goodbye and handed these jobs back."""

    node: str
    handed_back: tuple[Held, ...]
    reason: str = ""


class NodeDrained(Event, frozen=True, kw_only=True):
    """Staff want a node to finish and leave."""

    node: str


class NodeForgotten(Event, frozen=True, kw_only=True):
    """Staff have revoked a node's key."""

    node: str


class CancelAsked(Event, frozen=True, kw_only=True):
    """A team or staff want a job stopped."""

    job: str
    by: str


class RetryAsked(Event, frozen=True, kw_only=True):
    """Staff want a final job run again."""

    job: Job
    by: str


class Ticked(Event, frozen=True, kw_only=True):
    """The time that `Engine.next_deadline` named has come."""
