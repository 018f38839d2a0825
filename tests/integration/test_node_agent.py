"""A node against a coordinator that the test plays, over real sockets: what it says, and never loses."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from fake_coordinator import DEADLINE_S, TOKEN, FakeCoordinator, unpacked
from fake_pods import OUTPUT, FakeRuntime, reported

from bighost.errors import NetworkError, OperatorError, Refused
from bighost.job.assignment import Comparator, Limits
from bighost.job.job import FaultKind
from bighost.marking import normalised
from bighost.node.agent import KILLED, NodeAgent, run_node
from bighost.node.backoff import Backoff
from bighost.node.equipment import Equipment, RuntimeInUse, equip
from bighost.node.home import Home
from bighost.node.identity import enrol
from bighost.node.runtime.base import EngineGone, PodDied
from bighost.pod.contract import Outcome, RunOrder, RunReport
from bighost.settings import GIB, RuntimeKind, derive, for_profile
from bighost.wire.keys import KeyPair
from bighost.wire.messages import (
    Batch,
    Beat,
    Cancel,
    Drain,
    Held,
    JobOrder,
    JobTest,
    Join,
    Leave,
    Logs,
    PodNeed,
    Profile,
    Progress,
    Pull,
    Receipt,
    Refuse,
    RefuseReason,
    Rejoin,
    Welcome,
)

MIB = 1024**2


class Running:
    """A node that runs, and what a test looks at."""

    def __init__(
        self, agent: NodeAgent, equipment: Equipment, runtime: FakeRuntime, lines: list[str]
    ) -> None:
        self.agent = agent
        self.equipment = equipment
        self.runtime = runtime
        self.lines = lines
        self.task = asyncio.create_task(agent.run())

    async def ended(self) -> int:
        async with asyncio.timeout(DEADLINE_S):
            return await self.task


@asynccontextmanager
async def node(
    coordinator: FakeCoordinator, data: Path, *, slots: int = 2, **values: object
) -> AsyncIterator[Running]:
    home, runtime, lines = Home(data), FakeRuntime(), []
    with home.held():
        keys = KeyPair.load_or_create(home.keys)
        settings = for_profile(
            Profile.CORE, data=data, name="node", slots=slots, log_timeout_s=0.1, sys_timeout_s=0.05, **values
        )
        who = await enrol(coordinator.url, TOKEN, "node", Profile.CORE, keys)
        offer = derive(settings, slots, slots * GIB, ("streaming",))
        pods = RuntimeInUse(runtime, "fake", {"streaming": ""})
        async with equip(settings, who, home, pods, offer, tuple(range(slots))) as equipment:
            backoff = Backoff(0.05, 0.2)
            running = Running(
                NodeAgent(who, keys, equipment, on_line=lines.append, backoff=backoff),
                equipment,
                runtime,
                lines,
            )
            try:
                yield running
            finally:
                running.task.cancel()
                await asyncio.wait({running.task})


@pytest.fixture
async def coordinator() -> AsyncIterator[FakeCoordinator]:
    async with FakeCoordinator() as fake:
        yield fake


def order(job: str, attempt: int = 1, *, cpus: int = 1, inputs: tuple[str, ...] = ()) -> JobOrder:
    return JobOrder(
        job=job,
        attempt=attempt,
        assignment="wordcount",
        need=PodNeed(framework="streaming", limits=Limits(cpus=cpus, memory_bytes=64 * MIB)),
        comparator=Comparator(),
        files={"mapper.py": b"print()"},
        tests=(JobTest(name="sample", inputs=inputs),),
    )


async def settled(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.01)


# -- joining, running, handing in


async def test_it_greets_says_its_credit_and_beats(coordinator, tmp_path):
    async with node(coordinator, tmp_path):
        join = await coordinator.heard(Join)
        assert (join.profile, join.held, join.runtime) == (Profile.CORE, (), "fake")
        assert (join.capacity.slots, join.capacity.frameworks) == (2, ("streaming",))
        assert join.system.cores > 0
        pull = await coordinator.heard(Pull)
        assert (pull.credit, pull.results) == (join.credit.window, ())
        beat = await coordinator.heard(Beat, lambda beat: beat.load.memory > 0)
        assert beat.held == ()


async def test_a_job_is_run_and_its_digest_handed_in(coordinator, tmp_path):
    async with node(coordinator, tmp_path) as running:
        await coordinator.heard(Pull)
        await coordinator.say(Batch(jobs=(order("j1"),)))
        progress = await coordinator.heard(Progress)
        assert (progress.job, progress.attempt, progress.test) == ("j1", 1, "sample")
        result = await coordinator.result("j1")
        (run,) = result.tests
        expected = normalised(Comparator())
        expected.update(OUTPUT)
        assert (run.outcome, run.verdict) == ("ok", None)
        assert run.output is not None
        assert (run.output.size, run.output.normalised) == (len(OUTPUT), expected.hexdigest())
        assert result.fault is None
        assert 0 < result.queued <= result.started <= result.ended
        await settled(lambda: not running.equipment.outbox.pending())
        assert list((tmp_path / "outbox").iterdir()) == []


async def test_results_that_are_not_acknowledged_are_handed_in_again(tmp_path):
    async with FakeCoordinator(lease_s=0.3) as coordinator, node(coordinator, tmp_path) as running:
        coordinator.receipt = lambda result: None
        await coordinator.heard(Pull)
        await coordinator.say(Batch(jobs=(order("j1"),)))
        first = await coordinator.result("j1")
        assert await coordinator.result("j1") == first
        coordinator.receipt = lambda result: Receipt(result.job, result.attempt)
        await coordinator.result("j1")
        await settled(lambda: not running.equipment.outbox.pending())


async def test_an_output_that_is_asked_for_is_uploaded_until_it_is_taken(coordinator, tmp_path):
    coordinator.receipt = lambda result: Receipt(result.job, result.attempt, upload=("sample",))
    coordinator.upload_answers.extend([503])
    async with node(coordinator, tmp_path):
        await coordinator.heard(Pull)
        await coordinator.say(Batch(jobs=(order("j1"),)))
        await settled(lambda: "j1/1/outputs/sample" in coordinator.uploads)
        assert unpacked(coordinator.uploads["j1/1/outputs/sample"]) == {"part-00000": OUTPUT}
        assert coordinator.requests[-1][2] == "bearer node token"
        await settled(lambda: not list((tmp_path / "outbox").iterdir()))


@pytest.mark.parametrize("answer", [404, 409, 410])
async def test_an_output_that_nobody_wants_any_more_is_forgotten(coordinator, tmp_path, answer):
    coordinator.receipt = lambda result: Receipt(result.job, result.attempt, upload=("sample",))
    coordinator.upload_answers.extend([answer])
    async with node(coordinator, tmp_path):
        await coordinator.heard(Pull)
        await coordinator.say(Batch(jobs=(order("j1"),)))
        await settled(lambda: any(method == "PUT" for method, _, _ in coordinator.requests))
        await settled(lambda: not list((tmp_path / "outbox").iterdir()))
        assert coordinator.uploads == {}


async def test_a_fenced_off_result_is_forgotten(coordinator, tmp_path):
    coordinator.receipt = lambda result: Receipt(
        result.job, result.attempt, current=False, upload=("sample",)
    )
    async with node(coordinator, tmp_path):
        await coordinator.heard(Pull)
        await coordinator.say(Batch(jobs=(order("j1"),)))
        await coordinator.result("j1")
        await settled(lambda: not list((tmp_path / "outbox").iterdir()))
        assert not any(method == "PUT" for method, _, _ in coordinator.requests)


async def test_the_same_job_twice_is_run_once(coordinator, tmp_path):
    async with node(coordinator, tmp_path) as running:
        running.runtime.hold()
        await coordinator.heard(Pull)
        await coordinator.say(Batch(jobs=(order("j1"), order("j1"))))
        await running.runtime.began["j1"].wait()
        await coordinator.say(Batch(jobs=(order("j1"), order("j2"))))
        await running.runtime.began["j2"].wait()
        running.runtime.may_end.set()
        await coordinator.result("j2")
        assert [run.run for run in running.runtime.runs] == ["j1.1.sample", "j2.1.sample"]


async def test_only_as_many_run_at_a_time_as_there_are_slots(coordinator, tmp_path):
    async with node(coordinator, tmp_path, slots=2) as running:
        running.runtime.hold()
        await coordinator.heard(Pull)
        await coordinator.say(Batch(jobs=tuple(order(f"j{n}") for n in range(4))))
        beat = await coordinator.heard(Beat, lambda beat: len(beat.held) == 4)
        assert {held.job for held in beat.held} == {"j0", "j1", "j2", "j3"}
        await settled(lambda: len(running.runtime.runs) == 2)
        running.runtime.may_end.set()
        for n in range(4):
            await coordinator.result(f"j{n}")


async def test_logs_come_with_their_offsets(coordinator, tmp_path):
    async with node(coordinator, tmp_path) as running:
        await coordinator.heard(Pull)
        await coordinator.say(Batch(jobs=(order("j1"),)))
        logs = await coordinator.heard(
            Logs, lambda logs: logs.stream == "worker1" and b"job_end" in logs.data
        )
        folder = next((tmp_path / "logs" / "node").iterdir())
        assert logs.data in (folder / "worker1_logs.txt").read_bytes()
        assert folder.name == running.equipment.life
        assert (await coordinator.heard(Logs, lambda logs: logs.stream == "sys")).offset == 0
        assert (await coordinator.heard(Logs, lambda logs: logs.stream == "sys")).offset > 0


# -- faults of ours


async def test_a_dead_pod_is_a_fault_and_no_verdict(coordinator, tmp_path):
    async def die(order: RunOrder) -> RunReport:
        raise PodDied("its container ended")

    async with node(coordinator, tmp_path) as running:
        running.runtime.script = die
        await coordinator.heard(Pull)
        await coordinator.say(Batch(jobs=(order("j1"),)))
        result = await coordinator.result("j1")
        assert result.tests == ()
        assert result.fault is not None
        assert result.fault.kind is FaultKind.POD_DIED


@pytest.mark.parametrize(
    ("problem", "kind"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), FaultKind.NODE_DISK),
        (ZeroDivisionError("a bug"), FaultKind.NODE_BUG),
    ],
)
async def test_whatever_else_happens_is_ours_and_the_worker_goes_on(coordinator, tmp_path, problem, kind):
    async def fail(order: RunOrder) -> RunReport:
        if order.run.startswith("j1"):
            raise problem
        return reported()

    async with node(coordinator, tmp_path, slots=1) as running:
        running.runtime.script = fail
        await coordinator.heard(Pull)
        await coordinator.say(Batch(jobs=(order("j1"),)))
        result = await coordinator.result("j1")
        assert result.fault is not None
        assert result.fault.kind is kind
        if kind is FaultKind.NODE_DISK:  # it looks after itself first
            await coordinator.ever(Pull, lambda pull: pull.credit == 0)
            await coordinator.heard(Pull, lambda pull: pull.credit > 0 and not pull.results)
        await coordinator.say(Batch(jobs=(order("j2"),)))
        assert (await coordinator.result("j2")).fault is None


async def test_the_pods_own_fault_is_not_the_students(coordinator, tmp_path):
    async def fault(order: RunOrder) -> RunReport:
        return reported(Outcome.FAULT, "the sandbox could not be made")

    async with node(coordinator, tmp_path) as running:
        running.runtime.script = fault
        await coordinator.heard(Pull)
        await coordinator.say(Batch(jobs=(order("j1"),)))
        result = await coordinator.result("j1")
        assert result.fault is not None
        assert (result.fault.kind, result.tests) == (FaultKind.POD_BUG, ())


async def test_without_an_engine_it_takes_no_jobs_until_the_engine_is_back(coordinator, tmp_path):
    async with node(coordinator, tmp_path, slots=1, spawn_wait_s=0.2) as running:
        running.runtime.broken = EngineGone("the engine does not answer")
        window = (await coordinator.heard(Pull)).credit
        await coordinator.say(Batch(jobs=(order("j1"), order("j2"))))
        faults = {name: (await coordinator.result(name)).fault for name in ("j1", "j2")}
        assert faults["j1"] is not None
        assert faults["j1"].kind is FaultKind.POD_NOT_STARTED
        assert faults["j2"] is not None
        assert faults["j2"].kind is FaultKind.HANDED_BACK
        await coordinator.ever(Pull, lambda pull: pull.credit == 0)
        running.runtime.broken = None
        assert (await coordinator.heard(Pull, lambda pull: pull.credit > 0)).credit == window


async def test_a_job_that_is_too_large_for_the_machine_comes_back(coordinator, tmp_path):
    async with node(coordinator, tmp_path, slots=2) as running:
        await coordinator.heard(Pull)
        await coordinator.say(Batch(jobs=(order("j1", cpus=3),)))
        result = await coordinator.result("j1")
        assert result.fault is not None
        assert "3 cores" in result.fault.message
        assert running.runtime.runs == []


# -- datasets


async def test_a_dataset_is_fetched_once(coordinator, tmp_path):
    data = b"the cat and the dog\n"
    digest = hashlib.blake2b(data, digest_size=32).hexdigest()
    coordinator.datasets[digest] = data
    async with node(coordinator, tmp_path) as running:
        await coordinator.heard(Pull)
        await coordinator.say(Batch(jobs=tuple(order(f"j{n}", inputs=(digest,)) for n in range(3))))
        for n in range(3):
            assert (await coordinator.result(f"j{n}")).fault is None
        assert sum(path.endswith(digest) for _, path, _ in coordinator.requests) == 1
        assert running.runtime.runs[0].inputs == [str(tmp_path / "datasets" / digest)]
        assert (tmp_path / "datasets" / digest).read_bytes() == data


async def test_a_dataset_that_is_missing_or_changed_is_ours(coordinator, tmp_path):
    missing, changed = "0" * 64, "1" * 64
    coordinator.datasets[changed] = b"other bytes"
    async with node(coordinator, tmp_path) as running:
        await coordinator.heard(Pull)
        jobs = (order("j1", inputs=(missing,)), order("j2", inputs=(changed,)))
        await coordinator.say(Batch(jobs=jobs))
        for name in ("j1", "j2"):
            result = await coordinator.result(name)
            assert result.fault is not None
            assert result.fault.kind is FaultKind.DATASET
        assert running.runtime.runs == []
        assert list((tmp_path / "datasets").iterdir()) == []


# -- the coordinator goes, comes back, changes its mind


async def test_what_runs_goes_on_while_the_coordinator_is_away(coordinator, tmp_path):
    async with node(coordinator, tmp_path) as running:
        running.runtime.hold()
        await coordinator.heard(Pull)
        await coordinator.say(Batch(jobs=(order("j1"), order("j2"))))
        await running.runtime.began["j1"].wait()
        await coordinator.stop()
        await settled(lambda: any("No connection" in line for line in running.lines))
        running.runtime.may_end.set()
        await settled(lambda: len(running.equipment.outbox.pending()) == 2)
        await coordinator.start()
        join = await coordinator.heard(Join, lambda join: bool(join.held))
        assert set(join.held) == {Held("j1", 1), Held("j2", 1)}
        assert {(await coordinator.result(name)).fault for name in ("j1", "j2")} == {None}
        assert len(running.runtime.runs) == 2
        assert any("again" in line for line in running.lines)


async def test_a_coordinator_that_forgot_the_node_is_greeted_again(coordinator, tmp_path):
    async with node(coordinator, tmp_path) as running:
        running.runtime.hold()
        await coordinator.heard(Pull)
        await coordinator.say(Batch(jobs=(order("j1"),)))
        await running.runtime.began["j1"].wait()
        await coordinator.heard(Join)
        await coordinator.say(Rejoin())
        await coordinator.say(Rejoin())
        assert (await coordinator.heard(Join)).held == (Held("j1", 1),)
        assert (await coordinator.heard(Pull)).credit > 0
        running.runtime.may_end.set()
        await coordinator.result("j1")


async def test_a_coordinator_that_does_not_answer_is_dialled_again(tmp_path):
    async with FakeCoordinator(lease_s=0.2) as coordinator, node(coordinator, tmp_path):
        coordinator.receipt = lambda result: None
        await coordinator.heard(Join)
        await coordinator.heard(Pull)
        await coordinator.say(Batch(jobs=(order("j1"),)))
        assert (await coordinator.heard(Join)).held == (Held("j1", 1),)


async def test_pods_of_open_assignments_are_warm_before_they_are_needed(coordinator, tmp_path):
    needs = tuple(
        PodNeed(framework=name, limits=Limits(memory_bytes=64 * MIB)) for name in ("streaming", "spark")
    )
    coordinator.answer_to_join = lambda join: Welcome(
        name="node", lease_s=5, heartbeat_s=1, now=0, prepare=needs
    )
    async with node(coordinator, tmp_path) as running:
        await settled(lambda: len(running.runtime.living) == 3)  # a slot each, and a spare one
        assert {pod.spec.framework for pod in running.runtime.living} == {"streaming"}


@pytest.mark.parametrize("reason", RefuseReason)
async def test_a_refusal_ends_the_node_with_the_coordinators_words(coordinator, tmp_path, reason):
    coordinator.answer_to_join = lambda join: Refuse(reason=reason, message="Go away.")
    async with node(coordinator, tmp_path) as running:
        with pytest.raises(Refused, match="Go away") as raised:
            await running.ended()
        assert raised.value.exit_code == 77
        assert raised.value.hint
    assert len([message for message in coordinator.said if isinstance(message, Join)]) == 1


async def test_a_refusal_stops_what_runs_and_keeps_what_was_found(coordinator, tmp_path):
    coordinator.receipt = lambda result: None
    async with node(coordinator, tmp_path) as running:
        await coordinator.heard(Pull)
        await coordinator.say(Batch(jobs=(order("j1"),)))
        await coordinator.result("j1")
        running.runtime.hold()
        await coordinator.say(Batch(jobs=(order("j2"),)))
        await running.runtime.began["j2"].wait()
        await coordinator.say(Refuse(reason=RefuseReason.SUPERSEDED, message="Another node."))
        with pytest.raises(Refused):
            await running.ended()
        assert running.equipment.outbox.held() == [Held("j1", 1)]
    assert running.runtime.living == []


# -- cancelling


async def test_a_cancelled_job_is_stopped_and_leaves_nothing(coordinator, tmp_path):
    async with node(coordinator, tmp_path, slots=1) as running:
        running.runtime.hold()
        await coordinator.heard(Pull)
        await coordinator.say(Batch(jobs=(order("runs"), order("waits"), order("last"))))
        await running.runtime.began["runs"].wait()
        await coordinator.say(Cancel(job="waits", attempt=1))
        await coordinator.say(Cancel(job="runs", attempt=2))  # of another attempt: nothing happens
        await coordinator.say(Cancel(job="runs", attempt=1))
        await running.runtime.began["last"].wait()
        assert running.runtime.pods[0].destroyed
        running.runtime.may_end.set()
        await coordinator.result("last")
        assert {result.job for result in coordinator.results()} == {"last"}
        await coordinator.heard(Beat, lambda beat: beat.held == ())


# -- leaving


@pytest.mark.parametrize("by_message", [True, False])
async def test_draining_finishes_what_runs_and_hands_back_what_waits(coordinator, tmp_path, by_message):
    async with node(coordinator, tmp_path, slots=1) as running:
        running.runtime.hold()
        await coordinator.heard(Pull)
        await coordinator.say(Batch(jobs=(order("runs"), order("waits"))))
        await running.runtime.began["runs"].wait()
        if by_message:
            await coordinator.say(Drain(message="maintenance"))
        else:
            running.agent.interrupt()
        back = await coordinator.result("waits")
        assert back.fault is not None
        assert back.fault.kind is FaultKind.HANDED_BACK
        await coordinator.say(Batch(jobs=(order("late"),)))  # was on its way
        late = await coordinator.result("late")
        assert late.fault is not None
        assert late.fault.kind is FaultKind.HANDED_BACK
        running.runtime.may_end.set()
        pull = await coordinator.ever(Pull, lambda pull: any(r.job == "runs" for r in pull.results))
        assert pull.credit == 0
        assert pull.results[0].fault is None
        assert (await coordinator.heard(Leave)).handed_back == ()
        assert await running.ended() == 0


async def test_interrupted_twice_it_hands_everything_back_and_leaves_at_once(coordinator, tmp_path):
    async with node(coordinator, tmp_path, slots=1) as running:
        running.runtime.hold()
        await coordinator.heard(Pull)
        await coordinator.say(Batch(jobs=(order("runs"),)))
        await running.runtime.began["runs"].wait()
        running.agent.interrupt()
        running.agent.interrupt()
        assert (await coordinator.heard(Leave)).handed_back == (Held("runs", 1),)
        assert await running.ended() == KILLED
    assert running.runtime.living == []
    assert coordinator.results() == []


async def test_an_output_that_is_asked_for_is_handed_in_before_it_leaves(coordinator, tmp_path):
    coordinator.receipt = lambda result: Receipt(result.job, result.attempt, upload=("sample",))
    coordinator.upload_answers.extend([500])
    async with node(coordinator, tmp_path) as running:
        running.runtime.hold()
        await coordinator.heard(Pull)
        await coordinator.say(Batch(jobs=(order("j1"),)))
        await running.runtime.began["j1"].wait()
        running.agent.drain("maintenance")
        running.runtime.may_end.set()
        assert await running.ended() == 0
        assert "j1/1/outputs/sample" in coordinator.uploads


async def test_an_idle_node_leaves_at_once(coordinator, tmp_path):
    async with node(coordinator, tmp_path) as running:
        await coordinator.heard(Pull)
        running.agent.interrupt()
        assert await running.ended() == 0
        assert (await coordinator.heard(Leave)).reason


# -- the whole of a node's start


async def test_a_node_is_started_stopped_by_signal_and_started_again_without_a_token(coordinator, tmp_path):
    lines: list[str] = []
    settings = for_profile(
        Profile.LIGHTWEIGHT, data=tmp_path / "n", name="laptop", runtime=RuntimeKind.PROCESS
    )
    for token in (TOKEN, None):
        running = asyncio.create_task(run_node(settings, coordinator.url, token, on_line=lines.append))
        join = await coordinator.heard(Join)
        assert (join.profile, join.runtime, join.settings["name"]) == (
            Profile.LIGHTWEIGHT,
            "process",
            "laptop",
        )
        with pytest.raises(OperatorError, match="another node runs"):
            await run_node(settings, coordinator.url, token)
        await coordinator.heard(Pull)
        os.kill(os.getpid(), signal.SIGINT)
        async with asyncio.timeout(DEADLINE_S):
            assert await running == 0
        await coordinator.heard(Leave)
    assert len(coordinator.enrolled) == 1
    assert lines[0].startswith("Pods are processes of this machine")
    assert any(line.startswith("Careful: ") for line in lines)


async def test_a_coordinator_that_is_just_being_started_is_waited_for(coordinator, tmp_path, monkeypatch):
    await coordinator.stop()
    lines: asyncio.Queue[str] = asyncio.Queue()
    settings = for_profile(Profile.CORE, data=tmp_path, name="n", runtime=RuntimeKind.PROCESS)
    running = asyncio.create_task(run_node(settings, coordinator.url, TOKEN, on_line=lines.put_nowait))
    async with asyncio.timeout(DEADLINE_S):
        assert "no coordinator answers" in await lines.get()
    await coordinator.start()
    await coordinator.heard(Join)
    running.cancel()
    await asyncio.wait({running})
    await coordinator.stop()
    monkeypatch.setattr("bighost.node.agent.ENROL_S", 0.2)
    with pytest.raises(NetworkError, match="no coordinator answers"):
        await run_node(for_profile(Profile.CORE, data=tmp_path / "2", name="n"), coordinator.url, TOKEN)


# -- what a crash leaves


async def test_a_killed_node_hands_its_results_in_at_the_next_start(coordinator, tmp_path):
    coordinator.receipt = lambda result: None
    script = Path(__file__).with_name("node_process.py")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(script),
        coordinator.url,
        str(tmp_path),
        env={**os.environ, "PYTHONWARNINGS": "default"},
    )
    try:
        await coordinator.heard(Pull)
        await coordinator.say(Batch(jobs=(order("j1"),)))
        first = await coordinator.result("j1")
    finally:
        process.send_signal(signal.SIGKILL)
        await process.wait()
    coordinator.receipt = lambda result: Receipt(result.job, result.attempt, upload=("sample",))
    async with node(coordinator, tmp_path) as running:
        assert (await coordinator.heard(Join, lambda join: bool(join.held))).held == (Held("j1", 1),)
        assert await coordinator.result("j1") == first
        await settled(lambda: "j1/1/outputs/sample" in coordinator.uploads)
        assert unpacked(coordinator.uploads["j1/1/outputs/sample"]) == {"part-00000": OUTPUT}
        assert running.runtime.runs == []
