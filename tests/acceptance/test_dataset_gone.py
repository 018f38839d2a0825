"""A dataset that the coordinator has lost, or has with other bytes: our fault, never a verdict."""

import pytest

from bighost.job.assignment import Assignment, Tries
from bighost.job.job import FaultKind
from bighost.job.state import State
from bighost.job.verdict import Verdict
from tests.acceptance.cluster import Cluster
from tests.acceptance.course import MAPPER, PROGRAMS, add_assignment

pytestmark = pytest.mark.timeout(120)
SLOW = {**PROGRAMS, "mapper.py": b"import time\n\ntime.sleep(0.5)\n" + MAPPER}


@pytest.mark.parametrize("trouble", ["missing", "changed"])
def test_without_its_dataset_a_job_has_no_mark_and_once_it_is_added_again_it_can_be_run(
    coordinator: Cluster, trouble: str
) -> None:
    spoil(coordinator, add_assignment(coordinator, tries=Tries(total=1)), trouble)
    coordinator.join("fresh")
    with coordinator.client() as client:
        *_, failed = client.follow(client.submit(PROGRAMS).id)
        assert (failed.state, failed.verdict, failed.score) == (State.FAILED, None, None)
        assert {fault.kind for fault in failed.faults} == {FaultKind.DATASET}
        assert "costs no try" in failed.message

        add_assignment(coordinator, tries=Tries(total=1))
        client.retry(failed.id)
        *_, done = client.follow(failed.id)

    assert (done.verdict, done.node) == (Verdict.PASSED, "fresh")
    assert ("a dataset is lost" in coordinator.log("coordinator")) is (trouble == "missing")


def test_a_job_whose_dataset_is_gone_runs_on_a_node_that_has_it(coordinator: Cluster) -> None:
    assignment = add_assignment(coordinator)
    coordinator.join("old", "--slots", "1")
    with coordinator.client() as client:
        *_, first = client.follow(client.submit(PROGRAMS).id)
        spoil(coordinator, assignment, "missing")
        coordinator.join("fresh", "--slots", "1")
        coordinator.until_here("fresh")
        jobs = [client.submit(SLOW) for _ in range(3)]
        done = [list(client.follow(job.id))[-1] for job in jobs]

    assert [(job.verdict, job.node) for job in (first, *done)] == [(Verdict.PASSED, "old")] * 4
    assert {(f.kind, f.node) for job in done for f in job.faults} == {(FaultKind.DATASET, "fresh")}


def spoil(cluster: Cluster, assignment: Assignment, trouble: str) -> None:
    """Somebody has been at the coordinator's data folder."""
    (digest,) = assignment.datasets["words"].files
    blob = cluster.folder / "c" / "blobs" / digest[:2] / digest[2:]
    blob.unlink()
    if trouble == "changed":
        blob.write_bytes(b"a a a\n")
