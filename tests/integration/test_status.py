"""What the coordinator says of itself to whoever watches."""

from pathlib import Path

import pytest

from bighost.clock import SECOND
from bighost.coordinator.api.status import snapshot
from bighost.coordinator.server import Coordinator
from bighost.job.assignment import Limits
from bighost.job.role import Role
from bighost.job.state import State
from bighost.job.verdict import Verdict
from bighost.store.base import User
from bighost.store.sqlite import SqliteStore
from bighost.wire import messages as say
from tests.integration.coordinators import (
    ANA,
    KEY,
    FakeNode,
    add_assignment,
    coordinator,
    ended,
    hand_in,
    node,
    ran,
)

STAFF = User(name="eve", role=Role.STAFF, team="staff")
BOB = User(name="bob", role=Role.STUDENT, team="blues")


async def until_it_runs(at: Coordinator, fake: FakeNode, job: str) -> None:
    listener = at.live.listen(lambda changed: changed.id == job and changed.state is State.RUNNING)
    await fake.say(
        say.Progress(job=job, attempt=1, test="t", stage="mapper", done=1, total=4, now=at.clock())
    )
    await listener.next()
    at.live.leave(listener)


async def test_a_running_job_is_shown_with_its_begin_its_limit_and_its_node(tmp_path: Path) -> None:
    async with coordinator(tmp_path) as at, node(at) as fake:
        await add_assignment(at, limits=Limits(wall_s=30.0))
        await fake.work()
        job, waits = await hand_in(at), await hand_in(at)
        await fake.hears(say.Batch)
        began = at.clock()
        await until_it_runs(at, fake, job.id)

        seen = snapshot(at, STAFF)

    (running,) = seen.running
    assert (running.id, running.limit_s, running.stage) == (job.id, 30.0, "t: mapper 1/4")
    assert began <= running.timestamps["processing_start"] <= seen.now
    assert [(n.busy, n.held) for n in seen.nodes] == [(1, 2)]
    assert waits.id not in {j.id for j in seen.running}


async def test_the_queue_tells_when_the_last_that_waits_is_done(tmp_path: Path) -> None:
    async with coordinator(tmp_path) as at, node(at) as fake:
        await add_assignment(at)
        await fake.work(credit=1)
        done = await hand_in(at)
        await fake.hears(say.Batch)
        now = at.clock()
        result = say.Result(
            job=done.id, attempt=1, tests=(ran(KEY),), queued=now, started=now, ended=now + 4 * SECOND
        )
        await fake.pull(result, credit=1)
        await ended(at, done.id)
        for _ in range(3):
            await hand_in(at)
            await hand_in(at, BOB)
        await hand_in(at)  # one of the seven is with the node

        (queue,) = snapshot(at, STAFF).queue

    assert (queue.waiting, queue.running) == (6, 1)
    assert queue.eta_s == pytest.approx(12.0, abs=0.5)  # three rounds of 4 s on two slots


async def test_a_restart_changes_nothing_for_whoever_watches(tmp_path: Path) -> None:
    async with coordinator(tmp_path, SqliteStore(tmp_path / "s.db")) as at, node(at) as fake:
        await add_assignment(at)
        await fake.work()
        first, second = await hand_in(at), await hand_in(at)
        for job in (first, second):
            await fake.pull(say.Result(job=job.id, attempt=1, tests=(ran(KEY),)))
            await ended(at, job.id)
        before = snapshot(at, STAFF)

    async with coordinator(tmp_path, SqliteStore(tmp_path / "s.db")) as at:
        after = snapshot(at, STAFF)
        students = [snapshot(at, who).recent for who in (ANA, BOB)]

    assert [j.id for j in after.recent] == [second.id, first.id] == [j.id for j in before.recent]
    assert after.recent[0].verdict is Verdict.PASSED
    assert after.throughput.per_hour == before.throughput.per_hour == 2
    assert [len(seen) for seen in students] == [2, 0]
