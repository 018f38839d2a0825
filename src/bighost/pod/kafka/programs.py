"""The student's programs of a run: producers and consumers that run at the same time, a thread for each.

They share one stage of the sandbox, and so its limits; what each has used is known once it has ended. A
program is started through `sh`, which says its process id and becomes the program, so that it can be
interrupted.
"""

from __future__ import annotations

import os
import queue
import signal
import threading
import time
from contextlib import suppress
from typing import NamedTuple

from bighost.pod import isolation
from bighost.pod.complaint import Complaint, about_exit, last_error
from bighost.pod.frameworks.output import PartFile
from bighost.pod.kafka.feed import Feed
from bighost.pod.kafka.plan import Role
from bighost.pod.pump import Pump
from bighost.pod.run import Run
from bighost.pod.sandbox import Command, Program, Stage
from bighost.pod.stderr import Counters, Offence, Stderr
from bighost.pod.task import Sink, Source, base_environment
from bighost.pod.workdir import remove

SAY_PID = ["/bin/sh", "-c", 'echo "$$" && exec "$@"', "sh"]
INTERRUPTED = "KeyboardInterrupt"


class ProgramEnd(NamedTuple):
    """How a program ended. `status` is a wait status; `began` and `ended` are on the monotonic clock."""

    status: int
    complaint: Complaint | None
    stderr: str
    reporter_status: str
    counters: Counters
    cpu_s: float
    peak_bytes: int
    ended: float


class Spec(NamedTuple):
    """What to run, and what it is told."""

    role: Role
    task: int
    file: str
    arguments: list[str]
    environment: dict[str, str]

    @property
    def who(self) -> str:
        """Its name for people."""
        return f"{self.role.value} (task {self.task})"


class Nothing:
    """A source that is at its end: consumers read nothing."""

    records = 0

    def __iter__(self) -> Nothing:
        return self

    def __next__(self) -> bytes:
        raise StopIteration


class Uncollected:
    """A sink for output that is not part of the result: producers may say what they like."""

    def __init__(self) -> None:
        self.records = 0
        self.size = 0

    def write(self, data: bytes) -> None:
        """Count."""
        self.records += data.count(b"\n")
        self.size += len(data)

    def close(self) -> None:
        """Nothing is kept."""


class StudentProgram:
    """A running program; `end` is there once it is on the queue that it was started with."""

    def __init__(self, spec: Spec, source: Feed | Nothing, sink: PartFile | Uncollected) -> None:
        self.spec = spec
        self.source: Source = source
        self.sink: Sink = sink
        self.began = time.monotonic()
        self.last_output = self.began
        self.end: ProgramEnd | None = None
        self.failure: Exception | None = None  # ours: it could not be run
        self.was_interrupted = False
        self.was_killed = False
        self._program: Program | None = None
        self._pid_line = b""
        self._pid: int | None = None
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self, run: Run, stage: Stage, ends: queue.SimpleQueue[StudentProgram]) -> None:
        """Run it in a thread of its own; it puts itself on `ends` when it has ended."""

        def work() -> None:
            try:
                self.end = self._perform(run, stage)
            except Exception as error:  # noqa: BLE001 - whoever takes it from the queue raises it
                self.failure = error
            ends.put(self)

        self._thread = threading.Thread(target=work, name=self.spec.who)
        self._thread.start()

    def join(self) -> None:
        """Wait until its thread has ended."""
        if self._thread is not None:
            self._thread.join()

    def interrupt(self) -> None:
        """Send it what Ctrl-C sends."""
        with self._lock:
            self.was_interrupted = True
            if self._program is not None and self._pid is not None:
                with suppress(ProcessLookupError):  # it has just ended
                    os.kill(self._pid, signal.SIGINT)

    def kill(self) -> None:
        """Kill it, which is then no failure of its own."""
        with self._lock:
            self.was_killed = True
            if self._program is not None:
                self._program.kill()

    def _perform(self, run: Run, stage: Stage) -> ProgramEnd:
        scratch = run.workdir.new_scratch(f"{self.spec.role.value}-{self.spec.task}")
        program_file = str(run.workdir.code / self.spec.file)
        argv = [*SAY_PID, run.sandbox.python, program_file, *self.spec.arguments]
        environment = base_environment(scratch) | self.spec.environment
        try:
            program = stage.start(Command(argv, environment, scratch))
            try:
                return self._attend(run, program)
            finally:
                with self._lock:
                    self._program = None
                program.close()
        finally:
            remove(scratch)

    def _attend(self, run: Run, program: Program) -> ProgramEnd:
        with self._lock:
            self._program = program
            if self.was_killed:
                program.kill()
        if isinstance(self.source, Feed):
            self.source.attend(program)
        stderr, oom_kills = Stderr(), isolation.oom_kills()
        status, complaint, cpu_s, peak_bytes = 0, None, 0.0, 0
        try:
            status, cpu_s, peak_bytes = Pump(program, iter(self.source), self._take, stderr.feed).run()
            self.sink.close()
        except Offence as offence:
            complaint = Complaint(offence.outcome, f"{self.spec.who} {offence.message}")
        said = stderr.end().replace(f"{run.workdir.code}/", "")
        if status != 0 and not self._is_excused(status, said):
            killed_for_memory = isolation.oom_kills() > oom_kills
            complaint = about_exit(self.spec.who, status, said, oom_killed=killed_for_memory)
        counted = stderr.status, stderr.counters
        return ProgramEnd(status, complaint, said, *counted, cpu_s, peak_bytes, time.monotonic())

    def _take(self, data: bytes) -> None:
        """Take in what it writes; the first line is its process id."""
        if self._pid is None:
            self._pid_line += data
            line, newline, data = self._pid_line.partition(b"\n")
            if not newline:
                return
            self._pid = int(line)
        if data:
            self.last_output = time.monotonic()
            self.sink.write(data)

    def _is_excused(self, status: int, said: str) -> bool:
        """Whether it ended as one does that is killed or interrupted by us."""
        if self.was_killed:
            return True
        if not self.was_interrupted:
            return False
        if os.WIFSIGNALED(status):
            return os.WTERMSIG(status) == signal.SIGINT
        error = last_error(said)
        return error is not None and error.text.startswith(INTERRUPTED)
