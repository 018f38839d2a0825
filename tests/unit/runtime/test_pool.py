"""The laws of the warm pool, played with pods that are not there."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from fake_runtime import FakePod, FakeRuntime, make_spec

from bighost.job.assignment import Reuse
from bighost.node.runtime.base import EngineGone, PodSpec, RuntimeFault
from bighost.node.runtime.pool import Patience, Pool

SAFETY_S = 20.0
QUICK = Patience(lease_s=SAFETY_S, rest_s=0.001, longest_rest_s=0.004)


@contextlib.asynccontextmanager
async def pool_of(runtime: FakeRuntime, slots: int, **more: object) -> AsyncIterator[Pool]:
    async with Pool(runtime, slots, **{"patience": QUICK, **more}) as pool:  # type: ignore[arg-type]
        async with asyncio.timeout(SAFETY_S):
            yield pool
    assert runtime.living == [], "close leaves nothing"


async def use(pool: Pool, spec: PodSpec, rank: int = 0) -> FakePod:
    async with pool.lease(spec, rank) as pod:
        assert isinstance(pod, FakePod)
        return pod


async def test_prepared_pods_are_there_before_they_are_asked_for(runtime: FakeRuntime, spec: PodSpec) -> None:
    async with pool_of(runtime, slots=1, spare=0) as pool:
        await pool.prepare([spec])
        await pool.settled()
        assert await use(pool, spec) is runtime.pods[0]
        assert pool.stats.warm_leases == 1


async def test_a_clean_pod_is_lent_again(runtime: FakeRuntime, spec: PodSpec) -> None:
    async with pool_of(runtime, slots=1, spare=0) as pool:
        first = await use(pool, spec)
        second = await use(pool, spec)
        assert first is second
        assert pool.stats.starts == 1


async def test_a_dirty_pod_is_never_lent_again(runtime: FakeRuntime, spec: PodSpec) -> None:
    async with pool_of(runtime, slots=1) as pool:
        async with pool.lease(spec, 0) as pod:
            assert isinstance(pod, FakePod)
            pod.clean = False
        await pool.settled()
        assert pod.destroyed
        assert all([await use(pool, spec) is not pod for _ in range(5)])
        assert pool.stats.deaths == 1


async def test_a_dirty_pod_is_replaced_before_anybody_asks(runtime: FakeRuntime, spec: PodSpec) -> None:
    async with pool_of(runtime, slots=1, spare=0) as pool:
        async with pool.lease(spec, 0) as pod:
            assert isinstance(pod, FakePod)
            pod.clean = False
        await pool.settled()
        assert pool.stats.idle == 1
        await use(pool, spec)
        assert pool.stats.warm_leases == 1


async def test_a_lease_left_by_an_exception_destroys_the_pod(runtime: FakeRuntime, spec: PodSpec) -> None:
    async with pool_of(runtime, slots=1) as pool:
        with pytest.raises(ZeroDivisionError):
            async with pool.lease(spec, 0) as pod:
                raise ZeroDivisionError
        await pool.settled()
        assert isinstance(pod, FakePod)
        assert pod.destroyed
        assert pod.resets == 0


async def test_a_pod_that_is_never_reused_has_its_replacement_warm(runtime: FakeRuntime) -> None:
    once = make_spec("spark", Reuse.NEVER)
    async with pool_of(runtime, slots=1, spare=1) as pool:
        await pool.prepare([once])
        await pool.settled()
        lent = []
        for _ in range(4):
            lent.append(await use(pool, once))
            await pool.settled()
        assert len(set(map(id, lent))) == 4
        assert all(pod.destroyed for pod in lent)
        assert pool.stats.warm_leases == 4


async def test_a_pod_that_died_while_idle_is_not_lent(runtime: FakeRuntime, spec: PodSpec) -> None:
    async with pool_of(runtime, slots=1, spare=0) as pool:
        await pool.prepare([spec])
        await pool.settled()
        runtime.pods[0].lives = False
        pod = await use(pool, spec)
        assert pod is not runtime.pods[0]
        assert runtime.pods[0].destroyed


async def test_a_worker_gets_the_pod_it_had(runtime: FakeRuntime, spec: PodSpec) -> None:
    async with pool_of(runtime, slots=2, spare=0) as pool:
        async with pool.lease(spec, 0) as zero, pool.lease(spec, 1) as one:
            pass
        await pool.settled()
        for _ in range(3):
            assert await use(pool, spec, rank=1) is one
            assert await use(pool, spec, rank=0) is zero
            await pool.settled()


async def test_no_two_workers_have_one_pod_and_the_room_is_kept(runtime: FakeRuntime, spec: PodSpec) -> None:
    async with pool_of(runtime, slots=3, spare=1) as pool:
        held: set[int] = set()

        async def worker(rank: int) -> None:
            for _ in range(20):
                async with pool.lease(spec, rank) as pod:
                    assert id(pod) not in held
                    held.add(id(pod))
                    await asyncio.sleep(0)
                    held.remove(id(pod))

        await asyncio.gather(*(worker(rank) for rank in range(3)))
        assert runtime.most_at_once <= 4
        assert pool.stats.leases == 60


async def test_ranks_of_living_pods_differ(runtime: FakeRuntime, spec: PodSpec) -> None:
    async with pool_of(runtime, slots=3, spare=2) as pool:
        await pool.prepare([spec])
        await pool.settled()
        assert sorted(runtime.places) == [0, 1, 2, 3, 4]


async def test_a_lease_makes_room_for_a_spec_that_was_not_prepared(
    runtime: FakeRuntime, spec: PodSpec
) -> None:
    other = make_spec("kafka")
    async with pool_of(runtime, slots=1, spare=0) as pool:
        await pool.prepare([spec])
        await pool.settled()
        assert (await use(pool, other)).spec == other
        assert pool.stats.evictions == 1
        assert runtime.most_at_once == 1


async def test_pods_that_nobody_wants_any_more_are_let_go(runtime: FakeRuntime, spec: PodSpec) -> None:
    other = make_spec("kafka")
    async with pool_of(runtime, slots=2, spare=0) as pool:
        await pool.prepare([spec])
        await pool.settled()
        await pool.prepare([other])
        await pool.settled()
        assert {pod.spec for pod in runtime.living} == {other}


async def test_pods_that_come_late_are_started_again_and_lent(runtime: FakeRuntime, spec: PodSpec) -> None:
    runtime.scripted = [EngineGone(), EngineGone(), EngineGone()]
    async with pool_of(runtime, slots=1, spare=0) as pool:
        assert (await use(pool, spec)).lives
        assert pool.stats.failed_starts == 3


async def test_who_waits_too_long_gets_the_last_fault_and_its_hint(
    runtime: FakeRuntime, spec: PodSpec
) -> None:
    runtime.broken = EngineGone("it is away")
    async with pool_of(runtime, slots=1, patience=Patience(0.05, 0.001, 0.004)) as pool:
        with pytest.raises(RuntimeFault, match="it is away") as caught:
            await use(pool, spec)
        assert "DOCKER_HOST" in caught.value.hint
        runtime.broken = None  # and a pool whose engine comes back works again
        assert (await use(pool, spec)).lives


async def test_a_bug_in_a_runtime_reaches_whoever_waits(runtime: FakeRuntime, spec: PodSpec) -> None:
    runtime.broken = KeyError("ApiVersion")
    async with pool_of(runtime, slots=1, patience=Patience(0.05, 0.001, 0.004)) as pool:
        with pytest.raises(RuntimeFault, match=r"bug.*ApiVersion"):
            await use(pool, spec)


async def test_a_pod_that_comes_as_its_waiter_leaves_is_kept(runtime: FakeRuntime, spec: PodSpec) -> None:
    async with pool_of(runtime, slots=1, spare=0) as pool:
        waiting = asyncio.create_task(use(pool, spec))
        runtime.when_started = waiting.cancel  # runs once the pod is handed over, but not yet taken
        await asyncio.gather(waiting, return_exceptions=True)
        await pool.settled()
        assert waiting.cancelled()
        assert len(runtime.living) == pool.stats.idle == 1


async def test_a_lease_waits_for_a_reset_rather_than_for_a_new_pod(
    runtime: FakeRuntime, spec: PodSpec
) -> None:
    async with pool_of(runtime, slots=1, spare=1) as pool:
        await pool.prepare([spec])
        await pool.settled()
        runtime.may_reset.clear()
        async with pool.lease(spec, 0), pool.lease(spec, 1):
            pass
        waiting = asyncio.create_task(use(pool, spec))
        await asyncio.sleep(0)
        runtime.may_reset.set()
        assert await waiting in runtime.pods
        assert pool.stats.starts == 2


async def test_close_ends_starting_and_leased_pods_and_whoever_waits(
    runtime: FakeRuntime, spec: PodSpec
) -> None:
    pool = Pool(runtime, 1, spare=0, patience=QUICK)
    async with pool.lease(spec, 0) as pod:
        waiting = asyncio.create_task(use(pool, spec, 1))
        await asyncio.sleep(0)
        await pool.close()
        with pytest.raises(RuntimeFault, match="closing"):
            await waiting
    assert isinstance(pod, FakePod)
    assert pod.destroyed
    with pytest.raises(RuntimeFault, match="closing"):
        await use(pool, spec)
    assert runtime.living == []
    assert pool.stats.idle == pool.stats.coming == pool.stats.leased == 0


async def test_close_does_not_wait_for_a_start_that_hangs(runtime: FakeRuntime, spec: PodSpec) -> None:
    runtime.may_start.clear()
    async with pool_of(runtime, slots=1) as pool:
        await pool.prepare([spec])
        await runtime.asked.wait()
    assert pool.stats.coming == 0


async def test_a_pod_that_cannot_be_destroyed_leaves_the_pool_all_the_same(
    runtime: FakeRuntime, spec: PodSpec
) -> None:
    async with pool_of(runtime, slots=1, spare=0) as pool:
        await use(pool, spec)
        await pool.settled()
        runtime.destroy_fault = EngineGone()
        runtime.pods[0].clean = False
        await use(pool, spec)
        await pool.settled()
        assert pool.stats.idle == 1
        assert await use(pool, spec) is runtime.pods[1]


async def test_cores_are_pinned_when_a_lease_asks_for_them(runtime: FakeRuntime, spec: PodSpec) -> None:
    async with pool_of(runtime, slots=1) as pool, pool.lease(spec, 0, cores=(1,)) as pod:
        assert isinstance(pod, FakePod)
        assert pod.cores == (1,)
