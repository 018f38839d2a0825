"""A job in words, the same wherever it is shown."""

from __future__ import annotations

from bighost.cli import console
from bighost.job.job import FaultKind
from bighost.job.state import State
from bighost.job.units import show_duration, show_size
from bighost.job.verdict import Verdict
from bighost.wire.http import JobView

DID_NOT_PASS = 1
FAILED = 70


def exit_code(job: JobView) -> int:
    """0 when it passed, 1 when it did not, 70 when it failed and that is ours."""
    if job.state is State.FAILED:
        return FAILED
    return 0 if job.verdict is Verdict.PASSED else DID_NOT_PASS


def step(job: JobView) -> str:
    """How far a job is, in one line."""
    if job.state is State.WAITING:
        ahead = "next in line" if not job.position else f"{job.position} ahead"
        eta = f", about {show_duration(job.eta_s)} to go" if job.eta_s is not None else ""
        ours = [f for f in job.faults if f.kind != FaultKind.HANDED_BACK.value]
        again = " (again, after a fault of ours)" if ours else ""
        return f"waiting: {ahead}{eta}{again}"
    if job.state is State.LEASED:
        return f"handed to {job.node or 'a node'}"
    if job.state is State.RUNNING:
        return f"running on {job.node or 'a node'}: {job.stage or 'starting'}"
    return job.state.value


def verdict(job: JobView) -> str:
    """What became of a job, in one line."""
    if job.state is State.GRADED and job.verdict is not None:
        score = "" if job.score is None else f", {job.score:g} of {job.total:g}"
        return f"{job.verdict.value}{score}"
    return job.state.value


def job(view: JobView) -> None:
    """A job for a person: verdict, why, stages, usage, times."""
    console.out(f"{view.id}  {view.assignment}, hand-in {view.number} of team {view.team}")
    console.out(f"  {verdict(view) if view.state.final else step(view)}")
    for line in view.message.splitlines():
        console.out(f"  {line}")
    for stage in view.stages:
        ended = stage.signal or (f"exit code {stage.exit}" if stage.exit else "")
        used = f"{stage.usage.cpu_s:.2f} s CPU, {show_size(stage.usage.peak_bytes)} at most"
        records = f"{stage.records_in} records in, {stage.records_out} out"
        console.out(f"  {stage.test}/{stage.name}: {used}; {records}{'; ' + ended if ended else ''}")
        _stderr(stage.stderr)
    for fault in view.faults:
        told = f": {fault.message}" if fault.message else ""
        console.out(f"  attempt {fault.attempt}, a fault of ours: {fault.kind}{told}")
    if view.state.final:
        summary = view.latency.summary
        worked, waited = show_duration(summary.processing_time), show_duration(summary.waiting_time)
        on_node = f", on {view.node}" if view.node else ""
        console.out(
            f"  {show_duration(summary.total_time)} in all: {worked} of work, {waited} of waiting{on_node}"
        )


def _stderr(text: str) -> None:
    lines = text.rstrip().splitlines()
    for line in lines[-20:]:
        console.out(f"    | {line}")
