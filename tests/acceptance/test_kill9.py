"""`kill -9` of the coordinator amid 200 submissions: none is lost, none is marked twice."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from bighost.client import Client
from bighost.errors import NetworkError
from bighost.job.state import State
from bighost.job.verdict import Verdict
from bighost.wire.http import JobView, NewUser
from tests.acceptance.cluster import EXAMPLES, Cluster

TEAMS = 20
EACH = 10
KILLS = 3
RIGHT = EXAMPLES / "wordcount/submissions/passed/plain"


def test_no_acknowledged_submission_is_lost_and_none_is_marked_twice(coordinator: Cluster) -> None:
    quick = _quick_assignment(coordinator)
    coordinator.join("core")
    with coordinator.client() as client:
        people = client.add_users([NewUser(name=f"team{n}") for n in range(TEAMS)])
    tokens = [p.token for p in people]

    with ThreadPoolExecutor(4) as threads:
        handing_in = [threads.submit(_hand_in, coordinator.url, token) for token in tokens]
        for _ in range(KILLS):
            _wait_for_marks(coordinator, 10)
            coordinator.kill(coordinator.coordinator)
            coordinator.again()
        acknowledged = [id for future in handing_in for id in future.result()]

    assert len(acknowledged) == TEAMS * EACH
    with coordinator.client() as client:
        jobs = [_ended(client, id) for id in acknowledged]
        stories = {job.id: client.story(job.id) for job in jobs}
    assert Counter(j.verdict for j in jobs) == {Verdict.PASSED: TEAMS * EACH}
    marks = {id: sum(line.text.startswith("graded") for line in story) for id, story in stories.items()}
    assert set(marks.values()) == {1}
    assert quick in {j.assignment for j in jobs}


def _quick_assignment(cluster: Cluster) -> str:
    """A tiny assignment, so that 200 submissions take seconds."""
    folder = cluster.folder / "quick"
    cluster.command("assignments", "new", str(folder))
    cluster.command("assignments", "add", str(folder), "--runtime", "process")
    return "quick"


def _hand_in(url: str, token: str) -> list[str]:
    """Hand in until it is acknowledged, as a person whose connection breaks would."""
    files = {p.name: p.read_bytes() for p in RIGHT.glob("*.py")}
    acknowledged = []
    with Client(url, token) as client:
        while len(acknowledged) < EACH:
            try:
                acknowledged.append(client.submit(files).id)
            except NetworkError:
                _until_it_answers(client)
    return acknowledged


def _until_it_answers(client: Client) -> None:
    for _ in range(600):
        try:
            client.health()
        except NetworkError:
            continue
        return
    raise AssertionError("the coordinator did not come back")


def _wait_for_marks(cluster: Cluster, more: int) -> None:
    with cluster.client() as client:
        before = len(client.jobs(states=["graded"], limit=1000))
        for status in client.watch():
            if len(client.jobs(states=["graded"], limit=1000)) >= before + more or not status.waiting:
                return


def _ended(client: Client, id: str) -> JobView:
    *_, job = client.follow(id)
    assert job.state is State.GRADED
    return job
