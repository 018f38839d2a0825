"""What is said of a run's programs and of its log, as stages of the report."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path

from bighost.pod.complaint import signal_name
from bighost.pod.contract import OutputFile, StageReport, Usage
from bighost.pod.frameworks.shuffle import new_digest
from bighost.pod.kafka.checks import Finding
from bighost.pod.kafka.plan import Role
from bighost.pod.kafka.programs import StudentProgram
from bighost.pod.kafka.steward import LogReport
from bighost.pod.messages import StageUsage
from bighost.pod.stderr import Counters, add_counters

LOG_PART = "part-log"


def stage_report(
    role: Role,
    programs: Sequence[StudentProgram],
    usage: StageUsage,
    is_blamed: bool,
    records: tuple[int, int],
) -> StageReport:
    """The stage of a role. `records`: in and out; `is_blamed`: the run stops because of this role."""
    ends = [program.end for program in programs if program.end]
    failed = _failed(programs) if is_blamed else None
    status = failed.end.status if failed and failed.end else 0
    was_killed = is_blamed and (failed is None or usage.breach is not None or os.WIFSIGNALED(status))
    counters: Counters = {}
    for end in ends:
        add_counters(counters, end.counters)
    began = min((program.began for program in programs), default=0.0)
    peak = usage.peak_bytes if is_blamed else sum(end.peak_bytes for end in ends)
    return StageReport(
        name=role.value,
        tasks=len(programs),
        usage=Usage(
            sum(end.cpu_s for end in ends),
            max((end.ended for end in ends), default=began) - began,
            min(peak, usage.peak_bytes),
        ),
        exit=None if was_killed else os.waitstatus_to_exitcode(status),
        signal=signal_name(status or signal.SIGKILL) if was_killed else None,
        failed_task=failed.spec.task if failed else None,
        records_in=records[0],
        records_out=records[1],
        bytes_out=sum(program.sink.size for program in programs),
        stderr=_stderr(failed, programs),
        counters=counters,
        status=next((end.reporter_status for end in reversed(ends) if end.reporter_status), ""),
    )


def log_stage(log: LogReport, was_one_killed: bool) -> StageReport:
    """The stage that looked at the log."""
    counters = {"log": {**log.counters, "consumers_killed": int(was_one_killed)}, "lag": log.lag}
    return StageReport(
        name="log",
        tasks=1,
        usage=Usage(wall_s=log.wall_s),
        exit=0,
        records_in=log.counters["messages"],
        records_out=len(log.findings),
        counters=counters,
        status="; ".join(f"{finding.check}: {finding.words}" for finding in log.findings),
    )


def write_findings(folder: Path, findings: Sequence[Finding]) -> OutputFile:
    """A part of the output that no right answer has: a line for each check that failed."""
    text = "".join(f"log\t{finding.check}\t{finding.words}\n" for finding in findings).encode()
    (folder / LOG_PART).write_bytes(text)
    digest = new_digest()
    digest.update(text)
    return OutputFile(LOG_PART, len(text), digest.hexdigest())


def _failed(programs: Sequence[StudentProgram]) -> StudentProgram | None:
    return next((program for program in programs if program.end and program.end.complaint), None)


def _stderr(failed: StudentProgram | None, programs: Sequence[StudentProgram]) -> str:
    if failed and failed.end:
        return failed.end.stderr
    return next((p.end.stderr for p in reversed(programs) if p.end and p.end.stderr), "")
