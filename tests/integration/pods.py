"""Small specs and orders for the tests of pods."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from bighost.node.runtime.base import Pod, PodSpec
from bighost.pod.contract import Progress, RunLimits, RunOrder, RunReport

MIB = 1024 * 1024

COUNT_MAPPER = """
import sys
for line in sys.stdin:
    for word in line.split():
        print(word, 1, sep="\\t")
"""
COUNT_REDUCER = """
import sys
from itertools import groupby
pairs = (line.rstrip("\\n").split("\\t") for line in sys.stdin)
for word, group in groupby(pairs, key=lambda pair: pair[0]):
    print(word, sum(int(count) for _, count in group), sep="\\t")
"""
ESCAPING_MAPPER = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(600)
"""
SLEEPING_MAPPER = "import time\ntime.sleep(600)\n"


def spec_of(image: str = "none", **changes: Any) -> PodSpec:
    values: dict[str, Any] = {
        "framework": "streaming",
        "image": image,
        "cpus": 1.0,
        "memory_bytes": 128 * MIB,
        "overhead_bytes": 96 * MIB,
        "processes": 32,
        "disk_bytes": 32 * MIB,
    }
    return PodSpec(**{**values, **changes})


def order_of(
    inputs: list[str], mapper: str = COUNT_MAPPER, reducer: str = COUNT_REDUCER, **limits: Any
) -> RunOrder:
    allowed: dict[str, Any] = {
        "cpu_s": 20.0,
        "wall_s": 60.0,
        "memory_bytes": 128 * MIB,
        "processes": 32,
        "output_bytes": MIB,
        "disk_bytes": 32 * MIB,
    }
    programs = {"mapper.py": mapper, "reducer.py": reducer}
    return RunOrder(
        run="test",
        framework="streaming",
        files={name: base64.b64encode(text.encode()).decode() for name, text in programs.items()},
        inputs=inputs,
        limits=RunLimits(**{**allowed, **limits}),
    )


async def run(pod: Pod, order: RunOrder) -> RunReport:
    return await pod.run(order, lambda _: None)


async def output_of(pod: Pod, report: RunReport) -> str:
    pieces = [piece for file in report.output async for piece in pod.output(file.name)]
    return b"".join(pieces).decode()


async def start_running(pod: Pod, order: RunOrder) -> asyncio.Task[RunReport]:
    """A run that has begun: its first progress has come."""
    began = asyncio.Event()

    def progress(_: Progress) -> None:
        began.set()

    running = asyncio.create_task(pod.run(order, progress))
    waiting = asyncio.create_task(began.wait())
    await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    return running
