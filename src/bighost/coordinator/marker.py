"""Waits for the outputs that are wanted, has them compared, and tells the engine the mark.

An uploaded output lies at `outputs/{job}.{attempt}.{test}.tar.zst` until its job is marked; it was on the
disk before the upload was acknowledged, so a restart in between loses nothing.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Collection
from pathlib import Path

import structlog

from bighost.clock import Clock
from bighost.coordinator import events as on
from bighost.coordinator import output
from bighost.coordinator.catalogue import Catalogue
from bighost.coordinator.workers import Workers
from bighost.errors import AssignmentError, NetworkError, Ours, StudentError
from bighost.job.job import Job, TestRun
from bighost.job.latency import Stamp
from bighost.marking import Difference
from bighost.store import durable, faults
from bighost.store.blobs import TooLarge

log = structlog.get_logger()
PACKED_SLACK = 1024 * 1024  # tar headers, and bytes that don't compress


class Unwanted(NetworkError):
    """Nobody waits for this output (any more): forget it."""


class Marker:
    """The output processor's asynchronous half; `output` is its pure one."""

    def __init__(
        self,
        folder: Path,
        catalogue: Catalogue,
        key_path: Callable[[str], Path],
        workers: Workers,
        clock: Clock,
        tell: Callable[[on.Event], None],
    ) -> None:
        self._folder = folder
        self._catalogue = catalogue
        self._key_path = key_path
        self._workers = workers
        self._clock = clock
        self._tell = tell
        self._jobs: dict[str, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        folder.mkdir(parents=True, exist_ok=True)

    def sweep(self, marking: Collection[str]) -> None:
        """Remove the outputs of all but these jobs: what a coordinator that was killed left behind."""
        for path in self._folder.iterdir():
            if path.name.partition(".")[0] not in marking:
                path.unlink()

    def expect(self, job: Job) -> None:
        """A job is in state marking: mark it once its outputs are here."""
        self._jobs[job.id] = job
        self._try(job)

    def forget(self, job: str) -> None:
        """A job left state marking."""
        if self._jobs.pop(job, None) is not None:
            for path in self._folder.glob(f"{job}.*"):
                path.unlink(missing_ok=True)

    async def take(self, job: str, attempt: int, test: str, chunks: AsyncIterator[bytes]) -> None:
        """Keep an uploaded output, durably. Raises Unwanted, TooLarge, StoreFault."""
        expected = self._jobs.get(job)
        if expected is None or not output.is_wanted(expected, attempt, test):
            raise Unwanted
        limit = self._catalogue.get(expected.assignment).limits.output_bytes + PACKED_SLACK
        path = self._path(expected, test)
        part = path.with_suffix(f".{os.urandom(4).hex()}.part")
        try:
            await _write(part, chunks, limit)
            await asyncio.to_thread(durable.publish, part, path)
        except OSError as error:
            raise faults.of_os(error, path) from error
        finally:
            part.unlink(missing_ok=True)
        self._try(expected)

    async def close(self) -> None:
        """Stop comparing; what wasn't marked is marked after the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _path(self, job: Job, test: str) -> Path:
        return self._folder / f"{job.id}.{job.attempt}.{test}.tar.zst"

    def _try(self, job: Job) -> None:
        wanted = [t.name for t in job.tests if t.verdict is None]
        if self._jobs.get(job.id) is job and all(self._path(job, name).exists() for name in wanted):
            task = asyncio.create_task(self._mark(job))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _mark(self, job: Job) -> None:
        started = self._clock()
        try:
            marked = await self._compare(job, started)
        except (Ours, StudentError, AssignmentError, OSError) as error:
            log.exception("marking failed", action="marking_failed", job=job.id)
            self._tell(
                on.MarkingFailed(at=self._clock(), job=job.id, attempt=job.attempt, message=str(error))
            )
            return
        self._tell(marked)

    async def _compare(self, job: Job, started: int) -> on.Marked:
        assignment = self._catalogue.get(job.assignment)
        differences: dict[str, Difference] = {}
        tests: list[TestRun] = []
        for run in job.tests:
            if run.verdict is None:
                judgement = await self._workers.run(
                    output.compare_output,
                    assignment.comparator,
                    self._key_path(assignment.answers[run.name].digest),
                    self._path(job, run.name),
                    assignment.limits.output_bytes,
                )
                if judgement.difference is not None:
                    differences[run.name] = judgement.difference
                run = output.judged_output(assignment, run, judgement)
            tests.append(run)
        now = self._clock()
        stamps = {
            Stamp.OUTPUT_QUEUE_EXIT: started,
            Stamp.OUTPUT_PROCESSING_START: started,
            Stamp.OUTPUT_PROCESSING_END: now,
        }
        return output.marked(assignment, job.id, job.attempt, tests, differences, now, stamps)


async def _write(part: Path, chunks: AsyncIterator[bytes], limit: int) -> None:
    with part.open("wb") as file:
        async for chunk in chunks:
            limit -= len(chunk)
            if limit < 0:
                raise TooLarge("the output is longer than it may be")
            await asyncio.to_thread(file.write, chunk)
