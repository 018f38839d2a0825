"""After a fault that tells of the machine (no pod starts, no disk), no job is taken until it is well again.

The jobs that wait here are handed back at once, to run elsewhere; the runtime is asked, less and less often,
whether pods could be started, and the node takes jobs again when it says yes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bighost.errors import RuntimeFault
from bighost.node.backoff import Backoff
from bighost.node.desk import Desk

SICK = "pods can't be started"


class Health:
    """Watches the desk's alarm. `check` raises RuntimeFault while pods can't be started."""

    def __init__(
        self,
        desk: Desk,
        check: Callable[[], Awaitable[None]],
        on_line: Callable[[str], None],
        backoff: Backoff | None = None,
    ) -> None:
        self._desk = desk
        self._check = check
        self._on_line = on_line
        self._backoff = backoff or Backoff(1.0, 60.0)

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            await self._desk.alarm.wait()
            self._desk.alarm.clear()
            self._desk.close(SICK)
            await self._desk.workers.hand_back("pods can't be started on this node just now")
            await self._recover()
            self._desk.reopen(SICK)

    async def _recover(self) -> None:
        told = False
        while True:
            await asyncio.sleep(self._backoff.next())
            try:
                await self._check()
            except RuntimeFault as fault:
                if not told:
                    self._on_line(f"No jobs are taken: {fault}. {fault.hint}".rstrip())
                told = True
            else:
                if told:
                    self._on_line("Pods can be started again: jobs are taken.")
                return
