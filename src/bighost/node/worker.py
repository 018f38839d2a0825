"""The ranked workers of a node: each takes the next job that fits, runs it to its end, and takes the next.

Stop and wait: a worker has one job at a time, so whoever is free takes, and that balances the load. A job
leaves here as a Result: its tests, or the fault of ours that stopped it. A job that is cancelled leaves
nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
from structlog.typing import FilteringBoundLogger

from bighost.clock import Clock
from bighost.job.job import FaultKind
from bighost.node.equipment import Equipment
from bighost.node.execution import RunFailed, run_tests
from bighost.node.slots import Queue, Share
from bighost.pod import contract
from bighost.wire.messages import Held, JobOrder, Progress, Result, RunFault


class _Waiting(msgspec.Struct, frozen=True):
    order: JobOrder
    queued: int  # ns

    @property
    def held(self) -> Held:
        return Held(self.order.job, self.order.attempt)


class Workers:
    """The workers and the jobs that wait for them. `deliver` is called with each result."""

    def __init__(
        self,
        tools: Equipment,
        deliver: Callable[[Result], Awaitable[None]],
        on_progress: Callable[[Progress], None],
        clock: Clock,
    ) -> None:
        self._tools = tools
        self._slots = tools.slots
        self._count = tools.offer.capacity.slots
        self._deliver = deliver
        self._on_progress = on_progress
        self._clock = clock
        self._queue: Queue[_Waiting] = Queue()
        self._runs: dict[Held, asyncio.Task[Result]] = {}
        self._changed = asyncio.Condition()

    async def run(self) -> None:
        """Work until cancelled; what runs then is stopped and its pods are destroyed."""
        async with asyncio.TaskGroup() as group:
            for rank in range(1, self._count + 1):
                group.create_task(self._work(rank))

    async def give(self, order: JobOrder) -> None:
        """A job to run. One that could not even run alone comes back at once as a fault."""
        waiting = _Waiting(order, self._clock())
        limits = order.need.limits
        memory = limits.memory_bytes + contract.needs(order.need.framework).overhead_bytes
        if not self._slots.could_fit(limits.cpus, limits.memory_bytes):
            why = f"{limits.cpus} cores and {limits.memory_bytes} bytes of memory are more than this node has"
            await self._deliver(self._failed(waiting, 0, FaultKind.POD_NOT_STARTED, why))
            return
        async with self._changed:
            # Where memory just holds the job there is none left for the pod's own: it runs alone then.
            self._queue.put(waiting, limits.cpus, min(memory, self._slots.memory_bytes))
            self._changed.notify_all()

    async def refuse(self, order: JobOrder, why: str) -> None:
        """Hand a job back without even trying."""
        waiting = _Waiting(order, self._clock())
        await self._deliver(self._failed(waiting, 0, FaultKind.HANDED_BACK, why))

    def held(self) -> list[Held]:
        """Jobs that wait or run."""
        return [*self._runs, *(waiting.held for waiting in self._queue)]

    @property
    def busy(self) -> int:
        """Jobs that run."""
        return len(self._runs)

    async def cancel(self, held: Held) -> None:
        """Stop a job that runs, forget one that waits; any other is left alone."""
        if held in self._runs:
            self._runs[held].cancel()
        async with self._changed:
            for waiting in [waiting for waiting in self._queue if waiting.held == held]:
                self._queue.remove(waiting)
            self._changed.notify_all()

    async def hand_back(self, why: str) -> None:
        """Give up the jobs that wait, as results that say so."""
        async with self._changed:
            given_up = self._queue.clear()
            for waiting in given_up:
                await self._deliver(self._failed(waiting, 0, FaultKind.HANDED_BACK, why))
            self._changed.notify_all()

    async def idle(self) -> None:
        """Return once no job waits or runs."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._runs and not len(self._queue))

    async def _work(self, rank: int) -> None:
        log = self._tools.logs.logger(f"worker{rank}")
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: self._queue.fits(self._slots))
                taken = self._queue.take(self._slots)
            if taken is not None:
                await self._run_one(rank, *taken, log)

    async def _run_one(self, rank: int, waiting: _Waiting, share: Share, log: FilteringBoundLogger) -> None:
        held, names = waiting.held, {"job": waiting.order.job, "attempt": waiting.order.attempt}
        log.info("job begins", action="job_begin", assignment=waiting.order.assignment, **names)
        task = asyncio.create_task(self._attempt(rank, waiting, share, log))
        self._runs[held] = task
        try:
            await asyncio.wait({task})
            if task.cancelled():
                self._tools.outbox.forget(held)
                log.info("job is cancelled", action="job_cancelled", **names)
            else:
                await self._deliver(task.result())
                log.info("job ends", action="job_end", **names, **_told(task.result()))
        finally:
            task.cancel()
            await asyncio.wait({task})
            del self._runs[held]
            self._slots.release(share)
            async with self._changed:
                self._changed.notify_all()

    async def _attempt(self, rank: int, waiting: _Waiting, share: Share, log: FilteringBoundLogger) -> Result:
        order, tools, started = waiting.order, self._tools, self._clock()
        try:
            spec = tools.spec_of(order.need)
            async with tools.datasets.pinned(d for test in order.tests for d in test.inputs) as files:
                tests = await run_tests(
                    order,
                    files,
                    lambda: tools.pool.lease(spec, rank, share.cores),
                    lambda test: tools.outbox.keeper(order.job, order.attempt, test),
                    lambda test, seen: self._on_progress(self._progress(order, test, seen)),
                )
        except RunFailed as fault:
            return self._failed(waiting, started, fault.kind, str(fault))
        except Exception as error:  # a bug of ours costs the student nothing, and the worker goes on
            log.exception("the node failed", action="node_bug", job=order.job)
            return self._failed(waiting, started, FaultKind.NODE_BUG, f"{type(error).__name__}: {error}")
        return Result(
            job=order.job,
            attempt=order.attempt,
            tests=tests,
            image=spec.image,
            queued=waiting.queued,
            started=started,
            ended=self._clock(),
        )

    def _progress(self, order: JobOrder, test: str, seen: contract.Progress) -> Progress:
        return Progress(
            job=order.job,
            attempt=order.attempt,
            test=test,
            stage=seen.stage,
            done=seen.done,
            total=seen.total,
            status=seen.status,
            now=self._clock(),
        )

    def _failed(self, waiting: _Waiting, started: int, kind: FaultKind, message: str) -> Result:
        now = self._clock()
        return Result(
            job=waiting.order.job,
            attempt=waiting.order.attempt,
            fault=RunFault(kind, message),
            queued=waiting.queued,
            started=started or now,
            ended=now,
        )


def _told(result: Result) -> dict[str, object]:
    """What a log line says of a result."""
    if result.fault is not None:
        return {"fault": result.fault.kind.value, "why": result.fault.message}
    seconds = (result.ended - result.started) / 1e9
    return {"outcomes": " ".join(test.outcome for test in result.tests), "seconds": round(seconds, 3)}
