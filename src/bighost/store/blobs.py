"""Large files by digest: datasets, answers and outputs, beside the store and never in it.

A file lies at `folder/ab/cdef…`, where `abcdef…` is the BLAKE2b-256 digest of its bytes in hex. It is
written under another name in `folder/incoming`, brought to the disk, and only then given its own; so what
has a digest for a name is whole. Everything is readable by the coordinator's user alone: student code may
run on the same machine, and some of these files are the answers.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import tempfile
from collections.abc import AsyncIterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from bighost.errors import NetworkError, Refused, StoreFault
from bighost.job import ids
from bighost.store import durable, faults

CHUNK = 1024 * 1024  # bytes read at a time


class BadDigest(Refused):
    """This is no BLAKE2b-256 digest in lower-case hex."""


class TooLarge(Refused):
    """This file is larger than it may be."""


class Mismatch(NetworkError):
    """The bytes that came are not those of the digest that was announced."""


class Missing(StoreFault):
    """The coordinator has no file of this digest."""


class BlobStore:
    """Files by digest in `folder`. Every verb raises BadDigest, and StoreFault when the disk can't do it."""

    def __init__(self, folder: Path) -> None:
        """Touches nothing yet; see `prepare`."""
        self._folder = folder
        self._incoming = folder / "incoming"

    async def prepare(self) -> None:
        """Make the folder, and remove what a killed process left half written.

        To be called once, before the first file is put, by the one coordinator that holds the store.
        """
        await asyncio.to_thread(self._prepare)

    def path(self, digest: str) -> Path:
        """Where the file of `digest` lies, or would lie."""
        if not ids.is_digest(digest):
            raise BadDigest(f"{digest[:80]!r} is no digest: 64 hexadecimal digits in lower case are needed.")
        return self._folder / digest[:2] / digest[2:]

    async def has(self, digest: str) -> bool:
        """Whether the file is there."""
        return await asyncio.to_thread(self.path(digest).is_file)

    async def put_stream(self, chunks: AsyncIterable[bytes], expected: str | None, max_bytes: int) -> str:
        """Keep the bytes of `chunks`; returns their digest once they are safe.

        Raises Mismatch when that isn't `expected` (None: whatever comes), and TooLarge as soon as more than
        `max_bytes` have come. Whatever ends it early, nothing is left over.
        """
        if expected is not None:
            self.path(expected)
        incoming = await asyncio.to_thread(_Incoming, self._incoming)
        try:
            async for chunk in chunks:
                if incoming.size + len(chunk) > max_bytes:
                    raise TooLarge(f"The file is larger than the {max_bytes} bytes that are taken.")
                await asyncio.to_thread(incoming.write, chunk)
            return await asyncio.to_thread(self._keep, incoming, expected)
        finally:
            await asyncio.to_thread(incoming.discard)

    async def put(self, content: bytes) -> str:
        """Keep `content`; returns its digest once it is safe."""
        return await asyncio.to_thread(self._put, content)

    async def put_file(self, path: Path) -> str:
        """Keep a copy of the file at `path`; returns its digest once it is safe.

        Raises OSError where `path` can't be read.
        """
        return await asyncio.to_thread(self._put_file, path)

    async def open(self, digest: str) -> BinaryIO:
        """The file, for reading; the caller closes it. Raises Missing."""
        return await asyncio.to_thread(self._open, digest)

    async def verify(self, digest: str) -> bool:
        """Whether the file is there and its bytes still have this digest."""
        return await asyncio.to_thread(self._verify, digest)

    async def delete(self, digest: str) -> None:
        """Remove the file, if it is there. Whoever has it open reads on."""
        await asyncio.to_thread(self._delete, digest)

    def _prepare(self) -> None:
        with faults.told(self._incoming):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.rmtree(self._incoming, ignore_errors=True)
            self._incoming.mkdir(mode=0o700, exist_ok=True)

    def _put(self, content: bytes) -> str:
        incoming = _Incoming(self._incoming)
        try:
            incoming.write(content)
            return self._keep(incoming, None)
        finally:
            incoming.discard()

    def _put_file(self, path: Path) -> str:
        with path.open("rb") as source:
            incoming = _Incoming(self._incoming)
            try:
                while chunk := source.read(CHUNK):
                    incoming.write(chunk)
                return self._keep(incoming, None)
            finally:
                incoming.discard()

    def _keep(self, incoming: _Incoming, expected: str | None) -> str:
        digest = incoming.digest
        if expected not in (None, digest):
            raise Mismatch(
                f"{incoming.size} bytes came, of digest {digest}; {expected} was announced.",
                hint="They were changed on the way, or at their source: send them again.",
            )
        incoming.publish(self.path(digest))
        return digest

    def _open(self, digest: str) -> BinaryIO:
        path = self.path(digest)
        with faults.told(path):
            try:
                return path.open("rb")
            except FileNotFoundError:
                raise Missing(f"There is no file of digest {digest}.") from None

    def _verify(self, digest: str) -> bool:
        try:
            file = self._open(digest)
        except Missing:
            return False
        with faults.told(self.path(digest)), file:
            hasher = _hasher()
            while chunk := file.read(CHUNK):
                hasher.update(chunk)
        return hasher.hexdigest() == digest

    def _delete(self, digest: str) -> None:
        path = self.path(digest)
        with faults.told(path):
            path.unlink(missing_ok=True)


class _Incoming:
    """A file on its way in: written, then either published under its digest or discarded."""

    def __init__(self, folder: Path) -> None:
        self.size = 0
        self._hasher = _hasher()
        with faults.told(folder / "file"):
            # Buffered, so that closing it waits for a write that goes on in its thread after a cancellation.
            self._file = tempfile.NamedTemporaryFile(dir=folder, delete=False)  # noqa: SIM115
        self._path = Path(self._file.name)

    @property
    def digest(self) -> str:
        return self._hasher.hexdigest()

    def write(self, chunk: bytes) -> None:
        with faults.told(self._path):
            self._file.write(chunk)
        self._hasher.update(chunk)
        self.size += len(chunk)

    def publish(self, path: Path) -> None:
        with faults.told(path):
            self._file.close()
            if not path.parent.is_dir():
                path.parent.mkdir(mode=0o700, exist_ok=True)
                durable.sync_folder(path.parent.parent)
            durable.publish(self._path, path)

    def discard(self) -> None:
        with suppress(OSError):  # what can't be written out any more on a full disk isn't wanted either
            self._file.close()
        with faults.told(self._path):
            self._path.unlink(missing_ok=True)


def _hasher() -> hashlib.blake2b:
    return hashlib.blake2b(digest_size=32)
