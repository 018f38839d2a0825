"""What a node asks of any runtime: start pods, run orders in them, say what it isolates.

A runtime is one file beside this one that offers `Runtime` (`docker.py`, `process.py`); the rest of the node
knows these protocols only. Every fault here is ours or the machine's, never the student's: what a student's
program did comes back inside a `RunReport`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bighost.errors import RuntimeFault
from bighost.job.assignment import Reuse
from bighost.node.runtime.walls import Wall
from bighost.pod.contract import Progress, RunOrder, RunReport

__all__ = ["EngineGone", "EngineRefused", "ImageMissing", "PodDied", "PodNotReady", "RuntimeFault"]

OnProgress = Callable[[Progress], None]
Cores = tuple[int, ...]


class EngineGone(RuntimeFault):
    """The Docker engine does not answer."""

    def __init__(self, message: str = "") -> None:
        super().__init__(
            message,
            hint="start the engine (`systemctl start docker`) and see that this user may use its socket, "
            "or set DOCKER_HOST",
        )


class EngineRefused(RuntimeFault):
    """The Docker engine answered with an error."""


class ImageMissing(RuntimeFault):
    """The engine does not have the image of this pod."""


class PodNotReady(RuntimeFault):
    """A pod did not become ready."""


class PodDied(RuntimeFault):
    """A pod ended, hung, or no longer speaks the contract."""


@dataclass(frozen=True, slots=True)
class PodSpec:
    """What a pod is started with; pods of equal specs are interchangeable. Sizes are bytes.

    There is no network setting, because no pod has a network.
    """

    framework: str
    image: str
    cpus: float
    memory_bytes: int  # the student's own limit
    overhead_bytes: int  # what control server and framework need beside it
    processes: int  # the student's processes and threads
    disk_bytes: int  # of the work folder
    reuse: Reuse = Reuse.RESET
    overhead_processes: int = 64  # threads of control server and framework

    def __post_init__(self) -> None:
        for name in ("cpus", "memory_bytes", "overhead_bytes", "processes", "disk_bytes"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} of a pod must be above zero, not {getattr(self, name)!r}")


class Pod(Protocol):
    """A started pod that is ready for orders, one at a time."""

    name: str
    spec: PodSpec
    started_s: float  # seconds from the wish to the first `Ready`

    def path_of(self, dataset: Path) -> str:
        """Where the pod sees a file of the node's dataset cache."""

    async def run(self, order: RunOrder, on_progress: OnProgress) -> RunReport:
        """Run one order. Raises PodDied when the pod ends, hangs past the wall limit, or talks nonsense."""

    def output(self, name: str) -> AsyncGenerator[bytes, None]:
        """The bytes of one output file of the last run; use `aclosing` around it. Raises PodDied."""

    async def cancel(self) -> None:
        """Let the running order end with outcome `cancelled`. Raises PodDied."""

    async def alive(self) -> bool:
        """Whether the control server still answers that it is ready."""

    async def pin(self, cores: Cores | None) -> None:
        """Run on these cores only; None: on any. Raises RuntimeFault."""

    async def reset(self) -> bool:
        """Wipe the pod. False: it is doubtful, destroy it. Never raises a RuntimeFault."""

    async def destroy(self) -> None:
        """End the pod and remove all that it left. Raises RuntimeFault; calling it again is harmless."""


class Runtime(Protocol):
    """Starts pods in one way."""

    async def start(self, spec: PodSpec, rank: int, cores: Cores | None = None) -> Pod:
        """Start a pod and wait until it is ready; a failed or cancelled start leaves nothing behind.

        `rank` is unique among the living pods of this runtime, and part of the pod's name.
        Raises RuntimeFault.
        """

    async def check(self, images: Sequence[str] = ()) -> None:
        """Return when pods of these images could be started here. Raises RuntimeFault with a hint."""

    async def sweep(self) -> int:
        """Remove what a killed predecessor of this node left, and say how many pods that were."""

    def walls(self) -> tuple[Wall, ...]:
        """What is isolated, and what is not; complete after `check`."""

    async def close(self) -> None:
        """Let go of what the runtime itself holds (its pods are destroyed by their owner)."""
