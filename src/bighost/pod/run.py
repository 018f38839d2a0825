"""One order while it runs: its deadline, its being cancelled, and the report that grows.

A framework works on a `Run` and ends it by returning, or by raising `Stop`: the student's program, the clock
or the node has ended it. Every other exception is a fault of ours.
"""

from __future__ import annotations

import base64
import binascii
import threading
import time
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

from bighost.pod.complaint import about_breach
from bighost.pod.contract import (
    ContractError,
    Outcome,
    OutputFile,
    Progress,
    RunLimits,
    RunOrder,
    RunReport,
    Segments,
    StageReport,
    Usage,
)
from bighost.pod.messages import Begin, Breach
from bighost.pod.sandbox import Sandbox, Stage
from bighost.pod.workdir import Workdir

ARGUMENT_CHARACTERS = 16 * 1024


class Stop(Exception):
    """The run ends here, and this is why."""

    def __init__(self, outcome: Outcome, message: str, stage: str | None) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.message = message
        self.stage = stage


class Run:
    """What a framework needs to know and to touch while it runs one order.

    Raises ContractError when the order's files or arguments are not what they should be.
    """

    def __init__(
        self,
        order: RunOrder,
        options: dict[str, Any],
        cores: int,
        sandbox: Sandbox,
        workdir: Workdir,
        tell: Callable[[Progress], None],
    ) -> None:
        self.order = order
        self.files = files_of(order)
        check_arguments(order.arguments)
        self.options = options
        self.cores = min(cores, order.limits.cores)
        self.sandbox = sandbox
        self.workdir = workdir
        self.tell = tell
        self.stages: list[StageReport] = []
        self.output: list[OutputFile] = []
        self.segments = Segments()
        self.intermediate_bytes = 0
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._stage: Stage | None = None
        self.cancelled = False

    @property
    def limits(self) -> RunLimits:
        """What the run may use."""
        return self.order.limits

    def begin_of_stage(self) -> Begin:
        """The limits of a stage that begins now."""
        return Begin(
            cpu_s=self.limits.cpu_s,
            deadline=self._began + self.limits.wall_s,
            memory_bytes=self.limits.memory_bytes,
            processes=self.limits.processes,
            disk_bytes=self.limits.disk_bytes,
            charged_bytes=self.intermediate_bytes,
            scratch=str(self.workdir.scratch),
        )

    def enter(self, stage: Stage | None) -> None:
        """From now on being cancelled kills this stage's programs."""
        with self._lock:
            self._stage = stage
            if stage and self.cancelled:
                stage.kill()

    def charge(self, size: int) -> None:
        """Count `size` more bytes of intermediate data against `RunLimits.disk_bytes`."""
        with self._lock:
            self.intermediate_bytes += size
            if self._stage:
                self._stage.charge(size)

    def cancel(self) -> None:
        """End the run as soon as possible."""
        with self._lock:
            self.cancelled = True
            if self._stage:
                self._stage.kill()

    def check(self, stage: str) -> None:
        """Raises Stop when the run was cancelled, or has used up its time."""
        if self.cancelled:
            raise Stop(Outcome.CANCELLED, "the run was cancelled", stage)
        if time.monotonic() > self._began + self.limits.wall_s:
            raise Stop(*about_breach(stage, Breach.WALL, self.limits), stage)

    def report(self, outcome: Outcome, message: str, stage: str | None = None) -> RunReport:
        """The report of the run as it stands; only a run that is ok hands in output."""
        used = [report.usage for report in self.stages]
        return RunReport(
            outcome=outcome,
            message=message,
            stages=list(self.stages),
            usage=Usage(
                cpu_s=sum(usage.cpu_s for usage in used),
                wall_s=time.monotonic() - self._began,
                peak_bytes=max((usage.peak_bytes for usage in used), default=0),
            ),
            output=list(self.output) if outcome is Outcome.OK else [],
            segments=self.segments,
            stage=stage,
        )


def files_of(order: RunOrder) -> dict[str, bytes]:
    """The student's files. Raises ContractError for a bad name or bad base64."""
    files = {}
    for name, text in order.files.items():
        path = PurePosixPath(name)
        if path.is_absolute() or not path.parts or ".." in path.parts or not _is_system_text(name):
            raise ContractError(f"{name!r} is no name for a student's file")
        try:
            files[str(path)] = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise ContractError(f"file {name} is not base64: {error}") from None
    return files


def check_arguments(arguments: list[str]) -> None:
    """Raises ContractError for arguments that no program can be given."""
    if not all(map(_is_system_text, arguments)):
        raise ContractError("an argument holds a NUL, or is not UTF-8")
    if sum(map(len, arguments)) > ARGUMENT_CHARACTERS:
        raise ContractError(f"the arguments are longer than {ARGUMENT_CHARACTERS} characters")


def _is_system_text(text: str) -> bool:
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False  # half of a surrogate pair, which JSON can write
