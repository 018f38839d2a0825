"""The coordinator: everything it is made of, started in order, stopped in order; commands carried out.

api ─┐                       ┌─> store (saved first)
link ┼─> rounds: the engine ─┼─> link: batches, acknowledgements to nodes
marker ┘                     ├─> marker: outputs to compare
                             └─> live: everybody who watches
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import structlog

from bighost import linter
from bighost.clock import Clock, system_clock
from bighost.coordinator import commands as do
from bighost.coordinator.accounts import Accounts
from bighost.coordinator.archive import Archive
from bighost.coordinator.catalogue import Catalogue
from bighost.coordinator.engine import Terms
from bighost.coordinator.eta import Durations
from bighost.coordinator.intake import HandIn, Intake
from bighost.coordinator.link import Link
from bighost.coordinator.live import Live
from bighost.coordinator.marker import Marker
from bighost.coordinator.roster import Node
from bighost.coordinator.rounds import Rounds
from bighost.coordinator.throughput import Throughput
from bighost.coordinator.workers import Workers
from bighost.job.assignment import Assignment
from bighost.job.job import Job
from bighost.job.latency import Stamp
from bighost.job.state import FINAL, State
from bighost.settings import CoordinatorSettings
from bighost.store.base import JobFilter, Store
from bighost.store.blobs import BlobStore
from bighost.wire import messages as say
from bighost.wire.http import NewToken
from bighost.wire.keys import KeyPair
from bighost.wire.orders import job_order
from bighost.wire.sockets import CoordinatorSocket

log = structlog.get_logger()
RECENT = 50
REMEMBERED = 1000  # jobs that ended before a start, for the latest verdicts, throughput and ETA


class Coordinator:
    """One coordinator on one data folder. Enter it as a context manager; it serves nodes until it is left."""

    def __init__(self, settings: CoordinatorSettings, store: Store, clock: Clock = system_clock) -> None:
        self.settings = settings
        self.clock = clock
        self.store = store
        self.data = Path(settings.data)
        self.live = Live()
        self.durations = Durations()
        self.throughput = Throughput()
        self.stages: dict[str, str] = {}  # what each running job does now, for people
        self.recent: deque[Job] = deque(maxlen=RECENT)
        self.join_token = ""
        self.admin_token = ""
        self._stack = AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Coordinator:
        """Take hold of the store, recover, listen to nodes. Raises OperatorError, StoreFault."""
        try:
            await self._start()
        except BaseException:  # whatever it was, what was started is stopped before it is told
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop: the latest round is finished, nothing else is begun."""
        await self._stack.aclose()

    async def failed(self) -> None:
        """Wait until a task that must not end has ended, and raise what ended it."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def _start(self) -> None:
        settings = self.settings
        await self.store.open()
        self._stack.push_async_callback(self.store.close)
        self.blobs = BlobStore(self.data / "blobs")
        await self.blobs.prepare()
        self.accounts = Accounts(self.store, self.clock)
        await self.accounts.load()
        await self._own_tokens()
        self.catalogue = Catalogue(self.store, self.clock, self._find_blob)
        await self.catalogue.load()
        logs = Path(settings.log_dir) if settings.log_dir else self.data / "logs"
        lats = Path(settings.lats_dir) if settings.lats_dir else None
        self.archive = Archive(logs, lats, self.clock())
        self.workers = Workers(settings.output_processor_threads, settings.output_processor_timeout_s)
        self._stack.callback(self.workers.close)
        terms = Terms(
            lease_s=settings.lease_s,
            heartbeat_s=settings.heartbeat_s,
            max_attempts=settings.max_attempts,
            waiting_deadline_s=settings.waiting_deadline_s,
            marking_deadline_s=settings.marking_deadline_s,
        )
        self.rounds = Rounds(self.store, terms, self.clock, self._carry_out, self._ask_to_rejoin)
        self.marker = Marker(
            self.data / "outputs",
            self.catalogue,
            self.blobs.path,
            self.workers,
            self.clock,
            self.rounds.tell,
        )
        self._stack.push_async_callback(self.marker.close)
        self.intake = Intake(
            self.store, self.rounds, self.catalogue, self.clock, self.check, settings.max_waiting
        )
        self.keys = await asyncio.to_thread(KeyPair.load_or_create, self.data / "coordinator.key")
        self.socket = CoordinatorSocket(self.keys)
        self.link = Link(
            self.socket, self.rounds, self.accounts, self.catalogue, self.archive, self.clock, self.progress
        )
        await self.socket.bind(settings.host, settings.node_port)
        self._stack.push_async_callback(self.socket.close)
        await self.workers.warm()
        await self.rounds.recover()
        await self._remember()
        live = self.rounds.engine.jobs.values()
        self.marker.sweep({job.id for job in live if job.state is State.MARKING})
        self._stack.push_async_callback(self._stop_tasks)
        self._tasks = [
            asyncio.create_task(self.rounds.run(), name="rounds"),
            asyncio.create_task(self.link.run(), name="link"),
        ]

    async def _stop_tasks(self) -> None:
        for task in reversed(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _own_tokens(self) -> None:
        """The tokens that `coordinator up` prints: kept in the data folder for its owner alone.

        Whoever can read that folder holds the store itself, so this is also the way back in when every token
        was revoked: what doesn't open anything any more is made anew.
        """
        path = self.data / "tokens.json"
        told = json.loads(path.read_text()) if path.exists() else {}
        self.join_token, self.admin_token = told.get("join_token", ""), told.get("admin_token", "")
        if not self.accounts.is_admin(self.admin_token):
            self.admin_token = await self.accounts.new_admin("admin")
        if not self.accounts.is_good(self.join_token):
            profiles = (say.Profile.CORE, say.Profile.LIGHTWEIGHT)
            self.join_token, _ = await self.accounts.new_token(NewToken(profiles=profiles))
        path.touch(mode=0o600)
        path.write_text(json.dumps({"join_token": self.join_token, "admin_token": self.admin_token}))

    async def _remember(self) -> None:
        """What ended before this start, so that a restart changes nothing for whoever watches."""
        ended = await self.store.jobs(JobFilter(states=tuple(FINAL), limit=REMEMBERED))
        for job in sorted(ended, key=lambda job: job.stamps.get(Stamp.COMPLETED, 0)):
            self._ended(job)

    def _find_blob(self, digest: str) -> Path | None:
        path = self.blobs.path(digest)
        return path if path.exists() else None

    # -- what the API asks for

    async def check(self, assignment: Assignment, handin: HandIn) -> list[str]:
        """The sanity check, in a worker: sentences of what is wrong with a hand-in."""
        return await self.workers.run(_check, assignment, dict(handin))

    def position(self, job: Job) -> int | None:
        """How many jobs are ahead of a waiting one."""
        waiting = self.rounds.engine.waiting
        return waiting.position(job.id) if job.id in waiting else None

    def eta(self, job: Job) -> float | None:
        """Seconds until a live job is graded, as far as can be told."""
        if job.state.final:
            return None
        slots = self.rounds.engine.roster.slots(job.requirement)
        return self.durations.eta(job.assignment, self.position(job) or 0, slots)

    async def job(self, id: str) -> Job | None:
        """A job, live or ended."""
        return self.rounds.engine.jobs.get(id) or await self.store.job(id)

    def progress(self, id: str, stage: str) -> None:
        """A running job does something else now: tell who watches."""
        self.stages[id] = stage
        job = self.rounds.engine.jobs.get(id)
        if job is not None:
            self.live.publish(job)

    def assignments_changed(self) -> None:
        """Tell the nodes which pods to keep warm."""
        self.link.everybody(say.Prepare(prepare=self.catalogue.pods_needed()))

    # -- commands

    async def _carry_out(self, commands: Sequence[do.Command]) -> None:
        for command in commands:
            try:
                await self._carry_out_one(command)
            except Exception:  # one command that fails must not keep the others from being carried out
                log.exception("command", action="command_failed", command_kind=type(command).__name__)

    async def _carry_out_one(self, command: do.Command) -> None:
        match command:
            case do.Save():
                self._saved(command.job)
            case do.SendBatch():
                await self._send_batch(command)
            case do.SendAck():
                self.link.send(command.node, say.Ack(receipts=command.receipts))
            case do.SendCancel():
                self.link.send(command.node, say.Cancel(job=command.job, attempt=command.attempt))
            case do.SendWelcome():
                self._welcome(command.node)
            case do.SendRefuse():
                self.link.send_to(command.route, say.Refuse(reason=command.reason, message=command.message))
            case do.SendDrain():
                self.link.send(command.node, say.Drain(message="Staff have asked this node to finish."))
            case do.Mark():
                self.marker.expect(command.job)
            case do.Tell():
                log.warning(command.message, action="tell_staff")

    def _ask_to_rejoin(self, nodes: Iterable[Node]) -> None:
        for node in nodes:
            self.link.send_to(node.route, say.Rejoin())

    def _saved(self, job: Job) -> None:
        if job.state is not State.MARKING:
            self.marker.forget(job.id)
        if job.state is not State.RUNNING:
            self.stages.pop(job.id, None)
        if job.state.final:
            self._ended(job)
            self.archive.keep_latency(job)
        self.live.publish(job)

    def _ended(self, job: Job) -> None:
        self.recent.append(job)
        if job.state is State.GRADED:
            self.durations.saw(job)
            self.throughput.marked(job.stamps.get(Stamp.COMPLETED, 0))

    def _welcome(self, key: str) -> None:
        node = self.rounds.engine.roster.get(key)
        if node is not None:
            terms = self.rounds.engine.terms
            welcome = say.Welcome(
                name=node.name,
                lease_s=terms.lease_s,
                heartbeat_s=terms.heartbeat_s,
                now=self.clock(),
                prepare=self.catalogue.pods_needed(),
            )
            self.link.send(key, welcome)

    async def _send_batch(self, command: do.SendBatch) -> None:
        digests = {digest for job in command.jobs for digest in job.files.values()}
        contents = await self.store.files(sorted(digests))
        orders = tuple(
            job_order(
                self.catalogue.get(job.assignment),
                job.id,
                job.attempt,
                {name: contents[digest] for name, digest in job.files.items()},
            )
            for job in command.jobs
        )
        self.link.send(command.node, say.Batch(jobs=orders))


def _check(assignment: Assignment, handin: dict[str, bytes]) -> list[str]:
    """Runs in a worker process."""
    return [str(finding) for finding in linter.check(assignment.sanity, assignment.files, handin)]
