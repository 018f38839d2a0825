"""A store in memory, for tests and simulations: what it holds outlives `close`, but not the process."""

from __future__ import annotations

import asyncio
import heapq
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from bighost.errors import OperatorError, StoreFault
from bighost.job.assignment import Assignment
from bighost.job.job import Job
from bighost.job.latency import Stamp
from bighost.store import durable, faults, records
from bighost.store.base import Changes, JobFilter, NodeRecord, StoryLine, Token, User
from bighost.store.sqlite import SqliteStore

R = TypeVar("R", bound=records.Record)


class MemoryStore:
    """A `Store` that forgets. Close and open the same object to play a restart.

    It keeps what comes back from a record's encoded form: so it refuses what a store of bytes would refuse,
    and a dictionary that the writer changes after the commit is another one.
    """

    def __init__(self) -> None:
        """Empty."""
        self.fault: StoreFault | None = None  # set by tests: what `commit` raises for as long as it is set
        self._opened = False
        self._jobs: dict[str, Job] = {}
        self._files: dict[str, bytes] = {}
        self._story: dict[str, list[StoryLine]] = {}
        self._assignments: dict[str, Assignment] = {}
        self._users: dict[str, User] = {}
        self._tokens: dict[str, Token] = {}
        self._nodes: dict[str, NodeRecord] = {}
        self._facts: dict[str, bytes] = {}

    async def open(self) -> None:
        """See `Store`."""
        if self._opened:
            raise OperatorError(
                "Another coordinator is using this store in memory.", hint="Close it there first."
            )
        self._opened = True

    async def close(self) -> None:
        """See `Store`."""
        self._opened = False

    async def commit(self, changes: Changes) -> None:
        """See `Store`. Lets others run before it writes, as every real store does."""
        await asyncio.sleep(0)
        self._check_open()
        if self.fault is not None:
            raise self.fault
        jobs = [_kept(j, records.read_job) for j in changes.jobs]
        assignments = [_kept(a, records.read_assignment) for a in changes.assignments]
        users = [_kept(u, records.read_user) for u in changes.users]
        tokens = [_kept(t, records.read_token) for t in changes.tokens]
        nodes = [_kept(n, records.read_node) for n in changes.nodes]
        # From here on nothing can fail.
        self._jobs.update((j.id, j) for j in jobs)
        self._assignments.update((a.id, a) for a in assignments)
        self._users.update((u.name, u) for u in users)
        self._tokens.update((t.digest, t) for t in tokens)
        self._nodes.update((n.key, n) for n in nodes)
        self._facts.update(changes.facts)
        for digest, content in changes.files:
            self._files.setdefault(digest, content)
        for line in changes.story:
            self._story.setdefault(line.job, []).append(line)

    async def live_jobs(self) -> list[Job]:
        """See `Store`."""
        self._check_open()
        return sorted((j for j in self._jobs.values() if not j.state.final), key=_receipt)

    async def job(self, id: str) -> Job | None:
        """See `Store`."""
        self._check_open()
        return self._jobs.get(id)

    async def jobs(self, where: JobFilter) -> list[Job]:
        """See `Store`."""
        self._check_open()
        return heapq.nlargest(where.limit, (j for j in self._jobs.values() if _fits(j, where)), key=_receipt)

    async def hand_ins(self, assignment: str, team: str) -> list[Job]:
        """See `Store`."""
        self._check_open()
        mine = (j for j in self._jobs.values() if j.assignment == assignment and j.team == team)
        return sorted(mine, key=lambda j: (j.number, j.id))

    async def story(self, job: str) -> list[StoryLine]:
        """See `Store`."""
        self._check_open()
        return list(self._story.get(job, ()))

    async def files(self, digests: Sequence[str]) -> dict[str, bytes]:
        """See `Store`."""
        self._check_open()
        return {d: self._files[d] for d in digests if d in self._files}

    async def assignments(self) -> list[Assignment]:
        """See `Store`."""
        self._check_open()
        return list(self._assignments.values())

    async def users(self) -> list[User]:
        """See `Store`."""
        self._check_open()
        return sorted(self._users.values(), key=lambda u: u.name)

    async def tokens(self) -> list[Token]:
        """See `Store`."""
        self._check_open()
        return sorted(self._tokens.values(), key=lambda t: (t.created, t.digest))

    async def nodes(self) -> list[NodeRecord]:
        """See `Store`."""
        self._check_open()
        return sorted(self._nodes.values(), key=lambda n: (n.name, n.key))

    async def fact(self, name: str) -> bytes | None:
        """See `Store`."""
        self._check_open()
        return self._facts.get(name)

    async def backup(self, target: str) -> None:
        """See `Store`. The copy is a file of `SqliteStore`, so that a coordinator can be started on it."""
        self._check_open()
        everything = Changes(
            jobs=list(self._jobs.values()),
            files=list(self._files.items()),
            story=[line for lines in self._story.values() for line in lines],
            assignments=list(self._assignments.values()),
            users=list(self._users.values()),
            tokens=list(self._tokens.values()),
            nodes=list(self._nodes.values()),
            facts=list(self._facts.items()),
        )
        await _write_sqlite(everything, Path(target))

    def _check_open(self) -> None:
        if not self._opened:
            raise StoreFault("The store in memory is not open.")


def _kept(record: R, read: Callable[[bytes], R]) -> R:
    return read(records.encode(record))


def _receipt(job: Job) -> tuple[int, str]:
    return job.stamps.get(Stamp.RECEIVED, 0), job.id


def _fits(job: Job, where: JobFilter) -> bool:
    return (
        (where.assignment is None or job.assignment == where.assignment)
        and (where.team is None or job.team == where.team)
        and (where.states is None or job.state in where.states)
        and (where.before is None or _receipt(job) < where.before)
    )


async def _write_sqlite(everything: Changes, target: Path) -> None:
    if target.exists():
        raise OperatorError(f"{target} is there already.", hint="Name a new file for the backup.")
    with faults.told(target):
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            store = SqliteStore(folder / "store.db")
            await store.open()
            try:
                await store.commit(everything)
            finally:
                await store.close()
            durable.publish(folder / "store.db", target)
        finally:
            shutil.rmtree(folder)
