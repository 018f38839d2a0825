"""Runs the tests of a job, one after the other, each in a pod that is clean: the same for nodes and trials.

Every test is run, whatever became of those before it, because each may be worth marks. What the student's
program did comes back as TestRuns; a fault of ours is raised, and no test of the job counts then.
"""

from __future__ import annotations

import base64
import errno
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from bighost.job.assignment import Limits, Reuse
from bighost.job.job import FaultKind, Output, Segments, Stage, TestRun, Usage
from bighost.node.output import Keeper, collect
from bighost.node.runtime.base import Pod, PodDied, PodSpec, RuntimeFault
from bighost.pod import contract
from bighost.pod.contract import Outcome, Progress, RunLimits, RunOrder, RunReport
from bighost.wire.messages import JobOrder, JobTest, PodNeed

MIB = 1024**2
WORK_SLACK_BYTES = 32 * MIB

STARTED = "started"  # the stage of a test of which its pod has said nothing yet

Lease = Callable[[], AbstractAsyncContextManager[Pod]]
KeeperOf = Callable[[str], Keeper]
OnTestProgress = Callable[[str, Progress], None]


class RunFailed(Exception):
    """A job could not be run here: ours, never the student's."""

    def __init__(self, kind: FaultKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def pod_spec(need: PodNeed, image: str = "", reuse: Reuse | None = None) -> PodSpec:
    """The pod of an assignment. `image`: that of its framework; `reuse`: the node's own wish, which wins.

    Output and what lies between stages are in the pod's work folder too, the latter twice while it is merged,
    so its disk has room for all of it: a student is stopped by a limit, not by a full disk.
    """
    limits = need.limits
    own = contract.needs(need.framework)
    return PodSpec(
        framework=need.framework,
        image=need.image or image,
        cpus=limits.cpus,
        memory_bytes=limits.memory_bytes,
        overhead_bytes=own.overhead_bytes,
        overhead_processes=own.overhead_processes,
        processes=limits.processes,
        disk_bytes=2 * limits.disk_bytes + limits.output_bytes + WORK_SLACK_BYTES,
        reuse=reuse or need.reuse or Reuse(own.reuse),
    )


async def run_tests(
    order: JobOrder,
    datasets: Mapping[str, Path],
    lease: Lease,
    keeper_of: KeeperOf,
    on_progress: OnTestProgress,
) -> tuple[TestRun, ...]:
    """Run every test of `order`.

    `datasets` has the files by digest, `lease` gives a clean pod for one run, `keeper_of` says where a test's
    output is kept. Raises RunFailed.
    """
    runs = []
    for test in order.tests:
        try:
            async with lease() as pod:
                runs.append(await _run_test(pod, order, test, datasets, keeper_of, on_progress))
        except PodDied as fault:
            raise RunFailed(FaultKind.POD_DIED, f"test {test.name}: {fault}") from fault
        except RuntimeFault as fault:
            raise RunFailed(FaultKind.POD_NOT_STARTED, f"test {test.name}: {fault}") from fault
        except OSError as error:
            raise of_os(error, f"test {test.name}") from error
    return tuple(runs)


def of_os(error: OSError, what: str) -> RunFailed:
    """An error of the operating system as the fault that it is."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return RunFailed(FaultKind.NODE_DISK if full else FaultKind.NODE_BUG, f"{what}: {error}")


async def _run_test(
    pod: Pod,
    order: JobOrder,
    test: JobTest,
    datasets: Mapping[str, Path],
    keeper_of: KeeperOf,
    on_progress: OnTestProgress,
) -> TestRun:
    inputs = [pod.path_of(datasets[digest]) for digest in test.inputs]
    on_progress(test.name, Progress(STARTED, 0, 0))
    report = await pod.run(run_order(order, test, inputs), lambda p: on_progress(test.name, p))
    output = None
    if report.outcome is Outcome.OK:
        with keeper_of(test.name) as keeper:
            output = await collect(pod, report.output, order.comparator, keeper)
    elif report.outcome in (Outcome.FAULT, Outcome.CANCELLED):
        raise RunFailed(FaultKind.POD_BUG, f"test {test.name}: {report.message}")
    return test_run(test.name, report, output)


def run_order(order: JobOrder, test: JobTest, inputs: list[str]) -> RunOrder:
    """What a pod is told of one test; `inputs` are paths as the pod sees them."""
    return RunOrder(
        run=f"{order.job}.{order.attempt}.{test.name}",
        framework=order.need.framework,
        files={name: base64.b64encode(content).decode() for name, content in order.files.items()},
        inputs=inputs,
        limits=_limits(order.need.limits),
        options=dict(test.options),
        arguments=list(test.arguments),
    )


def test_run(name: str, report: RunReport, output: Output | None) -> TestRun:
    """A pod's report as what is said of a test everywhere else."""
    return TestRun(
        name=name,
        outcome=report.outcome.value,
        message=report.message,
        stage=report.stage,
        stages=tuple(_stage(name, stage) for stage in report.stages),
        usage=_usage(report.usage),
        output=output,
        segments=_segments(report.segments),
    )


def _limits(limits: Limits) -> RunLimits:
    return RunLimits(
        cpu_s=limits.cpu_s,
        wall_s=limits.wall_s,
        memory_bytes=limits.memory_bytes,
        processes=limits.processes,
        output_bytes=limits.output_bytes,
        disk_bytes=limits.disk_bytes,
        cores=limits.cpus,
    )


def _usage(usage: contract.Usage) -> Usage:
    return Usage(cpu_s=usage.cpu_s, peak_bytes=usage.peak_bytes, wall_s=usage.wall_s)


def _stage(test: str, stage: contract.StageReport) -> Stage:
    return Stage(
        test=test,
        name=stage.name,
        tasks=stage.tasks,
        usage=_usage(stage.usage),
        exit=stage.exit,
        signal=stage.signal,
        failed_task=stage.failed_task,
        records_in=stage.records_in,
        records_out=stage.records_out,
        bytes_out=stage.bytes_out,
        stderr=stage.stderr,
        counters=stage.counters,
        status=stage.status,
    )


def _segments(segments: contract.Segments) -> Segments:
    return Segments(
        map_output=tuple(tuple(split) for split in segments.map_output),
        reduce_input=tuple(segments.reduce_input),
        reduce_output=tuple(segments.reduce_output),
    )
