"""Watches what libzmq does with a socket's connections, and tells it event by event.

libzmq *waits* while nobody takes an event from a monitor, in its I/O thread and when the monitor is ended. So
the watcher's queue has no bound, and it stays open until the monitor has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog
import zmq
import zmq.asyncio
from zmq.utils.monitor import parse_monitor_message

log = structlog.get_logger()


class Monitor:
    """Calls `on_event` with each event of `watched`, until `close`, which must come before the socket's."""

    def __init__(
        self, watched: zmq.asyncio.Socket, on_event: Callable[[int], None], events: int = zmq.EVENT_ALL
    ) -> None:
        self._watched = watched
        self._on_event = on_event
        address = f"inproc://monitor-{id(self)}"
        watched.monitor(address, events)
        self._events = watched.context.socket(zmq.PAIR)
        self._events.rcvhwm = 0
        self._events.connect(address)
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(_see)

    def close(self) -> None:
        """Watch no more."""
        self._task.cancel()
        self._watched.disable_monitor()
        self._events.close()

    async def _run(self) -> None:
        while True:
            self._on_event(int(parse_monitor_message(await self._events.recv_multipart())["event"]))


def _see(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        log.error("a monitor has failed", action="monitor_bug", exc_info=task.exception())
