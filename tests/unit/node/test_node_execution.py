"""A pod's report becomes a result, and a fault of ours never a student's verdict."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import zstandard

from bighost.errors import RuntimeFault
from bighost.job.assignment import Comparator, Compare, Limits, Reuse
from bighost.job.job import FaultKind, Usage
from bighost.marking import normalised
from bighost.node.execution import RunFailed, pod_spec, run_tests
from bighost.node.output import BLOCK, Packed
from bighost.node.runtime.base import EngineGone, PodDied
from bighost.pod import contract
from bighost.pod.contract import Outcome, OutputFile, Progress, RunOrder, RunReport, Segments, StageReport
from bighost.wire.messages import JobOrder, JobTest, PodNeed


class Pod:
    """Gives the reports it was made with, and the files of `outputs`."""

    name = "pod"

    def __init__(self, *reports: RunReport | Exception, outputs: dict[str, bytes] | None = None) -> None:
        self.reports = list(reports)
        self.outputs = outputs or {}
        self.orders: list[RunOrder] = []
        self.leases = 0

    def path_of(self, dataset: Path) -> str:
        return f"/data/{dataset.name}"

    async def run(self, order: RunOrder, on_progress: object) -> RunReport:
        self.orders.append(order)
        on_progress(Progress("mapper", 1, 2))  # type: ignore[operator]
        report = self.reports.pop(0)
        if isinstance(report, Exception):
            raise report
        return report

    async def output(self, name: str) -> AsyncGenerator[bytes, None]:
        content = self.outputs[name]
        for start in range(0, len(content), 100_000):
            yield content[start : start + 100_000]

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[Pod]:
        self.leases += 1
        yield self


def report(outcome: Outcome, outputs: dict[str, bytes] | None = None, **values: object) -> RunReport:
    files = [
        OutputFile(name, len(content), hashlib.blake2b(content, digest_size=32).hexdigest())
        for name, content in (outputs or {}).items()
    ]
    return RunReport(outcome, "said", [], contract.Usage(1.0, 2.0, 3), output=files, **values)  # type: ignore[arg-type]


def order(*tests: JobTest, comparator: Comparator | None = None) -> JobOrder:
    return JobOrder(
        job="j1",
        attempt=2,
        assignment="a",
        need=PodNeed(framework="streaming", limits=Limits(cpus=2, wall_s=7.0)),
        comparator=comparator or Comparator(),
        files={"mapper.py": b"print()"},
        tests=tests or (JobTest(name="t", inputs=("d" * 64,), arguments=("5",), options={"reducers": 2}),),
    )


async def run(pod: Pod, folder: Path, job: JobOrder | None = None, seen: list[str] | None = None) -> object:
    return await run_tests(
        job or order(),
        {"d" * 64: Path("/cache") / ("d" * 64)},
        pod.lease,  # type: ignore[arg-type]
        lambda test: Packed(folder / test),
        lambda test, progress: (seen if seen is not None else []).append(f"{test} {progress.stage}"),
    )


def unpack(path: Path) -> list[tuple[str, bytes]]:
    plain = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(path.read_bytes())).read()
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        return [(member.name, tar.extractfile(member).read()) for member in tar]  # type: ignore[union-attr]


async def test_the_pod_is_told_all_that_it_needs(tmp_path):
    pod, seen = Pod(report(Outcome.TIME_LIMIT, stage="mapper")), []
    await run(pod, tmp_path, seen=seen)
    (told,) = pod.orders
    assert told.run == "j1.2.t"
    assert told.inputs == ["/data/" + "d" * 64]
    assert base64.b64decode(told.files["mapper.py"]) == b"print()"
    assert (told.options, told.arguments) == ({"reducers": 2}, ["5"])
    assert (told.limits.cores, told.limits.wall_s) == (2, 7.0)
    assert seen == ["t started", "t mapper"]


async def test_a_failed_run_says_what_the_student_needs_to_know(tmp_path):
    stage = StageReport(
        "mapper",
        2,
        contract.Usage(1.0, 2.0, 3),
        exit=1,
        failed_task=1,
        stderr="KeyError",
        counters={"g": {"c": 4}},
    )
    segments = Segments([["a", "b"]], ["c"], ["d"])
    failed = RunReport(
        Outcome.RUNTIME_ERROR, "exit code 1", [stage], contract.Usage(1.0, 2.0, 3), [], segments, "mapper"
    )
    (found,) = await run(Pod(failed), tmp_path)
    assert (found.outcome, found.stage, found.message, found.output) == (
        "runtime_error",
        "mapper",
        "exit code 1",
        None,
    )
    assert found.usage == Usage(1.0, 3, 2.0)
    (kept,) = found.stages
    assert (kept.test, kept.exit, kept.failed_task, kept.stderr) == ("t", 1, 1, "KeyError")
    assert kept.counters == {"g": {"c": 4}}
    assert found.segments.map_output == (("a", "b"),)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", Compare)
async def test_the_digest_is_that_of_marking_and_the_packed_copy_holds_every_byte(tmp_path, kind):
    outputs = {
        "part-00001": b"dog\t1\r\n" * 40_000,
        "part-00000": b"cat\t2\n" * (BLOCK // 3),
        "part-00002": b"",
        "part-00003": b"no end",
    }
    comparator = Comparator(kind=kind)
    (found,) = await run(
        Pod(report(Outcome.OK, outputs), outputs=outputs), tmp_path, order(comparator=comparator)
    )
    expected = normalised(comparator)
    for name in sorted(outputs):
        expected.update(outputs[name])
        expected.end_of_part()
    assert found.output is not None
    assert found.output.normalised == expected.hexdigest()
    assert (found.output.parts, found.output.size) == (4, sum(map(len, outputs.values())))
    assert unpack(tmp_path / "t") == sorted(outputs.items())
    assert (tmp_path / "t").stat().st_size < 10_000


async def test_equal_outputs_make_equal_files(tmp_path):
    outputs = {"part-00000": b"cat\t2\n"}
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        await run(Pod(report(Outcome.OK, outputs), outputs=outputs), tmp_path / folder)
    assert (tmp_path / "a/t").read_bytes() == (tmp_path / "b/t").read_bytes()


async def test_every_test_is_run_in_a_pod_of_its_own_whatever_became_of_the_ones_before(tmp_path):
    tests = tuple(JobTest(name=name, inputs=()) for name in ("slow", "large", "fine"))
    pod = Pod(report(Outcome.TIME_LIMIT), report(Outcome.MEMORY_LIMIT), report(Outcome.OK))
    runs = await run(pod, tmp_path, order(*tests))
    assert [(r.name, r.outcome) for r in runs] == [
        ("slow", "time_limit"),
        ("large", "memory_limit"),
        ("fine", "ok"),
    ]
    assert pod.leases == 3


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (PodDied("it ended"), FaultKind.POD_DIED),
        (EngineGone("no answer"), FaultKind.POD_NOT_STARTED),
        (RuntimeFault("no"), FaultKind.POD_NOT_STARTED),
        (report(Outcome.FAULT), FaultKind.POD_BUG),
        (report(Outcome.CANCELLED), FaultKind.POD_BUG),
        (OSError(28, "full"), FaultKind.NODE_DISK),
        (OSError(5, "input/output error"), FaultKind.NODE_BUG),
    ],
)
async def test_faults_of_ours_are_never_a_verdict(tmp_path, found, kind):
    with pytest.raises(RunFailed) as raised:
        await run(Pod(found), tmp_path)
    assert raised.value.kind is kind


@pytest.mark.parametrize("sent", [b"cat\t", b"cat\t2\ncat\t2\n", b"cat\t3\n"])
async def test_a_pod_that_gives_other_bytes_than_it_reported_is_not_believed(tmp_path, sent):
    pod = Pod(report(Outcome.OK, {"part-00000": b"cat\t2\n"}), outputs={"part-00000": sent})
    with pytest.raises(RunFailed, match="another part-00000") as raised:
        await run(pod, tmp_path)
    assert raised.value.kind is FaultKind.POD_DIED
    assert list(tmp_path.iterdir()) == []


def test_a_pods_disk_holds_work_and_output():
    limits = Limits(disk_bytes=100, output_bytes=50)
    spec = pod_spec(PodNeed(framework="streaming", limits=limits), "bighost/streaming:1")
    assert spec.disk_bytes > 150
    assert spec.image == "bighost/streaming:1"
    assert (
        pod_spec(PodNeed(framework="streaming", image="mine", limits=limits), "bighost/streaming:1").image
        == "mine"
    )


def test_the_nodes_wish_for_new_pods_wins():
    need = PodNeed(framework="streaming", reuse=Reuse.RESET)
    assert pod_spec(need).reuse.value == "reset"
    assert pod_spec(need, reuse=Reuse.NEVER).reuse.value == "never"
