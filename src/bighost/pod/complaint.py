"""What is said to people about a program that failed: one sentence, and which verdict it deserves.

The sentence names the last line of Python's own traceback and the line of the student's file it came from.
"""

from __future__ import annotations

import os
import re
import signal
from typing import NamedTuple

from bighost.pod.contract import Outcome, RunLimits
from bighost.pod.messages import Breach

ERROR_CHARACTERS = 300
FRAME = re.compile(r'^\s+File "(?P<file>[^"/<][^"]*)", line (?P<line>\d+)', re.MULTILINE)
ERROR = re.compile(r"^(?P<kind>[A-Za-z_][\w.]*)(?:: (?P<words>.*))?$", re.MULTILINE)
MIB = 1024 * 1024


class Complaint(NamedTuple):
    """Why a program, or a stage, did not pass."""

    outcome: Outcome
    message: str


def about_exit(who: str, status: int, stderr: str, oom_killed: bool = False) -> Complaint:
    """`who` ended with this wait status, not 0, after saying `stderr` (paths of its own files relative).

    `oom_killed`: meanwhile the kernel has killed somebody for want of memory.
    """
    error = last_error(stderr)
    if os.WIFSIGNALED(status):
        if oom_killed and os.WTERMSIG(status) == signal.SIGKILL:
            return Complaint(Outcome.MEMORY_LIMIT, f"{who} was killed because the pod's memory was used up")
        return Complaint(Outcome.RUNTIME_ERROR, f"{who} was ended by signal {signal_name(status)}")
    words = f"{who} ended with exit code {os.WEXITSTATUS(status)}"
    if error is None:
        return Complaint(Outcome.RUNTIME_ERROR, words)
    outcome = Outcome.MEMORY_LIMIT if error.is_memory else Outcome.RUNTIME_ERROR
    return Complaint(outcome, f"{words}: {error}")


def about_breach(stage: str, breach: Breach, limits: RunLimits) -> Complaint:
    """A stage broke one of its limits."""
    match breach:
        case Breach.CPU:
            return Complaint(Outcome.TIME_LIMIT, f"{stage} used more than {limits.cpu_s:g} s of CPU time")
        case Breach.WALL:
            return Complaint(Outcome.TIME_LIMIT, f"the run took longer than {limits.wall_s:g} s, in {stage}")
        case Breach.MEMORY:
            allowed = _mebibytes(limits.memory_bytes)
            return Complaint(Outcome.MEMORY_LIMIT, f"{stage} used more than {allowed} of memory")
        case Breach.PROCESSES:
            return Complaint(
                Outcome.RUNTIME_ERROR,
                f"{stage} had more than {limits.processes} processes and threads at once",
            )
        case Breach.DISK:
            allowed = _mebibytes(limits.disk_bytes)
            return Complaint(
                Outcome.OUTPUT_LIMIT, f"{stage} wrote more than {allowed} of files and intermediate data"
            )


class PythonError(NamedTuple):
    """The last error of a traceback."""

    text: str
    place: str  # "mapper.py, line 7", or ""
    is_memory: bool

    def __str__(self) -> str:
        return f"{self.text} ({self.place})" if self.place else self.text


def last_error(stderr: str) -> PythonError | None:
    """The error that ended a Python program; None when its stderr does not end in a traceback."""
    frames = list(FRAME.finditer(stderr))
    last_frame = stderr.rfind('  File "')
    if last_frame < 0:
        return None
    error = ERROR.search(stderr, stderr.find("\n", last_frame) + 1)
    if error is None:
        return None
    place = f"{frames[-1]['file']}, line {frames[-1]['line']}" if frames else ""
    is_memory = error["kind"].endswith("MemoryError")
    return PythonError(error[0][:ERROR_CHARACTERS], place, is_memory)


def signal_name(status: int) -> str:
    """Such as SIGSEGV, for the wait status of a program that was ended by a signal."""
    number = os.WTERMSIG(status)
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"number {number}"  # a real-time signal


def _mebibytes(size: int) -> str:
    return f"{size / MIB:.4g} MiB"
