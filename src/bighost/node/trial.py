"""Runs hand-ins on this machine, without a coordinator: for checking an assignment, and for making its keys.

A `Bench` is the pods of one assignment and its datasets, laid out as a node has them; the tests run through
the very code that a node uses, and outputs are judged by the code that the coordinator uses.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import msgspec

from bighost.errors import AssignmentError
from bighost.job.assignment import Assignment, Compare, mark
from bighost.job.job import TestRun
from bighost.job.verdict import Verdict
from bighost.marking import Difference, judge, verdict_of
from bighost.node.choice import image_of, open_runtime
from bighost.node.execution import pod_spec, run_tests
from bighost.node.output import BLOCK
from bighost.node.runtime.pool import Pool
from bighost.wire.orders import job_order

OnProgress = Callable[[str], None]
RANK = 1


class TestTrial(msgspec.Struct, frozen=True):
    """One test of a hand-in: how it ran, its verdict, and where its output first differs from the key."""

    run: TestRun
    verdict: Verdict
    difference: Difference | None = None


class Trial(msgspec.Struct, frozen=True):
    """What a hand-in would get."""

    verdict: Verdict
    score: float
    tests: tuple[TestTrial, ...]


@dataclass(frozen=True)
class Bench:
    """Where one assignment's hand-ins are tried. Made by `bench`; several may be tried at the same time."""

    assignment: Assignment
    pool: Pool
    image: str
    datasets: Mapping[str, Path]  # by digest, below the folder that the pool's runtime shows to pods
    work: Path  # outputs lie here while they are judged

    async def run(
        self,
        handin: Mapping[str, bytes],
        answers: Mapping[str, Path],
        on_progress: OnProgress = lambda _: None,
    ) -> Trial:
        """Run every test of a hand-in and judge it; `answers` are the keys by test. Raises RunFailed."""
        with tempfile.TemporaryDirectory(dir=self.work) as folder:
            runs = await self._run(handin, Path(folder), on_progress)
            tests = [
                await asyncio.to_thread(self._judge, run, answers[run.name], Path(folder) / run.name)
                for run in runs
            ]
        marking = mark(self.assignment, {test.run.name: test.verdict for test in tests})
        return Trial(marking.verdict, marking.score, tuple(tests))

    async def answers(self, handin: Mapping[str, bytes], into: Path) -> dict[str, Path]:
        """Let a reference submission make the keys: one file a test, below `into`.

        Raises AssignmentError where it fails, RunFailed where we do.
        """
        with tempfile.TemporaryDirectory(dir=self.work) as folder:
            runs = await self._run(handin, Path(folder), lambda _: None)
            for run in runs:
                if run.outcome != "ok":
                    raise AssignmentError(
                        f"the reference submission fails test {run.name!r} ({run.outcome}): {run.message}"
                    )
            return {run.name: self._key(Path(folder) / run.name, into / run.name) for run in runs}

    async def _run(
        self, handin: Mapping[str, bytes], folder: Path, on_progress: OnProgress
    ) -> tuple[TestRun, ...]:
        order = job_order(self.assignment, "trial", 1, handin)
        spec = pod_spec(order.need, self.image)
        return await run_tests(
            order,
            self.datasets,
            lambda: self.pool.lease(spec, RANK),
            lambda test: PartFiles(folder / test),
            lambda test, progress: on_progress(f"{test}: {progress.stage}"),
        )

    def _judge(self, run: TestRun, key: Path, output: Path) -> TestTrial:
        verdict = verdict_of(run.outcome)
        if verdict is not None:
            return TestTrial(run, verdict)
        parts = [_blocks(part) for part in sorted(output.iterdir())]
        judgement = judge(self.assignment.comparator, [_blocks(key)], parts)
        return TestTrial(run, judgement.verdict, judgement.difference)

    def _key(self, output: Path, key: Path) -> Path:
        """One file of an output's parts; a line that a part's end cuts off stays a line of its own."""
        key.parent.mkdir(parents=True, exist_ok=True)
        exact = self.assignment.comparator.kind is Compare.EXACT
        with key.open("wb") as file:
            for part in sorted(output.iterdir()):
                last = b"\n"
                for block in _blocks(part):
                    file.write(block)
                    last = block[-1:]
                if not exact and last != b"\n":
                    file.write(b"\n")
        return key


class PartFiles:
    """Keeps an output as it is: a folder of part files. A `Keeper`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        self._folder.mkdir()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def begin(self, name: str, size: int) -> None:  # noqa: ARG002 - a Keeper's
        """A part file follows."""
        self._file = (self._folder / name).open("wb")

    def write(self, block: bytes) -> None:
        """The next bytes of it."""
        if self._file is not None:
            self._file.write(block)

    def end(self) -> None:
        """The part file is complete."""
        if self._file is not None:
            self._file.close()
            self._file = None


@asynccontextmanager
async def bench(
    assignment: Assignment, files: Mapping[str, Path], runtime: str, *, at_once: int = 1
) -> AsyncIterator[Bench]:
    """A bench for an assignment whose dataset files are `files`, by digest.

    `runtime` is what `choice.choose` chose, `at_once` how many tests run at the same time. Raises
    RuntimeFault where pods can't run here.
    """
    with tempfile.TemporaryDirectory(prefix="bh-trial-") as top:
        work, datasets = Path(top) / "work", Path(top) / "data"
        work.mkdir()
        # Pods may come in as another user.
        Path(top).chmod(0o711)
        datasets.mkdir(mode=0o700)
        laid = {digest: _lay(path, datasets / digest) for digest, path in files.items()}
        opened = open_runtime(runtime, f"trial-{os.getpid()}-{Path(top).name}", datasets)
        try:
            image = image_of(runtime, assignment.framework.name)
            await opened.check([assignment.framework.image or image])
            async with Pool(opened, at_once, spare=0) as pool:
                yield Bench(assignment, pool, image, laid, work)
        finally:
            await opened.close()


def _lay(source: Path, target: Path) -> Path:
    """A dataset's file where pods can see it: linked where that works, else copied."""
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)
        target.chmod(0o644)
    return target


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            yield block
