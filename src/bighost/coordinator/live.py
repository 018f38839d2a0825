"""Live events: who wants to know hears of every change of a job, and nobody polls.

A listener that reads slowly misses steps in between, never the last one: for each job only its newest
state is kept for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bighost.job.job import Job


class Listener:
    """Somebody who follows the jobs that `wants` picks."""

    def __init__(self, wants: Callable[[Job], bool]) -> None:
        self._wants = wants
        self._news: dict[str, Job] = {}
        self._bell = asyncio.Event()

    def hear(self, job: Job) -> None:
        """A job has changed."""
        if self._wants(job):
            self._news[job.id] = job
            self._bell.set()

    async def next(self) -> list[Job]:
        """The jobs that changed since the last call, waiting for the first."""
        await self._bell.wait()
        self._bell.clear()
        news = list(self._news.values())
        self._news.clear()
        return news


class Live:
    """All listeners."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()

    def publish(self, job: Job) -> None:
        """Tell everybody who wants to know."""
        for listener in self._listeners:
            listener.hear(job)

    def listen(self, wants: Callable[[Job], bool]) -> Listener:
        """Follow the jobs that `wants` picks, until `leave`."""
        listener = Listener(wants)
        self._listeners.add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """Hear no more."""
        self._listeners.discard(listener)
