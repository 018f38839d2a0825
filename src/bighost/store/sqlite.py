"""The embedded store: one SQLite file with a write-ahead log, for a coordinator that needs no other server.

One thread writes and another reads, so neither the event loop nor a commit waits for a long listing. The
tables are in `sqlite_schema`, what a commit writes in `sqlite_rows`.
"""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any, TypeVar

from bighost.errors import OperatorError, StoreFault
from bighost.job.assignment import Assignment
from bighost.job.job import Job
from bighost.store import durable, faults, records, sqlite_rows, sqlite_schema
from bighost.store.base import Changes, JobFilter, NodeRecord, StoryLine, Token, User
from bighost.store.lock import Lock
from bighost.store.sqlite_connection import Connection

T = TypeVar("T")


class SqliteStore:
    """A `Store` in the file `path`, held by the lock file `path`.lock beside it."""

    def __init__(self, path: Path) -> None:
        """Touches nothing yet."""
        self._path = path
        self._writer: Connection | None = None
        self._reader: Connection | None = None
        self._undo = AsyncExitStack()

    async def open(self) -> None:
        """See `Store`. Makes the file, and its folder, where they aren't there yet."""
        async with AsyncExitStack() as undo:
            with faults.told(self._path):
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                undo.callback(Lock(self._path.with_name(self._path.name + ".lock")).release)
                self._path.touch(mode=0o600)  # for nobody else: it holds the coordinator's secrets
            writer, reader = Connection(self._path, "writer"), Connection(self._path, "reader")
            undo.push_async_callback(writer.close)
            await writer.open()
            await writer.run(lambda db: sqlite_schema.migrate(db, self._path))
            undo.push_async_callback(reader.close)
            await reader.open()
            self._writer, self._reader, self._undo = writer, reader, undo.pop_all()

    async def close(self) -> None:
        """See `Store`. What was asked for before is done first."""
        undo, self._undo = self._undo, AsyncExitStack()
        self._writer = self._reader = None
        await undo.aclose()

    async def commit(self, changes: Changes) -> None:
        """See `Store`. After a StoreFault nothing of it is kept, and the next commit is tried afresh."""

        def write(db: sqlite3.Connection) -> None:
            try:
                with sqlite_schema.transaction(db):
                    sqlite_rows.write(db, changes)
            except (OverflowError, UnicodeEncodeError) as why:  # a column can't hold the value
                raise StoreFault(f"This change can't be kept: {why}.") from why

        await self._open(self._writer).run(write)

    async def live_jobs(self) -> list[Job]:
        """See `Store`."""
        return await self._read(
            records.read_job, "SELECT body FROM jobs WHERE live = 1 ORDER BY received, id"
        )

    async def job(self, id: str) -> Job | None:
        """See `Store`."""
        found = await self._read(records.read_job, "SELECT body FROM jobs WHERE id = ?", id)
        return found[0] if found else None

    async def jobs(self, where: JobFilter) -> list[Job]:
        """See `Store`."""
        condition, values = _condition(where)
        sql = f"SELECT body FROM jobs WHERE {condition} ORDER BY received DESC, id DESC LIMIT ?"
        return await self._read(records.read_job, sql, *values, max(0, where.limit))

    async def hand_ins(self, assignment: str, team: str) -> list[Job]:
        """See `Store`."""
        sql = "SELECT body FROM jobs WHERE assignment = ? AND team = ? ORDER BY number, id"
        return await self._read(records.read_job, sql, assignment, team)

    async def story(self, job: str) -> list[StoryLine]:
        """See `Store`."""
        sql = "SELECT at, text FROM story WHERE job = ? ORDER BY place"
        return [StoryLine(job, at, text) for at, text in await self._rows(sql, job)]

    async def files(self, digests: Sequence[str]) -> dict[str, bytes]:
        """See `Store`."""
        sql = "SELECT digest, content FROM files WHERE digest IN (SELECT value FROM json_each(?))"
        return dict(await self._rows(sql, json.dumps(list(digests))))

    async def assignments(self) -> list[Assignment]:
        """See `Store`."""
        return await self._read(records.read_assignment, "SELECT body FROM assignments ORDER BY place")

    async def users(self) -> list[User]:
        """See `Store`."""
        return await self._read(records.read_user, "SELECT body FROM users ORDER BY name")

    async def tokens(self) -> list[Token]:
        """See `Store`."""
        return await self._read(records.read_token, "SELECT body FROM tokens ORDER BY created, digest")

    async def nodes(self) -> list[NodeRecord]:
        """See `Store`."""
        return await self._read(records.read_node, "SELECT body FROM nodes ORDER BY name, key")

    async def fact(self, name: str) -> bytes | None:
        """See `Store`."""
        found = await self._rows("SELECT value FROM facts WHERE name = ?", name)
        return found[0][0] if found else None

    async def backup(self, target: str) -> None:
        """See `Store`. Raises OperatorError when `target` is there already."""
        self._open(self._reader)
        source = Connection(self._path, "backup")  # of its own, so that neither reads nor commits wait
        async with AsyncExitStack() as undo:
            undo.push_async_callback(source.close)
            await source.open()
            await source.run(lambda db: _copy(db, Path(target)))

    async def _read(self, read: Callable[[bytes], T], sql: str, *values: str | int) -> list[T]:
        """The record in the first column of each row."""
        return await self._open(self._reader).run(
            lambda db: [read(body) for (body,) in db.execute(sql, values).fetchall()]
        )

    async def _rows(self, sql: str, *values: str | int) -> list[Any]:
        return await self._open(self._reader).run(lambda db: db.execute(sql, values).fetchall())

    def _open(self, connection: Connection | None) -> Connection:
        if connection is None:
            raise StoreFault(f"The store {self._path} is not open.")
        return connection


def _condition(where: JobFilter) -> tuple[str, list[str | int]]:
    """The WHERE of a listing and its parameters."""
    parts: list[str] = ["TRUE"]
    values: list[str | int] = []
    if where.assignment is not None:
        parts.append("assignment = ?")
        values.append(where.assignment)
    if where.team is not None:
        parts.append("team = ?")
        values.append(where.team)
    if where.states is not None:
        parts.append(f"state IN ({', '.join('?' * len(where.states))})")
        values.extend(state.value for state in where.states)
    if where.before is not None:
        parts.append("(received, id) < (?, ?)")
        values.extend(where.before)
    return " AND ".join(parts), values


def _copy(db: sqlite3.Connection, target: Path) -> None:
    """Copy what `db` sees now into a new file `target`, which appears only when it is whole."""
    if target.exists():
        raise OperatorError(f"{target} is there already.", hint="Name a new file for the backup.")
    with faults.told(target):
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        os.close(handle)
        try:
            _copy_pages(db, Path(name))
            durable.publish(Path(name), target)
        finally:
            Path(name).unlink(missing_ok=True)


def _copy_pages(db: sqlite3.Connection, target: Path) -> None:
    # Without a transaction around it, SQLite starts the copy again whenever something is committed.
    db.execute("BEGIN")
    db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    try:
        with closing(sqlite3.connect(target)) as copy:
            db.backup(copy, pages=4096)
    except sqlite3.Error as fault:
        raise faults.of_sqlite(fault, target) from fault
    finally:
        db.execute("ROLLBACK")
