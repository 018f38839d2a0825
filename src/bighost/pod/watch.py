"""Holds what a stage uses against its limits, and remembers the first one that was broken."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable

from bighost.pod.messages import Begin, Breach, StageUsage
from bighost.pod.processes import Process

ENTRY_BYTES = 4096  # what a file or folder counts at least, so that a million empty ones are not free


class Watch:
    """The meter of one stage: feed it measures, ask it for the breach."""

    def __init__(self, limits: Begin, reaped_s: float) -> None:
        self._limits = limits
        self._base_s = reaped_s
        self._charged_bytes = limits.charged_bytes
        self._cpu_s = 0.0
        self._peak_bytes = 0
        self._threads = 0
        self.breach: Breach | None = None

    def note_processes(self, reaped_s: float, family: Iterable[Process]) -> None:
        """Take in the CPU seconds of all who were reaped so far, and all who were not."""
        seen = list(family)
        self._cpu_s = max(self._cpu_s, reaped_s - self._base_s + sum(p.cpu_s for p in seen))
        self._peak_bytes = max(self._peak_bytes, sum(p.resident_bytes for p in seen))
        self._threads = max(self._threads, sum(p.threads for p in seen))
        self._judge()

    def note_exit(self, reaped_s: float, peak_bytes: int) -> None:
        """Take in a process that was reaped; it may have lived between two samples."""
        self._cpu_s = max(self._cpu_s, reaped_s - self._base_s)
        self._peak_bytes = max(self._peak_bytes, peak_bytes)
        self._judge()

    def note_disk(self) -> None:
        """Measure the folders that students can write to."""
        allowed = self._limits.disk_bytes - self._charged_bytes
        if allowed < 0 or folder_bytes(self._limits.scratch, allowed) > allowed:
            self._break(Breach.DISK)

    def charge(self, size: int) -> None:
        """Count `size` bytes of intermediate data as disk."""
        self._charged_bytes += size
        if self._charged_bytes > self._limits.disk_bytes:
            self._break(Breach.DISK)

    def usage(self, clean: bool) -> StageUsage:
        """The stage's sum."""
        return StageUsage(self._cpu_s, self._peak_bytes, self._threads, self.breach, clean)

    def _judge(self) -> None:
        if self._threads > self._limits.processes:  # first, for many processes break other limits as well
            self._break(Breach.PROCESSES)
        if self._cpu_s > self._limits.cpu_s:
            self._break(Breach.CPU)
        if self._peak_bytes > self._limits.memory_bytes:
            self._break(Breach.MEMORY)
        if time.monotonic() > self._limits.deadline:
            self._break(Breach.WALL)

    def _break(self, breach: Breach) -> None:
        self.breach = self.breach or breach


def folder_bytes(folder: str, enough: int) -> int:
    """Bytes that lie below `folder`, counted until they are more than `enough`.

    What cannot be listed counts as too much: honest programs do not hide folders.
    """
    total = 0
    todo = [folder]
    while todo and total <= enough:
        try:
            with os.scandir(todo.pop()) as entries:
                for entry in entries:
                    total += _entry_bytes(entry)
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(entry.path)
        except FileNotFoundError:
            continue  # removed while we looked
        except OSError:
            return sys.maxsize
    return total


def _entry_bytes(entry: os.DirEntry[str]) -> int:
    return max(ENTRY_BYTES, entry.stat(follow_symlinks=False).st_blocks * 512)
