"""From an assignment and a hand-in to the order that a node runs: the same for coordinator and rehearsal."""

from __future__ import annotations

from collections.abc import Mapping

from bighost.job.assignment import Assignment
from bighost.wire.messages import JobOrder, JobTest, PodNeed


def pod_need(assignment: Assignment) -> PodNeed:
    """The pod that an assignment's submissions run in."""
    framework = assignment.framework
    return PodNeed(
        framework=framework.name, image=framework.image, reuse=framework.reuse, limits=assignment.limits
    )


def job_order(assignment: Assignment, job: str, attempt: int, files: Mapping[str, bytes]) -> JobOrder:
    """Every test of the assignment, to be run on these files of a hand-in."""
    tests = tuple(
        JobTest(
            name=test.name,
            inputs=assignment.datasets[test.dataset].files,
            arguments=test.arguments,
            options={**assignment.framework.options, **test.options},
        )
        for test in assignment.tests
    )
    return JobOrder(
        job=job,
        attempt=attempt,
        assignment=assignment.id,
        need=pod_need(assignment),
        comparator=assignment.comparator,
        files=dict(files),
        tests=tests,
    )
