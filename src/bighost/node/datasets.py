"""Datasets on the node: fetched by digest, once, into a bounded cache that pods see read-only.

A file gets its name, which is its digest, only when every byte of it was digested; until then it is a
`.part`. At each use, size and time of the last change are held against what they were when it was digested;
where they differ the file is digested again, and fetched again when it is damaged. The least recently used
files go first; those that running jobs need are pinned, and may hold the cache above its bound for that long.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

import structlog

from bighost.job import ids
from bighost.job.job import FaultKind
from bighost.node.backoff import Backoff
from bighost.node.execution import RunFailed, of_os
from bighost.node.transfer import Gone, Transfer, Unavailable

FETCH_S = 300.0  # for a coordinator that does not answer, before the job is given back
BLOCK = 1024 * 1024

log = structlog.get_logger()


class _Look(NamedTuple):
    """What a file looks like from outside."""

    size: int
    changed: int  # ns


@dataclass(slots=True)
class _Entry:
    look: _Look
    used: int  # a counter: higher is later


class DatasetCache:
    """The folder of datasets of one node. `open` before use."""

    def __init__(
        self,
        folder: Path,
        bound: int,
        transfer: Transfer,
        *,
        fetch_s: float = FETCH_S,
        backoff_s: float = 0.5,
    ) -> None:
        self._folder = folder
        self._bound = bound
        self._transfer = transfer
        self._fetch_s = fetch_s
        self._backoff_s = backoff_s
        self._entries: dict[str, _Entry] = {}
        self._pins: Counter[str] = Counter()
        self._locks: dict[str, asyncio.Lock] = {}
        self._clock = itertools.count()

    async def open(self) -> None:
        """Take over what a former life left: whole files, the least recently used first; the rest goes."""
        await asyncio.to_thread(self._take_over)
        await self._evict()

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(entry.look.size for entry in self._entries.values())

    @asynccontextmanager
    async def pinned(self, digests: Iterable[str]) -> AsyncIterator[dict[str, Path]]:
        """These files, here and whole until the end of the block.

        Raises RunFailed: DATASET where one can't be had, NODE_DISK where it does not fit on the disk.
        """
        wanted = tuple(dict.fromkeys(digests))
        self._pins.update(wanted)
        try:
            yield {digest: await self._have(digest) for digest in wanted}
        finally:
            self._pins.subtract(wanted)
            self._pins += Counter()  # drops those that nobody needs
            await self._evict()

    async def _have(self, digest: str) -> Path:
        """The file of this digest; two who want the same one wait for one download."""
        if not ids.is_digest(digest):
            raise RunFailed(FaultKind.DATASET, f"{digest!r} is no digest")
        async with self._locks.setdefault(digest, asyncio.Lock()):
            path = self._folder / digest
            try:
                if not await asyncio.to_thread(self._is_whole, digest):
                    await self._fetch_in_time(digest, path)
            except OSError as error:
                raise of_os(error, f"dataset {digest[:12]}") from error
            self._entries[digest].used = next(self._clock)
            return path

    async def _fetch_in_time(self, digest: str, path: Path) -> None:
        backoff = Backoff(self._backoff_s, 30.0)
        try:
            async with asyncio.timeout(self._fetch_s):
                while True:
                    try:
                        return await self._fetch(digest, path)
                    except Unavailable as error:
                        log.warning("dataset did not come", action="dataset_retry", why=error.message)
                        await asyncio.sleep(backoff.next())
        except TimeoutError:
            raise RunFailed(
                FaultKind.DATASET, f"dataset {digest[:12]} did not come within {self._fetch_s:g} s"
            ) from None
        except Gone as error:
            raise RunFailed(FaultKind.DATASET, error.message) from error

    async def _fetch(self, digest: str, path: Path) -> None:
        part = path.with_suffix(".part")
        found, size = hashlib.blake2b(digest_size=32), 0
        try:
            with part.open("wb") as file:
                async with self._transfer.dataset(digest) as pieces:
                    async for piece in pieces:
                        size += len(piece)
                        self._refuse_too_large(digest, size)
                        await asyncio.to_thread(_take, file, found, piece)
            if found.hexdigest() != digest:
                raise RunFailed(FaultKind.DATASET, f"dataset {digest[:12]} came with other bytes")
            part.chmod(0o644)  # pods may come in as another user
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        self._entries[digest] = _Entry(_look(path), next(self._clock))
        await self._evict()

    def _refuse_too_large(self, digest: str, size: int) -> None:
        if size > self._bound:
            raise RunFailed(
                FaultKind.DATASET,
                f"dataset {digest[:12]} is larger than the whole cache (dataset_cache: {self._bound} bytes)",
            )

    def _is_whole(self, digest: str) -> bool:
        path, entry = self._folder / digest, self._entries.get(digest)
        if entry is None:
            return False
        try:
            if _look(path) == entry.look:
                return True
            if _digest_of(path) == digest:
                entry.look = _look(path)
                return True
        except FileNotFoundError:
            pass  # somebody removed it: it is fetched again
        log.warning("dataset is damaged", action="dataset_damaged", digest=digest)
        del self._entries[digest]
        return False

    def _take_over(self) -> None:
        files = sorted(self._folder.iterdir(), key=lambda path: path.stat().st_atime_ns)
        for path in files:
            if ids.is_digest(path.name) and _digest_of(path) == path.name:
                self._entries[path.name] = _Entry(_look(path), next(self._clock))
            else:
                path.unlink()

    async def _evict(self) -> None:
        unneeded = sorted((d for d in self._entries if not self._pins[d]), key=self._used)
        for digest in unneeded:
            if self.size <= self._bound:
                return
            del self._entries[digest]
            await asyncio.to_thread((self._folder / digest).unlink, missing_ok=True)

    def _used(self, digest: str) -> int:
        return self._entries[digest].used


def _look(path: Path) -> _Look:
    stat = path.stat()
    return _Look(stat.st_size, stat.st_mtime_ns)


def _take(file: IO[bytes], digest: hashlib.blake2b, piece: bytes) -> None:
    file.write(piece)
    digest.update(piece)


def _digest_of(path: Path) -> str:
    digest = hashlib.blake2b(digest_size=32)
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
