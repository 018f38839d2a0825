"""What a person is shown of a job: everything for staff, for students as the assignment's `feedback` says."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from bighost.job.assignment import Assignment, Feedback
from bighost.job.job import Job, Stage, TestRun, Usage
from bighost.job.latency import latency
from bighost.job.state import State
from bighost.job.verdict import Verdict
from bighost.wire.http import AssignmentView, FaultView, JobView, TestView


def assignment_view(assignment: Assignment, now: int) -> AssignmentView:
    """An assignment as students see it."""
    return AssignmentView(
        id=assignment.id,
        title=assignment.title,
        window=assignment.window(now).value,
        opens=assignment.opens,
        due=assignment.due,
        framework=assignment.framework.name,
        files=tuple(f.name if f.required else f"[{f.name}]" for f in assignment.files),
        tests=tuple(t.name for t in assignment.tests),
        total=assignment.marks.total,
        feedback=assignment.feedback,
        tries_per_hour=assignment.tries.per_hour,
        tries_total=assignment.tries.total,
        hand_in=assignment.files,
        sanity=assignment.sanity,
    )


def job_view(job: Job, assignment: Assignment, name_of: Callable[[str], str], *, staff: bool) -> JobView:
    """A job for staff, or for a student of its team; `name_of` gives a node's name by its key."""
    feedback = Feedback.FULL if staff else assignment.feedback
    message = job.message
    if staff and job.staff_message:
        message = f"{job.message}\n{job.staff_message}".strip()
    elif feedback is Feedback.VERDICT and job.state is State.GRADED:
        message = ""
    return JobView(
        id=job.id,
        assignment=job.assignment,
        team=job.team,
        number=job.number,
        state=job.state,
        verdict=job.verdict,
        score=job.score,
        total=assignment.marks.total,
        message=message,
        node=name_of(job.node),
        attempt=job.attempt,
        stages=_stages(job, feedback),
        usage=total_usage(job.tests),
        latency=latency(job.stamps),
        timestamps={stamp.value: at for stamp, at in job.stamps.items()},
        tests=_tests(job, assignment, feedback),
        faults=_faults(job, name_of, staff),
        stage=_failed_stage(job) if feedback is not Feedback.VERDICT else "",
        limit_s=len(assignment.tests) * assignment.limits.wall_s,
    )


def total_usage(tests: tuple[TestRun, ...]) -> Usage:
    """What a job used: CPU and wall seconds of its tests added up, the highest of their peaks."""
    return Usage(
        cpu_s=round(sum(t.usage.cpu_s for t in tests), 6),
        peak_bytes=max((t.usage.peak_bytes for t in tests), default=0),
        wall_s=round(sum(t.usage.wall_s for t in tests), 6),
    )


def _stages(job: Job, feedback: Feedback) -> tuple[Stage, ...]:
    if feedback is Feedback.VERDICT:
        return ()
    stages = tuple(stage for test in job.tests for stage in test.stages)
    if feedback is Feedback.FULL:
        return stages
    return tuple(msgspec.structs.replace(stage, counters={}, status="") for stage in stages)


def _tests(job: Job, assignment: Assignment, feedback: Feedback) -> tuple[TestView, ...]:
    weights = {t.name: t.weight for t in assignment.tests}
    return tuple(
        TestView(
            name=run.name,
            verdict=run.verdict,
            weight=weights.get(run.name, 0.0),
            message="" if feedback is Feedback.VERDICT else run.message,
            usage=run.usage,
        )
        for run in job.tests
    )


def _faults(job: Job, name_of: Callable[[str], str], staff: bool) -> tuple[FaultView, ...]:
    return tuple(
        FaultView(
            kind=f.kind.value,
            at=f.at,
            attempt=f.attempt,
            node=name_of(f.node) if staff else "",
            message=f.message if staff else "",
        )
        for f in job.faults
    )


def _failed_stage(job: Job) -> str:
    failed = (t.stage for t in job.tests if t.stage and t.verdict is not Verdict.PASSED)
    return next(failed, "") or ""
