"""What docker and process pods share: waiting to be ready, doubt, and what is said of an end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from fake_runtime import make_spec
from fake_server import FakeServer, answer, json_answer, serving, stream
from test_podclient import ORDER, READY, REPORT

from bighost.node.runtime import served
from bighost.node.runtime.base import Cores, PodDied, PodNotReady
from bighost.node.runtime.served import ServedPod
from bighost.pod.contract import Outcome, to_dict

CLEAN = json_answer({"clean": True})


class PlayedPod(ServedPod):
    end: str | None = None
    pinned: tuple[Cores | None, ...] = ()
    removed = 0

    def path_of(self, dataset: Path) -> str:
        return str(dataset)

    async def _end(self, patience_s: float = 0.0) -> str | None:
        return self.end

    async def _pin(self, cores: Cores | None) -> None:
        self.pinned += (cores,)

    async def _remove(self) -> None:
        self.removed += 1


@pytest.fixture
async def server(short_path: Path) -> AsyncIterator[FakeServer]:
    async with serving(short_path / "pod.sock") as fake:
        fake.answers["/reset"] = CLEAN
        yield fake


@pytest.fixture
async def pod(short_path: Path) -> AsyncIterator[PlayedPod]:
    played = PlayedPod("played", make_spec(), short_path / "pod.sock")
    yield played
    await played.destroy()


def said(outcome: Outcome) -> bytes:
    return stream({"report": to_dict(replace(REPORT, outcome=outcome))})


async def test_a_pod_is_ready_when_its_server_says_so(server: FakeServer, pod: PlayedPod) -> None:
    server.answers["/ready"] = json_answer(to_dict(READY))
    await pod.await_ready(10)
    assert await pod.alive()
    assert 0 < pod.started_s < 10


async def test_a_pod_that_ended_is_not_waited_for(pod: PlayedPod, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served, "LOOK_EVERY_S", 0.0)
    pod.end = "it fell over"
    with pytest.raises(PodNotReady, match="played ended before it was ready: it fell over"):
        await pod.await_ready(60)


async def test_a_server_that_can_never_be_ready_is_not_waited_for(server: FakeServer, pod: PlayedPod) -> None:
    server.answers["/ready"] = json_answer({"error": "the trial run failed"}, status=500)
    with pytest.raises(PodNotReady, match="the trial run failed"):
        await pod.await_ready(60)
    assert not await pod.alive()


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.FAULT])
async def test_what_a_student_did_leaves_no_doubt(
    server: FakeServer, pod: PlayedPod, outcome: Outcome
) -> None:
    server.answers["/run"] = said(outcome)
    await pod.run(ORDER, lambda _: None)
    assert await pod.reset()


async def test_a_fault_of_the_pods_own_makes_it_doubtful(server: FakeServer, pod: PlayedPod) -> None:
    server.answers["/run"] = said(Outcome.FAULT)
    await pod.run(ORDER, lambda _: None)
    assert not await pod.reset()
    assert ("POST", "/reset", b"") not in server.asked


async def test_doubt_stays(server: FakeServer, pod: PlayedPod) -> None:
    server.answers["/reset"] = json_answer({"clean": False, "why": "a process"})
    assert not await pod.reset()
    server.answers["/reset"] = CLEAN
    assert not await pod.reset()


async def test_a_death_says_what_the_machine_knows_of_it(server: FakeServer, pod: PlayedPod) -> None:
    server.answers["/run"] = stream(cut=True)
    pod.end = "its container ran out of memory"
    with pytest.raises(PodDied, match=r"^played: .*; its container ran out of memory$"):
        await pod.run(ORDER, lambda _: None)
    assert not await pod.reset()


async def test_a_lost_output_says_whether_the_pod_runs(server: FakeServer, pod: PlayedPod) -> None:
    server.answers["/output/x"] = answer(404)
    with pytest.raises(PodDied, match="it still runs"):
        assert [piece async for piece in pod.output("x")]


async def test_what_the_machine_refuses_is_a_pod_that_is_not_ready(pod: PlayedPod) -> None:
    with pytest.raises(PodNotReady, match=r"played can't be started: .*full"):
        async with served.starting(pod):
            raise OSError("the disk is full")
    assert pod.removed == 1


async def test_a_start_that_breaks_is_undone_and_keeps_its_fault(pod: PlayedPod) -> None:
    with pytest.raises(PodDied, match="first"):
        async with served.starting(pod):
            raise PodDied("first")
    assert pod.removed == 1


async def test_cores_are_set_only_when_they_change(pod: PlayedPod) -> None:
    for cores in ((0,), (0,), None, None, (1,)):
        await pod.pin(cores)
    assert pod.pinned == ((0,), None, (1,))
