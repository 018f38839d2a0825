"""What a node works with during one life: its pods, its folders, its way to the coordinator's HTTP side."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bighost.log import NodeLogs
from bighost.node.datasets import DatasetCache
from bighost.node.execution import pod_spec
from bighost.node.home import Home
from bighost.node.identity import Identity
from bighost.node.outbox import Outbox
from bighost.node.runtime.base import PodSpec, Runtime
from bighost.node.runtime.pool import Patience, Pool
from bighost.node.slots import Slots
from bighost.node.transfer import Transfer
from bighost.settings import NodeSettings, Offer
from bighost.wire.messages import PodNeed


@dataclass(frozen=True)
class RuntimeInUse:
    """The runtime, what it is called, and the image of each framework that can run here."""

    runtime: Runtime
    name: str
    images: Mapping[str, str]

    async def check(self) -> None:
        """Return when pods could be started. Raises RuntimeFault."""
        await self.runtime.check([image for image in self.images.values() if image])


@dataclass(frozen=True)
class Equipment:
    """Made by `equip`, open as long as its block lasts."""

    life: str  # random, new at each start
    settings: NodeSettings
    offer: Offer
    pods: RuntimeInUse
    slots: Slots
    logs: NodeLogs
    pool: Pool
    transfer: Transfer
    outbox: Outbox
    datasets: DatasetCache

    def spec_of(self, need: PodNeed) -> PodSpec:
        """The pod that an assignment's submissions run in on this node."""
        return pod_spec(need, self.pods.images.get(need.framework, ""), self.settings.reuse)

    async def prepare(self, needs: tuple[PodNeed, ...]) -> None:
        """Keep pods for these needs warm, as far as this node could run them."""
        await self.pool.prepare([self.spec_of(need) for need in needs if self._could_run(need)])

    def _could_run(self, need: PodNeed) -> bool:
        capacity, limits = self.offer.capacity, need.limits
        enough = limits.cpus <= capacity.cpus and limits.memory_bytes <= capacity.memory_bytes
        return enough and need.framework in capacity.frameworks


@asynccontextmanager
async def equip(
    settings: NodeSettings,
    who: Identity,
    home: Home,
    pods: RuntimeInUse,
    offer: Offer,
    cores: tuple[int, ...],
) -> AsyncIterator[Equipment]:
    """Everything for one life of a node that offers `offer` of the machine's `cores`; `home` is held.

    The last ones are given to jobs: what else runs on a machine is mostly found on the first.
    """
    life, slots = str(uuid.uuid4()), offer.capacity.slots
    patience = Patience(lease_s=settings.spawn_wait_s)
    with NodeLogs(home.logs(who.name, life), settings.log_bytes) as logs:
        async with (
            Transfer(who.url, who.token) as transfer,
            Pool(pods.runtime, slots, spare=settings.spare_pods, patience=patience) as pool,
        ):
            outbox = Outbox(home.outbox)
            await outbox.open()
            datasets = DatasetCache(home.datasets, settings.dataset_cache_bytes, transfer)
            await datasets.open()
            given = Slots(slots, cores[-offer.cores :], offer.memory_bytes, pinned=settings.pinned)
            yield Equipment(life, settings, offer, pods, given, logs, pool, transfer, outbox, datasets)
