"""What the coordinator remembers: a handful of verbs, each with a promise.

* `commit` takes everything or nothing, and returns only once it would survive the loss of power.
* Nothing is said to anyone before it was committed (save before send).
* After a restart all work is *derived* from `live_jobs`; there is no queue in the store.
* One coordinator at a time: `open` refuses a store that another one holds.

Stores are memory (tests, simulation), SQLite (embedded, the default) and later others; the suite in
`tests/contract` holds for all of them. Large files (datasets, answers, outputs) lie beside the store, by
digest: see `store.blobs`.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from bighost.job.assignment import Assignment
from bighost.job.job import Job
from bighost.job.role import Role
from bighost.job.state import State
from bighost.wire.messages import Profile

SCHEMA_VERSION = 1


class User(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may use the API."""

    name: str
    role: Role
    team: str
    email: str = ""
    created: int = 0


class TokenKind(StrEnum):
    """What a token opens."""

    USER = "user"
    JOIN = "join"  # enrols nodes
    NODE = "node"  # a node's own, for datasets and outputs


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A bearer token, kept as the SHA-256 of its 256 random bits, never as itself."""

    digest: str
    kind: TokenKind
    subject: str  # user, node, or what a join token is for
    created: int
    expires: int | None = None
    revoked: bool = False
    profiles: tuple[Profile, ...] = ()  # of a join token: the profiles that it admits

    def good(self, now: int) -> bool:
        """Whether it opens anything at `now` (ns since 1970)."""
        return not self.revoked and (self.expires is None or now < self.expires)


class NodeRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An enrolled node. Its key is its identity; a name is for people."""

    key: str  # CURVE public key, Z85
    name: str
    profile: Profile
    enrolled: int
    owner: str = ""
    forgotten: bool = False
    last_join: dict[str, Any] = {}  # the greeting's capacity, credit, settings and system
    last_seen: int = 0


class StoryLine(msgspec.Struct, frozen=True):
    """One thing that happened to a job, for people."""

    job: str
    at: int
    text: str


class JobFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which jobs to list; None is any."""

    assignment: str | None = None
    team: str | None = None
    states: tuple[State, ...] | None = None
    limit: int = 100
    before: tuple[int, str] | None = None  # (received, id) of the last one of the previous page


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What one transaction writes. A job, user, token, node or assignment replaces the one of its name."""

    jobs: Sequence[Job] = ()
    files: Sequence[tuple[str, bytes]] = ()  # (digest, content) of hand-ins; writing one twice is harmless
    story: Sequence[StoryLine] = ()
    assignments: Sequence[Assignment] = ()
    users: Sequence[User] = ()
    tokens: Sequence[Token] = ()
    nodes: Sequence[NodeRecord] = ()
    facts: Sequence[tuple[str, bytes]] = ()  # single values by name, such as the coordinator's secret key


class Store(Protocol):
    """See the module's docstring. Every verb raises StoreFault when the store can't do it."""

    async def open(self) -> None:
        """Take hold of the store. Raises OperatorError when another coordinator holds it, or when its
        schema is of a later version."""

    async def close(self) -> None:
        """Let go of it. Can be called twice."""

    async def commit(self, changes: Changes) -> None:
        """Write everything or nothing; durable once it returns."""

    async def live_jobs(self) -> list[Job]:
        """Every job that is not in a final state, in the order in which they were received."""

    async def job(self, id: str) -> Job | None:
        """The job of this id."""

    async def jobs(self, where: JobFilter) -> list[Job]:
        """Matching jobs, the latest received first; `where.limit` at most."""

    async def hand_ins(self, assignment: str, team: str) -> list[Job]:
        """All jobs of a team for an assignment, in the order of their numbers."""

    async def story(self, job: str) -> list[StoryLine]:
        """What happened to a job, in order."""

    async def files(self, digests: Sequence[str]) -> dict[str, bytes]:
        """The contents of hand-in files; one that isn't there is left out."""

    async def assignments(self) -> list[Assignment]:
        """All assignments, in the order in which they were added."""

    async def users(self) -> list[User]:
        """All users, by name."""

    async def tokens(self) -> list[Token]:
        """All tokens, the oldest first."""

    async def nodes(self) -> list[NodeRecord]:
        """All enrolled nodes, by name."""

    async def fact(self, name: str) -> bytes | None:
        """A single value by name."""

    async def backup(self, target: str) -> None:
        """Write a consistent copy to a new file `target`, while commits go on."""
