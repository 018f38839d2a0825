"""Why a job failed though no program of the student's did: whose fault it is, in a sentence."""

from __future__ import annotations

from bighost.pod.complaint import Complaint
from bighost.pod.contract import Outcome
from bighost.pod.sandbox import Fault
from bighost.pod.workdir import Workdir

UNREAD = ("Broken pipe", "Stream closed")
NO_MEMORY = ("OutOfMemoryError", "exceeds the limit", "Too many bytes before")
DISK_FULL = "No space left on device"


def blame(stage: str, error: str, workdir: Workdir) -> Complaint:
    """The student's part in a job's failure. Raises Fault when there is none."""
    if any(sign in error for sign in UNREAD):
        return Complaint(
            Outcome.RUNTIME_ERROR,
            f"{stage} ended without reading all of its input, which Hadoop Streaming counts as a failure",
        )
    if is_too_long(error):
        return too_long(stage)
    if DISK_FULL in error or workdir.is_full():
        return Complaint(Outcome.OUTPUT_LIMIT, f"{stage} filled the disk with intermediate data")
    raise Fault(f"Hadoop failed in stage {stage}: {error}")


def is_too_long(error: str) -> bool:
    """Whether Hadoop had no memory left: it holds a line at a time, whatever its length."""
    return any(sign in error for sign in NO_MEMORY)


def too_long(stage: str) -> Complaint:
    """About a line that Hadoop could not hold."""
    return Complaint(Outcome.RUNTIME_ERROR, f"{stage} wrote a line that is too long for Hadoop's memory")
