"""One connection's life, from the greeting on: it listens, and says what the desk has to say.

    Join ──> Welcome ──> Pull (all results that are not acknowledged, and the credit)
                │            and then, at the same time:
                │  Pull      whenever there are results or another credit; after a lease without Ack again
                │  Progress  the latest of each job, at most PROGRESS_EVERY_S apart
                │  Beat      every `heartbeat_s`, with all that is held
                │  Logs      every `log_timeout_s`, what the coordinator doesn't have yet
                ├─ Rejoin    begins anew: the coordinator forgot who is here
                └─ Refuse    ends the node: it does not try again

It ends with NetworkError when the connection is lost, when a greeting or results stay unanswered, or when
this process itself slept through a lease; a new session then begins with a new greeting.
"""

from __future__ import annotations

import asyncio
import time
from typing import NoReturn, Protocol

import msgspec
from structlog.typing import FilteringBoundLogger

from bighost.clock import Clock
from bighost.errors import NetworkError, Refused
from bighost.log import NodeLogs
from bighost.node.desk import Desk
from bighost.node.outbox import Outbox
from bighost.wire import messages as say
from bighost.wire.messages import FromCoordinator, FromNode, Held, Load, PodNeed, Result

GREETING_S = 10.0
PROGRESS_EVERY_S = 0.2
PULL_BYTES = 8 * 1024**2  # of results in one message, about
LOG_BYTES = 64 * 1024
LOG_OVERLAP = 64 * 1024  # sent once more on a new connection: the end may have been lost with the old one
SILENT_LEASES = 2  # without any answer to results, and the connection is given up


class Socket(Protocol):
    """What a session needs of a connection; `wire.sockets.NodeSocket` is one."""

    async def send(self, data: bytes) -> None:
        """Hand over a message. Raises NetworkError."""

    async def receive(self) -> bytes:
        """The next message. Raises NetworkError."""


class Host(Protocol):
    """What a session needs of its node; `agent.NodeAgent` is one. It outlives the session."""

    desk: Desk
    outbox: Outbox
    logs: NodeLogs
    logs_sent: dict[str, int]  # how far each stream was sent, in bytes
    log_timeout_s: float
    clock: Clock
    log: FilteringBoundLogger

    def greeting(self) -> say.Join:
        """Who this is, and what it holds now."""

    def load(self) -> Load:
        """The latest telemetry."""

    def welcomed(self, welcome: say.Welcome) -> None:
        """The coordinator let us in."""

    async def prepare(self, needs: tuple[PodNeed, ...]) -> None:
        """Keep pods for these needs warm."""

    def drain(self, why: str) -> None:
        """Finish what runs, then leave."""


class Session:
    """One connection. `run` once."""

    def __init__(self, socket: Socket, host: Host) -> None:
        self._socket = socket
        self._host = host
        self._desk = host.desk
        self._welcome: say.Welcome | None = None
        self._greeted_at = 0.0
        self._unanswered_since: float | None = None  # results were sent, and nothing came since
        self._handed_in: dict[Held, float] = {}  # when, on this connection
        self._told_credit: int | None = None

    async def run(self) -> NoReturn:
        """Greet, then talk until the connection ends. Raises NetworkError, Refused."""
        sent = self._host.logs_sent
        sent.update({name: max(0, offset - LOG_OVERLAP) for name, offset in sent.items()})
        await self._greet()
        try:
            async with asyncio.TaskGroup() as group:
                for work in (self._listen, self._hand_in, self._beat, self._tell_progress, self._send_logs):
                    group.create_task(work())
        except ExceptionGroup as ended:
            raise _reason(ended) from None
        raise NetworkError("the session ended by itself")

    async def leave(self, handed_back: tuple[Held, ...], why: str) -> None:
        """Say goodbye; what was not sent yet is sent first. Raises NetworkError."""
        await self._pull(self._host.outbox.pending())
        await self._send_new_logs()
        await self._send(say.Leave(handed_back=handed_back, reason=why))

    # -- what comes in

    async def _listen(self) -> None:
        while True:
            message = say.decode_from_coordinator(await self._socket.receive())
            self._unanswered_since = None
            await self._take(message)

    async def _take(self, message: FromCoordinator) -> None:
        match message:
            case say.Welcome():
                await self._welcomed(message)
            case say.Refuse():
                raise Refused(message.message, hint=_HINTS.get(message.reason, ""))
            case say.Batch():
                await self._desk.take(message)
            case say.Ack():
                self._desk.acknowledged(message)
            case say.Cancel():
                await self._desk.cancel(message)
            case say.Prepare():
                await self._host.prepare(message.prepare)
            case say.Rejoin():
                await self._greet_again()
            case say.Drain():
                self._host.drain(message.message or "the coordinator asked for it")

    async def _welcomed(self, welcome: say.Welcome) -> None:
        self._welcome = welcome
        self._handed_in.clear()
        self._told_credit = None
        self._desk.news.set()
        self._host.welcomed(welcome)
        await self._host.prepare(welcome.prepare)

    async def _greet_again(self) -> None:
        # Each message that the coordinator can't place is answered so; one greeting answers them all.
        if self._welcome is not None:
            self._host.log.info("the coordinator asks who this is", action="rejoin")
            self._welcome = None
            await self._greet()

    # -- what goes out

    async def _greet(self) -> None:
        self._greeted_at = time.monotonic()
        await self._send(self._host.greeting())

    async def _hand_in(self) -> None:
        """Hand in results as they come, and once more those that nobody has acknowledged for a lease."""
        while True:
            self._desk.news.clear()
            self._see_that_somebody_answers()
            if self._welcome is not None:
                results = self._due()
                if results or self._told_credit != self._desk.credit:
                    await self._pull(results)
                    continue  # there may be more than one message holds
            try:
                async with asyncio.timeout(self._lease_s / 2):
                    await self._desk.news.wait()
            except TimeoutError:
                continue  # nothing new: look whether something was not acknowledged

    def _see_that_somebody_answers(self) -> None:
        now = time.monotonic()
        if self._welcome is None and now - self._greeted_at > GREETING_S:
            raise NetworkError("the coordinator does not answer the greeting")
        since = self._unanswered_since
        if since is not None and now - since > SILENT_LEASES * self._lease_s:
            raise NetworkError("the coordinator does not answer results")

    def _due(self) -> list[Result]:
        """Results that were not handed in on this connection, or a lease ago: a message full at most."""
        pending, now = self._host.outbox.pending(), time.monotonic()
        there = {Held(r.job, r.attempt) for r in pending}
        self._handed_in = {held: at for held, at in self._handed_in.items() if held in there}
        due: list[Result] = []
        size = 0
        for result in pending:
            at = self._handed_in.get(Held(result.job, result.attempt))
            if at is not None and now - at < self._lease_s:
                continue
            size += len(msgspec.msgpack.encode(result))
            if due and size > PULL_BYTES:
                break
            due.append(result)
        return due

    async def _pull(self, results: list[Result]) -> None:
        pull = self._desk.pull(results)
        now = time.monotonic()
        self._handed_in |= {Held(result.job, result.attempt): now for result in results}
        if results and self._unanswered_since is None:
            self._unanswered_since = now
        self._told_credit = pull.credit
        await self._send(pull)

    async def _beat(self) -> None:
        last = time.monotonic()
        while True:
            if self._welcome is not None:
                await self._send(
                    say.Beat(now=self._host.clock(), held=self._desk.held(), load=self._host.load())
                )
            await asyncio.sleep(self._heartbeat_s)
            if time.monotonic() - last > self._lease_s + self._heartbeat_s:
                raise NetworkError("this process slept longer than its lease")
            last = time.monotonic()

    async def _tell_progress(self) -> None:
        while True:
            await self._desk.progress_made.wait()
            for progress in self._desk.take_progress():
                await self._send(progress)
            await asyncio.sleep(PROGRESS_EVERY_S)

    async def _send_logs(self) -> None:
        while True:
            await asyncio.sleep(self._host.log_timeout_s)
            await self._send_new_logs()

    async def _send_new_logs(self) -> None:
        sent = self._host.logs_sent
        for name, stream in self._host.logs.streams():
            while (offset := sent.get(name, 0)) < stream.end:
                begin, data = stream.read(offset, LOG_BYTES)
                await self._send(say.Logs(stream=name, offset=begin, data=data))
                sent[name] = begin + len(data)

    async def _send(self, message: FromNode) -> None:
        await self._socket.send(say.encode(message))

    @property
    def _lease_s(self) -> float:
        return self._welcome.lease_s if self._welcome else GREETING_S

    @property
    def _heartbeat_s(self) -> float:
        return self._welcome.heartbeat_s if self._welcome else PROGRESS_EVERY_S


def _reason(ended: ExceptionGroup[Exception]) -> Exception:
    """What ended a session: a refusal before a lost connection; anything else is a bug, and stays whole."""
    for kind in (Refused, NetworkError):
        found, rest = ended.split(kind)
        if found is not None and (rest is None or rest.split(NetworkError)[1] is None):
            return found.exceptions[0]
    return ended


_HINTS = {
    say.RefuseReason.PROTOCOL: "install the version of bighost that the coordinator runs",
    say.RefuseReason.UNKNOWN_KEY: "join again with a join token: bighost node join URL --token T",
    say.RefuseReason.PROFILE: "join with the profile of the enrolment, or enrol with a token for this one",
    say.RefuseReason.SUPERSEDED: "each machine needs a data folder, and so a key, of its own",
    say.RefuseReason.BAD_TERMS: "look at the node's settings",
}
