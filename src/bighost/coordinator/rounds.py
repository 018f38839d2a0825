"""The shell around the engine: one round after the other, each saved before anything is said.

    inbox ──> handle every event that came in meanwhile ──> one commit ──> carry the commands out

While a commit is on its way to the disk, events gather in the inbox and share the next one (group commit),
so durability costs little under load. A store that fails is treated like a restart without the process:
whoever waits is told that nothing was kept, the engine is thrown away and derived again from the store as
soon as it works. Nothing had been said to anyone, so nothing has to be taken back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

import structlog

from bighost.clock import SECOND, Clock
from bighost.coordinator import commands as do
from bighost.coordinator import events as on
from bighost.coordinator.engine import Engine, Terms
from bighost.coordinator.recovery import recovered
from bighost.coordinator.roster import Node
from bighost.errors import Ours, StoreFault
from bighost.job.state import IllegalStep, State
from bighost.store.base import Changes, Store, StoryLine

log = structlog.get_logger()
CarryOut = Callable[[Sequence[do.Command]], Awaitable[None]]
Files = Sequence[tuple[str, bytes]]
Commands = list[do.Command]


class _Entry:
    """One event on its way through a round."""

    def __init__(self, event: on.Event, files: Files, told: asyncio.Future[Commands] | None) -> None:
        self.event = event
        self.files = files
        self.told = told

    def fail(self, error: Exception) -> None:
        """Tell whoever waits, if anybody does, that it was not done."""
        if self.told is not None and not self.told.done():
            self.told.set_exception(error)


class Rounds:
    """Owns the engine. `run` is the one task that touches it."""

    def __init__(
        self,
        store: Store,
        terms: Terms,
        clock: Clock,
        carry_out: CarryOut,
        on_forgotten: Callable[[Iterable[Node]], None],
    ) -> None:
        """`on_forgotten` hears of the nodes that were here before a store that failed took the engine."""
        self.engine = Engine(terms)
        self.notice = "starting"  # why submissions aren't taken; empty when they are
        self._store = store
        self._terms = terms
        self._clock = clock
        self._carry_out = carry_out
        self._on_forgotten = on_forgotten
        self._inbox: asyncio.Queue[_Entry] = asyncio.Queue()

    @property
    def taking(self) -> bool:
        """Whether submissions can be kept."""
        return not self.notice

    async def post(self, event: on.Event, files: Files = ()) -> Commands:
        """Hand in an event and wait until what it changed is durable. Returns the engine's commands.

        `files` are saved in the same transaction. Raises StoreFault when nothing was kept, and whatever
        the engine raises (IllegalStep).
        """
        if not self.taking:
            raise StoreFault(self.notice, hint="Try again later; nothing of this was kept.")
        told: asyncio.Future[Commands] = asyncio.get_running_loop().create_future()
        self._inbox.put_nowait(_Entry(event, files, told))
        return await told

    def tell(self, event: on.Event) -> None:
        """Hand in an event that nobody waits for."""
        self._inbox.put_nowait(_Entry(event, (), None))

    async def recover(self) -> None:
        """Derive the engine from the store. Raises StoreFault."""
        await self._store.commit(Changes(facts=[("last_recovery", str(self._clock()).encode())]))
        jobs = await self._store.live_jobs()
        self.engine = recovered(jobs, self._clock(), self._terms)
        self.notice = ""
        await self._carry_out([do.Mark(job=job) for job in jobs if job.state is State.MARKING])
        log.info("recovered", action="recover", live_jobs=len(jobs))

    async def run(self) -> None:
        """Round after round, until cancelled."""
        while True:
            await self._round(await self._gather())

    async def _gather(self) -> list[_Entry]:
        """Everything that has come in; waits for the first, no longer than the engine's next deadline."""
        entries = []
        due = self.engine.next_deadline()
        try:
            wait = None if due is None else max(0, due - self._clock()) / SECOND
            entries.append(await asyncio.wait_for(self._inbox.get(), wait))
        except TimeoutError:
            entries.append(_Entry(on.Ticked(at=self._clock()), (), None))
        while not self._inbox.empty():
            entries.append(self._inbox.get_nowait())
        return entries

    async def _round(self, entries: list[_Entry]) -> None:
        results: list[tuple[_Entry, Commands]] = []
        for entry in entries:
            try:
                results.append((entry, self.engine.handle(entry.event)))
            except IllegalStep as error:  # raised before anything was changed
                entry.fail(error)
            except Exception as error:  # a bug: what the engine holds now can't be trusted any more
                log.exception("engine", action="engine_bug", event_kind=type(entry.event).__name__)
                await self._start_over(entries, Ours(f"the engine failed: {error}"))
                return
        changes = _changes(results)
        try:
            if changes.jobs:
                await self._store.commit(changes)
        except StoreFault as fault:
            log.error("store failed", action="store_failed", reason=fault.message)
            await self._start_over(entries, fault)
            return
        await self._carry_out([command for _, commands in results for command in commands])
        for entry, commands in results:
            if entry.told is not None and not entry.told.done():
                entry.told.set_result(commands)

    async def _start_over(self, entries: list[_Entry], fault: Ours) -> None:
        """Tell whoever waits that nothing was kept, and derive the engine anew as soon as that works."""
        forgotten = list(self.engine.roster)
        wait = 0.5
        while True:
            self.notice = f"The coordinator can't keep anything now: {fault.message}"
            while not self._inbox.empty():
                entries.append(self._inbox.get_nowait())
            for entry in entries:
                entry.fail(StoreFault(self.notice, hint=fault.hint))
            entries = []
            try:
                await self.recover()
                break
            except StoreFault as still:
                fault = still
            # Nothing tells us when a disk has room again, so this is the one place that asks.
            await asyncio.sleep(wait)
            wait = min(10.0, wait * 2)
        self._on_forgotten(forgotten)


def _changes(results: Sequence[tuple[_Entry, Commands]]) -> Changes:
    """One transaction of all saves of a round: of a job's states only the last is written."""
    jobs = {}
    story = []
    files: list[tuple[str, bytes]] = []
    for entry, commands in results:
        files.extend(entry.files)
        for command in commands:
            if isinstance(command, do.Save):
                jobs[command.job.id] = command.job
                if command.story:
                    story.append(StoryLine(command.job.id, command.at, command.story))
    return Changes(jobs=list(jobs.values()), files=files, story=story)
