"""A node as the protocol wants it, in small: what it holds, what it says, what it does when it is told."""

from __future__ import annotations

from bighost.job.job import FaultKind, TestRun
from bighost.wire import messages as say
from bighost.wire.messages import Held

UNJUDGED = "unjudged"  # outcome of a run whose output must be compared
JUDGED = "judged"


class ModelNode:
    """One machine. What it says is put into `said`, for the network to take."""

    def __init__(self, key: str, credit: say.CreditTerms, frameworks: tuple[str, ...]) -> None:
        self.key = key
        self.credit = credit
        self.frameworks = frameworks
        self.said: list[say.FromNode] = []
        self.life = 1
        self.connection = 1
        self.up = True
        self.welcomed = False
        self.refused = False
        self.draining = False
        self.paused = False
        self.queue: dict[str, int] = {}  # job -> attempt, not begun
        self.running: dict[str, int] = {}
        self.outbox: dict[str, say.Result] = {}  # on disk, until it is acknowledged
        self.wanted: dict[str, int] = {}  # outputs to upload: job -> attempt
        self._runs = 0
        self.greet()

    @property
    def route(self) -> bytes:
        """Where answers go: another with each connection."""
        return f"{self.key}/{self.connection}".encode()

    @property
    def held(self) -> tuple[Held, ...]:
        """All jobs that it has, finished ones included."""
        mine = {**{r.job: r.attempt for r in self.outbox.values()}, **self.running, **self.queue}
        return tuple(Held(job, attempt) for job, attempt in sorted(mine.items()))

    # -- what it says

    def greet(self) -> None:
        self.welcomed = False
        self.said.append(
            say.Join(
                protocol=say.PROTOCOL,
                software="model",
                instance=f"life {self.life}",
                profile=say.Profile.CORE,
                capacity=say.Capacity(slots=2, cpus=4, memory_bytes=2**33, frameworks=self.frameworks),
                credit=self.credit,
                runtime="model",
                held=self.held,
            )
        )

    def pull(self) -> None:
        credit = 0 if self.draining or self.paused else 1000  # its window bounds it
        self.said.append(say.Pull(now=0, credit=credit, results=tuple(self.outbox.values())))

    def beat(self) -> None:
        self.said.append(say.Beat(now=0, held=self.held))

    def leave(self) -> None:
        """In good order: what was not finished is handed back."""
        back = tuple(Held(job, attempt) for job, attempt in {**self.queue, **self.running}.items())
        self.queue.clear()
        self.running.clear()
        self.said.append(say.Leave(handed_back=back))
        self.up = False

    # -- what it does

    def start(self, job: str) -> None:
        self.running[job] = self.queue.pop(job)
        self.said.append(say.Progress(job=job, attempt=self.running[job], test="t", stage="mapper"))

    def finish(self, job: str, outcome: str) -> None:
        """A run ends well, and has an output like no other: its serial number."""
        self._runs += 1
        serial = f"{self.key} {self.life} {self._runs}"
        run = TestRun(name="t", outcome=outcome, message=serial)
        self._done(say.Result(job=job, attempt=self.running.pop(job), tests=(run,)))

    def fail(self, job: str, kind: FaultKind) -> None:
        """A run is stopped by a fault of ours."""
        attempt = self.running.pop(job)
        self._done(say.Result(job=job, attempt=attempt, fault=say.RunFault(kind, "it broke")))

    def lose_output(self, job: str) -> None:
        """The output of a finished run is gone, and was still wanted."""
        fault = say.RunFault(FaultKind.OUTPUT_LOST, "it is gone")
        self._done(say.Result(job=job, attempt=self.wanted.pop(job), fault=fault))

    def _done(self, result: say.Result) -> None:
        self.outbox[result.job] = result
        self.pull()

    def crash(self, *, keeps_outbox: bool) -> None:
        self.up = self.welcomed = False
        self.queue.clear()
        self.running.clear()
        self.wanted.clear()
        if not keeps_outbox:
            self.outbox.clear()

    def restart(self) -> None:
        self.up, self.refused, self.draining = True, False, False
        self.life += 1
        self.reconnect()

    def reconnect(self) -> None:
        self.connection += 1
        self.greet()

    # -- what it is told

    def hear(self, message: say.FromCoordinator) -> None:
        match message:
            case say.Welcome():
                self.welcomed = True
                self.pull()
            case say.Rejoin():
                self.greet()
            case say.Refuse():
                self.crash(keeps_outbox=True)
                self.refused = True
            case say.Drain():
                self.draining = True
                self.pull()
            case say.Batch():
                for order in message.jobs:
                    self._take(order.job, order.attempt)
            case say.Cancel():
                self.forget(message.job, message.attempt)
            case say.Ack():
                for receipt in message.receipts:
                    self._receipt(receipt)

    def _take(self, job: str, attempt: int) -> None:
        known = {held.job: held.attempt for held in self.held}
        if attempt > known.get(job, 0):
            self.forget(job, known.get(job, 0))
            self.queue[job] = attempt

    def forget(self, job: str, attempt: int) -> None:
        for jobs in (self.queue, self.running, self.wanted):
            if jobs.get(job) == attempt:
                del jobs[job]
        if job in self.outbox and self.outbox[job].attempt == attempt:
            del self.outbox[job]

    def _receipt(self, receipt: say.Receipt) -> None:
        result = self.outbox.get(receipt.job)
        if result is None or result.attempt != receipt.attempt:
            return
        if receipt.current and receipt.upload:
            if result.fault is None:  # else it is lost, and that is said already
                self.wanted[receipt.job] = receipt.attempt
        else:
            self.forget(receipt.job, receipt.attempt)
