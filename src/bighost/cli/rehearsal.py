"""Runs an assignment's own submissions on this machine: to check verdicts, and to make answers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bighost.cli import console
from bighost.job.units import show_duration

if TYPE_CHECKING:
    from bighost.folder import Folder, Sample
    from bighost.job.assignment import Assignment
    from bighost.node.trial import Bench

REJECTED = "rejected"
SLACK = 3.0  # a proposed limit is so many times what the slowest accepted submission took


class Rehearsed(msgspec.Struct, frozen=True):
    """What one submission got here."""

    name: str
    expected: str
    verdict: str
    score: float | None = None
    cpu_s: float = 0.0  # of its most expensive stage
    wall_s: float = 0.0  # of its longest test
    message: str = ""

    @property
    def right(self) -> bool:
        """Whether it got what its folder says."""
        return self.verdict == self.expected


def rehearse(whole: Folder, runtime: str) -> list[Rehearsed]:
    """Run every submission of an assignment's folder. Raises RuntimeFault where pods can't run here."""
    return asyncio.run(_rehearse(whole, runtime))


def answers(whole: Folder, runtime: str, into: Path) -> dict[str, Path]:
    """The answers that reference submissions make, by test. Raises AssignmentError where one fails."""
    return asyncio.run(_answers(whole, runtime, into))


def report(assignment: Assignment, rehearsed: list[Rehearsed], *, json: bool) -> None:
    """Tell what each submission got, and which limits would do."""
    if json:
        console.json_out(rehearsed)
        return
    rows = [
        (
            f"{r.expected}/{r.name}",
            r.verdict,
            "" if r.right else "DIFFERS",
            "-" if r.score is None else f"{r.score:g}",
            f"{r.cpu_s:.2f} s",
            f"{r.wall_s:.2f} s",
        )
        for r in rehearsed
    ]
    console.table(assignment.id, ("submission", "verdict", "", "score", "CPU", "wall"), rows)
    for r in rehearsed:
        if not r.right:
            console.out(f"{r.expected}/{r.name} got {r.verdict}: {r.message}")
    console.out(_proposal(assignment, rehearsed))


def _proposal(assignment: Assignment, rehearsed: list[Rehearsed]) -> str:
    accepted = [r for r in rehearsed if r.verdict == "passed"]
    if not accepted:
        return "No submission was accepted, so no time limit can be proposed."
    cpu, wall = max(r.cpu_s for r in accepted), max(r.wall_s for r in accepted)
    limits = assignment.limits
    rule = f"{SLACK:g} times that, and at least 1 s"
    return (
        f"The slowest accepted submission used {show_duration(cpu)} of CPU in a stage and took "
        f'{show_duration(wall)} for a test. {rule}: cpu = "{_rounded(cpu)}s", '
        f'wall = "{_rounded(wall)}s" (now cpu = "{limits.cpu_s:g}s", wall = "{limits.wall_s:g}s").'
    )


def _rounded(seconds: float) -> str:
    """So many times the seconds, to two digits, and at least a second."""
    return f"{max(1.0, float(f'{SLACK * seconds:.1e}')):g}"


async def _rehearse(whole: Folder, runtime: str) -> list[Rehearsed]:
    from bighost.node.choice import choose
    from bighost.node.trial import bench

    kind, why = await choose(runtime)
    console.say(why)
    keys = dict(whole.answers)
    with console.progress() as progress:
        async with bench(whole.assignment, whole.files, kind) as here:
            if whole.references:
                progress.show("making the answers by the reference submission")
                keys |= await _references(whole, here, here.work / "keys")
            rehearsed = []
            for number, sample in enumerate(whole.submissions):
                progress.show(f"{number}/{len(whole.submissions)}: {sample.expected}/{sample.name}")
                rehearsed.append(await _one(whole.assignment, here, sample, keys))
    return rehearsed


async def _answers(whole: Folder, runtime: str, into: Path) -> dict[str, Path]:
    from bighost.node.choice import choose
    from bighost.node.trial import bench

    kind, _ = await choose(runtime)
    async with bench(whole.assignment, whole.files, kind) as here:
        return await _references(whole, here, into)


async def _references(whole: Folder, here: Bench, into: Path) -> dict[str, Path]:
    """A reference submission runs once, however many tests it makes the answers of."""
    made: dict[str, Path] = {}
    for folder in sorted(set(whole.references.values())):
        keys = await here.answers(_files(folder), into)
        made |= {test: keys[test] for test, reference in whole.references.items() if reference == folder}
    return made


async def _one(assignment: Assignment, here: Bench, sample: Sample, keys: dict[str, Path]) -> Rehearsed:
    from bighost import linter

    handin = _files(sample.path)
    findings = linter.check(assignment.sanity, assignment.files, handin)
    if findings:
        return Rehearsed(sample.name, sample.expected, REJECTED, message=str(findings[0]))
    trial = await here.run(handin, keys)
    stages = [stage for test in trial.tests for stage in test.run.stages]
    failed = next((t for t in trial.tests if t.verdict.value != "passed"), None)
    message = ""
    if failed is not None:
        message = failed.difference.for_staff() if failed.difference else failed.run.message
    return Rehearsed(
        sample.name,
        sample.expected,
        trial.verdict.value,
        trial.score,
        cpu_s=max((s.usage.cpu_s for s in stages), default=0.0),
        wall_s=max((t.run.usage.wall_s for t in trial.tests), default=0.0),
        message=message,
    )


def _files(folder: Path) -> dict[str, bytes]:
    from bighost.folder import read_handin

    return read_handin(sorted(p for p in folder.iterdir() if p.is_file()))
