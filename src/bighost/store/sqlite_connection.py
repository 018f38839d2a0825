"""A connection to an SQLite file and the one thread that uses it: the event loop never waits for a disk.

Work is done in the order in which it was asked for, one piece at a time.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from bighost.errors import StoreFault
from bighost.store import faults

T = TypeVar("T")

PRAGMAS = (
    "journal_mode = WAL",  # readers and the writer don't wait for each other
    "synchronous = FULL",  # a commit is on the disk when it returns
    "journal_size_limit = 67108864",  # bytes: a log that grew under a long read shrinks again
    "cache_size = -32768",  # KiB, negative by SQLite's convention: the indexes of 100,000s of jobs
    "temp_store = MEMORY",
)


class Connection:
    """Open from `open` to `close`. Every failure of SQLite in its thread is raised as a StoreFault."""

    def __init__(self, path: Path, role: str) -> None:
        """`role` is for people who look at a list of threads."""
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"store-{role}")
        self._db: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Connect to the file, which has to be there. Raises StoreFault."""
        await self._in_thread(self._connect)

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns for the connection. Raises StoreFault, and what `work` itself raises."""

        def with_connection() -> T:
            if self._db is None:
                raise StoreFault(f"The store {self._path} is closed.")
            return work(self._db)

        return await self._in_thread(with_connection)

    async def close(self) -> None:
        """Disconnect, after the work that was asked for before. To be called once."""
        try:
            await self._in_thread(self._disconnect)
        finally:
            self._thread.shutdown(wait=False)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        def guarded() -> T:
            try:
                return work()
            except sqlite3.Error as fault:
                raise faults.of_sqlite(fault, self._path) from fault

        return await asyncio.get_running_loop().run_in_executor(self._thread, guarded)

    def _connect(self) -> None:
        uri = f"{self._path.absolute().as_uri()}?mode=rw"
        self._db = sqlite3.connect(uri, uri=True, isolation_level=None)
        for pragma in PRAGMAS:
            self._db.execute(f"PRAGMA {pragma}")

    def _disconnect(self) -> None:
        if self._db is not None:
            db, self._db = self._db, None
            db.close()
