"""Hands in the outputs that the coordinator asks for, a few at a time, until each is taken or not wanted."""

from __future__ import annotations

import asyncio

from structlog.typing import FilteringBoundLogger

from bighost.node.backoff import Backoff
from bighost.node.outbox import Outbox
from bighost.node.transfer import Gone, Transfer, Unavailable

AT_ONCE = 2


class Uploads:
    """The outputs that are asked for."""

    def __init__(self, outbox: Outbox, transfer: Transfer, log: FilteringBoundLogger) -> None:
        self._outbox = outbox
        self._transfer = transfer
        self._log = log
        self._asked: asyncio.Queue[tuple[str, int, str]] = asyncio.Queue()

    def ask(self, job: str, attempt: int, test: str) -> None:
        """One more is asked for."""
        self._asked.put_nowait((job, attempt, test))

    async def run(self) -> None:
        """Hand in until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._work())

    async def done(self) -> None:
        """Return once nothing that was asked for is left."""
        await self._asked.join()

    async def _work(self) -> None:
        while True:
            job, attempt, test = await self._asked.get()
            try:
                await self._hand_in(job, attempt, test)
            finally:
                self._asked.task_done()

    async def _hand_in(self, job: str, attempt: int, test: str) -> None:
        backoff = Backoff()
        while True:
            try:
                await self._transfer.output(job, attempt, test, self._outbox.output(job, attempt, test))
            except Unavailable as error:
                self._log.warning("output was not taken", action="upload_retry", job=job, why=error.message)
                await asyncio.sleep(backoff.next())
            except (Gone, FileNotFoundError) as error:
                self._log.info("output is not wanted", action="upload_dropped", job=job, why=str(error))
                break
            else:
                self._log.info("output is handed in", action="upload", job=job, attempt=attempt, test=test)
                break
        self._outbox.uploaded(job, attempt, test)
