"""Processes that do the coordinator's heavy work (checking hand-ins, comparing outputs) off the event loop.

What comes from outside is parsed there, so the worst that a crafted file can do is to end one of them: the
pool is then made anew and the work is tried once more.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import ParamSpec, TypeVar

from bighost.errors import Ours

P = ParamSpec("P")
T = TypeVar("T")


class Workers:
    """`number` processes; a call that takes longer than `deadline_s` seconds is given up."""

    def __init__(self, number: int, deadline_s: float) -> None:
        self._number = number
        self._deadline_s = deadline_s
        self._pool = self._new()

    async def warm(self) -> None:
        """Start the processes now, before they are needed."""
        await asyncio.gather(*(self.run(_nothing) for _ in range(self._number)))

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`function(*args)` in a process. Raises what it raises, and Ours when it can't be done."""
        for _ in range(2):
            pool = self._pool
            try:
                future = pool.submit(function, *args, **kwargs)
                return await asyncio.wait_for(asyncio.wrap_future(future), self._deadline_s)
            except BrokenProcessPool:
                self._renew(pool)
            except TimeoutError:
                self._renew(pool)
                raise Ours(f"{function.__name__} took longer than {self._deadline_s:g} s") from None
        raise Ours(f"{function.__name__} ended its process, twice")

    def close(self) -> None:
        """End the processes."""
        _end(self._pool)

    def _new(self) -> ProcessPoolExecutor:
        # A forked process would share our sockets and threads; this one starts clean.
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._number, mp_context=context, initializer=_die_with_parent)

    def _renew(self, broken: ProcessPoolExecutor) -> None:
        if self._pool is broken:
            self._pool = self._new()
            _end(broken)


def _end(pool: ProcessPoolExecutor) -> None:
    processes = list((getattr(pool, "_processes", None) or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.kill()  # the pool itself can't end one that is busy


def _die_with_parent() -> None:
    """A coordinator that is killed can't tell its workers; they would wait for work for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _nothing() -> None:
    """Makes a process import what it needs."""
