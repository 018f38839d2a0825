"""What a node holds and will hold, whatever becomes of its connection: jobs, results, credit.

The coordinator's messages come in here; what the node has to say waits here until a session sends it.
"""

from __future__ import annotations

import asyncio

from structlog.typing import FilteringBoundLogger

from bighost.clock import Clock
from bighost.job import ids
from bighost.job.job import FaultKind
from bighost.node.outbox import Outbox
from bighost.node.uploads import Uploads
from bighost.node.worker import Workers
from bighost.wire.messages import Ack, Batch, Cancel, CreditTerms, Held, JobOrder, Progress, Pull, Result

# Faults after which the machine itself is looked at before it takes another job.
ALARMING = frozenset({FaultKind.POD_NOT_STARTED, FaultKind.NODE_DISK})


class Desk:
    """See the module's docstring. `workers` is set by whoever makes both."""

    workers: Workers

    def __init__(
        self,
        terms: CreditTerms,
        outbox: Outbox,
        uploads: Uploads,
        clock: Clock,
        log: FilteringBoundLogger,
    ) -> None:
        self._terms = terms
        self._outbox = outbox
        self._uploads = uploads
        self._clock = clock
        self._log = log
        self._closed: set[str] = set()  # why no more jobs are taken
        self._progress: dict[Held, Progress] = {}
        self.news = asyncio.Event()  # a result, another credit
        self.progress_made = asyncio.Event()
        self.alarm = asyncio.Event()  # set after a fault that tells of the machine
        self.emptied = asyncio.Event()  # set whenever the outbox has become empty

    @property
    def credit(self) -> int:
        """The most jobs that this node will hold from now on."""
        return 0 if self._closed else self._terms.window

    def close(self, why: str) -> None:
        """Take no more jobs, for this reason; there can be several."""
        self._closed.add(why)
        self.news.set()

    def reopen(self, why: str) -> None:
        """This reason is gone."""
        self._closed.discard(why)
        self.news.set()

    def held(self) -> tuple[Held, ...]:
        """Every job that this node answers for: those that wait or run, and results that are on their way."""
        return tuple(dict.fromkeys((*self.workers.held(), *self._outbox.held())))

    def unfinished(self) -> tuple[Held, ...]:
        """The jobs that have no result yet."""
        return tuple(held for held in self.workers.held() if held not in self._outbox)

    def pull(self, results: list[Result]) -> Pull:
        """These results, and the credit."""
        return Pull(now=self._clock(), credit=self.credit, results=tuple(results))

    def take_progress(self) -> list[Progress]:
        """The latest news of each job since the last call."""
        latest = list(self._progress.values())
        self._progress.clear()
        self.progress_made.clear()
        return latest

    def on_progress(self, progress: Progress) -> None:
        """A job went a step further; of several steps before the next message only the last is told."""
        self._progress[Held(progress.job, progress.attempt)] = progress
        self.progress_made.set()

    async def deliver(self, result: Result) -> None:
        """A worker is done with a job."""
        self._progress.pop(Held(result.job, result.attempt), None)
        await self._outbox.put(result)
        if result.fault is not None and result.fault.kind in ALARMING:
            self.alarm.set()
        self.news.set()

    async def take(self, batch: Batch) -> None:
        """Jobs to run; what is here already, or can't be meant, is passed over."""
        here = set(self.held())
        for order in batch.jobs:
            held = Held(order.job, order.attempt)
            if held in here or held in self._outbox or not _is_sound(order):
                self._log.warning("order is passed over", action="order_ignored", job=order.job)
                continue
            here.add(held)
            if self._closed:  # it was on its way when we said so
                await self.workers.refuse(order, f"the node takes no jobs: {', '.join(self._closed)}")
            else:
                await self.workers.give(order)

    async def cancel(self, cancel: Cancel) -> None:
        """Nobody waits for this job any more."""
        held = Held(cancel.job, cancel.attempt)
        self._log.info("job is cancelled", action="cancel", job=cancel.job, attempt=cancel.attempt)
        await self.workers.cancel(held)
        if held in self._outbox:
            self._outbox.forget(held)
            self._check_emptied()

    def acknowledged(self, ack: Ack) -> None:
        """Results are kept; outputs may be asked for."""
        for receipt in ack.receipts:
            for test in self._outbox.acknowledge(receipt):
                self._uploads.ask(receipt.job, receipt.attempt, test)
        self._check_emptied()

    async def handed_in(self) -> None:
        """Return once every result is acknowledged, and every output that was asked for is handed in."""
        while self._outbox.pending():
            self.emptied.clear()
            await self.emptied.wait()
        await self._uploads.done()

    def _check_emptied(self) -> None:
        if not self._outbox.pending():
            self.emptied.set()


def _is_sound(order: JobOrder) -> bool:
    """Whether the names of an order can name files; the coordinator's always do."""
    names = [order.job, *(test.name for test in order.tests)]
    return "." not in order.job and all(ids.is_name(name) for name in names) and bool(order.tests)
