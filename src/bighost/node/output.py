"""From a pod's output files to what travels: a digest always, and a packed copy in case it is asked for.

The files are streamed once, in name order; memory holds a block at a time, however large they are. What takes
CPU time (digesting lines, compressing) runs on a thread, so that the node goes on beating.
"""

from __future__ import annotations

import asyncio
import hashlib
import tarfile
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol, Self

import zstandard

from bighost.job.assignment import Comparator
from bighost.job.job import Output
from bighost.marking import Normaliser, normalised
from bighost.node.runtime.base import Pod, PodDied
from bighost.pod.contract import OutputFile

BLOCK = 256 * 1024
WORTH_A_THREAD = 32 * 1024
PACKED = ".tar.zst"
_TAR_BLOCK = 512


class Keeper(Protocol):
    """Where the bytes of an output are kept. Leaving it by an exception removes what it wrote."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def begin(self, name: str, size: int) -> None:
        """A part file of so many bytes follows."""

    def write(self, block: bytes) -> None:
        """The next bytes of it."""

    def end(self) -> None:
        """The part file is complete."""


class Packed:
    """Keeps an output as a zstd-compressed tar at `path`: equal outputs make equal files."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._left = 0

    def __enter__(self) -> Self:
        self._file: IO[bytes] = self._path.open("wb")
        self._path.chmod(0o600)
        self._tar = zstandard.ZstdCompressor().stream_writer(self._file)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._tar.write(bytes(2 * _TAR_BLOCK))
                self._tar.close()  # type: ignore[no-untyped-call]  # zstandard has no types for it
        finally:
            self._file.close()
            if error is not None:
                self._path.unlink(missing_ok=True)

    def begin(self, name: str, size: int) -> None:
        """A part file of so many bytes follows."""
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = size, 0o644
        self._tar.write(entry.tobuf(tarfile.PAX_FORMAT))
        self._left = -size % _TAR_BLOCK

    def write(self, block: bytes) -> None:
        """The next bytes of it."""
        self._tar.write(block)

    def end(self) -> None:
        """The part file is complete."""
        self._tar.write(bytes(self._left))


async def collect(pod: Pod, files: Sequence[OutputFile], comparator: Comparator, keeper: Keeper) -> Output:
    """Take a run's output files from its pod. Raises PodDied, also where they are not what it reported."""
    taking = _Taking(normalised(comparator), keeper)
    ordered = sorted(files, key=lambda file: file.name)
    for file in ordered:
        await taking.take(pod, file)
    digest = await asyncio.to_thread(taking.normaliser.hexdigest)
    return Output(size=sum(file.size for file in ordered), parts=len(ordered), normalised=digest)


class _Taking:
    def __init__(self, normaliser: Normaliser, keeper: Keeper) -> None:
        self.normaliser = normaliser
        self._keeper = keeper

    async def take(self, pod: Pod, file: OutputFile) -> None:
        size, digest = 0, hashlib.blake2b(digest_size=32)
        self._keeper.begin(file.name, file.size)
        async with aclosing(pod.output(file.name)) as pieces:
            async for block in _blocks(pieces):
                size += len(block)
                if size > file.size:
                    break
                digest.update(block)
                if len(block) < WORTH_A_THREAD:
                    self._use(block)
                else:
                    await asyncio.to_thread(self._use, block)
        if size != file.size or digest.hexdigest() != file.digest:
            raise PodDied(f"{pod.name} gave another {file.name} than it reported")
        self.normaliser.end_of_part()
        self._keeper.end()

    def _use(self, block: bytes) -> None:
        self.normaliser.update(block)
        self._keeper.write(block)


async def _blocks(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes in blocks of a size that is worth handing on."""
    held = bytearray()
    async for piece in pieces:
        held += piece
        if len(held) >= BLOCK:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)
