"""What the SQLite store promises besides: killed processes, other versions, waiting for nobody."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from store_samples import a_pair, whole_pairs

from bighost.errors import OperatorError, StoreFault
from bighost.store import sqlite_schema
from bighost.store.base import SCHEMA_VERSION, Changes
from bighost.store.sqlite import SqliteStore

COMMITTING = Path(__file__).with_name("committing.py")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "store.db"


@contextlib.contextmanager
def committing(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that commits pairs; killed at the end."""
    with subprocess.Popen(
        [sys.executable, str(COMMITTING), str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str]) -> int:
    """The next number that the other process says."""
    assert process.stdout is not None
    return int(process.stdout.readline())


class TestKilledAndHeld:
    async def test_kill_9_amid_commits_leaves_every_acknowledged_one_and_no_halves(self, path: Path) -> None:
        acknowledged = -1
        for _ in range(4):
            with committing(path) as process:
                assert said(process) == acknowledged + 1
                for _ in range(20):
                    acknowledged = said(process)
                process.send_signal(signal.SIGKILL)
                assert process.stdout is not None
                for late in process.stdout.read().split():
                    acknowledged = int(late)
            store = SqliteStore(path)
            await store.open()
            pairs = whole_pairs(await store.live_jobs())
            await store.close()
            assert pairs in (list(range(acknowledged + 1)), list(range(acknowledged + 2)))
            acknowledged = len(pairs) - 1

    async def test_a_store_that_another_process_holds_is_refused_until_it_is_gone(self, path: Path) -> None:
        store = SqliteStore(path)
        with committing(path) as process:
            said(process)
            with pytest.raises(OperatorError, match=f"process {process.pid}") as refused:
                await store.open()
            assert f"kill {process.pid}" in refused.value.hint
        await store.open()
        assert whole_pairs(await store.live_jobs())
        await store.close()

    async def test_commits_are_on_the_disk_when_they_return(self, sqlite: SqliteStore) -> None:
        modes = ("PRAGMA journal_mode", "PRAGMA synchronous")
        found = await sqlite._writer.run(lambda db: [db.execute(m).fetchone()[0] for m in modes])
        assert found == ["wal", 2]  # 2 is FULL: the log is synced at each commit

    async def test_nobody_else_can_read_the_secrets(self, sqlite: SqliteStore, path: Path) -> None:
        await sqlite.commit(Changes(facts=[("secret", b"key")]))
        await sqlite.backup(str(path.with_name("copy.db")))
        assert {p.stat().st_mode & 0o077 for p in (path.parent, *path.parent.iterdir())} == {0}


class TestWaitingForNobody:
    async def test_a_long_read_holds_up_no_commit(self, sqlite: SqliteStore) -> None:
        await sqlite.commit(a_pair(0))
        reading, release = threading.Event(), threading.Event()

        def read_slowly(db: sqlite3.Connection) -> int:
            rows = db.execute("SELECT id FROM jobs")
            rows.fetchone()
            reading.set()
            assert release.wait(60)
            return 1 + len(rows.fetchall())

        slow = asyncio.create_task(sqlite._reader.run(read_slowly))
        await asyncio.to_thread(reading.wait)
        await sqlite.commit(a_pair(1))
        release.set()
        assert await slow == 2  # it sees what was there when it began
        assert whole_pairs(await sqlite.live_jobs()) == [0, 1]

    async def test_a_backup_holds_up_neither_reads_nor_commits(
        self, sqlite: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await sqlite.commit(a_pair(0))
        copying, release = threading.Event(), threading.Event()
        connect = sqlite3.connect

        def connect_slowly(*args: object, **kwargs: object) -> sqlite3.Connection:
            if isinstance(args[0], Path):  # the copy; the store itself is opened by a URI
                copying.set()
                assert release.wait(60)
            return connect(*args, **kwargs)

        monkeypatch.setattr(sqlite3, "connect", connect_slowly)
        backup = asyncio.create_task(sqlite.backup(str(tmp_path / "copy.db")))
        await asyncio.to_thread(copying.wait)
        await sqlite.commit(a_pair(1))
        assert whole_pairs(await sqlite.live_jobs()) == [0, 1]
        release.set()
        await backup
        with contextlib.closing(connect(tmp_path / "copy.db")) as copy:
            assert copy.execute("SELECT count(*) FROM jobs").fetchone() == (2,)  # as it was when it began

    async def test_what_was_asked_for_before_close_is_still_done(self, path: Path) -> None:
        store = SqliteStore(path)
        await store.open()
        commits = [asyncio.create_task(store.commit(a_pair(n))) for n in range(5)]
        await asyncio.sleep(0)
        await store.close()
        await asyncio.gather(*commits)
        await store.open()
        assert whole_pairs(await store.live_jobs()) == [0, 1, 2, 3, 4]
        await store.close()

    async def test_a_commit_whose_caller_went_away_is_whole(self, sqlite: SqliteStore) -> None:
        commit = asyncio.create_task(sqlite.commit(a_pair(0)))
        await asyncio.sleep(0)
        commit.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await commit
        await sqlite.commit(a_pair(1))
        assert whole_pairs(await sqlite.live_jobs()) in ([0, 1], [1])


class TestFilesOfOthers:
    async def test_a_file_of_a_later_version_is_refused_and_left_alone(self, path: Path) -> None:
        await make_store(path)
        alter(path, f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
        before = path.read_bytes()
        with pytest.raises(OperatorError, match="later BigHOST") as refused:
            await SqliteStore(path).open()
        assert "backup" in refused.value.hint
        assert path.read_bytes() == before

    async def test_a_store_that_was_refused_is_let_go_of(self, path: Path) -> None:
        await make_store(path)
        alter(path, f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
        store = SqliteStore(path)
        with pytest.raises(OperatorError):
            await store.open()
        alter(path, f"PRAGMA user_version = {SCHEMA_VERSION}")
        await store.open()
        assert whole_pairs(await store.live_jobs()) == [0]
        await store.close()

    async def test_an_older_file_is_brought_forward_step_by_step(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await make_store(path)
        later = {
            SCHEMA_VERSION + 1: ("ALTER TABLE jobs ADD COLUMN course TEXT NOT NULL DEFAULT 'big data'",),
            SCHEMA_VERSION + 2: ("CREATE INDEX by_course ON jobs (course)", "DELETE FROM facts"),
        }
        monkeypatch.setattr(sqlite_schema, "STEPS", {**sqlite_schema.STEPS, **later})
        monkeypatch.setattr(sqlite_schema, "SCHEMA_VERSION", SCHEMA_VERSION + 2)
        store = SqliteStore(path)
        await store.open()
        assert whole_pairs(await store.live_jobs()) == [0]
        assert await store.fact("latest") is None
        await store.close()
        assert version(path) == SCHEMA_VERSION + 2

    async def test_a_step_that_fails_changes_nothing(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await make_store(path)
        broken = ("DELETE FROM jobs", "SELECT * FROM nowhere")
        with monkeypatch.context() as patch:
            patch.setitem(sqlite_schema.STEPS, SCHEMA_VERSION + 1, broken)
            patch.setattr(sqlite_schema, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
            with pytest.raises(StoreFault, match="no such table: nowhere"):
                await SqliteStore(path).open()
        assert version(path) == SCHEMA_VERSION
        store = SqliteStore(path)
        await store.open()
        assert whole_pairs(await store.live_jobs()) == [0]
        await store.close()

    def test_each_version_has_its_step(self) -> None:
        assert list(sqlite_schema.STEPS) == list(range(1, SCHEMA_VERSION + 1))

    async def test_a_database_of_somebody_else_is_refused(self, path: Path) -> None:
        path.parent.mkdir()
        alter(path, "CREATE TABLE recipes (name TEXT)")
        with pytest.raises(OperatorError, match="no store of BigHOST's"):
            await SqliteStore(path).open()

    async def test_a_file_that_is_no_database_is_refused(self, path: Path) -> None:
        path.parent.mkdir()
        path.write_bytes(b"certainly not a database " * 100)
        with pytest.raises(StoreFault, match="no SQLite file"):
            await SqliteStore(path).open()

    async def test_damage_is_told(self, path: Path) -> None:
        await make_store(path)
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * (path.stat().st_size - 4096))
        store = SqliteStore(path)
        await store.open()
        with pytest.raises(StoreFault, match="is damaged") as told:
            await store.live_jobs()
        assert "backup" in told.value.hint
        await store.close()

    async def test_a_record_that_cannot_be_read_is_told(self, sqlite: SqliteStore, path: Path) -> None:
        await sqlite.commit(a_pair(0))
        alter(path, "UPDATE jobs SET body = x'00'")
        with pytest.raises(StoreFault, match="job in the store can't be read"):
            await sqlite.live_jobs()

    async def test_a_program_that_locks_the_file_is_told(self, sqlite: SqliteStore, path: Path) -> None:
        await sqlite._writer.run(lambda db: db.execute("PRAGMA busy_timeout = 1").fetchall())
        with contextlib.closing(sqlite3.connect(path)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreFault, match="locked by another program"):
                await sqlite.commit(a_pair(0))
            other.rollback()
        await sqlite.commit(a_pair(0))

    async def test_a_folder_that_cannot_be_made_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(StoreFault, match="Not a directory"):
            await SqliteStore(tmp_path / "file" / "data" / "store.db").open()


async def make_store(path: Path) -> None:
    store = SqliteStore(path)
    await store.open()
    await store.commit(a_pair(0))
    await store.close()


def alter(path: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute(statement)


def version(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(path)) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])
