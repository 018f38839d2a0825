"""Runs one Hadoop job to its end: two phases, each a stage of the warden's, while Hadoop does the rest.

Phase `map` lasts until Hadoop asks for the first reducer: mappers and combiners run in it, and share its
limits. Phase `reduce` lasts until the job has ended. All that happens (progress, hand-overs of programs, the
job's end) comes through one queue to one loop, which also holds what Hadoop writes against the run's limits.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bighost.pod.complaint import Complaint, about_breach
from bighost.pod.contract import Outcome, Progress
from bighost.pod.hadoop.blame import blame, is_too_long, too_long
from bighost.pod.hadoop.broker import Broker, HandOver, Role, refuse
from bighost.pod.hadoop.jvm import END_S, JobEnd, JobEvent, JobOrder, JobProgress, Jvm, JvmGone
from bighost.pod.hadoop.programs import Programs
from bighost.pod.hadoop.stagereports import PhaseEnd, stage_reports
from bighost.pod.messages import Breach
from bighost.pod.run import Run, Stop
from bighost.pod.sandbox import Fault
from bighost.pod.watch import folder_bytes

LOOK_S = 0.1  # how often limits are looked at that the warden does not see
HADOOP_BYTES = 2 << 20  # of Hadoop's own files about a job, which are not the student's


class Phase(StrEnum):
    """What a job is doing; each is named after the stage that people see."""

    MAP = "mapper"
    REDUCE = "reducer"


@dataclass(frozen=True)
class Job:
    """A job for Hadoop, and where its bytes go."""

    order: JobOrder
    files: Mapping[Role, str]
    told: Mapping[str, str]  # put into every program's environment
    folder: Path  # what lies between the phases
    output: Path
    title: str = ""  # put before the names of stages: "round 3 "
    check: Callable[[str], None] = lambda _: None  # told the stage; raises Stop to end the job


class Attempt:
    """One job of a run."""

    def __init__(self, run: Run, jvm: Jvm, broker: Broker, job: Job) -> None:
        self._run = run
        self._jvm = jvm
        self._broker = broker
        self._job = job
        self._events: queue.SimpleQueue[JobEvent | HandOver] = queue.SimpleQueue()
        self._waiting: list[HandOver] = []  # reducers that were asked for while maps were followed
        self._end: JobEnd | None = None
        self._offence: Complaint | None = None  # something that the warden does not see
        self._charged = 0
        self._earlier = list(run.stages)
        self._phases: list[tuple[PhaseEnd, Complaint | None]] = []
        self._asked_to_end = False

    def go(self) -> JobEnd:
        """Run the job, and add the reports of its stages to the run's.

        Raises Stop when the student's programs did not pass, Fault when the failure is ours.
        """
        self._broker.hand_to(self._events.put)
        try:
            self._jvm.submit(self._job.order, self._events.put)
            self._phase(Phase.MAP)
            if self._end is None:
                self._phase(Phase.REDUCE)
        finally:
            self._broker.hand_to(None)
            self._wind_up()
            self._run.charge(-self._charged)  # what lay between the phases is no longer needed
        assert self._end is not None
        return self._end

    def _phase(self, phase: Phase) -> None:
        run, name = self._run, self._job.title + phase.value
        run.check(name)
        run.tell(Progress(name, 0, 100))
        began = time.monotonic()
        with run.sandbox.stage(run.begin_of_stage()) as stage:
            run.enter(stage)
            programs = Programs(run, stage, self._job.files, self._job.told)
            try:
                self._follow(phase, name, programs, stage.kill)
            finally:
                run.enter(None)
                if self._end is None or self._end.error is not None:
                    stage.kill()
                programs.join()
            usage = stage.end()
        run.workdir.wipe_student_files()
        end = PhaseEnd(self._job.title, phase is Phase.MAP, usage, time.monotonic() - began, programs.ends)
        complaint = None if run.cancelled else self._complaint(name, end, programs)
        self._phases.append((end, complaint))
        self._report()
        if not usage.clean:
            raise Fault(f"processes of stage {name} can't be killed")
        run.check(name)
        if complaint:
            raise Stop(complaint.outcome, complaint.message, name)

    def _report(self) -> None:
        """Write the stages anew: what Hadoop has counted is only known when the job has ended."""
        counters = self._end.counters if self._end else {}
        reports = [
            report for end, complaint in self._phases for report in stage_reports(end, complaint, counters)
        ]
        self._run.stages = [*self._earlier, *reports]

    def _follow(self, phase: Phase, name: str, programs: Programs, kill: Callable[[], None]) -> None:
        """Until the job has ended, or asks for its first reducer while it maps."""
        waiting, self._waiting = self._waiting, []
        for handed in waiting:
            programs.take(handed)
        next_look = 0.0
        while self._end is None and not self._waiting:
            with suppress(queue.Empty):
                self._handle(self._events.get(timeout=LOOK_S), phase, name, programs)
            if time.monotonic() >= next_look:
                self._look(name, programs, kill)
                next_look = time.monotonic() + LOOK_S

    def _handle(self, event: JobEvent | HandOver, phase: Phase, name: str, programs: Programs) -> None:
        match event:
            case HandOver(role=Role.REDUCER) if phase is Phase.MAP:
                self._waiting.append(event)
            case HandOver():
                programs.take(event)
            case JobProgress():
                share = event.map if phase is Phase.MAP else event.reduce
                self._run.tell(Progress(name, int(100 * share), 100))
            case JobEnd():
                self._end = event
            case JvmGone(status):
                raise Fault(f"Hadoop's JVM ended with status {status}")

    def _look(self, name: str, programs: Programs, kill: Callable[[], None]) -> None:
        """Hold against limits what Hadoop does for the student; end the job once it can't pass."""
        self._run.check(name)
        self._job.check(name)
        if programs.fault:
            raise Fault(f"a program could not be run: {programs.fault}") from programs.fault
        self._measure(kill)
        if (programs.failed or self._offence) and not self._asked_to_end:
            self._asked_to_end = True
            self._jvm.cancel()

    def _measure(self, kill: Callable[[], None]) -> None:
        limits = self._run.limits
        between = folder_bytes(str(self._job.folder), limits.disk_bytes + HADOOP_BYTES) - HADOOP_BYTES
        if between > self._charged:
            self._run.charge(between - self._charged)
            self._charged = between
        if (
            folder_bytes(str(self._job.output), limits.output_bytes) > limits.output_bytes
            and not self._offence
        ):
            words = f"wrote more than {limits.output_bytes} bytes of output"
            self._offence = Complaint(Outcome.OUTPUT_LIMIT, words)
            kill()

    def _complaint(self, name: str, end: PhaseEnd, programs: Programs) -> Complaint | None:
        limits = self._run.limits
        if end.usage.breach:
            return about_breach(name, Breach(end.usage.breach), limits)
        if programs.fault:
            raise Fault(f"a program could not be run: {programs.fault}") from programs.fault
        error = self._end.error if self._end else None
        if error and is_too_long(error):  # before what the program makes of its pipe's end
            return too_long(name)
        if self._offence:
            return Complaint(self._offence.outcome, f"{name} {self._offence.message}")
        if programs.starved:
            return about_breach(name, Breach.PROCESSES, limits)
        if first := programs.first_complaint():
            return first.complaint
        return blame(name, error, self._run.workdir) if error else None

    def _wind_up(self) -> None:
        """Leave no job behind: one that does not end soon takes the JVM with it."""
        for handed in self._waiting:
            refuse(handed)
        if self._end is not None:
            return
        try:
            self._jvm.cancel()
            deadline = time.monotonic() + END_S
            while not isinstance(
                event := self._events.get(timeout=deadline - time.monotonic()), JobEnd | JvmGone
            ):
                if isinstance(event, HandOver):
                    refuse(event)
        except (Fault, queue.Empty, ValueError):  # ValueError: the deadline has passed
            self._jvm.kill()
