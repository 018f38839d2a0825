"""The coordinator's shell in small: rounds that are saved before anything is said, a store, a marker.

It keeps the books of what must never happen: every save is held against what was saved before it.
"""

from __future__ import annotations

from enum import Enum

import msgspec
from model_node import UNJUDGED

from bighost.coordinator import commands as do
from bighost.coordinator import events as on
from bighost.coordinator.engine import Engine, Terms
from bighost.coordinator.recovery import recovered
from bighost.job.assignment import Comparator
from bighost.job.job import FaultKind, Job, TestRun
from bighost.job.state import State
from bighost.job.verdict import Verdict
from bighost.wire import messages as say
from playbook import check_all_saved, check_saves_first

replace = msgspec.structs.replace
BY_NODES = (FaultKind.POD_DIED, FaultKind.POD_NOT_STARTED, FaultKind.DATASET)
Letter = tuple[bytes, say.FromCoordinator]


class Crash(Enum):
    """Where in a round the coordinator is killed."""

    NOT = "not at all"
    BEFORE_COMMIT = "handled, and not saved"
    AFTER_COMMIT = "saved, and not said"


class ModelShell:
    """One coordinator through all its lives."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.engine = Engine(terms)
        self.inbox: list[on.Event] = []
        self.letters: list[Letter] = []  # to be carried by the network
        self.store: dict[str, Job] = {}
        self.acknowledged: set[str] = set()
        self.sent: dict[tuple[str, int], str] = {}  # job and attempt -> the node that it was ever sent to
        self.runs: dict[tuple[str, int], set[str]] = {}  # ... -> serial numbers of results handed in
        self.broken: set[tuple[str, int, FaultKind]] = set()  # faults that nodes handed in
        self.outputs: dict[tuple[str, int], str] = {}  # uploaded, on disk
        self.expected: dict[str, Job] = {}  # the marker's memory
        self.marks: list[on.Marked] = []  # outputs that are being compared

    # -- rounds

    def round(self, now: int, crash: Crash = Crash.NOT) -> None:
        """Handle what came in, save it, carry it out; or be killed meanwhile."""
        due = self.engine.next_deadline()
        events = [on.Ticked(at=now)] if due is not None and due <= now else []
        events += [replace(event, at=now) for event in self.inbox]
        self.inbox.clear()
        commands: list[do.Command] = []
        for event in events:
            out = self.engine.handle(event)
            check_saves_first(out)
            commands += out
        if crash is not Crash.BEFORE_COMMIT:
            self._commit(commands)
        if crash is not Crash.NOT:
            self.start(now)
            return
        check_all_saved(self.engine, self.store)
        for command in commands:
            self._carry_out(command)

    def start(self, now: int) -> None:
        """After a kill: nothing is left but what was stored."""
        self.inbox.clear()
        self.marks.clear()
        self.engine = recovered(self.live(), now, self.terms)
        self.expected.clear()
        for job in self.live():
            if job.state is State.MARKING:
                self._carry_out(do.Mark(job=job))

    def live(self) -> list[Job]:
        return [job for job in self.store.values() if not job.state.final]

    def _commit(self, commands: list[do.Command]) -> None:
        for command in commands:
            if isinstance(command, do.Save):
                check_save(self.store.get(command.job.id), command.job, self.terms)
                self.store[command.job.id] = command.job
        for job in self.store.values():
            if job.state is State.GRADED:
                assert job.message in self.runs[job.id, job.attempt], "a mark for a run that never was"
            for fault in job.faults:
                if fault.kind in BY_NODES:
                    assert (job.id, fault.attempt, fault.kind) in self.broken, "a fault that never was"

    def _carry_out(self, command: do.Command) -> None:
        match command:
            case do.Save():
                self.acknowledged.add(command.job.id)
                if command.job.state is not State.MARKING:
                    self.expected.pop(command.job.id, None)
            case do.SendBatch():
                for job in command.jobs:
                    to = self.sent.setdefault((job.id, job.attempt), command.node)
                    assert to == command.node, "one attempt in the hands of two nodes"
                    assert self.store[job.id].attempt >= job.attempt, "sent before it was saved"
                self._send(command.node, say.Batch(jobs=tuple(map(_order, command.jobs))))
            case do.SendAck():
                self._send(command.node, say.Ack(receipts=command.receipts))
            case do.SendCancel():
                self._send(command.node, say.Cancel(job=command.job, attempt=command.attempt))
            case do.SendWelcome():
                self._send(command.node, say.Welcome(name=command.node, lease_s=1, heartbeat_s=1, now=0))
            case do.SendRefuse():
                self.letters.append((command.route, say.Refuse(reason=command.reason, message="")))
            case do.SendDrain():
                self._send(command.node, say.Drain())
            case do.Mark():
                self.expected[command.job.id] = command.job
                self._mark(command.job)

    def _send(self, key: str, message: say.FromCoordinator) -> None:
        node = self.engine.roster.get(key)
        if node is not None:
            self.letters.append((node.route, message))

    # -- the line to the nodes

    def hear(self, key: str, route: bytes, message: say.FromNode) -> None:
        """A message comes in: it becomes an event, if its sender is here."""
        node = self.engine.roster.get(key)
        if isinstance(message, say.Join):
            self.inbox.append(_joined(key, route, message))
        elif node is None or node.route != route:
            if not isinstance(message, say.Leave):
                self.letters.append((route, say.Rejoin()))
        else:
            self.inbox.append(self._event(key, message))

    def _event(self, key: str, message: say.FromNode) -> on.Event:
        match message:
            case say.Pull():
                results = tuple(map(self._first_look, message.results))
                return on.Pulled(at=0, node=key, credit=message.credit, results=results)
            case say.Beat():
                return on.Beaten(at=0, node=key, held=message.held)
            case say.Progress():
                return on.Progressed(
                    at=0, node=key, job=message.job, attempt=message.attempt, test="t", stage="mapper"
                )
            case say.Leave():
                return on.NodeLeft(at=0, node=key, handed_back=message.handed_back)
        raise AssertionError(f"no event for {message}")

    def _first_look(self, result: say.Result) -> on.Finished:
        if result.fault is not None:
            self.broken.add((result.job, result.attempt, result.fault.kind))
            return on.Finished(
                job=result.job,
                attempt=result.attempt,
                fault=result.fault.kind,
                fault_message=result.fault.message,
            )
        run = result.tests[0]
        self.runs.setdefault((result.job, result.attempt), set()).add(run.message)
        marking = None
        if run.outcome != UNJUDGED:
            marking = _marked(result.job, result.attempt, run)
        return on.Finished(job=result.job, attempt=result.attempt, tests=result.tests, marking=marking)

    # -- the marker

    def upload(self, job: str, attempt: int, serial: str) -> None:
        """An output comes in by HTTP; it is on disk before that is acknowledged."""
        expected = self.expected.get(job)
        if expected is not None and expected.attempt == attempt:
            self.outputs[job, attempt] = serial
            self._mark(expected)

    def _mark(self, job: Job) -> None:
        serial = self.outputs.get((job.id, job.attempt))
        if serial is not None:
            self.marks.append(_marked(job.id, job.attempt, replace(job.tests[0], message=serial)))


def check_save(before: Job | None, after: Job, terms: Terms) -> None:
    """What must hold between two saves of a job: one mark a cycle, attempts that go up, bounded faults."""
    if before is None:
        assert after.state in (State.WAITING, State.REJECTED)
        return
    if before.state.final:
        assert after.state is State.WAITING, "only a retry moves a job that has ended"
        assert after.rerun
        assert not after.faults, "a re-run has all its attempts"
    assert after.attempt == before.attempt + (after.state is State.LEASED), "attempts are counted one by one"
    assert (after.state is State.GRADED) == (after.verdict is not None) == (after.score is not None)
    assert after.charged_faults <= terms.max_attempts
    assert len(after.faults) <= terms.max_returns
    assert after.stamps["received"] == before.stamps["received"]


def _marked(job: str, attempt: int, run: TestRun) -> on.Marked:
    """The mark of a run; its message is the serial number of the run, so that no two marks are alike."""
    test = replace(run, verdict=Verdict.PASSED)
    return on.Marked(
        at=0, job=job, attempt=attempt, tests=(test,), verdict=Verdict.PASSED, score=1.0, message=run.message
    )


def _joined(key: str, route: bytes, join: say.Join) -> on.NodeJoined:
    return on.NodeJoined(
        at=0,
        node=key,
        name=key,
        route=route,
        instance=join.instance,
        profile=join.profile,
        capacity=join.capacity,
        credit=join.credit,
        held=join.held,
    )


def _order(job: Job) -> say.JobOrder:
    need = say.PodNeed(framework=job.requirement.framework)
    return say.JobOrder(
        job=job.id,
        attempt=job.attempt,
        assignment=job.assignment,
        need=need,
        comparator=Comparator(),
        files={},
        tests=(),
    )
