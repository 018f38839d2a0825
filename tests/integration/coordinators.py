"""A coordinator inside the test's own process, and a node that says just what a test wants it to say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from bighost.coordinator.server import Coordinator
from bighost.job.assignment import Assignment, Comparator, Dataset, SanityRules, Test
from bighost.job.job import Job, Output, TestRun
from bighost.job.role import Role
from bighost.marking import normalised
from bighost.settings import CoordinatorSettings
from bighost.store.base import Store, User
from bighost.store.memory import MemoryStore
from bighost.wire import messages as say
from bighost.wire.http import EnrolRequest, NewAssignment
from bighost.wire.keys import KeyPair
from bighost.wire.sockets import NodeSocket

M = TypeVar("M")
DEADLINE_S = 20.0
KEY = b"a\t1\nb\t2\n"
PROGRAMS = {"mapper.py": b"print('map')\n", "reducer.py": b"print('reduce')\n"}
ANA = User(name="ana", role=Role.STUDENT, team="reds")


@asynccontextmanager
async def coordinator(
    folder: Path, store: Store | None = None, **settings: Any
) -> AsyncIterator[Coordinator]:
    """A coordinator that serves nodes on a free port; no HTTP."""
    wanted = {"lease_s": 6.0, "port": 0, "node_port": 0} | settings
    made = Coordinator(CoordinatorSettings(data=folder, **wanted), store or MemoryStore())
    async with made:
        yield made


async def add_assignment(at: Coordinator, id: str = "wc", **fields: Any) -> Assignment:
    """An assignment with one test whose key is KEY."""
    data = await at.blobs.put(b"a b b\n")
    key = await at.blobs.put(KEY)
    assignment = Assignment(
        id=id,
        title=id,
        datasets={"s": Dataset(name="s", files=(data,), size=6)},
        tests=(Test(name="t", dataset="s"),),
        sanity=SanityRules(lint=False),
        **fields,
    )
    return await at.catalogue.add(
        NewAssignment(assignment=assignment, keys={"t": key}), {"t": norm(assignment.comparator, KEY)}
    )


async def hand_in(at: Coordinator, user: User = ANA, files: Mapping[str, bytes] = PROGRAMS) -> Job:
    return await at.intake.take(user, None, files)


async def ended(at: Coordinator, id: str) -> Job:
    """The job once it has ended, told by live events."""
    listener = at.live.listen(lambda job: job.id == id)
    try:
        async with asyncio.timeout(DEADLINE_S):
            job = await at.job(id)
            while job is None or not job.state.final:
                job = (await listener.next())[-1]
            return job
    finally:
        at.live.leave(listener)


def norm(comparator: Comparator, content: bytes) -> str:
    """The normalised digest of an output of one part."""
    normaliser = normalised(comparator)
    normaliser.update(content)
    normaliser.end_of_part()
    return normaliser.hexdigest()


def ran(content: bytes, outcome: str = "ok") -> TestRun:
    """A test's run that wrote `content`."""
    return TestRun(
        name="t",
        outcome=outcome,
        output=Output(size=len(content), parts=1, normalised=norm(Comparator(), content)),
    )


class FakeNode:
    """An enrolled node in the test's hands."""

    def __init__(self, keys: KeyPair, socket: NodeSocket) -> None:
        self.keys = keys
        self.socket = socket

    async def say(self, message: say.FromNode) -> None:
        await self.socket.send(say.encode(message))

    async def hears(self, kind: type[M]) -> M:
        """The next message of this kind; others that come before are passed over."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                message = say.decode_from_coordinator(await self.socket.receive())
                if isinstance(message, kind):
                    return message

    async def join(self, **changes: Any) -> None:
        await self.say(greeting(**changes))

    async def work(self, credit: int = 4) -> None:
        """Join, and ask for jobs."""
        await self.join()
        await self.hears(say.Welcome)
        await self.pull(credit=credit)

    async def pull(self, *results: say.Result, credit: int = 4) -> None:
        await self.say(say.Pull(now=0, credit=credit, results=results))


def greeting(**changes: Any) -> say.Join:
    fields: dict[str, Any] = {
        "protocol": say.PROTOCOL,
        "software": "test",
        "instance": "i1",
        "profile": say.Profile.CORE,
        "capacity": say.Capacity(slots=2, cpus=2, memory_bytes=2**32, frameworks=("streaming",)),
        "credit": say.CreditTerms(window=4, low_water=2, batch=4),
        "runtime": "test",
    }
    return say.Join(**fields | changes)


@asynccontextmanager
async def node(
    at: Coordinator, keys: KeyPair | None = None, *, enrol: bool = True
) -> AsyncIterator[FakeNode]:
    """A node with a real socket to the coordinator."""
    keys = keys or KeyPair.new()
    if enrol:
        request = EnrolRequest(
            token=at.join_token, public_key=keys.public, name="fake", profile=say.Profile.CORE
        )
        await at.accounts.enrol(request)
    socket = NodeSocket(keys)
    await socket.connect(f"tcp://127.0.0.1:{at.socket.port}", at.keys.public)
    try:
        yield FakeNode(keys, socket)
    finally:
        await socket.close()
