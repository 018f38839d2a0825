"""The example `word-books` in a pod of real Hadoop: each submission gets the verdict of its folder."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from hadoop_pod import HadoopPod, hadoop_pod

from bighost.folder import Folder, read
from bighost.job import assignment
from bighost.job.verdict import Verdict
from bighost.marking import judge, verdict_of
from bighost.pod.contract import Outcome, RunLimits, RunOrder

pytestmark = [pytest.mark.docker, pytest.mark.bigdata("hadoop")]

EXAMPLE = Path(__file__).parents[2] / "examples" / "word-books"
SUBMISSIONS = sorted(
    str(path.relative_to(EXAMPLE / "submissions"))
    for path in EXAMPLE.glob("submissions/*/*")
    if path.parent.name != "rejected"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return read(EXAMPLE, work=tmp_path_factory.mktemp("work"))


@pytest.fixture(scope="module")
def pod() -> Iterator[HadoopPod]:
    with hadoop_pod("mapreduce") as running:
        yield running


def verdict(pod: HadoopPod, folder: Folder, submission: Path, test: assignment.Test) -> Verdict:
    digests = folder.assignment.datasets[test.dataset].files
    inputs = [pod.put(digest, folder.files[digest].read_bytes()) for digest in digests]
    limits = folder.assignment.limits
    order = RunOrder(
        run=f"{submission.name} {test.name}",
        framework=folder.assignment.framework.name,
        files={path.name: base64.b64encode(path.read_bytes()).decode() for path in submission.glob("*.py")},
        inputs=[str(path) for path in inputs],
        options=dict(folder.assignment.framework.options),
        limits=RunLimits(
            limits.cpu_s,
            limits.wall_s,
            limits.memory_bytes,
            limits.processes,
            limits.output_bytes,
            limits.disk_bytes,
        ),
    )
    report = pod.run(order)
    assert report.outcome is not Outcome.FAULT, (report, pod.log())
    output = [[pod.output(file.name)] for file in report.output]
    assert pod.reset() == {"clean": True}
    found = verdict_of(report.outcome)
    return (
        found
        or judge(folder.assignment.comparator, [[folder.answers[test.name].read_bytes()]], output).verdict
    )


@pytest.mark.parametrize("submission", SUBMISSIONS)
def test_a_submission_gets_the_verdict_of_its_folder(pod: HadoopPod, folder: Folder, submission: str) -> None:
    path = EXAMPLE / "submissions" / submission
    verdicts = {test.name: verdict(pod, folder, path, test) for test in folder.assignment.tests}
    assert assignment.mark(folder.assignment, verdicts).verdict == path.parent.name, verdicts
