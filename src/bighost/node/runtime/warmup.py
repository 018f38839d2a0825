"""The tiny job that a new pod runs before it counts as ready, so that no submission pays for the first time.

A framework that is not in `JOBS` needs none.
"""

from __future__ import annotations

import base64

from bighost.node.runtime.base import Pod, PodNotReady
from bighost.pod.contract import Outcome, RunLimits, RunOrder

MIB = 1024 * 1024
CPU_S = 60.0
WALL_S = 120.0

MAPPER = b"import sys\nfor line in sys.stdin:\n    print(len(line), 1, sep='\\t')\n"
REDUCER = b"import sys\nprint('lines', sum(1 for line in sys.stdin), sep='\\t')\n"

JOBS: dict[str, dict[str, bytes]] = {
    "streaming": {"mapper.py": MAPPER, "reducer.py": REDUCER},
}


def warmup_order(pod: Pod) -> RunOrder | None:
    """The order for this pod; None when its framework needs no warming."""
    files = JOBS.get(pod.spec.framework)
    if files is None:
        return None
    limits = RunLimits(
        cpu_s=CPU_S,
        wall_s=WALL_S,
        memory_bytes=pod.spec.memory_bytes,
        processes=pod.spec.processes,
        output_bytes=MIB,
        disk_bytes=pod.spec.disk_bytes,
    )
    return RunOrder(
        run=f"warm-up of {pod.name}",
        framework=pod.spec.framework,
        files={name: base64.b64encode(content).decode() for name, content in files.items()},
        inputs=[pod.sample_path],
        limits=limits,
    )


async def warm_up(pod: Pod) -> None:
    """Run the tiny job and wipe the pod. Raises PodNotReady when either fails, PodDied when the pod does."""
    order = warmup_order(pod)
    if order is None:
        return
    report = await pod.run(order, lambda _: None)
    if report.outcome is not Outcome.OK:
        raise PodNotReady(f"{pod.name} failed its warm-up ({report.outcome.value}): {report.message}")
    if not await pod.reset():
        raise PodNotReady(f"{pod.name} is not clean after its warm-up")
