"""The node: joins, runs what it is given, hands in what it found, and leaves in good order.

The agent owns every task of the node. Its connection comes and goes (`session`); what it holds stays
(`desk`), so running jobs go on while the coordinator is away, and their results are handed in afterwards.

    running ──drain, Ctrl-C──> draining ──all handed in──> left (0)
       ├──────Ctrl-C twice────────┴───────────────────────> left (130): runs killed, jobs handed back
       └──────refused─────────────────────────────────────> Refused (77)
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import signal
from collections.abc import Callable, Iterator

import msgspec

import bighost
from bighost.clock import Clock, system_clock
from bighost.errors import NetworkError, Refused
from bighost.node import choice, machine, telemetry
from bighost.node.backoff import Backoff
from bighost.node.desk import Desk
from bighost.node.equipment import Equipment, RuntimeInUse, equip
from bighost.node.health import Health
from bighost.node.home import Home
from bighost.node.identity import Identity, identity, located
from bighost.node.runtime.base import Runtime
from bighost.node.session import Session
from bighost.node.telemetry import Telemetry
from bighost.node.uploads import Uploads
from bighost.node.worker import Workers
from bighost.pod import contract
from bighost.settings import NodeSettings, derive
from bighost.wire import messages as say
from bighost.wire.keys import KeyPair
from bighost.wire.messages import Held, Load, PodNeed
from bighost.wire.sockets import NodeSocket

DRAINING = "draining"
KILLED = 130
LEAVE_S = 60.0  # for results to be acknowledged once nothing runs any more
GOODBYE_S = 5.0
ENROL_S = 15.0  # for a coordinator that is just being started again

OnLine = Callable[[str], None]


class NodeAgent:
    """One life of a node. `run` once; `drain` and `interrupt` may be called at any time, more than once."""

    def __init__(
        self,
        who: Identity,
        keys: KeyPair,
        equipment: Equipment,
        *,
        on_line: OnLine = lambda _: None,
        clock: Clock = system_clock,
        backoff: Backoff | None = None,
    ) -> None:
        self._who = who
        self._keys = keys
        self._equipment = equipment
        self._on_line = on_line
        self._backoff = backoff or Backoff()
        self.clock = clock
        self.log_timeout_s = equipment.settings.log_timeout_s
        self.logs = equipment.logs
        self.logs_sent: dict[str, int] = {}
        self.log = equipment.logs.logger("executor")
        self.outbox = equipment.outbox
        uploads = Uploads(self.outbox, equipment.transfer, self.logs.logger("output_processor"))
        self.desk = Desk(equipment.offer.credit, self.outbox, uploads, clock, self.log)
        self._workers = Workers(equipment, self.desk.deliver, self.desk.on_progress, clock)
        self.desk.workers = self._workers
        self._telemetry = Telemetry(equipment, self._workers)
        health = Health(self.desk, equipment.pods.check, on_line)
        self._works = (self._workers.run, uploads.run, self._telemetry.run, health.run)
        self._session: Session | None = None
        self._connected_before = False
        self._told_of_loss = False
        self._drain_why = ""
        self._drain_asked = asyncio.Event()
        self._kill_asked = asyncio.Event()
        self._over: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def run(self) -> int:
        """Live until drained (0) or killed (130). Raises Refused when the coordinator sends us away."""
        async with asyncio.TaskGroup() as group:
            works = (*self._works, self._stay_connected, self._leave_drained, self._leave_killed)
            tasks = [group.create_task(work()) for work in works]
            await asyncio.wait({self._over})
            for task in tasks:
                task.cancel()
        return self._over.result()

    def drain(self, why: str) -> None:
        """Take no more jobs, hand back those that wait, finish what runs, hand it in, leave."""
        if not self._drain_why:
            self._on_line(f"Finishing what runs, then leaving: {why}.")
        self._drain_why = self._drain_why or why
        self._drain_asked.set()

    def interrupt(self) -> None:
        """What Ctrl-C means: drain the first time; the second time stop what runs, and hand all back."""
        if self._drain_asked.is_set():
            self._kill_asked.set()
        else:
            self.drain("its owner stopped it")
            self._on_line("Once more hands it back and leaves at once.")

    # -- what a session asks

    def greeting(self) -> say.Join:
        """Who this is, and what it holds now."""
        return say.Join(
            protocol=say.PROTOCOL,
            software=bighost.__version__,
            instance=self._equipment.life,
            profile=self._who.profile,
            capacity=self._equipment.offer.capacity,
            credit=self._equipment.offer.credit,
            runtime=self._equipment.pods.name,
            system=telemetry.system(),
            settings=msgspec.to_builtins(self._equipment.settings, enc_hook=str),
            held=self.desk.held(),
        )

    def load(self) -> Load:
        """The latest telemetry."""
        return self._telemetry.load

    def welcomed(self, welcome: say.Welcome) -> None:
        """The coordinator let us in."""
        again = "again " if self._connected_before else ""
        self._connected_before, self._told_of_loss = True, False
        self._backoff.reset()
        self.log.info("welcome", action="welcome", name=welcome.name, lease_s=welcome.lease_s)
        offer = self._equipment.offer
        self._on_line(
            f"Joined {self._who.url} {again}as {welcome.name} ({self._who.profile.value}): "
            f"{offer.capacity.slots} at the same time, up to {offer.credit.window} held."
        )

    async def prepare(self, needs: tuple[PodNeed, ...]) -> None:
        """Keep pods for these needs warm, as far as this node could run them."""
        await self._equipment.prepare(needs)

    # -- coming and going

    async def _stay_connected(self) -> None:
        while True:
            socket = NodeSocket(self._keys)
            try:
                await socket.connect(self._who.endpoint, self._who.server_key)
                self._session = Session(socket, self)
                await self._session.run()
            except Refused as refusal:
                self.log.error("refused", action="refused", why=refusal.message)
                self._end(refusal)
                return
            except NetworkError as lost:
                self._tell_of_loss(lost)
            finally:
                self._session = None
                await socket.close()
            await asyncio.sleep(self._backoff.next())
            self._who = await located(self._who)

    def _tell_of_loss(self, lost: NetworkError) -> None:
        self.log.warning("no connection", action="disconnected", why=lost.message)
        if not self._told_of_loss:
            self._told_of_loss = True
            self._on_line(
                f"No connection to the coordinator ({lost.message}). What runs goes on; trying again."
            )

    async def _leave_drained(self) -> None:
        await self._drain_asked.wait()
        self.log.info("draining", action="drain", why=self._drain_why)
        self.desk.close(DRAINING)
        await self._workers.hand_back(f"the node leaves: {self._drain_why}")
        await self._workers.idle()
        try:
            async with asyncio.timeout(LEAVE_S):
                await self.desk.handed_in()
        except TimeoutError:
            kept = len(self.outbox.pending())
            self._on_line(f"{kept} results are not acknowledged; the next start on this data hands them in.")
        await self._say_goodbye((), self._drain_why)
        self._end(0)

    async def _leave_killed(self) -> None:
        await self._kill_asked.wait()
        self.desk.close(DRAINING)
        handed_back = self.desk.unfinished()
        self.log.info("killed", action="kill", handed_back=len(handed_back))
        self._on_line(f"Left at once; {len(handed_back)} jobs are handed back and run elsewhere.")
        await self._say_goodbye(handed_back, "its owner stopped it at once")
        self._end(KILLED)

    async def _say_goodbye(self, handed_back: tuple[Held, ...], why: str) -> None:
        if self._session is None:
            return
        try:
            async with asyncio.timeout(GOODBYE_S):
                await self._session.leave(handed_back, why)
        except (NetworkError, TimeoutError) as error:
            self.log.warning("goodbye was not sent", action="leave_failed", why=str(error))

    def _end(self, how: int | Refused) -> None:
        if self._over.done():
            return
        if isinstance(how, int):
            self._over.set_result(how)
        else:
            self._over.set_exception(how)


async def run_node(
    settings: NodeSettings, url: str, token: str | None, *, on_line: OnLine = lambda _: None
) -> int:
    """Join the coordinator at `url` and run jobs until told to stop by signal or by staff: an exit code.

    `token` is a join token, needed the first time only; `on_line` is told what a person should know. Raises
    OperatorError (its kinds say what: Refused, RuntimeFault, ...) and NetworkError.
    """
    home = Home(settings.data)
    with home.held():
        keys = await asyncio.to_thread(KeyPair.load_or_create, home.keys)
        who = await _enrolled(settings, home, url, token, keys, on_line)
        kind, why = await choice.choose(settings.runtime)
        on_line(why)
        runtime = choice.open_runtime(
            kind,
            _pods_label(who, keys),
            home.datasets,
            oci_runtime=settings.oci_runtime,
            ready_s=settings.spawn_wait_s,
        )
        try:
            pods = await _made_ready(kind, runtime, on_line)
            cores = machine.cores()
            offer = derive(settings, len(cores), machine.memory_bytes(), tuple(pods.images))
            async with equip(settings, who, home, pods, offer, cores) as equipment:
                agent = NodeAgent(who, keys, equipment, on_line=on_line)
                with _signals(agent.interrupt):
                    return await agent.run()
        finally:
            await runtime.close()


async def _enrolled(
    settings: NodeSettings, home: Home, url: str, token: str | None, keys: KeyPair, on_line: OnLine
) -> Identity:
    """Who this node is. A coordinator that does not answer is asked again for ENROL_S."""
    deadline, backoff = asyncio.get_running_loop().time() + ENROL_S, Backoff(0.5, 3.0)
    while True:
        try:
            return await identity(home.identity, url, token, settings.name, settings.profile, keys)
        except NetworkError as error:
            pause = backoff.next()
            if asyncio.get_running_loop().time() + pause > deadline:
                raise
            if backoff.tries == 1:
                on_line(f"{error.message}. Trying again for {ENROL_S:g} s.")
            await asyncio.sleep(pause)


async def _made_ready(kind: str, runtime: Runtime, on_line: OnLine) -> RuntimeInUse:
    """See that pods can be started, say what does not isolate them, clear away what a killed life left."""
    await runtime.check()
    for warning in choice.warnings(runtime.walls()):
        on_line(f"Careful: {warning}")
    if swept := await runtime.sweep():
        on_line(f"Removed {swept} pods of an earlier start.")
    frameworks = await asyncio.to_thread(choice.able, kind, tuple(contract.frameworks()))
    return RuntimeInUse(runtime, kind, {name: choice.image_of(kind, name) for name in frameworks})


def _pods_label(who: Identity, keys: KeyPair) -> str:
    """What marks this node's pods on the machine: the same at each start."""
    return f"{who.name}-{hashlib.blake2b(keys.public.encode(), digest_size=6).hexdigest()}"


@contextlib.contextmanager
def _signals(on_signal: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, on_signal)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
