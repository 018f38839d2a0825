"""One real message of each kind, as two machines of a small course would say it.

`protocol.page` shows them, and a test sees to it that no kind is missing and that each survives the wire.
"""

from __future__ import annotations

from bighost.clock import SECOND
from bighost.job.assignment import Comparator, Compare, Limits
from bighost.job.job import FaultKind, Output, Segments, Stage, TestRun, Usage
from bighost.wire.messages import (
    PROTOCOL,
    Ack,
    Batch,
    Beat,
    Cancel,
    Capacity,
    CreditTerms,
    Drain,
    FromCoordinator,
    FromNode,
    Held,
    JobOrder,
    JobTest,
    Join,
    Leave,
    Load,
    Logs,
    PodNeed,
    Prepare,
    Profile,
    Progress,
    Pull,
    Receipt,
    Refuse,
    RefuseReason,
    Rejoin,
    Result,
    RunFault,
    System,
    Welcome,
)

NOW = 1_795_359_600 * SECOND
JOB, OTHER = "k3v9qdz05wbn7xye", "0c8hm2t6rjp4saf1"
MAPPER = b"import sys\n\nfor line in sys.stdin:\n    for word in line.split():\n        print(word, 1)\n"
NEED = PodNeed(framework="streaming", limits=Limits(cpus=1, wall_s=30.0, cpu_s=10.0))
SPLITS = (("9f86d081884c7d65", "2c26b46b68ffc68f"), ("fcde2b2edba56bf4", "baa5a0964d3320fb"))


def _digest(beginning: str) -> str:
    """A digest that a reader can tell from the next."""
    return (beginning * 4)[:64]


PASSED = TestRun(
    name="genesis",
    outcome="ok",
    stages=(
        Stage(
            test="genesis",
            name="mapper",
            tasks=2,
            usage=Usage(cpu_s=0.21, peak_bytes=19_222_528, wall_s=0.16),
            exit=0,
            records_in=1533,
            records_out=38_267,
            bytes_out=274_390,
        ),
    ),
    usage=Usage(cpu_s=0.34, peak_bytes=19_222_528, wall_s=0.31),
    output=Output(size=28_764, parts=1, normalised=_digest("a3f5c0e1b2d49786")),
    segments=Segments(map_output=tuple(tuple(_digest(d) for d in split) for split in SPLITS)),
)

EXAMPLES: tuple[FromNode | FromCoordinator, ...] = (
    Join(
        protocol=PROTOCOL,
        software="0.1.0",
        instance="5f0c6f1d9ae24b07",
        profile=Profile.LIGHTWEIGHT,
        capacity=Capacity(slots=2, cpus=2, memory_bytes=4 * 1024**3, frameworks=("streaming",)),
        credit=CreditTerms(window=4, low_water=1, batch=2),
        runtime="docker",
        system=System(
            platform="Linux", release="6.1.0-28-amd64", architecture="x86_64", hostname="lab-07", cores=4
        ),
        held=(Held(JOB, 1),),
    ),
    Pull(
        now=NOW,
        credit=4,
        results=(
            Result(
                job=JOB,
                attempt=1,
                tests=(PASSED,),
                image="sha256:" + _digest("7fdafbb739c94e1d"),
                queued=NOW - 900_000_000,
                started=NOW - 400_000_000,
                ended=NOW - 20_000_000,
            ),
            Result(
                job=OTHER,
                attempt=2,
                fault=RunFault(FaultKind.DATASET, "dataset genesis could not be fetched: 404"),
                queued=NOW - 900_000_000,
            ),
        ),
    ),
    Progress(job=JOB, attempt=1, test="genesis", stage="reducer", done=1, total=2, now=NOW),
    Beat(
        now=NOW,
        held=(Held(JOB, 1), Held(OTHER, 2)),
        load=Load(cpu=0.62, memory=0.41, swap=0.0, busy=2, pods=3),
    ),
    Logs(stream="node", offset=8192, data=b'{"event": "pod ready", "pod": "streaming-2", "seconds": 0.54}\n'),
    Leave(handed_back=(Held(OTHER, 2),), reason="stopped by its owner"),
    Welcome(name="lab-07", lease_s=15.0, heartbeat_s=3.0, now=NOW, prepare=(NEED,)),
    Refuse(
        reason=RefuseReason.UNKNOWN_KEY,
        message="Staff have removed this node. Ask them for a new join token to enrol again.",
    ),
    Batch(
        jobs=(
            JobOrder(
                job=JOB,
                attempt=1,
                assignment="wordcount",
                need=NEED,
                comparator=Comparator(kind=Compare.KEYED),
                files={"mapper.py": MAPPER, "reducer.py": b"..."},
                tests=(
                    JobTest(name="genesis", inputs=(_digest("d2a84f4b8b650937"),), options={"reducers": 2}),
                ),
            ),
        )
    ),
    Ack(receipts=(Receipt(JOB, 1, upload=("genesis",)), Receipt(OTHER, 2, current=False))),
    Cancel(job=JOB, attempt=1),
    Prepare(prepare=(NEED,)),
    Rejoin(),
    Drain(message="This machine is needed elsewhere from six o'clock on."),
)
