"""What docker and process pods have in common: a control server behind a Unix socket.

A subclass says how the pod is pinned, looked at after its death, and removed; this class starts the talk,
keeps the rule that a doubtful pod is never reset, and adds to every PodDied what the machine knows about it.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import structlog

from bighost.node.runtime.base import Cores, OnProgress, PodDied, PodNotReady, PodSpec, RuntimeFault
from bighost.node.runtime.podclient import PodClient
from bighost.pod.contract import Outcome, RunOrder, RunReport

FIRST_TRY_S = 0.005
LONGEST_PAUSE_S = 0.1
LOOK_EVERY_S = 0.5  # while a pod is not ready: has it ended?
LAST_BREATH_S = 2.0  # a connection breaks before the machine knows that the pod has ended

log = structlog.get_logger()


@asynccontextmanager
async def starting(pod: ServedPod) -> AsyncIterator[None]:
    """Undoes a start that fails or is cancelled. What the machine refuses (memory, disk) is a PodNotReady."""
    try:
        yield
    except OSError as error:
        await pod.abandon()
        raise PodNotReady(f"{pod.name} can't be started: {error}") from error
    except BaseException:  # cancelled as well: a failed start leaves nothing
        await pod.abandon()
        raise


class ServedPod(ABC):
    """A pod whose control server is reached at `socket`; see `base.Pod` for what its methods promise."""

    def __init__(self, name: str, spec: PodSpec, socket: Path) -> None:
        self.name = name
        self.spec = spec
        self.started_s = 0.0
        self._began = time.monotonic()
        self._client = PodClient(socket)
        self._cores: Cores | None = None
        self._doubt: str | None = None

    @abstractmethod
    def path_of(self, dataset: Path) -> str:
        """Where the pod sees a file of the node's dataset cache."""

    @abstractmethod
    async def _end(self, patience_s: float = 0.0) -> str | None:
        """How the pod ended, in words; None when it still runs after so many seconds. Raises RuntimeFault."""

    @abstractmethod
    async def _pin(self, cores: Cores | None) -> None: ...

    @abstractmethod
    async def _remove(self) -> None: ...

    async def await_ready(self, deadline_s: float) -> None:
        """Return once the control server is ready, at most `deadline_s` after this object was made.

        Raises PodNotReady, saying what became of the pod.
        """
        look_at, pause = time.monotonic() + LOOK_EVERY_S, FIRST_TRY_S
        while await self._client.ready() is None:
            now = time.monotonic()
            if now >= look_at and (end := await self._end()) is not None:
                raise PodNotReady(f"{self.name} ended before it was ready: {end}")
            if now - self._began > deadline_s:
                raise PodNotReady(f"{self.name} was not ready within {deadline_s:g} s")
            look_at = now + LOOK_EVERY_S if now >= look_at else look_at
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)
        self.started_s = time.monotonic() - self._began

    async def run(self, order: RunOrder, on_progress: OnProgress) -> RunReport:
        """Run one order; after a fault, or a run that was broken off, the pod is doubtful."""
        self._doubt = "a run did not come to its end"
        try:
            report = await self._client.run(order, on_progress)
        except PodDied as error:
            raise await self._with_end(error) from error
        self._doubt = report.message if report.outcome is Outcome.FAULT else None
        return report

    async def output(self, name: str) -> AsyncGenerator[bytes, None]:
        """The bytes of one output file of the last run."""
        try:
            async with aclosing(self._client.output(name)) as pieces:
                async for piece in pieces:
                    yield piece
        except PodDied as error:
            raise await self._with_end(error) from error

    async def cancel(self) -> None:
        """Let the running order end with outcome `cancelled`."""
        await self._client.cancel()

    async def alive(self) -> bool:
        """Whether the control server still answers that it is ready."""
        try:
            return await self._client.ready() is not None
        except RuntimeFault as fault:
            log.warning("pod answers wrongly", action="pod_doubted", pod=self.name, why=str(fault))
            return False

    async def pin(self, cores: Cores | None) -> None:
        """Run on these cores only; None: on any."""
        if cores != self._cores:
            await self._pin(cores)
            self._cores = cores

    async def reset(self) -> bool:
        """Wipe the pod; false when it is doubtful."""
        why = self._doubt
        if why is None:
            try:
                why = await self._client.reset()
            except PodDied as error:
                why = str(error)
        if why is not None:
            self._doubt = why
            log.warning("pod is doubtful", action="pod_doubted", pod=self.name, why=why)
        return why is None

    async def destroy(self) -> None:
        """End the pod and remove all that it left."""
        self._doubt = "it is being destroyed"
        await self._client.close()
        await self._remove()

    async def abandon(self) -> None:
        """Destroy a pod whose start failed; a second fault is only logged, or it would hide the first."""
        try:
            await self.destroy()
        except RuntimeFault as fault:
            log.warning("pod is left behind", action="pod_left", pod=self.name, why=str(fault))

    async def _with_end(self, error: PodDied) -> PodDied:
        self._doubt = str(error)
        end = await self._end(LAST_BREATH_S)
        return PodDied(f"{self.name}: {error}" + (f"; {end}" if end else "; it still runs"), hint=error.hint)
