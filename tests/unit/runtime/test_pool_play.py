"""Whatever workers, pods and the engine do, in any order: the pool's promises hold."""

from __future__ import annotations

import asyncio
import contextlib
from enum import Enum, auto
from typing import NamedTuple

from fake_runtime import FakePod, FakeRuntime, make_spec
from hypothesis import given, settings
from hypothesis import strategies as st

from bighost.job.assignment import Reuse
from bighost.node.runtime.base import EngineGone, PodSpec
from bighost.node.runtime.pool import Patience, Pool

SLOTS, SPARE = 3, 1
SPECS = [make_spec("streaming"), make_spec("kafka"), make_spec("spark", Reuse.NEVER)]
PATIENCE = Patience(lease_s=20.0, rest_s=0.0005, longest_rest_s=0.001)


class Turn(Enum):
    FINE = auto()
    DIRTY = auto()  # the reset will say so
    RAISES = auto()  # the lease is left by an exception
    DIES = auto()  # after the lease
    LEAVES = auto()  # the worker gives up while it may still wait


class Step(NamedTuple):
    rank: int
    spec: PodSpec
    turn: Turn
    wanted: list[PodSpec] | None


steps = st.builds(
    Step,
    rank=st.integers(0, SLOTS - 1),
    spec=st.sampled_from(SPECS),
    turn=st.sampled_from(Turn),
    wanted=st.none() | st.lists(st.sampled_from(SPECS), unique=True),
)


class Play:
    def __init__(self, faults: list[bool]) -> None:
        self.runtime = FakeRuntime()
        self.runtime.scripted = [EngineGone() if fault else None for fault in faults]
        self.held: set[FakePod] = set()
        self.gone: set[FakePod] = set()  # must never be lent again

    async def take_turn(self, pool: Pool, step: Step) -> None:
        if step.wanted is not None:
            await pool.prepare(step.wanted)
        lending = asyncio.create_task(self.use(pool, step))
        if step.turn is Turn.LEAVES:
            await asyncio.sleep(0)
            lending.cancel()
        with contextlib.suppress(asyncio.CancelledError, ZeroDivisionError):
            await lending

    async def use(self, pool: Pool, step: Step) -> None:
        async with pool.lease(step.spec, step.rank) as pod:
            assert isinstance(pod, FakePod)
            assert pod.spec == step.spec
            assert pod not in self.held
            assert pod not in self.gone
            self.held.add(pod)
            try:
                await asyncio.sleep(0)
                self.end(step.turn, pod)
            finally:
                self.held.remove(pod)

    def end(self, turn: Turn, pod: FakePod) -> None:
        if turn is not Turn.FINE or pod.spec.reuse is Reuse.NEVER:
            self.gone.add(pod)
        pod.clean = turn is not Turn.DIRTY
        pod.lives = turn is not Turn.DIES
        if turn in (Turn.RAISES, Turn.LEAVES):
            raise ZeroDivisionError


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, max_size=25), st.lists(st.booleans(), max_size=10))
def test_the_pools_promises_hold_in_any_play(some: list[Step], faults: list[bool]) -> None:
    asyncio.run(perform(Play(faults), some))


async def perform(play: Play, some: list[Step]) -> None:
    async with asyncio.timeout(60), Pool(play.runtime, SLOTS, spare=SPARE, patience=PATIENCE) as pool:
        await asyncio.gather(*(work(play, pool, rank, some) for rank in range(SLOTS)))
        await pool.settled()
        assert pool.stats.leased == 0
        assert pool.stats.idle == len(play.runtime.living) <= SLOTS + SPARE
    assert play.runtime.most_at_once <= SLOTS + SPARE
    assert play.runtime.living == []


async def work(play: Play, pool: Pool, rank: int, some: list[Step]) -> None:
    for step in some:
        if step.rank == rank:
            await play.take_turn(pool, step)
