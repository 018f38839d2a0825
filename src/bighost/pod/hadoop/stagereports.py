"""From the ends of programs and Hadoop's counters to the reports of stages."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bighost.pod.complaint import Complaint, signal_name
from bighost.pod.contract import StageReport, Usage
from bighost.pod.hadoop.broker import Role
from bighost.pod.hadoop.programs import ProgramEnd
from bighost.pod.messages import StageUsage
from bighost.pod.stderr import Counters, add_counters

TASK_COUNTERS = "org.apache.hadoop.mapreduce.TaskCounter"
OUTPUT_COUNTERS = "org.apache.hadoop.mapreduce.lib.output.FileOutputFormatCounter"
GROUP = "Map-Reduce Framework"  # as Hadoop calls these counters for people
RECORDS = {
    Role.MAPPER: ("MAP_INPUT_RECORDS", "MAP_OUTPUT_RECORDS"),
    Role.COMBINER: ("COMBINE_INPUT_RECORDS", "COMBINE_OUTPUT_RECORDS"),
    Role.REDUCER: ("REDUCE_INPUT_RECORDS", "REDUCE_OUTPUT_RECORDS"),
}
SHOWN = {
    Role.MAPPER: {"SPILLED_RECORDS": "Spilled Records"},
    Role.COMBINER: {},
    Role.REDUCER: {
        "REDUCE_INPUT_GROUPS": "Reduce input groups",
        "REDUCE_SHUFFLE_BYTES": "Reduce shuffle bytes",
    },
}


class PhaseEnd(NamedTuple):
    """What is known of a phase once no program of it is left."""

    title: str
    maps: bool
    usage: StageUsage
    wall_s: float
    ends: Sequence[ProgramEnd]


def stage_reports(
    end: PhaseEnd, complaint: Complaint | None, counters: Mapping[str, Mapping[str, int]]
) -> list[StageReport]:
    """A report for each role that ran in the phase; the mapper's or the reducer's comes first, always.

    The combiner's usage is the sum over its programs; what else the phase has used is the main role's.
    """
    main = Role.MAPPER if end.maps else Role.REDUCER
    combiners = [done for done in end.ends if done.role is Role.COMBINER]
    combined_s = sum(done.exited.cpu_s for done in combiners)
    usage = Usage(max(0.0, end.usage.cpu_s - combined_s), end.wall_s, end.usage.peak_bytes)
    reports = [_report(main, end, usage, complaint, counters)]
    if combiners:
        peak = max(done.exited.peak_bytes for done in combiners)
        reports.append(_report(Role.COMBINER, end, Usage(combined_s, 0.0, peak), complaint, counters))
    return reports


def _report(
    role: Role,
    end: PhaseEnd,
    usage: Usage,
    complaint: Complaint | None,
    counters: Mapping[str, Mapping[str, int]],
) -> StageReport:
    ends = sorted((done for done in end.ends if done.role is role), key=lambda done: done.task)
    failed = next((done for done in ends if done.complaint), None)
    status = failed.exited.status if failed else 0
    was_killed = os.WIFSIGNALED(status) or bool(complaint and end.usage.breach and role is not Role.COMBINER)
    read, written = RECORDS[role]
    tasks = counters.get(TASK_COUNTERS, {})
    return StageReport(
        name=end.title + role.value,
        tasks=len({done.task for done in ends}),
        usage=usage,
        exit=None if was_killed else os.waitstatus_to_exitcode(status),
        signal=signal_name(status or signal.SIGKILL) if was_killed else None,
        failed_task=failed.task if failed else None,
        records_in=tasks.get(read, 0),
        records_out=tasks.get(written, 0),
        bytes_out=_bytes_out(role, counters),
        stderr=failed.stderr if failed else next((d.stderr for d in reversed(ends) if d.stderr), ""),
        counters=_counters(role, ends, tasks),
        status=next((done.reporter_status for done in reversed(ends) if done.reporter_status), ""),
    )


def _bytes_out(role: Role, counters: Mapping[str, Mapping[str, int]]) -> int:
    if role is Role.MAPPER and counters.get(TASK_COUNTERS, {}).get("MAP_OUTPUT_BYTES"):
        return counters[TASK_COUNTERS]["MAP_OUTPUT_BYTES"]
    return 0 if role is Role.COMBINER else counters.get(OUTPUT_COUNTERS, {}).get("BYTES_WRITTEN", 0)


def _counters(role: Role, ends: Sequence[ProgramEnd], tasks: Mapping[str, int]) -> Counters:
    shown = {words: tasks[name] for name, words in SHOWN[role].items() if name in tasks}
    total: Counters = {GROUP: shown} if shown else {}
    for end in ends:
        add_counters(total, end.counters)
    return total
