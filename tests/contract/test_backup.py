"""A backup of any store: a file that a coordinator can be started on, whole although commits went on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from store_samples import FULL_OF_EVERYTHING, a_pair, digest, ids, whole_pairs

from bighost.errors import OperatorError, StoreFault
from bighost.store.base import Changes, JobFilter, Store
from bighost.store.sqlite import SqliteStore


async def test_a_backup_is_a_store_that_a_coordinator_can_open(store: Store, tmp_path: Path) -> None:
    await store.commit(FULL_OF_EVERYTHING)
    await store.backup(str(tmp_path / "copy.db"))
    await store.commit(a_pair(1))  # after the backup: not in it
    copy = SqliteStore(tmp_path / "copy.db")
    await copy.open()
    try:
        assert ids(await copy.jobs(JobFilter())) == ["two", "one"]
        assert await copy.fact("secret") == b"\x00\xff"
        await copy.commit(a_pair(2))
    finally:
        await copy.close()


async def test_a_backup_amid_commits_holds_whole_commits(store: Store, tmp_path: Path) -> None:
    ballast = [(digest(bytes([n])), bytes([n]) * 65536) for n in range(64)]
    await store.commit(Changes(files=ballast))
    stop = asyncio.Event()

    async def write() -> int:
        number = 0
        while number < 500 and not stop.is_set():
            await store.commit(a_pair(number))
            number += 1
        return number

    writing = asyncio.create_task(write())
    while await store.fact("latest") is None:
        await asyncio.sleep(0)
    for number in range(3):
        await store.backup(str(tmp_path / f"{number}.db"))
    stop.set()
    written = await writing
    assert whole_pairs(await store.live_jobs()) == list(range(written))
    for number in range(3):
        copy = SqliteStore(tmp_path / f"{number}.db")
        await copy.open()
        pairs, latest = whole_pairs(await copy.live_jobs()), await copy.fact("latest")
        await copy.close()
        assert latest is not None
        assert pairs == list(range(int(latest) + 1))


async def test_a_backup_replaces_nothing(store: Store, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    with pytest.raises(OperatorError, match="there already"):
        await store.backup(str(tmp_path / "precious"))
    assert (tmp_path / "precious").read_text() == "mine"


async def test_a_backup_that_fails_leaves_nothing(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreFault, match="No such file or directory"):
        await store.backup(str(tmp_path / "no" / "folder" / "copy.db"))
    await store.backup(str(tmp_path / "copy.db"))
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["copy.db"]
