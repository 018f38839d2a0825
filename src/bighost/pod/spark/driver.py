"""The student's driver program, from its start to its report."""

from __future__ import annotations

import os
import time
from typing import NamedTuple

from bighost.pod import isolation
from bighost.pod.complaint import Complaint, about_breach, signal_name
from bighost.pod.contract import Outcome, Progress, StageReport, Usage
from bighost.pod.pump import Pump
from bighost.pod.run import Run, Stop
from bighost.pod.sandbox import Command, Fault
from bighost.pod.spark.complaint import about_driver, about_jvm, condense, shown
from bighost.pod.spark.events import Habit, Story, read_story
from bighost.pod.spark.inputs import lay_out
from bighost.pod.spark.inputs import shown as inputs_shown
from bighost.pod.spark.jvm import Jvm, python_environment
from bighost.pod.spark.meter import Baseline, Meter
from bighost.pod.spark.output import read_output
from bighost.pod.spark.talk import Tail

STAGE = "driver"


class DriverEnd(NamedTuple):
    """How a driver ended. `status` is a wait status; `said` its stderr, condensed."""

    status: int
    said: str
    usage: Usage
    complaint: Complaint | None


def warm_up(run: Run, jvm: Jvm) -> None:
    """Run a program of ours, and leave the JVM behind. Raises Stop when it fails."""
    end = _drive(run, jvm)
    if end.complaint:
        raise Stop(end.complaint.outcome, f"{end.complaint.message}\n{end.said[-2000:]}", STAGE)


def serve(run: Run, jvm: Jvm) -> None:
    """Run the student's program, and end the JVM. Raises Stop when it does not pass, Fault and OSError."""
    run.tell(Progress(STAGE, 0, 1))
    try:
        end = _drive(run, jvm)
    finally:
        is_clean = jvm.end()
    run.workdir.wipe_student_files()
    if not is_clean:
        raise Fault("processes of the student can't be killed")
    story = read_story(jvm.folders.events)
    habits = story.habits(run.options["collect_bytes"])
    run.stages += [_report(end, story, habits), *story.reports()]
    run.check(STAGE)
    if end.complaint:
        raise Stop(end.complaint.outcome, end.complaint.message, STAGE)
    _forbid(run, habits)
    run.output = read_output(run, jvm.folders.output, run.options["success"])
    run.tell(Progress(STAGE, 1, 1))


def _drive(run: Run, jvm: Jvm) -> DriverEnd:
    jvm.prepare(run)
    run.enter(jvm.stage)
    try:
        with inputs_shown(run, jvm.stage, lay_out(run.order.inputs, run.options["tables"])) as folder:
            return _attend(run, jvm, [str(folder), str(jvm.folders.output)])
    finally:
        run.enter(None)


def _attend(run: Run, jvm: Jvm, places: list[str]) -> DriverEnd:
    scratch = run.workdir.new_scratch("driver")
    program = run.options["program"]
    argv = [run.sandbox.python, str(run.workdir.code / program), *places, *run.order.arguments]
    environment = python_environment(run, scratch) | jvm.environment()
    began, oom_kills = time.monotonic(), isolation.oom_kills()
    meter = Meter(jvm.stage, Baseline.now(), run.begin_of_stage())
    stdout, stderr = Tail(), Tail()
    try:
        driver = jvm.stage.start(Command(argv, environment, scratch))
        try:
            status = Pump(driver, iter(()), stdout.feed, stderr.feed).run().status
        finally:
            driver.close()
    finally:
        meter.stop()
    usage = Usage(meter.cpu_s, time.monotonic() - began, meter.peak_bytes)
    said = condense(stderr.text(), str(run.workdir.code))
    oom_killed = isolation.oom_kills() > oom_kills
    if meter.breach:
        return DriverEnd(status, said, usage, about_breach(program, meter.breach, run.limits))
    return DriverEnd(status, said, usage, _complaint(program, status, said, jvm, oom_killed))


def _complaint(program: str, status: int, said: str, jvm: Jvm, oom_killed: bool) -> Complaint | None:
    jvm_status = jvm.status_soon() if status else jvm.status
    if jvm_status is not None:
        return about_jvm(program, jvm_status, said + jvm.said, oom_killed)
    return about_driver(program, status, said, oom_killed) if status else None


def _forbid(run: Run, habits: dict[Habit, str]) -> None:
    for habit, seen in habits.items():
        if habit in run.options["forbid"]:
            raise Stop(Outcome.RUNTIME_ERROR, f"{habit} is forbidden here: {seen}", STAGE)


def _report(end: DriverEnd, story: Story, habits: dict[Habit, str]) -> StageReport:
    signalled = os.WIFSIGNALED(end.status)
    return StageReport(
        name=STAGE,
        tasks=1,
        usage=end.usage,
        exit=None if signalled else os.waitstatus_to_exitcode(end.status),
        signal=signal_name(end.status) if signalled else None,
        failed_task=0 if end.complaint else None,
        stderr=shown(end.said),
        counters={"spark": {"jobs": story.jobs, "stages": len(story.stages)}},
        status="; ".join(habits.values()),
    )
