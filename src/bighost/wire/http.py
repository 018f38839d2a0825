"""The shapes of the HTTP API: what the coordinator's routes take and give, and `client.py` reads.

Times are ns since 1970, durations seconds, sizes bytes. Errors are `application/problem+json` (RFC 9457).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from bighost.job.assignment import Assignment, Feedback, FileRule, SanityRules
from bighost.job.job import Stage, Usage
from bighost.job.latency import Latency
from bighost.job.role import Role
from bighost.job.state import State
from bighost.job.verdict import Verdict
from bighost.wire.messages import Capacity, CreditTerms, Load, Profile, System


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """The base of all shapes."""


class Problem(Shape, frozen=True, kw_only=True):
    """An error (RFC 9457). `hint` says what to do, `findings` what a sanity check found."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    hint: str = ""


class NewHandIn(Shape, frozen=True, kw_only=True):
    """A hand-in: file names and contents (base64 in JSON). No assignment: the only one that is open."""

    files: dict[str, bytes]
    assignment: str | None = None


class TestView(Shape, frozen=True, kw_only=True):
    """One test of a job, as far as its reader may see it."""

    name: str
    verdict: Verdict | None = None
    weight: float = 1.0
    message: str = ""
    usage: Usage = Usage()


class FaultView(Shape, frozen=True, kw_only=True):
    """Something that went wrong on our side."""

    kind: str
    at: int
    attempt: int
    node: str
    message: str


class JobView(Shape, frozen=True, kw_only=True):
    """A job, as far as its reader may see it."""

    id: str
    assignment: str
    team: str
    number: int
    state: State
    verdict: Verdict | None
    score: float | None
    total: float
    message: str
    node: str
    attempt: int
    stages: tuple[Stage, ...]
    usage: Usage
    latency: Latency
    timestamps: dict[str, int]
    tests: tuple[TestView, ...] = ()
    faults: tuple[FaultView, ...] = ()
    stage: str = ""  # what runs now, or what failed
    position: int | None = None  # jobs ahead in the waiting line
    eta_s: float | None = None  # seconds until it is graded, as far as can be told
    limit_s: float = 0.0  # seconds that a run may take: the wall limits of all its tests


class StoryView(Shape, frozen=True, kw_only=True):
    """One line of a job's story."""

    at: int
    text: str


class AssignmentView(Shape, frozen=True, kw_only=True):
    """An assignment as students see it."""

    id: str
    title: str
    window: str
    opens: datetime | None
    due: datetime | None
    framework: str
    files: tuple[str, ...]
    tests: tuple[str, ...]
    total: float
    feedback: Feedback
    tries_per_hour: int | None
    tries_total: int | None
    hand_in: tuple[FileRule, ...] = ()  # so that the check can be made before anything is sent
    sanity: SanityRules = SanityRules()


class NewAssignment(Shape, frozen=True, kw_only=True):
    """An assignment to be added: its files and keys were uploaded as blobs before."""

    assignment: Assignment
    keys: dict[str, str]  # test -> digest of the key's blob


class NodeView(Shape, frozen=True, kw_only=True):
    """A node, here or away. `key` is its identity."""

    key: str
    name: str
    profile: Profile
    state: str  # "here", "resting" (takes no jobs now), "draining" or "away"
    slots: int
    held: int
    credit: int
    load: Load
    done: int
    faults: int
    last_seen: int
    busy: int = 0  # of the jobs that it holds, those that run
    capacity: Capacity | None = None
    terms: CreditTerms | None = None
    runtime: str = ""
    software: str = ""
    system: System | None = None
    settings: dict[str, Any] = {}


class QueueView(Shape, frozen=True, kw_only=True):
    """What waits and runs for one assignment."""

    assignment: str
    waiting: int
    running: int
    oldest_wait_s: float
    eta_s: float | None


class ThroughputView(Shape, frozen=True, kw_only=True):
    """Marks given in the last hour, in spans of `span_s` seconds; the last span is the one that runs."""

    span_s: float
    marks: tuple[int, ...]

    @property
    def per_hour(self) -> int:
        """Marks given in the hour."""
        return sum(self.marks)


class StatusView(Shape, frozen=True, kw_only=True):
    """The cluster at one moment."""

    now: int
    version: str
    nodes: tuple[NodeView, ...]
    queue: tuple[QueueView, ...]
    running: tuple[JobView, ...]
    recent: tuple[JobView, ...]
    waiting: int
    taking: bool  # false while the store can't keep submissions
    notice: str = ""
    throughput: ThroughputView = ThroughputView(span_s=5.0, marks=())


class EnrolRequest(Shape, frozen=True, kw_only=True):
    """A machine asks to become a node."""

    token: str
    public_key: str
    name: str
    profile: Profile


class EnrolReply(Shape, frozen=True, kw_only=True):
    """What a node needs to dial in: the coordinator's key and port, and a token for datasets and outputs."""

    name: str
    server_key: str
    port: int
    token: str


class NewUser(Shape, frozen=True, kw_only=True):
    """Somebody who may use the API."""

    name: str
    team: str = ""
    role: Role = Role.STUDENT
    email: str = ""


class UserView(Shape, frozen=True, kw_only=True):
    """A user; `token` is there only in the answer that made it."""

    name: str
    team: str
    role: Role
    email: str = ""
    token: str = ""


class NewToken(Shape, frozen=True, kw_only=True):
    """A token for a user, or one that lets nodes join."""

    user: str = ""  # empty: a join token
    profiles: tuple[Profile, ...] = (Profile.LIGHTWEIGHT,)
    expires_in_s: float | None = None


class TokenView(Shape, frozen=True, kw_only=True):
    """A token; `token` itself is there only in the answer that made it."""

    id: str
    kind: str
    subject: str
    created: int
    expires: int | None
    revoked: bool
    profiles: tuple[Profile, ...] = ()
    token: str = ""


class Health(Shape, frozen=True, kw_only=True):
    """Whether the coordinator takes submissions."""

    version: str
    protocol: int
    taking: bool
    now: int
    node_port: int
    notice: str = ""


class BackupView(Shape, frozen=True, kw_only=True):
    """A copy of the store that was written."""

    path: str
    bytes: int
