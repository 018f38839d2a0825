"""Processes of this machine: who they belong to, on which cores they run, and how they are ended for good."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil

DYING_S = 2.0  # a killed process may be in the kernel for a moment


def is_root() -> bool:
    """Whether this process may become other users."""
    return os.geteuid() == 0


def as_user(user: int | None) -> dict[str, Any]:
    """Arguments of `subprocess` that run a program as `user`, in no group of ours; None: as ourselves."""
    return {} if user is None else {"user": user, "group": user, "extra_groups": []}


def descendants(pid: int) -> list[psutil.Process]:
    """All that descend from a process; none when it has ended."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def pin(pid: int, cores: Iterable[int]) -> None:
    """Let every thread of a process and its descendants run on these cores only; later ones inherit that."""
    wanted = tuple(cores)
    with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):  # it ends: nothing to be done
        for process in [psutil.Process(pid), *descendants(pid)]:
            for thread in process.threads():
                os.sched_setaffinity(thread.id, wanted)


def kill(processes: list[psutil.Process]) -> None:
    """Kill them and wait until they run no more (whoever started them may still have to reap them)."""
    for process in processes:
        with contextlib.suppress(psutil.Error):  # it ended by itself
            process.kill()
    until = time.monotonic() + DYING_S
    while any(_runs(process) for process in processes) and time.monotonic() < until:
        time.sleep(0.005)


def kill_user(python: Path, user: int) -> None:
    """Kill whatever runs as `user`, in one stroke of the kernel's, which no fork can outrun."""
    stroke = "import os, signal; os.kill(-1, signal.SIGKILL)"
    subprocess.run(
        [python, "-I", "-c", stroke], stderr=subprocess.DEVNULL, check=False, cwd="/", **as_user(user)
    )


def in_words(code: int) -> str:
    """A return code as a sentence's end."""
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
