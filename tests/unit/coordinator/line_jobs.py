"""Jobs as the waiting line sees them."""

from __future__ import annotations

from bighost.job.job import Fault, FaultKind, Job, Requirement

SMALL = Requirement(framework="streaming", image="", cpus=1, memory_bytes=1)
LARGE = Requirement(framework="streaming", image="", cpus=2, memory_bytes=2)
BROKEN = (Fault(FaultKind.LEASE_LOST, "lost", 0),)


def job(
    id: str, team: str = "A", needs: Requirement = SMALL, *, rerun: bool = False, again: bool = False
) -> Job:
    return Job(
        id=id,
        assignment="wordcount",
        team=team,
        by="somebody",
        number=1,
        files={},
        requirement=needs,
        time_bound_s=60.0,
        rerun=rerun,
        faults=BROKEN if again else (),
    )
