"""What the machine is, and what it does as time goes by: CPU, memory and swap."""

from __future__ import annotations

import asyncio
import platform

import psutil

from bighost.node.equipment import Equipment
from bighost.node.worker import Workers
from bighost.wire.messages import Load, System


def system() -> System:
    """The machine, as the original system recorded each evaluator's. Sizes are bytes."""
    return System(
        platform=platform.system(),
        release=platform.release(),
        version=platform.version(),
        architecture=platform.machine(),
        hostname=platform.node(),
        processor=platform.processor(),
        cores=psutil.cpu_count() or 1,
        ram=psutil.virtual_memory().total,
    )


class Telemetry:
    """Measures every `sys_timeout`; the last values are `load`, all of them go to the stream `sys`."""

    def __init__(self, equipment: Equipment, workers: Workers) -> None:
        self.load = Load()
        self._every_s = equipment.settings.sys_timeout_s
        self._log = equipment.logs.logger("sys")
        self._workers = workers
        self._pool = equipment.pool

    async def run(self) -> None:
        """Measure until cancelled."""
        psutil.cpu_percent()  # the first call begins the interval, and measures nothing
        while True:
            await asyncio.sleep(self._every_s)
            self.load = self._measure()
            self._log.info(
                "load", action="load", **{k: getattr(self.load, k) for k in Load.__struct_fields__}
            )

    def _measure(self) -> Load:
        pods = self._pool.stats
        return Load(
            cpu=psutil.cpu_percent() / 100,
            memory=psutil.virtual_memory().percent / 100,
            swap=psutil.swap_memory().percent / 100,
            busy=self._workers.busy,
            pods=pods.idle + pods.coming + pods.leased,
        )
