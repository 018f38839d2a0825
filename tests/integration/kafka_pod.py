"""A Kafka pod as a node starts it, and orders for it."""

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
from bighost.node.runtime.base import PodSpec
from bighost.node.runtime.docker import DockerPod, DockerRuntime
from bighost.pod.contract import RunLimits, RunOrder, RunReport
from bighost.pod.frameworks.kafka import Kafka

MIB = 1 << 20
RUN_S = 120.0

PRODUCER = """\
import sys
from confluent_kafka import Producer
producer = Producer({"bootstrap.servers": sys.argv[1]})
for line in sys.stdin:
    producer.produce(sys.argv[2], key=line.split(",")[1], value=line.strip())
    producer.poll(0)
producer.flush()
"""
CONSUMER = """\
import os, sys
from confluent_kafka import Consumer
consumer = Consumer({"bootstrap.servers": sys.argv[1], "group.id": sys.argv[3]})
consumer.subscribe([sys.argv[2]])
ended = set()
while True:
    message = consumer.poll(1)
    if message is None:
        continue
    if message.value().decode() == os.environ.get("KAFKA_END"):
        ended.add(message.partition())
        if {place.partition for place in consumer.assignment()} <= ended:
            break
    else:
        print(message.value().decode())
consumer.close()
"""


class KafkaPod:
    """A started pod; its calls block."""

    def __init__(self, runner: asyncio.Runner, pod: DockerPod) -> None:
        self._runner = runner
        self._pod = pod

    def run(self, order: RunOrder) -> RunReport:
        return self._runner.run(asyncio.wait_for(self._pod.run(order, lambda _: None), RUN_S))

    def output(self, name: str = "part-00000") -> str:
        async def collect() -> bytes:
            return b"".join([piece async for piece in self._pod.output(name)])

        return self._runner.run(collect()).decode()

    def lines(self, report: RunReport) -> list[str]:
        """What all consumers of a run have written."""
        return [line for file in report.output for line in self.output(file.name).splitlines()]

    def reset(self) -> bool:
        return self._runner.run(self._pod.reset())


@contextmanager
def kafka_pod(datasets: Path) -> Iterator[KafkaPod]:
    """A pod with every wall that a node puts around it, gone in the end."""
    reference = image()
    spec = PodSpec(
        framework="kafka",
        image=reference,
        cpus=2,
        memory_bytes=256 * MIB,
        overhead_bytes=Kafka.OVERHEAD_BYTES,
        processes=64,
        overhead_processes=Kafka.OVERHEAD_PROCESSES,
        disk_bytes=64 * MIB,
    )
    with asyncio.Runner() as runner:
        runtime = DockerRuntime(f"test-kafka-{next(_names)}-{os.getpid()}", datasets)
        try:
            runner.run(runtime.check([reference]))
            pod = runner.run(runtime.start(spec, 0))
            yield KafkaPod(runner, pod)
        finally:
            runner.run(runtime.sweep())
            runner.run(runtime.close())


def image() -> str:
    """The reference of a fresh image; test processes that want one at the same time take turns."""
    bundle = os.environ.get("BIGHOST_CA_BUNDLE")
    with (Path(tempfile.gettempdir()) / f"bighost-images-{os.geteuid()}.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        (reference,) = images.build(["kafka"], ca_bundle=Path(bundle) if bundle else None)
    return reference


def order_of(
    producer: str = PRODUCER,
    consumer: str = CONSUMER,
    *,
    inputs: tuple[str, ...] = ("/data/trades",),
    arguments: tuple[str, ...] = (),
    options: dict[str, Any] | None = None,
    **limits: float,
) -> RunOrder:
    allowed: dict[str, Any] = {
        "cpu_s": 20.0,
        "wall_s": 60.0,
        "memory_bytes": 256 * MIB,
        "processes": 64,
        "output_bytes": 4 * MIB,
        "disk_bytes": 32 * MIB,
    }
    programs = {"producer.py": producer, "consumer.py": consumer}
    return RunOrder(
        run="test",
        framework="kafka",
        files={name: base64.b64encode(text.encode()).decode() for name, text in programs.items()},
        inputs=list(inputs),
        limits=RunLimits(**{**allowed, **limits}),
        options={"topics": ["prices partitions=4"], **(options or {})},
        arguments=list(arguments),
    )


_names = itertools.count()
