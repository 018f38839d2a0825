"""A runtime that only plays: tests say which start fails or hangs, and see what became of every pod."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bighost.job.assignment import Reuse
from bighost.node.runtime.base import Cores, OnProgress, PodSpec, RuntimeFault
from bighost.node.runtime.walls import Wall
from bighost.pod.contract import Outcome, RunOrder, RunReport, Usage

MIB = 1024 * 1024


def make_spec(framework: str = "streaming", reuse: Reuse = Reuse.RESET, **changes: object) -> PodSpec:
    values: dict[str, object] = {
        "framework": framework,
        "image": f"bighost/{framework}:test",
        "cpus": 1.0,
        "memory_bytes": 64 * MIB,
        "overhead_bytes": 32 * MIB,
        "processes": 20,
        "disk_bytes": 16 * MIB,
        "reuse": reuse,
    }
    return PodSpec(**{**values, **changes})  # type: ignore[arg-type]


@dataclass(eq=False)
class FakePod:
    name: str
    spec: PodSpec
    runtime: FakeRuntime
    started_s: float = 0.0
    lives: bool = True
    clean: bool = True
    destroyed: bool = False
    resets: int = 0
    cores: Cores | None = None

    def path_of(self, dataset: Path) -> str:
        return str(dataset)

    async def run(self, order: RunOrder, on_progress: OnProgress) -> RunReport:
        return RunReport(Outcome.OK, "played", [], Usage())

    async def output(self, name: str) -> AsyncGenerator[bytes, None]:
        yield b""

    async def cancel(self) -> None: ...

    async def alive(self) -> bool:
        return self.lives and not self.destroyed

    async def pin(self, cores: Cores | None) -> None:
        self.cores = cores

    async def reset(self) -> bool:
        await self.runtime.may_reset.wait()
        self.resets += 1
        return self.clean

    async def destroy(self) -> None:
        self.destroyed = True
        if self.runtime.destroy_fault is not None:
            raise self.runtime.destroy_fault


class FakeRuntime:
    def __init__(self) -> None:
        self.pods: list[FakePod] = []
        self.places: list[int] = []
        self.scripted: list[Exception | None] = []  # what becomes of the next starts; then all go well
        self.broken: Exception | None = None  # of every start
        self.destroy_fault: RuntimeFault | None = None
        self.may_start = asyncio.Event()
        self.may_reset = asyncio.Event()
        self.asked = asyncio.Event()  # a start was tried
        self.when_started: Callable[[], object] | None = None
        self.most_at_once = 0
        self.may_start.set()
        self.may_reset.set()

    @property
    def living(self) -> list[FakePod]:
        return [pod for pod in self.pods if not pod.destroyed]

    async def start(self, spec: PodSpec, rank: int, cores: Cores | None = None) -> FakePod:
        self.asked.set()
        await self.may_start.wait()
        if self.broken is not None:
            raise self.broken
        if self.scripted and (fault := self.scripted.pop(0)) is not None:
            raise fault
        pod = FakePod(f"{spec.framework}-{len(self.pods)}", spec, self)
        self.pods.append(pod)
        self.places.append(rank)
        self.most_at_once = max(self.most_at_once, len(self.living))
        if self.when_started is not None:
            asyncio.get_running_loop().call_soon(self.when_started)
        return pod

    async def check(self, images: Sequence[str] = ()) -> None: ...

    async def sweep(self) -> int:
        return 0

    def walls(self) -> tuple[Wall, ...]:
        return ()

    async def close(self) -> None: ...
