"""What coordinator and node say to each other: typed messages, msgpack, a version in the greeting.

`docs/protocol.md` shows each with an example, drawn from `EXAMPLES` below. Times are ns since 1970 by
the sender's clock; sizes are bytes. Who speaks is told by the key of the connection, never by a message.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from bighost.errors import WireError
from bighost.job.assignment import Comparator, Limits, Reuse
from bighost.job.job import FaultKind, TestRun

T = TypeVar("T")

PROTOCOL = 1
MAX_MESSAGE = 64 * 1024**2


class Profile(StrEnum):
    """Whose machine a node is."""

    CORE = "core"
    LIGHTWEIGHT = "lightweight"


class Message(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The base of all messages; its class name is the tag."""


class Held(msgspec.Struct, frozen=True, array_like=True):
    """A job that a node holds, with the attempt number of its lease."""

    job: str
    attempt: int


class CreditTerms(msgspec.Struct, frozen=True):
    """How much a node takes: see `coordinator.credit`."""

    window: int  # at most this many jobs on the node
    low_water: int  # it is given more once it holds at most this many (the original's threshold T)
    batch: int  # at most this many jobs in a message (the original's prefetch_factor)

    def __post_init__(self) -> None:
        if not (self.batch >= 1 and 0 <= self.low_water < self.window <= 100_000):
            raise ValueError("credit: batch at least 1, and 0 <= low_water < window")


class Capacity(msgspec.Struct, frozen=True):
    """What a node can run."""

    slots: int  # jobs at the same time
    cpus: int  # cores that one job can have at most
    memory_bytes: int  # memory that one job can have at most
    frameworks: tuple[str, ...]


class System(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the original recorded of an evaluator's machine."""

    platform: str = ""
    release: str = ""
    version: str = ""
    architecture: str = ""
    hostname: str = ""
    processor: str = ""
    cores: int = 0
    ram: int = 0


class Load(msgspec.Struct, frozen=True):
    """Telemetry: fractions between 0 and 1, and counts."""

    cpu: float = 0.0
    memory: float = 0.0
    swap: float = 0.0
    busy: int = 0
    pods: int = 0


class Join(Message, frozen=True, kw_only=True):
    """The greeting: who I am and what I can do. Answered by Welcome or Refuse."""

    protocol: int
    software: str
    instance: str  # random, new at each start of the node
    profile: Profile
    capacity: Capacity
    credit: CreditTerms
    runtime: str
    system: System = System()
    settings: dict[str, Any] = {}
    held: tuple[Held, ...] = ()


class RunFault(msgspec.Struct, frozen=True):
    """Why a job could not be run here: ours, never the student's."""

    kind: FaultKind
    message: str


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """A finished attempt: the runs of its tests, or the fault that stopped it."""

    job: str
    attempt: int
    tests: tuple[TestRun, ...] = ()
    fault: RunFault | None = None
    image: str = ""  # digest of the pod's image, empty where a runtime has none
    queued: int = 0  # when it entered the node's queue
    started: int = 0
    ended: int = 0


class Pull(Message, frozen=True, kw_only=True):
    """Hands in results *and* says how many jobs the node will hold, so that the two can't drift apart."""

    now: int
    credit: int  # the most that this node will hold from now on, all in all; 0 while draining or paused
    results: tuple[Result, ...] = ()


class Progress(Message, frozen=True, kw_only=True):
    """A job went one step further; renews its lease."""

    job: str
    attempt: int
    test: str
    stage: str
    done: int = 0
    total: int = 0
    status: str = ""
    now: int = 0


class Beat(Message, frozen=True, kw_only=True):
    """A sign of life; renews the leases of the jobs that it names."""

    now: int
    held: tuple[Held, ...] = ()
    load: Load = Load()


class Logs(Message, frozen=True, kw_only=True):
    """Lines of one of the node's log streams, from byte `offset` of that stream on."""

    stream: str
    offset: int
    data: bytes


class Leave(Message, frozen=True, kw_only=True):
    """Goodbye; these jobs were not run and are handed back."""

    handed_back: tuple[Held, ...] = ()
    reason: str = ""


class PodNeed(msgspec.Struct, frozen=True, kw_only=True):
    """What a pod of an open assignment must be, so that a node can warm it before it is needed."""

    framework: str
    image: str = ""
    reuse: Reuse | None = None  # None: as the framework itself needs it
    limits: Limits = Limits()


class Welcome(Message, frozen=True, kw_only=True):
    """You are in: renew leases within `lease_s`, beat every `heartbeat_s` seconds."""

    name: str
    lease_s: float
    heartbeat_s: float
    now: int
    prepare: tuple[PodNeed, ...] = ()


class RefuseReason(StrEnum):
    """Why a node is sent away. After each of these it stops and doesn't try again by itself."""

    PROTOCOL = "protocol"  # another version of the protocol
    UNKNOWN_KEY = "unknown key"  # not enrolled, or forgotten by staff
    PROFILE = "profile"  # enrolled for another profile
    SUPERSEDED = "superseded"  # another node has joined with the same key
    BAD_TERMS = "bad terms"  # the greeting makes no sense


class Refuse(Message, frozen=True, kw_only=True):
    """Stop, don't try again."""

    reason: RefuseReason
    message: str


class JobTest(msgspec.Struct, frozen=True, kw_only=True):
    """One run to do."""

    name: str
    inputs: tuple[str, ...]  # digests of the dataset's files
    arguments: tuple[str, ...] = ()
    options: dict[str, Any] = {}


class JobOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a node needs to run a job; no name of a team, no answer."""

    job: str
    attempt: int
    assignment: str
    need: PodNeed
    comparator: Comparator
    files: dict[str, bytes]
    tests: tuple[JobTest, ...]


class Batch(Message, frozen=True, kw_only=True):
    """Jobs to run, each under a lease that begins now."""

    jobs: tuple[JobOrder, ...]


class Receipt(msgspec.Struct, frozen=True):
    """What became of a result. `upload` names the tests whose output is wanted; `current` is false when
    the attempt was fenced off (the job is run elsewhere, cancelled or unknown): forget it."""

    job: str
    attempt: int
    current: bool = True
    upload: tuple[str, ...] = ()


class Ack(Message, frozen=True, kw_only=True):
    """These results are kept; a node may forget them once it has uploaded what is asked for."""

    receipts: tuple[Receipt, ...]


class Cancel(Message, frozen=True, kw_only=True):
    """Stop this job if it runs, forget it if it waits."""

    job: str
    attempt: int


class Prepare(Message, frozen=True, kw_only=True):
    """The pods that open assignments need have changed."""

    prepare: tuple[PodNeed, ...]


class Rejoin(Message, frozen=True, kw_only=True):
    """I don't know you (any more): greet me again. Sent after the coordinator forgot who is here, or to a
    node that was silent for longer than its lease."""


class Drain(Message, frozen=True, kw_only=True):
    """Finish what is running, hand back the rest, leave."""

    message: str = ""


FromNode = Join | Pull | Progress | Beat | Logs | Leave
FromCoordinator = Welcome | Refuse | Batch | Ack | Cancel | Prepare | Rejoin | Drain

_encoder = msgspec.msgpack.Encoder()
_from_node: msgspec.msgpack.Decoder[FromNode] = msgspec.msgpack.Decoder(FromNode)
_from_coordinator: msgspec.msgpack.Decoder[FromCoordinator] = msgspec.msgpack.Decoder(FromCoordinator)


def encode(message: FromNode | FromCoordinator) -> bytes:
    """The bytes of a message."""
    return _encoder.encode(message)


def decode_from_node(data: bytes) -> FromNode:
    """What a node said. Raises WireError, and nothing else, on bytes that are no message."""
    return _decode(_from_node, data)


def decode_from_coordinator(data: bytes) -> FromCoordinator:
    """What the coordinator said. Raises WireError, and nothing else, on bytes that are no message."""
    return _decode(_from_coordinator, data)


def _decode(decoder: msgspec.msgpack.Decoder[T], data: bytes) -> T:
    if len(data) > MAX_MESSAGE:
        raise WireError(f"a message of {len(data)} bytes; at most {MAX_MESSAGE} are taken")
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError, ValueError) as error:
        raise WireError(f"not a message of protocol {PROTOCOL}: {error}") from None
