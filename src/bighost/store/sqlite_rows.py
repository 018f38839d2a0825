"""What a commit writes into each table of the SQLite store, many rows a statement.

Python lets go of its interpreter lock for each statement that SQLite runs, and a thread that wants it back
beside a busy event loop waits for `sys.getswitchinterval()`, 5 ms, or longer. A row a statement would make
that half a second for a hundred rows; so a statement takes up to 256.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from bighost.job.job import Job
from bighost.job.latency import Stamp
from bighost.store.base import Changes
from bighost.store.records import encode

MOST_ROWS = 256  # a statement; 8 columns of them are well below SQLite's bound of 32766 parameters

Row = tuple[str | int | bytes, ...]


class Put(NamedTuple):
    """INSERT of rows into `table`, and what is done about one whose key is there already."""

    table: str
    columns: tuple[str, ...]
    conflict: str = ""

    def __call__(self, db: sqlite3.Connection, rows: Sequence[Row]) -> int:
        """Write `rows` in their order; returns how many of them were written."""
        written = 0
        for start in range(0, len(rows), MOST_ROWS):
            some = rows[start : start + MOST_ROWS]
            values = list(chain.from_iterable(some))
            written += db.execute(_statement(self, len(some)), values).rowcount
        return written


@lru_cache(128)  # as many as a connection keeps prepared
def _statement(put: Put, size: int) -> str:
    row = f"({', '.join('?' * len(put.columns))})"
    columns = ", ".join(put.columns)
    return f"INSERT INTO {put.table} ({columns}) VALUES {', '.join([row] * size)} {put.conflict}"


def _replacing(table: str, *columns: str, kept: tuple[str, ...] = ()) -> Put:
    """Rows whose first column is the key. One that is there is replaced, unless it differs in `kept`."""
    key = columns[0]
    changed = ", ".join(f"{c} = excluded.{c}" for c in columns[1:] if c not in kept)
    same = " AND ".join(f"{c} = excluded.{c}" for c in kept) or "TRUE"
    return Put(table, columns, f"ON CONFLICT ({key}) DO UPDATE SET {changed} WHERE {same}")


_JOB = ("id", "state", "live", "body", "assignment", "team", "number", "received")
_ADVANCE_JOBS = _replacing("jobs", *_JOB, kept=("assignment", "team", "number", "received"))
_REPLACE_JOBS = _replacing("jobs", *_JOB)
_FILES = Put("files", ("digest", "content"), "ON CONFLICT (digest) DO NOTHING")
_STORY = Put("story", ("job", "at", "text"))
_ASSIGNMENTS = _replacing("assignments", "id", "body")
_USERS = _replacing("users", "name", "body")
_TOKENS = _replacing("tokens", "digest", "created", "body")
_NODES = _replacing("nodes", "key", "name", "body")
_FACTS = _replacing("facts", "name", "value")


def _job_row(job: Job) -> Row:
    received = job.stamps.get(Stamp.RECEIVED, 0)
    live = not job.state.final
    return job.id, job.state.value, live, encode(job), job.assignment, job.team, job.number, received


def _put_jobs(db: sqlite3.Connection, rows: Sequence[Row]) -> None:
    # In its life a job changes nothing that is indexed but `live`, and leaving the other indexes alone makes
    # the update three times as fast. A row that does differ there is left out by the first statement.
    if _ADVANCE_JOBS(db, rows) < len(rows):
        _REPLACE_JOBS(db, rows)


def write(db: sqlite3.Connection, changes: Changes) -> None:
    """All of `changes`; to be called in a transaction."""
    _put_jobs(db, [_job_row(j) for j in changes.jobs])
    _FILES(db, changes.files)
    _STORY(db, [(line.job, line.at, line.text) for line in changes.story])
    _ASSIGNMENTS(db, [(a.id, encode(a)) for a in changes.assignments])
    _USERS(db, [(u.name, encode(u)) for u in changes.users])
    _TOKENS(db, [(t.digest, t.created, encode(t)) for t in changes.tokens])
    _NODES(db, [(n.key, n.name, encode(n)) for n in changes.nodes])
    _FACTS(db, changes.facts)
