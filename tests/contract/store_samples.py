"""Records to put into stores, and everything that a store answers, gathered to be compared."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from bighost.job.assignment import Assignment, Dataset, Test
from bighost.job.job import Job, Requirement
from bighost.job.latency import Stamp
from bighost.job.role import Role
from bighost.job.state import State
from bighost.store.base import Changes, JobFilter, NodeRecord, Store, StoryLine, Token, TokenKind, User
from bighost.wire.messages import Profile

Coordinator = Callable[[], Store]  # each call makes what another coordinator would open on the same data


def a_job(id: str, received: int = 1, **fields: Any) -> Job:
    values: dict[str, Any] = {
        "assignment": "wordcount",
        "team": "ada",
        "by": "lovelace",
        "number": 1,
        "files": {"mapper.py": digest(b"mapper"), "reducer.py": digest(b"reducer")},
        "requirement": Requirement("streaming", "", 1, 256 * 1024**2),
        "time_bound_s": 180.0,
        "state": State.WAITING,
        "stamps": {Stamp.RECEIVED: received},
    }
    return Job(id=id, **{**values, **fields})


def an_assignment(id: str, **fields: Any) -> Assignment:
    data = Dataset(name="small", files=(digest(b"data"),), size=4)
    return Assignment(
        id=id,
        **{"title": id, "datasets": {"small": data}, "tests": (Test(name="t", dataset="small"),), **fields},
    )


def a_user(name: str, **fields: Any) -> User:
    return User(name=name, **{"role": Role.STUDENT, "team": "ada", **fields})


def a_token(name: str, created: int = 1, **fields: Any) -> Token:
    return Token(digest=name, created=created, **{"kind": TokenKind.USER, "subject": "lovelace", **fields})


def a_node(key: str, name: str, **fields: Any) -> NodeRecord:
    return NodeRecord(key=key, name=name, **{"profile": Profile.CORE, "enrolled": 1, **fields})


def a_pair(number: int) -> Changes:
    """Two jobs that come by one commit, so that a store never holds one without the other."""
    jobs = [a_job(f"{half}-{number:05}", received=number, number=number) for half in ("left", "right")]
    return Changes(jobs=jobs, facts=[("latest", str(number).encode())])


def whole_pairs(jobs: list[Job]) -> list[int]:
    """The numbers of the pairs that are there, in order. Fails when a half is alone."""
    left, right = ({j.number for j in jobs if j.id.startswith(half)} for half in ("left", "right"))
    assert left == right, f"halves without the other: {sorted(left ^ right)}"
    return sorted(left)


def digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=32).hexdigest()


async def everything(store: Store) -> dict[str, Any]:
    """All that `store` answers, of everything that it holds."""
    jobs = await store.jobs(JobFilter(limit=1_000_000))
    hand_ins = {(j.assignment, j.team) for j in jobs}
    return {
        "jobs": jobs,
        "job": [await store.job(j.id) for j in jobs],
        "live": await store.live_jobs(),
        "hand_ins": {key: await store.hand_ins(*key) for key in hand_ins},
        "story": {j.id: await store.story(j.id) for j in jobs},
        "files": await store.files(sorted({d for j in jobs for d in j.files.values()})),
        "assignments": await store.assignments(),
        "users": await store.users(),
        "tokens": await store.tokens(),
        "nodes": await store.nodes(),
    }


def ids(jobs: list[Job]) -> list[str]:
    return [j.id for j in jobs]


FULL_OF_EVERYTHING = Changes(
    jobs=[a_job("one"), a_job("two", received=2, state=State.GRADED)],
    files=[(digest(b"mapper"), b"mapper"), (digest(b"reducer"), b"reducer")],
    story=[StoryLine("one", 1, "arrived"), StoryLine("one", 2, "waits")],
    assignments=[an_assignment("wordcount")],
    users=[a_user("lovelace")],
    tokens=[a_token("t")],
    nodes=[a_node("key", "node")],
    facts=[("secret", b"\x00\xff")],
)
