"""Keeps pods ready before a submission needs them, and lends each to one worker at a time.

A pod that is started warms itself up by a tiny job before it says that it is ready (see `pod/pod.py`), so no
submission pays for that.

A pod's life in the pool, which never lends a doubtful one:

    STARTING ──> IDLE ──> LEASED ──> RESETTING ──> IDLE          ENDING leads out of the pool, and is reached
        └──────────┴────────┴────────────┴──> ENDING             from everywhere

It is RESETTING only when its spec allows reuse and the lease ended without an exception. `stock.py` decides
what to start and to end after every change; this file carries it out in background tasks, which it owns.
Where pods fail to start, their spec rests for a while that grows with each failure, and who waits gets the
last fault.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from enum import Enum, auto
from types import TracebackType

import structlog

from bighost.job.assignment import Reuse
from bighost.node.runtime.base import Cores, Pod, PodNotReady, PodSpec, Runtime, RuntimeFault
from bighost.node.runtime.stock import Stock, plan

STARTS_AT_ONCE = 4

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the pool waits, in seconds."""

    lease_s: float = 90.0  # for a pod, before the fault goes to whoever wants one
    rest_s: float = 0.5  # after the first failed start; twice as long after each further one
    longest_rest_s: float = 30.0


@dataclass(frozen=True, slots=True)
class PoolStats:
    """Events since the pool was made, and what is there now."""

    starts: int = 0
    failed_starts: int = 0
    leases: int = 0
    warm_leases: int = 0  # that did not have to wait
    resets: int = 0
    deaths: int = 0  # pods found dead or doubtful
    evictions: int = 0  # warm pods ended to make room
    idle: int = 0
    coming: int = 0
    leased: int = 0


class _State(Enum):
    STARTING = auto()
    IDLE = auto()
    LEASED = auto()
    RESETTING = auto()
    ENDING = auto()


@dataclass(eq=False, slots=True)
class _Member:
    """A pod's seat in the pool; its place is its rank towards the runtime."""

    spec: PodSpec
    place: int
    state: _State = _State.STARTING
    pod: Pod | None = None
    rank: int | None = None  # the worker that had it last
    task: asyncio.Task[None] | None = None


@dataclass(eq=False, slots=True)
class _Waiter:
    spec: PodSpec
    member: asyncio.Future[_Member]


@dataclass(slots=True)
class _Trouble:
    """What keeps a spec from starting."""

    failures: int
    fault: RuntimeFault
    timer: asyncio.TimerHandle | None


class Pool:
    """Lends pods of one runtime: at most `slots` at a time, with `spare` more kept for deaths and changes."""

    def __init__(
        self,
        runtime: Runtime,
        slots: int,
        *,
        spare: int = 1,
        patience: Patience | None = None,
    ) -> None:
        self._runtime = runtime
        self._room = slots + spare
        self._patience = patience or Patience()
        self._wanted: list[PodSpec] = []
        self._members: list[_Member] = []
        self._waiters: list[_Waiter] = []
        self._troubles: dict[PodSpec, _Trouble] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._starting = asyncio.Semaphore(STARTS_AT_ONCE)
        self._counts = PoolStats()
        self._closed = False

    async def prepare(self, specs: Iterable[PodSpec]) -> None:
        """Keep pods of these specs warm from now on, the first ones first; others are let go when idle."""
        self._wanted = list(dict.fromkeys(specs))
        self._balance()

    @asynccontextmanager
    async def lease(self, spec: PodSpec, rank: int, cores: Cores | None = None) -> AsyncIterator[Pod]:
        """A warm, living pod for the worker of this rank, if possible the one it had before.

        Leaving by an exception destroys the pod. Raises RuntimeFault when none can be had in time.
        """
        member, pod = await self._take(spec, rank, cores)
        try:
            yield pod
        except BaseException:  # cancelled as well: a doubtful pod is never given back
            self._end(member)
            raise
        self._give_back(member)

    @property
    def stats(self) -> PoolStats:
        """Counts for telemetry."""
        state = Counter(member.state for member in self._members)
        coming = state[_State.STARTING] + state[_State.RESETTING]
        return replace(self._counts, idle=state[_State.IDLE], coming=coming, leased=state[_State.LEASED])

    async def settled(self) -> None:
        """Return once no pod is starting, being reset or ending."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Destroy every pod, leased ones too, and refuse further leases."""
        self._closed = True
        for trouble in self._troubles.values():
            if trouble.timer is not None:
                trouble.timer.cancel()
        for waiter in self._waiters:
            if not waiter.member.done():
                waiter.member.set_exception(_closing())
        for member in self._members:
            if member.task is not None and member.state is not _State.ENDING:
                member.task.cancel()
        await asyncio.gather(*(self._tasks), return_exceptions=True)
        for member in list(self._members):
            self._end(member)
        await self.settled()

    async def __aenter__(self) -> Pool:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # -- lending

    async def _take(self, spec: PodSpec, rank: int, cores: Cores | None) -> tuple[_Member, Pod]:
        if spec not in self._wanted:
            self._wanted.insert(0, spec)
        member = self._pick(spec, rank)
        self._count(leases=1, warm_leases=int(member is not None))
        deadline = asyncio.timeout(self._patience.lease_s)
        try:
            async with deadline:
                while True:
                    member = member or await self._wait(spec)
                    if (pod := await self._fit(member, rank, cores)) is not None:
                        return member, pod
                    member = self._pick(spec, rank)
        except TimeoutError as error:
            if not deadline.expired():
                raise
            raise self._too_late(spec) from error

    def _pick(self, spec: PodSpec, rank: int) -> _Member | None:
        idle = [m for m in self._members if m.spec == spec and m.state is _State.IDLE]
        member = next((m for m in idle if m.rank == rank), idle[0] if idle else None)
        if member is not None:
            member.state = _State.LEASED
            self._balance()
        return member

    async def _wait(self, spec: PodSpec) -> _Member:
        if self._closed:
            raise _closing()
        waiter = _Waiter(spec, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        self._balance()
        try:
            return await waiter.member
        except asyncio.CancelledError:
            if waiter.member.done() and not waiter.member.cancelled():
                self._unlend(waiter.member.result())  # it came at the very moment of giving up
            raise
        finally:
            self._waiters.remove(waiter)

    async def _fit(self, member: _Member, rank: int, cores: Cores | None) -> Pod | None:
        """The member's pod when it lives, on the cores asked for; else it is let go."""
        pod, fit = member.pod, False
        try:
            if pod is not None and await pod.alive():
                await pod.pin(cores)
                fit = True
        except RuntimeFault as fault:
            log.warning("pod can't be pinned", action="pod_doubted", pod=pod and pod.name, why=str(fault))
        finally:
            if not fit:
                self._count(deaths=1)
                self._end(member)
        member.rank = rank
        return pod if fit else None

    def _give_back(self, member: _Member) -> None:
        if member.state is not _State.LEASED:
            return  # the pool was closed meanwhile
        if member.spec.reuse is Reuse.NEVER:
            self._end(member)
        else:
            member.state = _State.RESETTING
            self._own(member, self._reset(member))

    def _too_late(self, spec: PodSpec) -> RuntimeFault:
        trouble = self._troubles.get(spec)
        what = f"no {spec.framework} pod within {self._patience.lease_s:g} s"
        if trouble is None:
            return PodNotReady(what)
        return PodNotReady(f"{what}: {trouble.fault}", hint=trouble.fault.hint)

    # -- keeping the stock

    def _balance(self) -> None:
        if self._closed:
            return
        steps = plan(self._stock())
        for spec in steps.end:
            idle = next(m for m in self._members if m.spec == spec and m.state is _State.IDLE)
            self._count(evictions=1)
            self._end(idle)
        for spec in steps.start:
            member = _Member(spec, self._free_place())
            self._members.append(member)
            self._own(member, self._start(member))

    def _stock(self) -> Stock:
        def count(*states: _State) -> Counter[PodSpec]:
            return Counter(m.spec for m in self._members if m.state in states)

        return Stock(
            room=self._room,
            wanted=self._wanted,
            waiting=Counter(w.spec for w in self._waiters if not w.member.done()),
            idle=count(_State.IDLE),
            coming=count(_State.STARTING, _State.RESETTING),
            leased=count(_State.LEASED),
            ending=count(_State.ENDING).total(),
            resting=frozenset(spec for spec, trouble in self._troubles.items() if trouble.timer),
        )

    async def _start(self, member: _Member) -> None:
        try:
            async with self._starting:
                member.pod = await self._runtime.start(member.spec, member.place)
        except RuntimeFault as fault:
            self._count(failed_starts=1)
            self._rest(member.spec, fault)
            await self._discard(member)
        else:
            self._count(starts=1)
            self._troubles.pop(member.spec, None)
            self._put(member)

    async def _reset(self, member: _Member) -> None:
        if member.pod is not None and await member.pod.reset():
            self._count(resets=1)
            self._put(member)
        else:
            self._count(deaths=1)
            await self._discard(member)

    async def _discard(self, member: _Member) -> None:
        member.state = _State.ENDING
        try:
            if member.pod is not None:
                await member.pod.destroy()
        except RuntimeFault as fault:
            log.warning(
                "pod is left behind", action="pod_left", pod=member.pod and member.pod.name, why=str(fault)
            )
        finally:
            self._members.remove(member)
            self._balance()

    def _put(self, member: _Member) -> None:
        waiter = next((w for w in self._waiters if w.spec == member.spec and not w.member.done()), None)
        if waiter is None:
            member.state = _State.IDLE
        else:
            member.state = _State.LEASED
            waiter.member.set_result(member)
        self._balance()

    def _unlend(self, member: _Member) -> None:
        if member.state is _State.LEASED:  # not closed meanwhile
            self._put(member)

    def _end(self, member: _Member) -> None:
        if member.state is not _State.ENDING:
            member.state = _State.ENDING
            self._own(member, self._discard(member))

    def _rest(self, spec: PodSpec, fault: RuntimeFault) -> None:
        """Let a spec rest after a failed start: doubling, capped, and jittered down by up to a half."""
        before = self._troubles.get(spec)
        failures = before.failures + 1 if before else 1
        if before and before.timer:
            before.timer.cancel()
        longest = min(self._patience.longest_rest_s, self._patience.rest_s * 2 ** min(failures - 1, 30))
        timer = asyncio.get_running_loop().call_later(longest * random.uniform(0.5, 1), self._rested, spec)
        self._troubles[spec] = _Trouble(failures, fault, timer)
        log.warning(
            "pod did not start",
            action="pod_failed",
            framework=spec.framework,
            failures=failures,
            why=str(fault),
        )

    def _rested(self, spec: PodSpec) -> None:
        if spec in self._troubles:
            self._troubles[spec].timer = None
        self._balance()

    def _free_place(self) -> int:
        taken = {member.place for member in self._members}
        return next(place for place in range(len(taken) + 1) if place not in taken)

    # -- tasks and counts

    def _own(self, member: _Member, work: Coroutine[None, None, None]) -> None:
        member.task = asyncio.create_task(work)
        self._tasks.add(member.task)
        member.task.add_done_callback(lambda task: self._done(member, task))

    def _done(self, member: _Member, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or (bug := task.exception()) is None:
            return
        log.error("bug in the pool", action="pool_bug", exc_info=bug)
        self._rest(member.spec, RuntimeFault(f"a bug: {bug!r}"))
        if member in self._members:
            self._end(member)

    def _count(self, **more: int) -> None:
        now = {name: getattr(self._counts, name) + amount for name, amount in more.items()}
        self._counts = replace(self._counts, **now)


def _closing() -> RuntimeFault:
    return RuntimeFault("the pool is closing")
