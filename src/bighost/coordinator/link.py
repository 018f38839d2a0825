"""The line to the nodes: frames in, events out; commands in, frames out.

Who speaks is the key that the connection proved. Bytes that are no message, and whatever doesn't fit what
we know of the node, are counted and change nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from bighost.clock import SECOND, Clock
from bighost.coordinator import events as on
from bighost.coordinator.accounts import Accounts
from bighost.coordinator.archive import Archive
from bighost.coordinator.catalogue import Catalogue
from bighost.coordinator.output import first_look
from bighost.coordinator.rounds import Rounds
from bighost.errors import StoreFault, StudentError, WireError
from bighost.job.excerpt import excerpt
from bighost.store.base import NodeRecord
from bighost.wire import messages as say
from bighost.wire.sockets import CoordinatorSocket, Envelope

log = structlog.get_logger()
UNKNOWN = (
    "This machine is not enrolled here (any more). Join with a join token; "
    "where staff have removed it, with another --data folder as well."
)
MAX_SHIFT = 10 * 365 * 86400 * SECOND  # a clock that is further off is not worth correcting


class Link:
    """Takes what nodes say to the engine. `send` takes the answers back."""

    def __init__(
        self,
        socket: CoordinatorSocket,
        rounds: Rounds,
        accounts: Accounts,
        catalogue: Catalogue,
        archive: Archive,
        clock: Clock,
        on_progress: Callable[[str, str], None],
    ) -> None:
        self._socket = socket
        self._rounds = rounds
        self._accounts = accounts
        self._catalogue = catalogue
        self._archive = archive
        self._clock = clock
        self._on_progress = on_progress
        self.heard: dict[str, int] = {}  # when (ns) each node last said anything
        self._complaints = 0
        self._handlers: dict[type[say.FromNode], Callable[[str, say.FromNode], on.Event | None]] = {
            say.Pull: self._pull,
            say.Progress: self._progress,
            say.Beat: self._beat,
            say.Leave: self._leave,
            say.Logs: self._logs,
        }

    async def run(self) -> None:
        """Take in frame after frame, until cancelled."""
        while True:
            envelope = await self._socket.receive()
            try:
                message = say.decode_from_node(envelope.data)
            except WireError as error:
                self._complain(envelope, str(error))
                continue
            await self._take(envelope, message)

    def send(self, key: str, message: say.FromCoordinator) -> None:
        """Send to a node that is here. What can't be delivered is made good by leases and rejoining."""
        node = self._rounds.engine.roster.get(key)
        if node is not None:
            self._socket.send(node.route, say.encode(message))

    def send_to(self, route: bytes, message: say.FromCoordinator) -> None:
        """Send to whoever is at `route`."""
        self._socket.send(route, say.encode(message))

    def everybody(self, message: say.FromCoordinator) -> None:
        """Send to all nodes that are here."""
        for node in self._rounds.engine.roster:
            self._socket.send(node.route, say.encode(message))

    async def _take(self, envelope: Envelope, message: say.FromNode) -> None:
        record = self._accounts.node(envelope.key)
        if record is None:
            self._refuse(envelope.route, say.RefuseReason.UNKNOWN_KEY, UNKNOWN)
        elif isinstance(message, say.Join):
            await self._join(envelope, record, message)
        elif self._is_here(envelope):
            self.heard[record.key] = self._clock()
            event = self._handlers[type(message)](envelope.key, message)
            if event is not None:
                self._rounds.tell(event)
        elif not isinstance(message, say.Leave):
            self.send_to(envelope.route, say.Rejoin())

    def _is_here(self, envelope: Envelope) -> bool:
        node = self._rounds.engine.roster.get(envelope.key)
        return node is not None and node.route == envelope.route

    async def _join(self, envelope: Envelope, record: NodeRecord, join: say.Join) -> None:
        if join.protocol != say.PROTOCOL:
            self._refuse(
                envelope.route,
                say.RefuseReason.PROTOCOL,
                f"This coordinator speaks protocol {say.PROTOCOL}, the node {join.protocol}: "
                "install the same version of bighost on both.",
            )
        elif join.profile is not record.profile:
            self._refuse(
                envelope.route,
                say.RefuseReason.PROFILE,
                f"This machine is enrolled as {record.profile.value}, not as {join.profile.value}.",
            )
        elif join.capacity.slots < 1:
            self._refuse(envelope.route, say.RefuseReason.BAD_TERMS, "A node needs at least one slot.")
        else:
            try:
                await self._accounts.greeted(record, join)
            except StoreFault as fault:
                log.warning("a node could not be recorded", action="node_join", reason=fault.message)
                return  # it greets again after its own time-out
            log.info("node joined", action="node_join", node=record.name, profile=record.profile.value)
            self._rounds.tell(self._joined(envelope, record, join))

    def _joined(self, envelope: Envelope, record: NodeRecord, join: say.Join) -> on.NodeJoined:
        return on.NodeJoined(
            at=self._clock(),
            node=record.key,
            name=record.name,
            route=envelope.route,
            instance=join.instance,
            profile=join.profile,
            capacity=join.capacity,
            credit=join.credit,
            held=join.held,
        )

    def _pull(self, key: str, message: say.FromNode) -> on.Event | None:
        assert isinstance(message, say.Pull)
        now = self._clock()
        shift = now - message.now if abs(now - message.now) < MAX_SHIFT else 0
        results = tuple(self._first_look(result, now, shift) for result in message.results)
        return on.Pulled(at=now, node=key, credit=message.credit, results=results)

    def _first_look(self, result: say.Result, now: int, shift: int) -> on.Finished:
        job = self._rounds.engine.jobs.get(result.job)
        try:
            if job is not None:
                return first_look(self._catalogue.get(job.assignment), result, now, shift)
        except StudentError:
            log.exception("a job without its assignment", action="first_look", job=result.job)
        return on.Finished(job=result.job, attempt=result.attempt)  # the engine fences it off

    def _progress(self, key: str, message: say.FromNode) -> on.Event | None:
        assert isinstance(message, say.Progress)
        if self._rounds.engine.leases.match(key, message.job, message.attempt) is not None:
            self._on_progress(message.job, _words(message))
        return on.Progressed(
            at=self._clock(),
            node=key,
            job=message.job,
            attempt=message.attempt,
            test=message.test,
            stage=message.stage,
        )

    def _beat(self, key: str, message: say.FromNode) -> on.Event | None:
        assert isinstance(message, say.Beat)
        return on.Beaten(at=self._clock(), node=key, held=message.held, load=message.load)

    def _leave(self, key: str, message: say.FromNode) -> on.Event | None:
        assert isinstance(message, say.Leave)
        return on.NodeLeft(
            at=self._clock(), node=key, handed_back=message.handed_back, reason=message.reason[:200]
        )

    def _logs(self, key: str, message: say.FromNode) -> on.Event | None:
        assert isinstance(message, say.Logs)
        node = self._rounds.engine.roster.get(key)
        if node is not None:
            try:
                self._archive.keep_logs(
                    node.name, node.instance, message.stream, message.offset, message.data
                )
            except OSError as error:
                log.warning(
                    "a node's log was not kept", action="node_logs", node=node.name, reason=str(error)
                )
        return None

    def _refuse(self, route: bytes, reason: say.RefuseReason, message: str) -> None:
        self.send_to(route, say.Refuse(reason=reason, message=message))

    def _complain(self, envelope: Envelope, reason: str) -> None:
        """Say so once, then at every power of two: nobody can flood our log."""
        self._complaints += 1
        if self._complaints & (self._complaints - 1) == 0:
            log.warning(
                "bytes that are no message",
                action="wire_garbage",
                key=envelope.key,
                reason=reason[:200],
                so_far=self._complaints,
            )


def _words(progress: say.Progress) -> str:
    """What a job does, in words: 'sample: mapper 3/8'."""
    done = f" {progress.done}/{progress.total}" if progress.total > 1 else ""
    status = f" ({excerpt(progress.status, 60)})" if progress.status else ""
    return f"{excerpt(progress.test, 40)}: {excerpt(progress.stage, 40)}{done}{status}"
