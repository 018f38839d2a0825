"""A full disk under the store or the files: said plainly, nothing half written, and it passes."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from store_samples import a_job, a_pair, digest, whole_pairs

from bighost.errors import StoreFault
from bighost.store.base import Changes, JobFilter
from bighost.store.blobs import BlobStore
from bighost.store.sqlite import SqliteStore

DISK = 4 * 1024**2
BIG = Changes(jobs=[a_job("big")], files=[(digest(b"big"), bytes(2 * DISK))])


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, of DISK bytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("this user may not mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Use up every byte; returns the file that does."""
    ballast = disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    assert os.statvfs(disk).f_bavail == 0
    return ballast


async def set_most_pages(store: SqliteStore, pages: int) -> None:
    await store._writer.run(lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchall())


async def test_sqlite_has_no_page_left(sqlite: SqliteStore) -> None:
    await sqlite.commit(a_pair(0))
    await set_most_pages(sqlite, 1)  # SQLite takes it as: no more than there are
    with pytest.raises(StoreFault, match=r"disk under .*data is full") as full:
        await sqlite.commit(BIG)
    assert "Make room" in full.value.hint
    assert whole_pairs(await sqlite.jobs(JobFilter())) == [0]
    await set_most_pages(sqlite, 1_000_000)
    await sqlite.commit(BIG)
    assert await sqlite.job("big") == a_job("big")


async def test_the_store_s_disk_is_full(small_disk: Path) -> None:
    store = SqliteStore(small_disk / "store.db")
    await store.open()
    await store.commit(a_pair(0))
    ballast = fill(small_disk)
    for _ in range(2):
        with pytest.raises(StoreFault, match=f"disk under {small_disk} is full"):
            await store.commit(BIG)
    with pytest.raises(StoreFault, match="is full"):
        await store.backup(str(small_disk / "copy.db"))
    assert whole_pairs(await store.live_jobs()) == [0]
    ballast.unlink()
    await store.commit(a_pair(1))
    await store.close()
    await store.open()
    assert whole_pairs(await store.live_jobs()) == [0, 1]
    await store.close()
    assert sorted(p.name for p in small_disk.iterdir()) == ["store.db", "store.db.lock"]


async def test_a_store_cannot_be_made_on_a_full_disk(small_disk: Path) -> None:
    ballast = fill(small_disk)
    store = SqliteStore(small_disk / "store.db")
    with pytest.raises(StoreFault, match="is full"):
        await store.open()
    ballast.unlink()
    await store.open()
    await store.commit(a_pair(0))
    await store.close()


async def test_a_store_cannot_be_opened_on_a_full_disk(small_disk: Path) -> None:
    store = SqliteStore(small_disk / "store.db")
    await store.open()
    await store.commit(a_pair(0))
    await store.close()
    ballast = fill(small_disk)
    with pytest.raises(StoreFault, match="is full"):
        await store.open()
    ballast.unlink()
    await store.open()
    assert whole_pairs(await store.live_jobs()) == [0]
    await store.close()


async def test_a_file_does_not_fit(small_disk: Path) -> None:
    blobs = BlobStore(small_disk)
    await blobs.prepare()

    async def too_much() -> AsyncIterator[bytes]:
        for _ in range(2 * DISK // 65536):
            yield bytes(65536)

    with pytest.raises(StoreFault, match=f"disk under {small_disk}.* is full"):
        await blobs.put_stream(too_much(), None, 10 * DISK)
    with pytest.raises(StoreFault, match="is full"):
        await blobs.put(bytes(DISK + 1))
    assert [p for p in small_disk.rglob("*") if p.is_file()] == []
    kept = await blobs.put(bytes(DISK // 2))
    assert await blobs.verify(kept)
