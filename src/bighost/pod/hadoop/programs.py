"""Runs the student's programs that Hadoop asks for in one phase of a job, and remembers how each ended.

A failure is reproducible, as in `stages.py`: programs of later tasks are stopped, those of earlier ones may
end, and the first one that failed is the one that is named.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from bighost.pod import isolation
from bighost.pod.complaint import Complaint, about_exit
from bighost.pod.hadoop.broker import HandOver, Role, refuse
from bighost.pod.messages import Exited
from bighost.pod.run import Run
from bighost.pod.sandbox import Command, Fault, NoProcessLeft, Program, Stage
from bighost.pod.stderr import Counters, Offence, Stderr
from bighost.pod.task import base_environment
from bighost.pod.workdir import remove

READ_BYTES = 64 * 1024
DRAIN_READS = 20  # a pipe holds 1 MiB at most
SIGNALLED = 128  # and the signal's number: an exit code, as shells say it
NOBODY = 1 << 62


class ProgramEnd(NamedTuple):
    """How one program ended. `task` is the number of its map or reduce task."""

    role: Role
    task: int
    exited: Exited
    stderr: str
    reporter_status: str
    counters: Counters
    complaint: Complaint | None


class Programs:
    """The programs of one phase, each attended by a thread. `files`: role -> the student's file."""

    def __init__(self, run: Run, stage: Stage, files: Mapping[Role, str], told: Mapping[str, str]) -> None:
        self._run = run
        self._stage = stage
        self._files = files
        self._told = told  # in every program's environment
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._running: dict[Program, int] = {}
        self._failed = NOBODY  # the lowest number of a task that failed
        self._number = 0
        self.ends: list[ProgramEnd] = []
        self.starved = False  # the process limit left no room for a program
        self.fault: BaseException | None = None  # ours, in one of the threads

    @property
    def failed(self) -> bool:
        """Whether the job can't pass any more, and nobody runs whose end would still say why."""
        with self._lock:
            return self._failed < NOBODY and not self._running

    def take(self, handed: HandOver) -> None:
        """Run the program that stands behind a hand-over."""
        task = int(handed.told.get("mapreduce_task_partition", "0"))
        with self._lock:
            if task > self._failed or self._run.cancelled:
                refuse(handed)
                return
            self._number += 1
            thread = threading.Thread(
                target=self._attend, args=(handed, task, f"{handed.role}-{task}-{self._number}")
            )
            self._threads.append(thread)
        thread.start()

    def join(self) -> None:
        """Wait until every program that was taken has ended. The stage should be killed, or all be done."""
        for thread in self._threads:
            thread.join()

    def first_complaint(self) -> ProgramEnd | None:
        """The end of the first task that failed; None when none did."""
        failed = [end for end in self.ends if end.complaint]
        return min(failed, key=lambda end: end.task, default=None)

    def _attend(self, handed: HandOver, task: int, name: str) -> None:
        code = 1
        try:
            code = self._perform(handed, task, name)
        except NoProcessLeft:
            self.starved = True
            self._fail(task)
        except (Fault, OSError, ValueError) as error:  # whoever follows the job sees it
            self.fault = error
            self._fail(-1)
        finally:
            handed.answer(code)

    def _perform(self, handed: HandOver, task: int, name: str) -> int:
        scratch = self._run.workdir.new_scratch(name)
        try:
            self._link_files(scratch)
            argv = [self._run.sandbox.python, str(self._run.workdir.code / self._files[handed.role])]
            environment = {**base_environment(scratch), **handed.told, **self._told}
            command = Command([*argv, *self._run.order.arguments], environment, scratch)
            program = self._stage.start_between(command, handed.pipes)
            handed.release_pipes()
            try:
                return self._watch(handed, program, task)
            finally:
                with self._lock:
                    self._running.pop(program, None)
                program.close()
        finally:
            remove(scratch)

    def _link_files(self, scratch: Path) -> None:
        """A program finds the files of the submission in its own folder, as with Hadoop's `-files`."""
        for entry in self._run.workdir.code.iterdir():
            (scratch / entry.name).symlink_to(entry)

    def _watch(self, handed: HandOver, program: Program, task: int) -> int:
        with self._lock:
            self._running[program] = task
            if task > self._failed:
                program.kill()
        oom_kills = isolation.oom_kills()
        stderr, offence = Stderr(), None
        try:
            exited = _listen(handed, program, stderr.feed)
        except Offence as error:
            program.kill()
            offence = Complaint(error.outcome, f"{_who(handed.role, task)} {error.message}")
            exited = program.ending()
        said = stderr.end().replace(f"{self._run.workdir.code}/", "")
        if exited.status and offence is None:
            killed = isolation.oom_kills() > oom_kills
            offence = about_exit(_who(handed.role, task), exited.status, said, oom_killed=killed)
        self._note(ProgramEnd(handed.role, task, exited, said, stderr.status, stderr.counters, offence))
        return exit_code(exited.status)

    def _note(self, end: ProgramEnd) -> None:
        with self._lock:
            self.ends.append(end)
        if end.complaint:
            self._fail(end.task)

    def _fail(self, task: int) -> None:
        with self._lock:
            self._failed = min(self._failed, task)
            for program, other in self._running.items():
                if other > self._failed:
                    program.kill()


def exit_code(status: int) -> int:
    """The exit code that tells Hadoop of a wait status."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else SIGNALLED - code


def _who(role: Role, task: int) -> str:
    return f"{role} (task {task})"


def _listen(handed: HandOver, program: Program, feed: Callable[[bytes], None]) -> Exited:
    """Read stderr until the program has ended; its end counts, not that of children that hold the pipe."""
    watch = select.poll()
    for handle in (program.stderr, program.channel.fileno(), handed.channel.fileno()):
        watch.register(handle, select.POLLIN)
    while True:
        ready = {handle for handle, _ in watch.poll()}
        if handed.channel.fileno() in ready:  # Hadoop has ended the launcher, which never says more
            watch.unregister(handed.channel)
            program.kill()
        if program.channel.fileno() in ready:
            exited = program.ending()
            _drain(program.stderr, feed)
            return exited
        if program.stderr in ready and not (data := os.read(program.stderr, READ_BYTES)):
            watch.unregister(program.stderr)
        elif program.stderr in ready:
            feed(data)


def _drain(handle: int, feed: Callable[[bytes], None]) -> None:
    with suppress(BlockingIOError):
        for _ in range(DRAIN_READS):
            if not (data := os.read(handle, READ_BYTES)):
                return
            feed(data)
