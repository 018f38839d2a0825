"""The output processor: from what a node handed in to a verdict.

A result is judged at once as far as digests go: an output whose normalised digest equals the key's is right
and doesn't travel. Where it isn't equal, the output is asked for, and compared with the key in a process of
its own, off the event loop: `compare_output` runs there. A result that makes no sense is the node's fault.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import msgspec
import zstandard

from bighost.coordinator.events import Finished, Marked
from bighost.errors import Ours
from bighost.job.assignment import Assignment, Comparator, mark
from bighost.job.job import FaultKind, Job, TestRun
from bighost.job.latency import Stamp
from bighost.job.verdict import Verdict
from bighost.marking import Difference, Judgement, judge, verdict_of
from bighost.wire.messages import Result

replace = msgspec.structs.replace
BLOCK = 256 * 1024
HEADERS = 16 * 1024**2  # what an archive may hold besides the files' bytes


def first_look(assignment: Assignment, result: Result, now: int, shift: int) -> Finished:
    """Judge a result as far as its digests allow. `shift` (ns) is added to the node's time stamps.

    Every test's verdict is decided here or left None; what the node itself says of verdicts is ignored.
    """
    stamps = _stamps(result, shift)
    if result.fault is not None:
        return Finished(
            job=result.job,
            attempt=result.attempt,
            fault=result.fault.kind,
            fault_message=result.fault.message[:500],
            stamps=stamps,
        )
    try:
        tests = _judged(assignment, result.tests)
    except Ours as error:
        return Finished(
            job=result.job, attempt=result.attempt, fault=FaultKind.NODE_BUG, fault_message=str(error)
        )
    marking = None
    if all(t.verdict is not None for t in tests):
        times = dict.fromkeys(
            (Stamp.OUTPUT_QUEUE_EXIT, Stamp.OUTPUT_PROCESSING_START, Stamp.OUTPUT_PROCESSING_END), now
        )
        marking = marked(assignment, result.job, result.attempt, tests, {}, now, times)
    return Finished(job=result.job, attempt=result.attempt, tests=tests, marking=marking, stamps=stamps)


def marked(
    assignment: Assignment,
    job: str,
    attempt: int,
    tests: Sequence[TestRun],
    differences: dict[str, Difference],
    now: int,
    stamps: dict[Stamp, int],
) -> Marked:
    """The mark of a job whose tests all have a verdict; `differences` by test, for the staff's message."""
    verdicts = {t.name: t.verdict for t in tests if t.verdict is not None}
    marking = mark(assignment, verdicts)
    return Marked(
        at=now,
        job=job,
        attempt=attempt,
        tests=tuple(tests),
        verdict=marking.verdict,
        score=marking.score,
        message=_message(tests, marking.verdict),
        staff_message="\n".join(f"{name}: {d.for_staff()}" for name, d in differences.items()),
        stamps=stamps,
    )


def judged_output(assignment: Assignment, run: TestRun, judgement: Judgement) -> TestRun:
    """A test's run with the verdict that the comparison gave it, and its words for students."""
    message = "The output is right."
    if judgement.difference is not None:
        message = judgement.difference.for_student(assignment.feedback)
    if judgement.verdict is Verdict.NO_OUTPUT:
        message = "The program ended without an error, and wrote nothing."
    return replace(run, verdict=judgement.verdict, message=message)


def compare_output(comparator: Comparator, key: Path, output: Path, most: int) -> Judgement:
    """Hold an uploaded output (a zstd-compressed tar of part files) against the key. Reads `most` bytes.

    Runs in a process of its own. Raises Ours when the upload is not what it must be.
    """
    with output.open("rb") as packed:
        try:
            return judge(comparator, [_blocks(key)], _parts(packed, most))
        except (tarfile.TarError, zstandard.ZstdError, EOFError) as error:
            raise Ours(f"the uploaded output can't be read: {error}") from None


def _judged(assignment: Assignment, runs: Sequence[TestRun]) -> tuple[TestRun, ...]:
    if [r.name for r in runs] != [t.name for t in assignment.tests]:
        raise Ours("the node ran other tests than it was asked to")
    return tuple(_judge_one(assignment, run) for run in runs)


def _judge_one(assignment: Assignment, run: TestRun) -> TestRun:
    verdict = verdict_of(run.outcome)
    if verdict is not None:
        return replace(run, verdict=verdict, output=None)
    if run.output is None:
        raise Ours(f"test {run.name} has no output to judge")
    answer = assignment.answers[run.name]
    if run.output.normalised == answer.normalised:
        return replace(run, verdict=Verdict.PASSED, message="The output is right.")
    if run.output.size == 0:
        return replace(
            run, verdict=Verdict.NO_OUTPUT, message="The program ended without an error, and wrote nothing."
        )
    return replace(run, verdict=None)


def _message(tests: Sequence[TestRun], verdict: Verdict) -> str:
    if verdict is Verdict.PASSED:
        return "All tests passed." if len(tests) > 1 else "The test passed."
    first = next(t for t in tests if t.verdict is not Verdict.PASSED)
    return f"{first.name}: {first.message}" if len(tests) > 1 else first.message


def _stamps(result: Result, shift: int) -> dict[Stamp, int]:
    times = {
        Stamp.PROCESSING_QUEUE_ENTRY: result.queued,
        Stamp.PROCESSING_QUEUE_EXIT: result.started,
        Stamp.PROCESSING_START: result.started,
        Stamp.PROCESSING_END: result.ended,
    }
    return {stamp: at + shift for stamp, at in times.items() if at}


def is_wanted(job: Job, attempt: int, test: str) -> bool:
    """Whether the output of this test of this attempt is waited for."""
    return (
        job.state == "marking"
        and job.attempt == attempt
        and any(t.name == test and t.verdict is None for t in job.tests)
    )


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from _read(file)


def _read(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(BLOCK):
        yield block


def _parts(packed: IO[bytes], most: int) -> Iterator[Iterator[bytes]]:
    """The part files in name order, as the tar holds them; no more than `most` bytes of them."""
    left = most
    reader = zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(packed)
    with tarfile.open(fileobj=_Bounded(reader, most + HEADERS), mode="r|") as tar:
        for member in tar:
            if not member.isfile():
                raise Ours(f"the uploaded output holds {member.name!r}, which is no file")
            left -= member.size
            if left < 0:
                raise Ours(f"the uploaded output is longer than the {most} bytes that it may have")
            file = tar.extractfile(member)
            if file is not None:
                yield _read(file)


class _Bounded(io.RawIOBase):
    """No more than `most` bytes of a stream: a small archive can hold an endless row of headers."""

    def __init__(self, source: zstandard.ZstdDecompressionReader, most: int) -> None:
        self._source = source
        self._left = most

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise Ours("the uploaded output unpacks to more than it may")
        return data
