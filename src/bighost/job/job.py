"""A job: one submission, everything that is known of it, and where it is. Frozen: a change is a new value."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from bighost.job.assignment import Assignment
from bighost.job.latency import Stamp
from bighost.job.state import State
from bighost.job.verdict import Verdict


class Usage(msgspec.Struct, frozen=True):
    """What was used: CPU seconds, the highest summed resident size in bytes, seconds by the clock."""

    cpu_s: float = 0.0
    peak_bytes: int = 0
    wall_s: float = 0.0


class Stage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One stage of one test, summed over its tasks."""

    test: str
    name: str
    tasks: int = 1
    usage: Usage = Usage()
    exit: int | None = None
    signal: str | None = None
    failed_task: int | None = None
    records_in: int = 0
    records_out: int = 0
    bytes_out: int = 0
    stderr: str = ""
    counters: dict[str, dict[str, int]] = {}
    status: str = ""


class Output(msgspec.Struct, frozen=True):
    """What a test wrote: bytes, number of part files, and the digest of all of it, normalised."""

    size: int
    parts: int
    normalised: str


class Segments(msgspec.Struct, frozen=True, omit_defaults=True):
    """Digests of what flowed between stages: map output [split][partition], reduce input and output."""

    map_output: tuple[tuple[str, ...], ...] = ()
    reduce_input: tuple[str, ...] = ()
    reduce_output: tuple[str, ...] = ()


class TestRun(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How one test of a job went. `outcome` is a `pod.contract.Outcome`; `verdict` is None until judged."""

    name: str
    outcome: str
    message: str = ""
    stage: str | None = None
    stages: tuple[Stage, ...] = ()
    usage: Usage = Usage()
    output: Output | None = None
    segments: Segments = Segments()
    verdict: Verdict | None = None


class FaultKind(StrEnum):
    """What went wrong on our side. None of these is ever the student's."""

    LEASE_LOST = "lease lost"  # the node was not heard of in time
    HANDED_BACK = "handed back"  # the node left, or was drained, before it ran the job
    POD_DIED = "pod died"
    POD_NOT_STARTED = "pod not started"
    DATASET = "dataset missing or changed"
    NODE_DISK = "node's disk full"
    NODE_BUG = "error in the node"
    POD_BUG = "error in the pod"
    OVERDUE = "attempt overdue"
    OUTPUT_LOST = "output not handed in"
    MARKING = "marking failed"
    NO_NODE = "no node can run it"


# A node that leaves in good order costs the job nothing; each of the others uses one of its attempts.
HARMLESS = frozenset({FaultKind.HANDED_BACK})


class Fault(msgspec.Struct, frozen=True):
    """One thing that went wrong on our side while the job was tried."""

    kind: FaultKind
    message: str
    at: int  # ns since 1970
    node: str = ""
    attempt: int = 0


class Requirement(msgspec.Struct, frozen=True):
    """What a node must have to run a job. Jobs with equal requirements share a waiting line."""

    framework: str
    image: str
    cpus: int
    memory_bytes: int


class Job(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One submission on its way from `received` to a mark."""

    id: str
    assignment: str
    team: str
    by: str  # the user who handed it in
    number: int  # the team's first, second, ... hand-in for the assignment
    files: dict[str, str]  # name -> digest
    requirement: Requirement
    time_bound_s: float  # a run can't take longer than this: the wall limits of its tests, and slack
    rerun: bool = False  # asked for by staff: waits behind students
    state: State = State.RECEIVED
    attempt: int = 0
    node: str = ""
    tests: tuple[TestRun, ...] = ()
    verdict: Verdict | None = None
    score: float | None = None
    message: str = ""
    staff_message: str = ""  # what staff may read besides, such as where the output differs from the key
    faults: tuple[Fault, ...] = ()
    stamps: dict[Stamp, int] = {}

    def stamped(self, at: int, *stamps: Stamp) -> dict[Stamp, int]:
        """The stamps of this job with these set to `at`."""
        return {**self.stamps, **dict.fromkeys(stamps, at)}

    @property
    def charged_faults(self) -> int:
        """How many attempts were used up by faults of ours."""
        return sum(f.kind not in HARMLESS for f in self.faults)


def requirement(assignment: Assignment) -> Requirement:
    """What a node needs for a submission of `assignment`."""
    return Requirement(
        framework=assignment.framework.name,
        image=assignment.framework.image,
        cpus=assignment.limits.cpus,
        memory_bytes=assignment.limits.memory_bytes,
    )


def time_bound(assignment: Assignment) -> float:
    """Seconds within which an attempt must end: all tests at their wall limit, and a minute for each."""
    return len(assignment.tests) * (assignment.limits.wall_s + 60.0) + 60.0
