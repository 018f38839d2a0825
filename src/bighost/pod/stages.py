"""Runs the tasks of one stage, as many at a time as there are cores, and reports on them.

A failure is reproducible: when a task fails, later tasks are stopped, earlier ones may end, and the first
one that failed is the one that is named.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from bighost.pod.complaint import Complaint, about_breach, signal_name
from bighost.pod.contract import Progress, StageReport, Usage
from bighost.pod.messages import Breach, StageUsage
from bighost.pod.run import Run, Stop
from bighost.pod.sandbox import Fault, NoProcessLeft, Program, Stage
from bighost.pod.stderr import Counters, add_counters
from bighost.pod.task import Task, TaskEnd, perform

NO_TASK = 1 << 62


class StageRun:
    """One stage of a run: `make_task` is asked for each task, by index, when its turn comes."""

    def __init__(self, run: Run, name: str, count: int, make_task: Callable[[int], Task]) -> None:
        self._run = run
        self._name = name
        self._count = count
        self._make_task = make_task
        self._parallel = max(1, min(run.cores, count, run.limits.processes))
        self._lock = threading.Lock()
        self._running: dict[int, Program] = {}
        self._ends: dict[int, TaskEnd] = {}
        self._failed = NO_TASK  # the lowest index of a task that failed
        self._starved = NO_TASK  # the same, for want of a process

    def go(self) -> None:
        """Run all tasks, and add the stage's report to the run's.

        Raises Stop when the stage did not pass, Fault and OSError when the failure is ours.
        """
        self._run.check(self._name)
        self._tell("")
        began = time.monotonic()
        usage = self._use_stage()
        self._run.workdir.wipe_student_files()
        complaint = self._complaint(usage)
        self._run.stages.append(self._report(usage, time.monotonic() - began, complaint))
        if not usage.clean:
            raise Fault(f"processes of stage {self._name} can't be killed")
        self._run.check(self._name)
        if complaint:
            raise Stop(complaint.outcome, complaint.message, self._name)

    def _use_stage(self) -> StageUsage:
        with self._run.sandbox.stage(self._run.begin_of_stage()) as stage:
            self._run.enter(stage)
            try:
                self._run_tasks(stage)
            finally:
                self._run.enter(None)
            return stage.end()

    def _run_tasks(self, stage: Stage) -> None:
        with ThreadPoolExecutor(self._parallel) as pool:
            futures = [pool.submit(self._run_task, stage, index) for index in range(self._count)]
            try:
                for future in futures:
                    future.result()
            except BaseException:
                self._fail(-1)  # ours: nobody needs to go on
                raise

    def _run_task(self, stage: Stage, index: int) -> None:
        if index > self._failed or self._run.cancelled:
            return
        try:
            end = perform(
                self._run,
                stage,
                self._make_task(index),
                f"{self._name}-{index}",
                f"{self._name} (task {index})",
                lambda program: self._enlist(index, program),
            )
        except NoProcessLeft:
            self._starved = min(self._starved, index)
            self._fail(index)
            return
        finally:
            with self._lock:
                self._running.pop(index, None)
        with self._lock:
            self._ends[index] = end
        if end.complaint:
            self._fail(index)
        self._tell(end.reporter_status)

    def _enlist(self, index: int, program: Program) -> None:
        with self._lock:
            self._running[index] = program
            if index > self._failed or self._run.cancelled:  # it started when the others were killed
                program.kill()

    def _fail(self, index: int) -> None:
        """Stop every task after this one."""
        with self._lock:
            self._failed = min(self._failed, index)
            for later, program in self._running.items():
                if later > self._failed:
                    program.kill()

    def _complaint(self, usage: StageUsage) -> Complaint | None:
        if usage.breach:
            return about_breach(self._name, Breach(usage.breach), self._run.limits)
        if self._starved < NO_TASK and self._starved == self._failed:
            if usage.threads + self._parallel <= self._run.limits.processes:
                raise Fault(f"no process could be started for stage {self._name}")
            return about_breach(self._name, Breach.PROCESSES, self._run.limits)
        return self._ends[self._failed].complaint if self._failed in self._ends else None

    def _report(self, usage: StageUsage, wall_s: float, complaint: Complaint | None) -> StageReport:
        ends = [self._ends[index] for index in sorted(self._ends)]
        blamed = self._blamed(usage) if complaint else None
        exit_code, signal_word = self._exit(usage, blamed) if complaint else (0, None)
        return StageReport(
            name=self._name,
            tasks=self._count,
            usage=Usage(usage.cpu_s, wall_s, usage.peak_bytes),
            exit=exit_code,
            signal=signal_word,
            failed_task=blamed,
            records_in=sum(end.records_in for end in ends),
            records_out=sum(end.records_out for end in ends),
            bytes_out=sum(end.bytes_out for end in ends),
            stderr=self._stderr(blamed, ends),
            counters=_sum_of_counters(ends),
            status=next((end.reporter_status for end in reversed(ends) if end.reporter_status), ""),
        )

    def _blamed(self, usage: StageUsage) -> int | None:
        """The task that failed; after a breach, the only one that had to be killed for it."""
        if usage.breach is None:
            return self._failed
        killed = [index for index, end in self._ends.items() if end.status == signal.SIGKILL]
        return killed[0] if len(killed) == 1 else None

    def _exit(self, usage: StageUsage, blamed: int | None) -> tuple[int | None, str | None]:
        """Exit code, or signal, of the task that failed."""
        if usage.breach is not None:
            return None, signal.SIGKILL.name
        if blamed not in self._ends:
            return None, None  # it could not be started
        status = self._ends[blamed].status
        if os.WIFSIGNALED(status):
            return None, signal_name(status)
        return os.waitstatus_to_exitcode(status), None

    def _stderr(self, blamed: int | None, ends: list[TaskEnd]) -> str:
        if blamed in self._ends:
            return self._ends[blamed].stderr
        return next((end.stderr for end in reversed(ends) if end.stderr), "")

    def _tell(self, status: str) -> None:
        with self._lock:
            self._run.tell(Progress(self._name, len(self._ends), self._count, status))


def _sum_of_counters(ends: list[TaskEnd]) -> Counters:
    total: Counters = {}
    for end in ends:
        add_counters(total, end.counters)
    return total
