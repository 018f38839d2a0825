"""One job through the HTTP API: on a node in the test's hands, for an assignment with a secret answer."""

from __future__ import annotations

import asyncio
import io
import tarfile
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
import zstandard

from bighost.coordinator.intake import digest
from bighost.job.assignment import Comparator, Compare, Feedback
from bighost.job.job import Output, Stage, TestRun, Usage
from bighost.job.state import State
from bighost.wire import messages as say
from bighost.wire.http import JobView, NewAssignment
from bighost.wire.keys import KeyPair
from tests.integration.api import Api, OpenAnswer, Who, api
from tests.integration.coordinators import DEADLINE_S, FakeNode, add_assignment, ended, hand_in, node, norm

SECRET = b"seventyseven"
KEY = b"apple\tone\npear\t" + SECRET + b"\n"
WRONG = b"apple\tone\npear\ttwo\n"
COMPARATOR = Comparator(kind=Compare.KEYED)
STAGE = Stage(
    test="t",
    name="reducer",
    usage=Usage(cpu_s=0.5, peak_bytes=1000, wall_s=0.6),
    stderr="Traceback: look at line 7",
    counters={"mine": {"pears": 3}},
    status="nearly done",
)


@dataclass
class OneJob:
    """An API with one job of the student's team that a node is running."""

    asked: Api
    fake: FakeNode
    node_token: str
    job: str

    async def as_seen(self, who: Who) -> JobView:
        answer = await self.asked.ask("GET", f"/api/jobs/{self.job}", who)
        assert answer.status_code == 200
        return msgspec.json.decode(answer.content, type=JobView)

    async def upload(self, token: str, content: bytes = WRONG) -> httpx.Response:
        path = f"/api/node/jobs/{self.job}/1/outputs/t"
        return await self.asked.ask("PUT", path, token, content=packed(content))

    async def hand_in_result(self, run: TestRun) -> None:
        await self.fake.pull(say.Result(job=self.job, attempt=1, tests=(run,)))
        await self.fake.hears(say.Ack)

    async def grade_as_wrong(self) -> None:
        """The node hands in a wrong output, and it is compared."""
        await self.hand_in_result(wrote(WRONG))
        assert (await self.upload(self.node_token)).status_code == 204
        await ended(self.asked.at, self.job)


@asynccontextmanager
async def running(folder: Path, feedback: Feedback = Feedback.FULL) -> AsyncIterator[OneJob]:
    keys = KeyPair.new()
    async with api(folder) as asked:
        token = await asked.enrol("fake", keys)
        async with node(asked.at, keys, enrol=False) as fake:
            await _assignment_with_a_secret(asked, feedback)
            await fake.work()
            job = await hand_in(asked.at)
            await fake.hears(say.Batch)
            await _starts(asked, fake, job.id)
            yield OneJob(asked, fake, token, job.id)


async def _starts(asked: Api, fake: FakeNode, job: str) -> None:
    listener = asked.at.live.listen(lambda changed: changed.state is State.RUNNING)
    await fake.say(say.Progress(job=job, attempt=1, test="t", stage="reducer"))
    await asyncio.wait_for(listener.next(), DEADLINE_S)
    asked.at.live.leave(listener)


async def _assignment_with_a_secret(asked: Api, feedback: Feedback) -> None:
    """`wc`, with KEY as its answer, added as staff do."""
    plain = await add_assignment(asked.at, feedback=feedback, comparator=COMPARATOR)
    new = NewAssignment(
        assignment=msgspec.structs.replace(plain, answers={}), keys={"t": await _put(asked, KEY)}
    )
    assert (await asked.ask("POST", "/api/assignments", Who.STAFF, body=new)).status_code == 201


async def _put(asked: Api, content: bytes) -> str:
    name = digest(content)
    assert (await asked.ask("PUT", f"/api/blobs/{name}", Who.STAFF, content=content)).status_code == 204
    return name


def packed(content: bytes) -> bytes:
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        member = tarfile.TarInfo("part-00000")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return zstandard.compress(tar.getvalue())


def wrote(content: bytes) -> TestRun:
    """A test's run with this output."""
    output = Output(size=len(content), parts=1, normalised=norm(COMPARATOR, content))
    return TestRun(name="t", outcome="ok", output=output, stages=(STAGE,), usage=STAGE.usage)


async def told_then(answer: OpenAnswer, happens: Coroutine[Any, Any, object]) -> AsyncIterator[str]:
    """The events of an answer; after the first of them something happens."""
    told = answer.events()
    yield await anext(told)
    await happens
    async for data in told:
        yield data


def read(data: str) -> JobView:
    return msgspec.json.decode(data, type=JobView)
