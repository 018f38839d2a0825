"""Who appears in plays: jobs, nodes, results, and the events that they cause. The playbook sets the time."""

from __future__ import annotations

from collections.abc import Sequence

from bighost.coordinator import events as on
from bighost.job.job import FaultKind, Job, Requirement, TestRun
from bighost.job.latency import Stamp
from bighost.job.verdict import Verdict
from bighost.wire.messages import Capacity, CreditTerms, Held, Profile

GIB = 1024**3
STREAMING = Requirement(framework="streaming", image="", cpus=1, memory_bytes=GIB // 4)
LARGER = Requirement(framework="streaming", image="", cpus=1, memory_bytes=GIB // 2)
SPARK = Requirement(framework="spark", image="", cpus=2, memory_bytes=2 * GIB)

CORE = CreditTerms(window=8, low_water=4, batch=4)
LIGHTWEIGHT = CreditTerms(window=2, low_water=1, batch=1)
TIME_BOUND_S = 180.0


def job(id: str, team: str = "A", *, needs: Requirement = STREAMING, rerun: bool = False) -> Job:
    return Job(
        id=id,
        assignment="wordcount",
        team=team,
        by=f"student of {team}",
        number=1,
        files={"mapper.py": "m" * 64},
        requirement=needs,
        time_bound_s=TIME_BOUND_S,
        rerun=rerun,
        stamps={Stamp.RECEIVED: 1},
    )


def submitted(id: str, team: str = "A", *, needs: Requirement = STREAMING, refused: str = "") -> on.Submitted:
    return on.Submitted(at=0, job=job(id, team, needs=needs), refused=refused)


def joined(
    node: str,
    *,
    credit: CreditTerms = CORE,
    slots: int = 2,
    frameworks: tuple[str, ...] = ("streaming",),
    held: Sequence[tuple[str, int]] = (),
    instance: str = "first",
    route: str = "",
    memory_bytes: int = 4 * GIB,
) -> on.NodeJoined:
    return on.NodeJoined(
        at=0,
        node=node,
        name=node,
        route=(route or f"{node}/{instance}").encode(),
        instance=instance,
        profile=Profile.LIGHTWEIGHT if credit is LIGHTWEIGHT else Profile.CORE,
        capacity=Capacity(slots=slots, cpus=4, memory_bytes=memory_bytes, frameworks=frameworks),
        credit=credit,
        held=holding(*held),
    )


def holding(*jobs: tuple[str, int]) -> tuple[Held, ...]:
    return tuple(Held(job, attempt) for job, attempt in jobs)


def pulled(node: str, *results: on.Finished, credit: int = 100) -> on.Pulled:
    return on.Pulled(at=0, node=node, credit=credit, results=results)


def beaten(node: str, *held: tuple[str, int]) -> on.Beaten:
    return on.Beaten(at=0, node=node, held=holding(*held))


def progressed(node: str, job: str, attempt: int = 1) -> on.Progressed:
    return on.Progressed(at=0, node=node, job=job, attempt=attempt, test="small", stage="mapper")


def left(node: str, *handed_back: tuple[str, int]) -> on.NodeLeft:
    return on.NodeLeft(at=0, node=node, handed_back=holding(*handed_back))


def judged(name: str = "small", verdict: Verdict | None = Verdict.PASSED) -> TestRun:
    return TestRun(name=name, outcome="finished", verdict=verdict)


def passed(job: str, attempt: int = 1, *, score: float = 10.0) -> on.Finished:
    """A result that digests alone decide."""
    tests = (judged(),)
    return on.Finished(job=job, attempt=attempt, tests=tests, marking=marked(job, attempt, score=score))


def unjudged(job: str, attempt: int = 1) -> on.Finished:
    """A result of two tests, one of which needs its output compared."""
    return on.Finished(job=job, attempt=attempt, tests=(judged("small"), judged("large", None)))


def fault(job: str, attempt: int = 1, kind: FaultKind = FaultKind.POD_DIED) -> on.Finished:
    return on.Finished(job=job, attempt=attempt, fault=kind, fault_message="it broke")


def marked(job: str, attempt: int = 1, *, score: float = 10.0) -> on.Marked:
    return on.Marked(
        at=0,
        job=job,
        attempt=attempt,
        tests=(judged(),),
        verdict=Verdict.PASSED,
        score=score,
        message="right",
    )


def marking_failed(job: str, attempt: int = 1) -> on.MarkingFailed:
    return on.MarkingFailed(at=0, job=job, attempt=attempt, message="the key is damaged")


def cancelled(job: str) -> on.CancelAsked:
    return on.CancelAsked(at=0, job=job, by="a student")


def retried(job: Job) -> on.RetryAsked:
    return on.RetryAsked(at=0, job=job, by="staff")


def drained(node: str) -> on.NodeDrained:
    return on.NodeDrained(at=0, node=node)


def forgotten(node: str) -> on.NodeForgotten:
    return on.NodeForgotten(at=0, node=node)
