"""A Spark pod as a node starts it, and orders for it. A pod serves one order."""

from __future__ import annotations

import asyncio
import base64
import fcntl
import itertools
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bighost.node import images
from bighost.node.runtime.base import PodSpec, Reuse
from bighost.node.runtime.docker import DockerPod, DockerRuntime
from bighost.pod.contract import RunLimits, RunOrder, RunReport
from bighost.pod.frameworks.spark import Spark

MIB = 1 << 20
READY_S = 180.0  # many pods may warm up on two cores at once
RUN_S = 240.0


class SparkPod:
    """A started pod; its calls block."""

    def __init__(self, runner: asyncio.Runner, pod: DockerPod) -> None:
        self._runner = runner
        self._pod = pod

    def run(self, order: RunOrder) -> RunReport:
        return self._runner.run(asyncio.wait_for(self._pod.run(order, lambda _: None), RUN_S))

    def lines(self, report: RunReport) -> list[str]:
        """All output lines, sorted."""

        async def collect() -> bytes:
            return b"".join([piece for file in report.output async for piece in self._pod.output(file.name)])

        return sorted(self._runner.run(collect()).decode().splitlines())

    def reset(self) -> bool:
        return self._runner.run(self._pod.reset())


@contextmanager
def spark_pod(datasets: Path) -> Iterator[SparkPod]:
    """A pod with every wall that a node puts around it, gone in the end."""
    reference = image()
    spec = PodSpec(
        framework="spark",
        image=reference,
        cpus=2,
        memory_bytes=768 * MIB,
        overhead_bytes=Spark.OVERHEAD_BYTES,
        processes=64,
        overhead_processes=Spark.OVERHEAD_PROCESSES,
        disk_bytes=128 * MIB,
        reuse=Reuse(Spark.REUSE),
    )
    with asyncio.Runner() as runner:
        runtime = DockerRuntime(f"test-spark-{next(_names)}-{os.getpid()}", datasets, ready_s=READY_S)
        try:
            runner.run(runtime.check([reference]))
            yield SparkPod(runner, runner.run(runtime.start(spec, 0)))
        finally:
            runner.run(runtime.sweep())
            runner.run(runtime.close())


def image() -> str:
    """The reference of a fresh image; test processes that want one at the same time take turns."""
    bundle = os.environ.get("BIGHOST_CA_BUNDLE")
    with (Path(tempfile.gettempdir()) / f"bighost-images-{os.geteuid()}.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        (reference,) = images.build(["spark"], ca_bundle=Path(bundle) if bundle else None)
    return reference


def order_of(
    program: str, *, inputs: list[str], options: dict[str, Any] | None = None, **limits: float
) -> RunOrder:
    allowed: dict[str, Any] = {
        "cpu_s": 60.0,
        "wall_s": 180.0,
        "memory_bytes": 768 * MIB,
        "processes": 64,
        "output_bytes": 4 * MIB,
        "disk_bytes": 64 * MIB,
        "cores": 2,
    }
    return RunOrder(
        run="test",
        framework="spark",
        files={"spark.py": base64.b64encode(program.encode()).decode()},
        inputs=inputs,
        limits=RunLimits(**{**allowed, **limits}),
        options=options or {},
    )


_names = itertools.count()
