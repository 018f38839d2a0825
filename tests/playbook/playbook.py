"""Plays: events, and the commands that must answer them, in order.

    with Playbook() as play:
        play >> joined("n1") << welcome("n1")
        play >> submitted("j1") << saved("j1", State.WAITING) << SAVES << batch("n1", "j1")

`>>` gives the engine an event at the play's present time; `<<` takes the next command and says what it must
be. An event whose commands were not all taken, when the next one comes or the play ends, fails the play.
After every event, asked for or not: saves come before all else, and no job has changed without one.
"""

from __future__ import annotations

from collections import deque
from types import TracebackType
from typing import Any

import msgspec

from bighost.clock import seconds
from bighost.coordinator import commands as do
from bighost.coordinator import events as on
from bighost.coordinator.engine import Engine, Terms
from bighost.coordinator.recovery import recovered
from bighost.job.job import Job
from bighost.job.state import State
from bighost.wire.messages import Receipt, RefuseReason

START = seconds(1_800_000_000)


class Expected:
    """A command of this kind, with these fields; `a__b` is field b of field a, a function is a condition."""

    def __init__(self, kind: type[do.Command], **fields: Any) -> None:
        self.kind = kind
        self.fields = fields

    def complaint(self, command: do.Command) -> str:
        """What is wrong about `command`; empty when it is what was expected."""
        if type(command) is not self.kind:
            return f"expected {self.kind.__name__}, got {command}"
        for path, wanted in self.fields.items():
            actual: Any = command
            for name in path.split("__"):
                actual = getattr(actual, name)
            if not (wanted(actual) if callable(wanted) else actual == wanted):
                return f"{self.kind.__name__}.{path.replace('__', '.')} is {actual!r}, expected {wanted!r}"
        return ""


class Skip:
    """All commands of this kind that come now; at least one."""

    def __init__(self, kind: type[do.Command]) -> None:
        self.kind = kind


SAVES = Skip(do.Save)
REST = Skip(do.Command)


class Playbook:
    """See the module's docstring. The store is a dictionary that takes every save at once."""

    def __init__(self, terms: Terms | None = None) -> None:
        self.terms = terms or Terms()
        self.engine = Engine(self.terms)
        self.now = START
        self.store: dict[str, Job] = {}
        self._left: deque[do.Command] = deque()
        self._entered = False

    def __enter__(self) -> Playbook:
        self._entered = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.done()

    def __rshift__(self, event: on.Event) -> Playbook:
        assert self._entered, "a play is a `with` block, so that an unfinished one fails"
        self.done()
        commands = self.engine.handle(msgspec.structs.replace(event, at=self.now))
        check_saves_first(commands)
        self.store.update({c.job.id: c.job for c in commands if isinstance(c, do.Save)})
        check_all_saved(self.engine, self.store)
        self._left = deque(commands)
        return self

    def __lshift__(self, expected: Expected | Skip) -> Playbook:
        assert self._left, "expected a command, and there is none left"
        if isinstance(expected, Skip):
            assert isinstance(self._left[0], expected.kind), f"nothing to skip: {self._left[0]}"
            while self._left and isinstance(self._left[0], expected.kind):
                self._left.popleft()
            return self
        complaint = expected.complaint(self._left.popleft())
        assert not complaint, complaint
        return self

    def done(self) -> None:
        """Fails where commands were not taken."""
        assert not self._left, f"nobody expected {list(self._left)}"

    def quietly(self, *events: on.Event) -> Playbook:
        """Give events whose commands are not what the play is about."""
        for event in events:
            self >> event
            self._left.clear()
        return self

    def take(self) -> list[do.Command]:
        """All commands that are left, for a closer look."""
        commands = list(self._left)
        self._left.clear()
        return commands

    def after(self, wait_s: float) -> Playbook:
        """Let time pass. Nobody ticks meanwhile."""
        self.done()
        self.now += seconds(wait_s)
        return self

    def tick(self) -> Playbook:
        """The engine is told the time."""
        return self >> on.Ticked(at=self.now)

    def tick_at_deadline(self) -> Playbook:
        """Let time pass until something is due, and tell the engine."""
        due = self.engine.next_deadline()
        assert due is not None, "nothing is pending"
        self.now = max(self.now, due)
        return self.tick()

    def restart(self) -> Playbook:
        """The coordinator is killed, and starts again from what is stored."""
        self.done()
        live = [job for job in self.store.values() if not job.state.final]
        self.engine = recovered(live, self.now, self.terms)
        return self

    def job(self, id: str) -> Job:
        """A job as it is stored."""
        return self.store[id]


def check_saves_first(commands: list[do.Command]) -> None:
    """The law of save before send."""
    kinds = [isinstance(command, do.Save) for command in commands]
    assert kinds == sorted(kinds, reverse=True), f"something is said before it is saved: {commands}"


def check_all_saved(engine: Engine, store: dict[str, Job]) -> None:
    """What the engine holds is what was saved of the jobs that are not final."""
    assert engine.jobs == {id: job for id, job in store.items() if not job.state.final}


# -- what can be expected


def saved(job: str, state: State, **fields: Any) -> Expected:
    return Expected(do.Save, job__id=job, job__state=state, **{f"job__{k}": v for k, v in fields.items()})


def batch(node: str, *jobs: str, attempt: int = 1) -> Expected:
    def same(sent: tuple[Job, ...]) -> bool:
        return [(job.id, job.attempt) for job in sent] == [(id, attempt) for id in jobs]

    same.__name__ = same.__qualname__ = f"jobs {jobs} in attempt {attempt}"
    return Expected(do.SendBatch, node=node, jobs=same)


def welcome(node: str) -> Expected:
    return Expected(do.SendWelcome, node=node)


def refuse(route: str, reason: RefuseReason) -> Expected:
    return Expected(do.SendRefuse, route=route.encode(), reason=reason)


def drain(node: str) -> Expected:
    return Expected(do.SendDrain, node=node)


def cancel(node: str, job: str, attempt: int = 1) -> Expected:
    return Expected(do.SendCancel, node=node, job=job, attempt=attempt)


def ack(node: str, *receipts: Receipt) -> Expected:
    return Expected(do.SendAck, node=node, receipts=receipts)


def kept(job: str, attempt: int = 1, *upload: str) -> Receipt:
    return Receipt(job=job, attempt=attempt, upload=upload)


def fenced(job: str, attempt: int = 1) -> Receipt:
    return Receipt(job=job, attempt=attempt, current=False)


def mark(job: str, attempt: int = 1) -> Expected:
    return Expected(do.Mark, job__id=job, job__attempt=attempt)


def reject(job: str) -> Expected:
    return Expected(do.Reject, job=job)


def tell(*words: str) -> Expected:
    def says(message: str) -> bool:
        return all(word in message for word in words)

    says.__name__ = says.__qualname__ = f"a message with {words}"
    return Expected(do.Tell, message=says)
