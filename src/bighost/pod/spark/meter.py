"""Holds a student's Spark program against its limits while the JVM, which was there before, is not counted.

The warden's stage is as old as the JVM and knows no limits, because nobody knew the order when it began. So
this thread measures every process of the stage, takes off what was there when the program began, and ends the
stage at the first breach. Of the JVM, memory and CPU time beyond that beginning are the student's, its
threads are not. (What the warden itself uses for watching counts as well: about a hundredth of a core.)
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import NamedTuple

from bighost.pod.messages import Begin, Breach
from bighost.pod.processes import Process, descendants
from bighost.pod.sandbox import Stage
from bighost.pod.watch import Watch

SAMPLE_S = 0.025
DISK_SAMPLE_S = 0.2
SAMPLE_SHARE = 10


class Baseline(NamedTuple):
    """What a stage used before the student's program began."""

    jvm: int  # its process id
    cpu_s: float
    resident_bytes: int

    @classmethod
    def now(cls) -> Baseline:
        """As it is now. Raises ValueError when no JVM runs."""
        everybody = descendants(os.getpid())
        family = [process for process in everybody if process.parent != os.getpid()]
        jvm = max(family, key=lambda process: process.resident_bytes)
        return cls(
            jvm.pid,
            sum(process.cpu_s for process in everybody),
            sum(process.resident_bytes for process in family),
        )


class Meter:
    """Measures from its making until `stop`."""

    def __init__(self, stage: Stage, baseline: Baseline, limits: Begin) -> None:
        memory_bytes = limits.memory_bytes + baseline.resident_bytes
        self._watch = Watch(limits._replace(memory_bytes=memory_bytes), baseline.cpu_s)
        self._baseline = baseline
        self._jvm_command = command_of(baseline.jvm)
        self._stage = stage
        self._done = threading.Event()
        self._next_disk_sample = 0.0
        self._thread = threading.Thread(target=self._measure, name="meter", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take the last measure."""
        self._done.set()
        self._thread.join()
        if self._watch.breach is None:
            self._sample(with_disk=True)

    @property
    def breach(self) -> Breach | None:
        """The first limit that was broken."""
        return self._watch.breach

    @property
    def cpu_s(self) -> float:
        """CPU seconds beyond the baseline."""
        return self._watch.usage(True).cpu_s

    @property
    def peak_bytes(self) -> int:
        """The highest resident size beyond the baseline."""
        return max(0, self._watch.usage(True).peak_bytes - self._baseline.resident_bytes)

    def _measure(self) -> None:
        pause = SAMPLE_S
        while not self._done.wait(pause):
            began = time.monotonic()
            self._sample(with_disk=began >= self._next_disk_sample)
            if self._watch.breach:
                self._stage.kill()
                return
            pause = max(SAMPLE_S, SAMPLE_SHARE * (time.monotonic() - began))

    def _sample(self, with_disk: bool) -> None:
        self._watch.note_processes(0.0, [self._share(process) for process in descendants(os.getpid())])
        if with_disk:
            self._watch.note_disk()
            self._next_disk_sample = time.monotonic() + DISK_SAMPLE_S

    def _share(self, process: Process) -> Process:
        """What of a process counts: the warden, our own child, is there to count those whom it has reaped."""
        if process.parent == os.getpid():
            return process._replace(resident_bytes=0, threads=0)
        if process.pid == self._baseline.jvm:
            return process._replace(threads=0)
        if process.parent == self._baseline.jvm and command_of(process.pid) == self._jvm_command:
            return process._replace(resident_bytes=0, threads=0)  # vfork(2): the JVM's memory, seen twice
        return process


def command_of(pid: int) -> bytes:
    """The command line of a process; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
