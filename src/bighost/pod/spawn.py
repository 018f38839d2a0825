"""Makes one student process: another user, its own session, walls around it, then the program.

Runs in the warden, which has one thread: between fork and exec this executes Python, which is only
safe there. Every wall is raised before the program's first instruction; none can be taken down by it.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, NoReturn

from bighost.pod.messages import NotStarted, Spawn, send

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38

DATA_SLACK_BYTES = (
    256 << 20
)  # thread stacks and allocator reserves are counted by the kernel, but not resident
FILE_SLACK_BYTES = 4096  # so that a file can grow past the disk limit, and be seen to
STACK_BYTES = 8 << 20
OPEN_FILES = 1024
EXEC_FAILED = 127
IGNORED_HERE = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM)  # by Python, or by the warden

_libc = ctypes.CDLL(None, use_errno=True)


class Walls(NamedTuple):
    """What the kernel itself holds a student process to."""

    uid: int | None  # None: the same user as ours
    cpu_s: float  # of the stage; a process gets a little more, the watch is the judge
    memory_bytes: int
    processes: int  # and threads, of all that the user runs
    file_bytes: int  # the largest file


def prctl(option: int, value: int) -> None:
    """Call prctl(2). Raises OSError."""
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def start(order: Spawn, walls: Walls, stdio: Sequence[int], channel: socket.socket) -> int:
    """Fork and run a program; gives its process id. What fails after the fork is said on `channel`."""
    pid = os.fork()
    if pid == 0:
        _run(order, walls, stdio, channel)
    return pid


def kill_user(uid: int) -> None:
    """Kill every process of `uid` in one step, which no fork can outrun."""
    pid = os.fork()
    if pid == 0:
        try:
            _change_user(uid)
            os.kill(-1, signal.SIGKILL)
        finally:
            os._exit(0)  # whether anybody was there to be killed, the caller finds out by looking
    os.waitpid(pid, 0)


def _run(order: Spawn, walls: Walls, stdio: Sequence[int], channel: socket.socket) -> NoReturn:
    try:
        _enter(order.folder, walls, stdio)
        os.execve(order.argv[0], order.argv, order.environment)
    except (OSError, ValueError) as error:
        number = (error.errno or 0) if isinstance(error, OSError) else 0
        send(channel, NotStarted(number, f"{order.argv[0]} could not be started: {error}"))
    finally:
        os._exit(EXEC_FAILED)


def _enter(folder: str, walls: Walls, stdio: Sequence[int]) -> None:
    os.setsid()
    Path("/proc/self/oom_score_adj").write_text("1000")
    for number in IGNORED_HERE:
        signal.signal(number, signal.SIG_DFL)  # else exec would hand it on
    _keep_only(stdio)
    _raise_limits(walls)
    os.umask(0o077)
    if walls.uid is not None:
        _change_user(walls.uid)
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.chdir(folder)


def _keep_only(stdio: Sequence[int]) -> None:
    for target, handle in enumerate(stdio):
        os.dup2(handle, target)
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - numbers, not paths
        if int(name) > 2:
            with suppress(OSError):  # the listing's own
                os.set_inheritable(int(name), False)


def _change_user(uid: int) -> None:
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def _raise_limits(walls: Walls) -> None:
    cpu_s = int(walls.cpu_s) + 2
    _limit(resource.RLIMIT_CPU, cpu_s, cpu_s + 1)
    _limit(resource.RLIMIT_DATA, walls.memory_bytes + DATA_SLACK_BYTES)
    _limit(resource.RLIMIT_FSIZE, walls.file_bytes)
    _limit(resource.RLIMIT_STACK, STACK_BYTES)
    _limit(resource.RLIMIT_NOFILE, OPEN_FILES)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_MSGQUEUE, 0)
    _limit(resource.RLIMIT_NPROC, walls.processes)


def _limit(kind: int, soft: int, hard: int | None = None) -> None:
    ceiling = resource.getrlimit(kind)[1]
    wanted = soft if hard is None else hard
    highest = wanted if ceiling == resource.RLIM_INFINITY else min(wanted, ceiling)
    resource.setrlimit(kind, (min(soft, highest), highest))
