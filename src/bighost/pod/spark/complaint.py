"""What is said to a student about a Spark program that failed: their own line, not Java's hundred.

A failed task's error arrives at the driver inside stack traces of Java, where the Python worker's traceback
stands in the middle, often twice. What is kept of stderr are the lines that Python wrote; of those the last
traceback that names a file of the student's decides what the message says.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator

from bighost.pod.complaint import Complaint, about_exit, signal_name
from bighost.pod.contract import Outcome

JAVA = re.compile(r"^\s*(?:at [\w.$/<>]+\(|\.\.\. \d+ (?:more|common frames)|Suppressed: )")
TRACEBACK = "Traceback (most recent call last):"
OWN_FRAME = re.compile(r'^\s+File "[^"/<][^"]*", line \d+', re.MULTILINE)
TWICE = "\nDriver stacktrace:"  # what follows is the same again, as Java's chain of causes
HEAP = "java.lang.OutOfMemoryError"
SHOWN_CHARACTERS = 8 * 1024


def condense(stderr: str, code: str) -> str:
    """A driver's stderr without Java's frames, with paths below `code` (the student's folder) relative."""
    before, said_twice, _ = stderr.partition(TWICE)
    kept = before if said_twice and TRACEBACK in before else stderr
    lines = [line for line in kept.splitlines() if not JAVA.match(line)]
    return "\n".join(lines).replace(f"{code}/", "")


def own_traceback(said: str) -> str:
    """The last traceback of the text that has a frame in a student's file; empty when there is none."""
    found = [block for block in _tracebacks(said) if OWN_FRAME.search(block)]
    return found[-1] if found else ""


def about_driver(who: str, status: int, said: str, oom_killed: bool) -> Complaint:
    """Why a program that ended with this wait status, not 0, did not pass; `said` is condensed.

    `oom_killed`: meanwhile the kernel has killed somebody for want of memory, a Python worker perhaps.
    """
    if oom_killed:
        return Complaint(Outcome.MEMORY_LIMIT, f"{who} used up the pod's memory")
    if HEAP in said:
        return Complaint(Outcome.MEMORY_LIMIT, f"{who} needed more memory than Spark's JVM may use")
    return about_exit(who, status, own_traceback(said) or said)


def about_jvm(who: str, status: int, said: str, oom_killed: bool) -> Complaint:
    """Why a program did not pass while which the JVM ended with this wait status."""
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    if HEAP in said or (killed and oom_killed):
        return Complaint(Outcome.MEMORY_LIMIT, f"{who} needed more memory than Spark's JVM may use")
    how = f"by signal {signal_name(status)}" if os.WIFSIGNALED(status) else f"with {os.WEXITSTATUS(status)}"
    return Complaint(Outcome.RUNTIME_ERROR, f"{who} ended Spark's JVM ({how}), for example by System.exit")


def shown(said: str) -> str:
    """What a report keeps of it: its own traceback, or else the end."""
    block = own_traceback(said)
    if block and block not in said[-SHOWN_CHARACTERS:]:
        return block[-SHOWN_CHARACTERS:]
    return said[-SHOWN_CHARACTERS:]


def _tracebacks(said: str) -> Iterator[str]:
    """Each traceback from its first line to the one that tells the error."""
    block: list[str] = []
    for line in said.splitlines():
        if TRACEBACK in line:
            block = [TRACEBACK]
        elif block:
            block.append(line)
            if line and not line[0].isspace():
                yield "\n".join(block)
                block = []
