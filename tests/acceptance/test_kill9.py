"""`kill -9` of the coordinator amid 200 submissions: none is lost, none is marked twice."""

import contextlib
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from bighost.client import Client
from bighost.errors import NetworkError
from bighost.job.state import State
from bighost.job.verdict import Verdict
from bighost.wire.http import JobView, NewUser
from tests.acceptance.cluster import DEADLINE_S, Cluster

TEAMS = 20
EACH = 10
KILLS = 3


def test_no_acknowledged_submission_is_lost_and_none_is_marked_twice(coordinator: Cluster) -> None:
    right = _quick_assignment(coordinator)
    coordinator.join("core")
    coordinator.until_here("core")
    with coordinator.client() as client:
        people = client.add_users([NewUser(name=f"team{n}") for n in range(TEAMS)])
    serving = threading.Event()
    serving.set()

    with ThreadPoolExecutor(4) as threads:
        handing_in = [threads.submit(_hand_in, coordinator.url, p.token, right, serving) for p in people]
        for _ in range(KILLS):
            _wait_for_marks(coordinator, 10)
            serving.clear()
            coordinator.kill(coordinator.coordinator)
            coordinator.again()
            serving.set()
        acknowledged = [id for future in handing_in for id in future.result()]

    assert len(set(acknowledged)) == TEAMS * EACH
    with coordinator.client() as client:
        jobs = [_ended(client, id) for id in acknowledged]
        stories = [client.story(job.id) for job in jobs]
    assert Counter(j.verdict for j in jobs) == {Verdict.PASSED: TEAMS * EACH}
    assert {sum(line.text.startswith("graded") for line in story) for story in stories} == {1}


def _quick_assignment(cluster: Cluster) -> dict[str, bytes]:
    """A tiny assignment, so that 200 submissions take seconds; returns a hand-in that passes."""
    folder = cluster.folder / "quick"
    cluster.command("assignments", "new", str(folder))
    cluster.command("assignments", "add", str(folder), "--runtime", "process")
    (passed,) = (folder / "submissions/passed").iterdir()
    return {p.name: p.read_bytes() for p in passed.glob("*.py")}


def _hand_in(url: str, token: str, files: dict[str, bytes], serving: threading.Event) -> list[str]:
    """Hand in until it is acknowledged, as a person whose connection breaks would."""
    acknowledged: list[str] = []
    with Client(url, token) as client:
        while len(acknowledged) < EACH:
            assert serving.wait(DEADLINE_S)
            with contextlib.suppress(NetworkError):
                acknowledged.append(client.submit(files).id)
    return acknowledged


def _wait_for_marks(cluster: Cluster, more: int) -> None:
    """Until so many more jobs are graded; the live snapshots say when to look."""
    with cluster.client() as client:
        before = len(client.jobs(states=["graded"], limit=1000))
        for _ in client.watch():
            if len(client.jobs(states=["graded"], limit=1000)) >= before + more:
                return


def _ended(client: Client, id: str) -> JobView:
    *_, job = client.follow(id)
    assert job.state is State.GRADED
    return job
