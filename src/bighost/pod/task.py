"""One task: a student program from its start to its end, with its own scratch folder."""

from __future__ import annotations

import errno
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from bighost.pod import isolation
from bighost.pod.complaint import Complaint, about_exit
from bighost.pod.pump import Pump
from bighost.pod.run import Run
from bighost.pod.sandbox import Command, Fault, Program, Stage
from bighost.pod.stderr import Counters, Offence, Stderr
from bighost.pod.workdir import remove

DISK_FULL = f"[Errno {errno.ENOSPC}]"


class Source(Protocol):
    """What a program reads: an iterator over non-empty pieces that counts records."""

    records: int

    def __iter__(self) -> Iterator[bytes]: ...
    def __next__(self) -> bytes: ...


class Sink(Protocol):
    """Takes what a program writes, and counts records and bytes."""

    records: int
    size: int

    def write(self, data: bytes) -> None:
        """Take the next bytes. Raises Offence when the program has written too much."""

    def close(self) -> None:
        """Finish: the program has ended well."""


class Task(NamedTuple):
    """A program's file and what it is told; what it reads, and what takes what it writes."""

    file: str
    environment: dict[str, str]
    source: Source
    sink: Sink


class TaskEnd(NamedTuple):
    """How a task ended. `status` is a wait status."""

    status: int
    complaint: Complaint | None
    stderr: str
    reporter_status: str
    counters: Counters
    records_in: int
    records_out: int
    bytes_out: int


def perform(
    run: Run, stage: Stage, task: Task, name: str, who: str, started: Callable[[Program], None]
) -> TaskEnd:
    """Run a task to its end. `name` is its scratch folder's, `who` people's; `started` may keep the program.

    Raises NoProcessLeft when there was no room for its process, Fault and OSError when the failure is ours.
    """
    scratch = run.workdir.new_scratch(name)
    argv = [run.sandbox.python, str(run.workdir.code / task.file), *run.order.arguments]
    try:
        program = stage.start(Command(argv, base_environment(scratch) | task.environment, scratch))
        try:
            started(program)
            return _attend(run, program, task, who)
        finally:
            program.close()
    finally:
        remove(scratch)


def base_environment(scratch: Path) -> dict[str, str]:
    """What every student program finds in its environment, whatever the framework."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "USER": "student",
        "LOGNAME": "student",
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _attend(run: Run, program: Program, task: Task, who: str) -> TaskEnd:
    stderr = Stderr()
    status, complaint = 0, None
    oom_kills = isolation.oom_kills()
    try:
        status = Pump(program, task.source, task.sink.write, stderr.feed).run().status
        if status == 0:
            task.sink.close()
    except Offence as offence:
        status = signal.SIGKILL  # by the caller, who lets go of it
        complaint = Complaint(offence.outcome, f"{who} {offence.message}")
    said = stderr.end().replace(f"{run.workdir.code}/", "")
    if status != 0 and complaint is None:
        complaint = about_exit(who, status, said, oom_killed=isolation.oom_kills() > oom_kills)
        _check_disk(run, said)
    counts = task.source.records, task.sink.records, task.sink.size
    return TaskEnd(status, complaint, said, stderr.status, stderr.counters, *counts)


def _check_disk(run: Run, said: str) -> None:
    """A program that found no room, though it had not used up its own, met our disk's end."""
    if DISK_FULL in said and run.workdir.is_full():
        raise Fault(
            f"the work folder is full: it holds less than the {run.limits.disk_bytes} bytes of the limit"
        )
