"""The README's picture of `bighost status`, drawn from a cluster that grades the examples.

`pytest tests/acceptance/test_picture.py --update-frames` makes docs/status.svg again.
"""

import random
import xml.etree.ElementTree
from pathlib import Path

import pytest

from bighost.job.state import State
from bighost.wire.http import NewUser, StatusView
from tests.acceptance.cluster import EXAMPLES, Cluster

KEPT = Path(__file__).parents[2] / "docs" / "status.svg"
ASSIGNMENTS = ("wordcount", "degrees", "flights")
SIZE = "110x32"
GRADED = 40  # when the picture is taken: enough marks for a curve, enough that still wait


def test_the_picture_of_a_cluster_at_work(coordinator: Cluster, request: pytest.FixtureRequest) -> None:
    coordinator.join("core-1", "--slots", "2")
    coordinator.join("anas-laptop", "--slots", "1", profile="lightweight")
    coordinator.until_here("core-1", "anas-laptop")
    for name in ASSIGNMENTS:
        coordinator.command("assignments", "add", str(EXAMPLES / name), "--runtime", "process")
    _everybody_hands_in(coordinator)
    with coordinator.client() as client:
        for seen in client.watch():
            if _at_work(seen):
                break
    file = coordinator.folder / "status.svg"

    coordinator.command("status", "--svg", str(file), "--size", SIZE)

    drawn = file.read_text(encoding="utf-8")
    xml.etree.ElementTree.fromstring(drawn)
    for word in ("core-1", "anas-laptop", "passed", *ASSIGNMENTS):
        assert word in drawn
    if request.config.getoption("--update-frames"):
        KEPT.write_text(drawn.replace(coordinator.url, "http://127.0.0.1:9000"), encoding="utf-8")
    assert "anas-laptop" in KEPT.read_text(encoding="utf-8")


def _at_work(seen: StatusView) -> bool:
    """Enough was graded, something waits, and every slot is busy."""
    running = [job for job in seen.running if job.state is State.RUNNING]
    return seen.throughput.per_hour >= GRADED and seen.waiting > 0 and len(running) >= 3


def _everybody_hands_in(cluster: Cluster) -> None:
    """The examples' submissions in a class's order: mixed, and most of them right."""
    samples = [path for name in ASSIGNMENTS for path in sorted((EXAMPLES / name).glob("submissions/*/*"))]
    wanted = [
        path
        for path in samples
        if path.parent.name not in ("rejected", "time_limit")
        for _ in range(6 if path.parent.name == "passed" else 2)
    ]
    random.Random(1).shuffle(wanted)
    with cluster.client() as staff:
        people = staff.add_users([NewUser(name=f"team-{n + 1:02}") for n in range(len(wanted))])
    for path, person in zip(wanted, people, strict=True):
        files = {p.name: p.read_bytes() for p in path.iterdir() if p.is_file()}
        with cluster.client(person.token) as student:
            student.submit(files, path.parents[2].name)
