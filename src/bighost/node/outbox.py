"""Results on their way: on the disk before they are first sent, and there until they are acknowledged.

    {job}.{attempt}.msgpack          the result, written last: without it nothing beside it counts
    {job}.{attempt}.{test}.tar.zst   the output of a test that ended well, in case it is asked for

So whatever is killed or cut, a result that was reached is handed in, perhaps twice; the attempt number makes
the second time harmless. Where the disk is full a result is kept in memory alone and sent all the same:
should the node die then, the lease runs out and the job runs elsewhere.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import structlog

from bighost.job import ids
from bighost.node.output import PACKED, Packed
from bighost.wire.messages import Held, Receipt, Result

SUFFIX = ".msgpack"

log = structlog.get_logger()


class Outbox:
    """The results of one node that are not acknowledged yet. `open` before use."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pending: dict[Held, Result] = {}
        self._wanted: dict[Held, list[str]] = {}  # acknowledged, but these outputs are asked for

    async def open(self) -> None:
        """Find what a former life left, the oldest first; what belongs to no result is removed."""
        await asyncio.to_thread(self._take_over)

    def pending(self) -> list[Result]:
        """Results to be handed in (again), in the order in which they came."""
        return list(self._pending.values())

    def held(self) -> list[Held]:
        """The jobs of these results: the node still answers for them."""
        return list(self._pending)

    def __contains__(self, held: Held) -> bool:
        return held in self._pending or held in self._wanted

    def keeper(self, job: str, attempt: int, test: str) -> Packed:
        """Where the output of a test is kept while the job still runs."""
        return Packed(self.output(job, attempt, test))

    def output(self, job: str, attempt: int, test: str) -> Path:
        """The packed output of a test."""
        return self._folder / f"{job}.{attempt}.{test}{PACKED}"

    async def put(self, result: Result) -> None:
        """Keep a result; it survives any crash once this returns."""
        try:
            await asyncio.to_thread(self._write, result)
        except OSError as error:
            log.warning("result is kept in memory only", action="outbox_full", job=result.job, why=str(error))
        self._pending[Held(result.job, result.attempt)] = result

    def acknowledge(self, receipt: Receipt) -> tuple[str, ...]:
        """What a receipt asks for: the tests whose output is to be uploaded. With none, all is removed."""
        held = Held(receipt.job, receipt.attempt)
        if held not in self._pending:
            return ()
        del self._pending[held]
        there = [t for t in receipt.upload if self.output(receipt.job, receipt.attempt, t).exists()]
        if not receipt.current or not there:
            self._remove(held)
            return ()
        self._wanted[held] = there
        return tuple(there)

    def uploaded(self, job: str, attempt: int, test: str) -> None:
        """An output was taken, or nobody wants it any more."""
        held = Held(job, attempt)
        left = self._wanted.get(held, [])
        if test in left:
            left.remove(test)
        if not left:
            self.forget(held)

    def forget(self, held: Held) -> None:
        """Nobody waits for this job here any more: remove all of it, outputs of a stopped run too."""
        self._pending.pop(held, None)
        self._wanted.pop(held, None)
        self._remove(held)

    def _take_over(self) -> None:
        for path in sorted(self._folder.glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime_ns):
            try:
                result = msgspec.msgpack.decode(path.read_bytes(), type=Result)
            except msgspec.MsgspecError as error:
                log.warning(
                    "a kept result is damaged", action="outbox_damaged", file=path.name, why=str(error)
                )
            else:
                self._pending[Held(result.job, result.attempt)] = result
        for path in self._folder.iterdir():
            if not any(path.name.startswith(f"{held.job}.{held.attempt}.") for held in self._pending):
                path.unlink()

    def _write(self, result: Result) -> None:
        for test in result.tests:
            path = self.output(result.job, result.attempt, test.name)
            if path.exists():
                _sync(path)
        path = self._folder / f"{result.job}.{result.attempt}{SUFFIX}"
        part = path.with_suffix(".part")
        try:
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(msgspec.msgpack.encode(result))
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        _sync(self._folder)

    def _remove(self, held: Held) -> None:
        # The result goes first: an output without one is removed at the next start.
        for path in sorted(self._files(held), key=lambda path: path.suffix != SUFFIX):
            path.unlink(missing_ok=True)

    def _files(self, held: Held) -> Iterator[Path]:
        return self._folder.glob(f"{held.job}.{held.attempt}.*") if ids.is_name(held.job) else iter(())


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
