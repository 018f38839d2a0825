"""A node whose Docker engine goes away amid its jobs: the fault is ours, and every job gets its mark."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from bighost.client import Client
from bighost.job.assignment import Framework, Reuse, Tries
from bighost.job.job import FaultKind
from bighost.job.state import State
from bighost.job.verdict import Verdict
from bighost.node.runtime.container import LABEL_NODE
from bighost.node.runtime.engine import Engine
from bighost.wire.http import JobView
from tests.acceptance.cluster import Cluster
from tests.acceptance.course import PROGRAMS, add_assignment
from tests.acceptance.engine_proxy import EngineProxy

pytestmark = [pytest.mark.docker, pytest.mark.timeout(180)]
OURS = {FaultKind.POD_NOT_STARTED, FaultKind.POD_DIED, FaultKind.HANDED_BACK}
HAND_INS = 5


@dataclass
class Lab:
    """A cluster with one node, whose pods are containers of the engine behind `engine`."""

    cluster: Cluster
    engine: EngineProxy
    node: str


@pytest.fixture
def lab(coordinator: Cluster, streaming_image: str) -> Iterator[Lab]:
    """Each run needs a pod of its own, so that no job gets far without an engine."""
    name = f"lab{uuid.uuid4().hex[:8]}"
    add_assignment(coordinator, framework=Framework(reuse=Reuse.NEVER), tries=Tries(total=HAND_INS))
    with EngineProxy(coordinator.folder / "docker.sock") as engine:
        coordinator.environment |= {"DOCKER_HOST": engine.url, "BIGHOST_NODE_SPAWN_WAIT": "2s"}
        coordinator.join(name, "--slots", "1", "--window", "3", runtime="docker")
        try:
            yield Lab(coordinator, engine, name)
        finally:
            engine.restore()
            coordinator.stop()
    assert containers_of(name) == []


def test_jobs_wait_for_an_engine_that_went_away_and_get_their_marks_when_it_is_back(lab: Lab) -> None:
    with lab.cluster.client() as client:
        jobs = [client.submit(PROGRAMS) for _ in range(HAND_INS - 1)]
        ended(client, jobs[0])
        lab.engine.cut()
        struck = until_struck(client)
        jobs.append(client.submit(PROGRAMS))  # faults of ours have cost no try
        meanwhile = client.job(jobs[-1].id)
        lab.engine.restore()
        done = [ended(client, job) for job in jobs]
        story = [line.text for line in client.story(struck.id)]

    assert struck.verdict is None
    assert meanwhile.state is State.WAITING
    assert [(job.verdict, job.node) for job in done] == [(Verdict.PASSED, lab.node)] * HAND_INS
    assert {fault.kind for job in done for fault in job.faults} <= OURS
    assert any(line.startswith("pod not started: ") and line.endswith("waits again") for line in story)


def test_jobs_of_a_node_without_its_engine_run_elsewhere_until_it_is_back(lab: Lab) -> None:
    with lab.cluster.client() as client:
        jobs = [client.submit(PROGRAMS) for _ in range(HAND_INS - 1)]
        ended(client, jobs[0])
        lab.engine.cut()
        lab.cluster.join("elsewhere", runtime="process")
        done = [ended(client, job) for job in jobs]
        client.drain("elsewhere")
        lab.engine.restore()
        done.append(ended(client, client.submit(PROGRAMS)))

    assert [job.verdict for job in done] == [Verdict.PASSED] * HAND_INS
    assert [job.node for job in done[-2:]] == ["elsewhere", lab.node]
    assert {fault.kind for job in done for fault in job.faults} <= OURS


def until_struck(client: Client) -> JobView:
    """A job that was struck, once its node takes no more; the live snapshots tell."""
    for status in client.watch():
        struck = [j for j in client.jobs() if FaultKind.POD_NOT_STARTED in {f.kind for f in j.faults}]
        if struck and {node.state for node in status.nodes} == {"resting"}:
            return struck[0]
    raise AssertionError("the coordinator ended")


def ended(client: Client, job: JobView) -> JobView:
    *_, last = client.follow(job.id)
    assert last.state is State.GRADED, last
    return last


def containers_of(node: str) -> list[str]:
    """The containers that this node has left with the real engine."""
    engine = Engine()
    try:
        found = engine.ask(lambda client: client.api.containers(all=True, filters={"label": LABEL_NODE}))
    finally:
        engine.close()
    return [c["Id"] for c in found if c["Labels"][LABEL_NODE].startswith(f"{node}-")]
