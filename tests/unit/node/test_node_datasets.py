"""The dataset cache: fetched once, verified always, bounded, and never taken away from who needs it."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import structlog.testing

from bighost.job.job import FaultKind
from bighost.node.datasets import DatasetCache
from bighost.node.execution import RunFailed
from bighost.node.transfer import Gone, Unavailable


def digest_of(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=32).hexdigest()


class Source:
    """What the coordinator has; `failures` come first."""

    def __init__(self, *contents: bytes) -> None:
        self.contents = {digest_of(content): content for content in contents}
        self.failures: list[Exception] = []
        self.asked: Counter[str] = Counter()
        self.may_send = asyncio.Event()
        self.may_send.set()

    @asynccontextmanager
    async def dataset(self, digest: str) -> AsyncIterator[AsyncIterator[bytes]]:
        self.asked[digest] += 1
        if self.failures:
            raise self.failures.pop(0)
        if digest not in self.contents:
            raise Gone("there is no such dataset")
        yield self._pieces(self.contents[digest])

    async def _pieces(self, content: bytes) -> AsyncIterator[bytes]:
        await self.may_send.wait()
        for start in range(0, len(content), 3):
            yield content[start : start + 3]


async def cache_of(source: Source, folder: Path, bound: int = 1000, **values: float) -> DatasetCache:
    cache = DatasetCache(folder, bound, source, backoff_s=0.001, **values)  # type: ignore[arg-type]
    await cache.open()
    return cache


async def test_two_who_want_the_same_wait_for_one_download(tmp_path):
    source = Source(b"the cat")
    source.may_send.clear()
    cache, digest = await cache_of(source, tmp_path), digest_of(b"the cat")

    async def use() -> bytes:
        async with cache.pinned([digest, digest]) as files:
            return files[digest].read_bytes()

    both = asyncio.gather(use(), use())
    source.may_send.set()
    assert await both == [b"the cat", b"the cat"]
    assert source.asked[digest] == 1
    assert (tmp_path / digest).stat().st_mode & 0o777 == 0o644


async def test_a_later_life_uses_what_is_there(tmp_path):
    source, digest = Source(b"the cat"), digest_of(b"the cat")
    async with (await cache_of(source, tmp_path)).pinned([digest]):
        pass
    async with (await cache_of(source, tmp_path)).pinned([digest]):
        pass
    assert source.asked[digest] == 1


async def test_damage_between_two_lives_is_found(tmp_path):
    source, digest = Source(b"the cat"), digest_of(b"the cat")
    async with (await cache_of(source, tmp_path)).pinned([digest]):
        pass
    (tmp_path / digest).write_bytes(b"the dog")
    (tmp_path / "notes.txt").write_text("somebody's")
    async with (await cache_of(source, tmp_path)).pinned([digest]) as files:
        assert files[digest].read_bytes() == b"the cat"
    assert source.asked[digest] == 2
    assert [path.name for path in tmp_path.iterdir()] == [digest]


@pytest.mark.parametrize("remove", [True, False])
async def test_damage_while_it_runs_is_found_at_the_next_use(tmp_path, remove):
    source, digest = Source(b"the cat"), digest_of(b"the cat")
    cache = await cache_of(source, tmp_path)
    async with cache.pinned([digest]):
        pass
    (tmp_path / digest).unlink() if remove else (tmp_path / digest).write_bytes(b"the dog")
    with structlog.testing.capture_logs() as logs:
        async with cache.pinned([digest]) as files:
            assert files[digest].read_bytes() == b"the cat"
    assert logs[0]["action"] == "dataset_damaged"


async def test_a_file_that_was_only_touched_is_not_fetched_again(tmp_path):
    source, digest = Source(b"the cat"), digest_of(b"the cat")
    cache = await cache_of(source, tmp_path)
    async with cache.pinned([digest]):
        pass
    os.utime(tmp_path / digest, ns=(1, 1))
    async with cache.pinned([digest]):
        pass
    assert source.asked[digest] == 1


async def test_the_least_recently_used_goes_first(tmp_path):
    contents = [bytes([65 + n]) * 40 for n in range(4)]
    digests = [digest_of(content) for content in contents]
    cache = await cache_of(Source(*contents), tmp_path, bound=130)
    for number in (0, 1, 2, 0, 3):
        async with cache.pinned([digests[number]]):
            pass
    assert {path.name for path in tmp_path.iterdir()} == {digests[n] for n in (0, 2, 3)}
    assert cache.size == 120


async def test_what_a_running_job_needs_stays_whatever_the_bound(tmp_path):
    contents = [bytes([65 + n]) * 40 for n in range(3)]
    digests = [digest_of(content) for content in contents]
    cache = await cache_of(Source(*contents), tmp_path, bound=50)
    async with cache.pinned(digests) as files:
        assert all(path.exists() for path in files.values())
    assert cache.size <= 50


async def test_other_bytes_than_promised_are_a_fault_and_not_kept(tmp_path):
    source, digest = Source(), digest_of(b"the cat")
    source.contents[digest] = b"the dog"
    with pytest.raises(RunFailed, match="other bytes") as raised:
        async with (await cache_of(source, tmp_path)).pinned([digest]):
            pass
    assert raised.value.kind is FaultKind.DATASET
    assert list(tmp_path.iterdir()) == []


async def test_an_unavailable_coordinator_is_asked_again(tmp_path):
    source, digest = Source(b"the cat"), digest_of(b"the cat")
    source.failures = [Unavailable("restarting"), Unavailable("restarting")]
    async with (await cache_of(source, tmp_path)).pinned([digest]) as files:
        assert files[digest].read_bytes() == b"the cat"


async def test_an_unavailable_coordinator_is_not_waited_for_for_ever(tmp_path):
    source, digest = Source(b"the cat"), digest_of(b"the cat")
    source.failures = [Unavailable("away")] * 10_000
    with pytest.raises(RunFailed, match="did not come within") as raised:
        async with (await cache_of(source, tmp_path, fetch_s=0.05)).pinned([digest]):
            pass
    assert raised.value.kind is FaultKind.DATASET


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "0" * 63])
async def test_what_is_no_digest_never_becomes_a_path(tmp_path, name):
    source = Source()
    with pytest.raises(RunFailed, match="is no digest"):
        async with (await cache_of(source, tmp_path)).pinned([name]):
            pass
    assert not source.asked


async def test_a_dataset_larger_than_the_cache_is_a_fault(tmp_path):
    content = b"x" * 100
    with pytest.raises(RunFailed, match="larger than the whole cache"):
        async with (await cache_of(Source(content), tmp_path, bound=99)).pinned([digest_of(content)]):
            pass
    assert list(tmp_path.iterdir()) == []


async def test_a_full_disk_is_a_fault_of_the_node(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("bighost.node.datasets._take", full)
    with pytest.raises(RunFailed) as raised:
        async with (await cache_of(Source(b"the cat"), tmp_path)).pinned([digest_of(b"the cat")]):
            pass
    assert raised.value.kind is FaultKind.NODE_DISK
    assert list(tmp_path.iterdir()) == []
