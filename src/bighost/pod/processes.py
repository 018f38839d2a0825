"""Who runs below a process, and what it uses, read from `/proc`.

A student process can change its session, its name and its readability, but not its ancestors: the
warden is their subreaper, so whatever they leave behind becomes the warden's child.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
STAT_BYTES = 1024


class Process(NamedTuple):
    """One process as `/proc/PID/stat` shows it."""

    pid: int
    parent: int
    cpu_s: float  # user and system time, its own and of the children it has waited for
    resident_bytes: int
    threads: int  # 0: it has ended, and waits for its parent to notice


def everybody() -> Iterator[Process]:
    """Every process that this one can see; those that end meanwhile are left out."""
    for name in _numbers("/proc"):
        try:
            yield _look_at(name)
        except (FileNotFoundError, ProcessLookupError):
            continue


def parse_stat(pid: int, text: bytes) -> Process:
    """A line of `/proc/PID/stat` (proc(5)); the name in parentheses may hold anything."""
    state, parent, *rest = text[text.rindex(b")") + 2 :].split()
    threads = int(rest[15])
    return Process(
        pid=pid,
        parent=int(parent),
        cpu_s=sum(map(int, rest[9:13])) * TICK_S,
        resident_bytes=int(rest[19]) * PAGE_BYTES,
        threads=0 if state == b"Z" and threads == 1 else threads,
    )


def descendants(root: int) -> list[Process]:
    """Every process below `root`, also such as have ended and were not waited for."""
    children: defaultdict[int, list[Process]] = defaultdict(list)
    for process in everybody():
        children[process.parent].append(process)
    found: list[Process] = []
    todo = [root]
    while todo:
        below = children.pop(todo.pop(), [])  # popped: a pid used again could make a circle
        found += below
        todo += [process.pid for process in below]
    return found


def threads_of(uid: int) -> int:
    """How many threads a user runs, as the kernel counts them for RLIMIT_NPROC."""
    total = 0
    for pid in _numbers("/proc"):
        with suppress(FileNotFoundError, ProcessLookupError):
            if Path("/proc", str(pid)).stat().st_uid == uid:
                total += _look_at(pid).threads
    return total


def _look_at(pid: int) -> Process:
    text = _read(f"/proc/{pid}/stat")
    process = parse_stat(pid, text)
    if process.threads > 1 and process.resident_bytes == 0:  # its first thread has ended, and shows no memory
        threads = _numbers(f"/proc/{pid}/task")
        seen = (parse_stat(pid, _read(f"/proc/{pid}/task/{thread}/stat")) for thread in threads)
        process = process._replace(resident_bytes=max(thread.resident_bytes for thread in seen))
    return process


def _numbers(folder: str) -> list[int]:
    with os.scandir(folder) as entries:
        return [int(entry.name) for entry in entries if entry.name.isdigit()]


def _read(path: str) -> bytes:
    handle = os.open(path, os.O_RDONLY)
    try:
        return os.read(handle, STAT_BYTES)
    finally:
        os.close(handle)
