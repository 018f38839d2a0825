"""The tables of the SQLite store, and the numbered steps that bring the file of an older version to them.

A record is one msgpack blob (`body`) beside the columns that are searched or sorted by. `place` keeps the
order of adding. `PRAGMA user_version` says which step a file has reached; each step is one transaction, so
a coordinator that is killed between two of them goes on from there.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bighost.errors import OperatorError
from bighost.store.base import SCHEMA_VERSION

STEPS: dict[int, tuple[str, ...]] = {
    1: (
        """CREATE TABLE jobs (
            place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, assignment TEXT NOT NULL, team TEXT NOT NULL,
            number INTEGER NOT NULL, received INTEGER NOT NULL, state TEXT NOT NULL, live INTEGER NOT NULL,
            body BLOB NOT NULL)""",
        "CREATE INDEX live_jobs ON jobs (received, id) WHERE live = 1",
        "CREATE INDEX jobs_by_receipt ON jobs (received, id)",
        "CREATE INDEX jobs_of_assignment ON jobs (assignment, received, id)",
        "CREATE INDEX jobs_of_team ON jobs (team, received, id)",
        "CREATE INDEX hand_ins ON jobs (assignment, team, number, id)",
        "CREATE TABLE files (place INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, content BLOB NOT NULL)",
        """CREATE TABLE story (
            place INTEGER PRIMARY KEY, job TEXT NOT NULL, at INTEGER NOT NULL, text TEXT NOT NULL)""",
        "CREATE INDEX story_of_job ON story (job)",
        "CREATE TABLE assignments (place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, body BLOB NOT NULL)",
        "CREATE TABLE users (name TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID",
        """CREATE TABLE tokens (
            digest TEXT PRIMARY KEY, created INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID""",
        "CREATE TABLE nodes (key TEXT PRIMARY KEY, name TEXT NOT NULL, body BLOB NOT NULL) WITHOUT ROWID",
        "CREATE TABLE facts (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    ),
}


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All that is written inside is written, or nothing is."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:  # cancelled as well: everything or nothing
        if db.in_transaction:  # on a full disk SQLite may have rolled back by itself
            db.execute("ROLLBACK")
        raise


def migrate(db: sqlite3.Connection, path: Path) -> None:
    """Bring the file to SCHEMA_VERSION. Raises OperatorError for a later one, or a file that isn't ours."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if version > SCHEMA_VERSION:
        raise OperatorError(
            f"{path} was written by a later BigHOST: its schema is {version}, ours is {SCHEMA_VERSION}.",
            hint="Install that version of BigHOST again, or put back a backup from before it was installed.",
        )
    if version == 0 and tables:
        raise OperatorError(
            f"{path} is an SQLite file, but no store of BigHOST's.",
            hint="Give the coordinator a data folder of its own.",
        )
    for number in range(version + 1, SCHEMA_VERSION + 1):
        _take_step(db, number)


def _take_step(db: sqlite3.Connection, number: int) -> None:
    with transaction(db):
        for statement in STEPS[number]:
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {number:d}")
