"""What the engine wants done. `Save` comes first: nothing else is carried out before it is durable."""

from __future__ import annotations

import msgspec

from bighost.job.job import Job
from bighost.wire.messages import Receipt, RefuseReason


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """The base of all commands."""


class Save(Command, frozen=True, kw_only=True):
    """Write this job as it is now, and a line of its story (empty: none)."""

    job: Job
    at: int
    story: str = ""


class SendBatch(Command, frozen=True, kw_only=True):
    """Send these jobs to a node; each names its attempt."""

    node: str
    jobs: tuple[Job, ...]


class SendAck(Command, frozen=True, kw_only=True):
    """Tell a node what became of its results."""

    node: str
    receipts: tuple[Receipt, ...]


class SendCancel(Command, frozen=True, kw_only=True):
    """Tell a node to stop a job."""

    node: str
    job: str
    attempt: int


class SendWelcome(Command, frozen=True, kw_only=True):
    """Let a node in."""

    node: str


class SendRefuse(Command, frozen=True, kw_only=True):
    """Send whoever is at `route` away."""

    route: bytes
    reason: RefuseReason
    message: str


class SendDrain(Command, frozen=True, kw_only=True):
    """Ask a node to finish and leave."""

    node: str


class Mark(Command, frozen=True, kw_only=True):
    """Compare the outputs of this job, in state marking, as soon as they are there."""

    job: Job


class Reject(Command, frozen=True, kw_only=True):
    """What was asked for can't be done: an answer to whoever asked."""

    job: str
    message: str


class Tell(Command, frozen=True, kw_only=True):
    """Staff should know."""

    message: str
