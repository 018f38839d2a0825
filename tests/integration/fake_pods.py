"""A runtime that only plays: a run is as long, and ends as, its test says."""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from pathlib import Path

from bighost.errors import RuntimeFault
from bighost.node.runtime.base import Cores, OnProgress, PodSpec
from bighost.node.runtime.walls import Wall
from bighost.pod.contract import Outcome, OutputFile, Progress, RunOrder, RunReport, Usage

OUTPUT = b"cat\t2\ndog\t1\n"

Script = Callable[[RunOrder], Awaitable[RunReport]]


def reported(
    outcome: Outcome = Outcome.OK, message: str = "", output: bytes = OUTPUT, **more: object
) -> RunReport:
    """A report whose output, where the run is ok, is one part file."""
    digest = hashlib.blake2b(output, digest_size=32).hexdigest()
    files = [OutputFile("part-00000", len(output), digest)] if outcome is Outcome.OK else []
    usage = Usage(cpu_s=0.5, wall_s=1.0, peak_bytes=4096)
    return RunReport(outcome, message, [], usage, output=files, **more)  # type: ignore[arg-type]


class FakePod:
    """Runs whatever its runtime's script says."""

    def __init__(self, runtime: FakeRuntime, spec: PodSpec, name: str) -> None:
        self.runtime = runtime
        self.spec = spec
        self.name = name
        self.started_s = 0.0
        self.destroyed = False

    def path_of(self, dataset: Path) -> str:
        return str(dataset)

    async def run(self, order: RunOrder, on_progress: OnProgress) -> RunReport:
        self.runtime.runs.append(order)
        self.runtime.began[order.run.partition(".")[0]].set()
        on_progress(Progress("mapper", 0, 1))
        return await self.runtime.script(order)

    async def output(self, name: str) -> AsyncGenerator[bytes, None]:
        yield OUTPUT[:5]
        yield OUTPUT[5:]

    async def cancel(self) -> None: ...

    async def alive(self) -> bool:
        return not self.destroyed

    async def pin(self, cores: Cores | None) -> None: ...

    async def reset(self) -> bool:
        return True

    async def destroy(self) -> None:
        self.destroyed = True


class FakeRuntime:
    """Every run is ok at once, unless `script` is another; `hold` lets runs wait for a word of the test."""

    def __init__(self) -> None:
        self.pods: list[FakePod] = []
        self.runs: list[RunOrder] = []
        self.began: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)  # by job
        self.may_end = asyncio.Event()
        self.script: Script = self._play
        self.broken: RuntimeFault | None = None
        self.may_end.set()

    @property
    def living(self) -> list[FakePod]:
        return [pod for pod in self.pods if not pod.destroyed]

    def hold(self) -> None:
        """Runs end no more until `may_end` is set."""
        self.may_end.clear()

    async def start(self, spec: PodSpec, rank: int, cores: Cores | None = None) -> FakePod:
        if self.broken is not None:
            raise self.broken
        pod = FakePod(self, spec, f"pod-{len(self.pods)}")
        self.pods.append(pod)
        return pod

    async def check(self, images: Sequence[str] = ()) -> None:
        if self.broken is not None:
            raise self.broken

    async def sweep(self) -> int:
        return 0

    def walls(self) -> tuple[Wall, ...]:
        return ()

    async def close(self) -> None: ...

    async def _play(self, order: RunOrder) -> RunReport:
        await self.may_end.wait()
        return reported()
