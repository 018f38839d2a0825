"""The lock that lets one coordinator at a time use a store: flock on a file, for the life of the process.

The kernel lets go of it whenever the process ends, however it ends; so a lock file that was left behind
holds nothing. The holder's process id is written in it, only to be named to whoever comes second.
"""

from __future__ import annotations

import fcntl
import os
import weakref
from pathlib import Path

from bighost.errors import OperatorError


class Lock:
    """Held from construction to `release`. Raises OperatorError when another process (or store) holds it."""

    def __init__(self, path: Path) -> None:
        """`path`: the lock file, made where it isn't there yet and never removed. Raises OSError too."""
        self._fd: int | None = None
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _take(fd, path)
        except BaseException:  # whatever it was, the file is closed
            os.close(fd)
            raise
        self._fd = fd
        _HELD.add(self)

    def release(self) -> None:
        """Let go. Can be called twice."""
        if self._fd is not None:
            fd, self._fd = self._fd, None
            _HELD.discard(self)
            os.close(fd)


_HELD: weakref.WeakSet[Lock] = weakref.WeakSet()


def _let_go_in_child() -> None:
    """A forked child (of a process pool, say) shares the parent's lock and would hold it after the parent
    was killed; closing its copy leaves the parent's in force."""
    for lock in list(_HELD):
        lock.release()


os.register_at_fork(after_in_child=_let_go_in_child)


def _take(fd: int, path: Path) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise _taken(path, os.pread(fd, 32, 0).decode("ascii", "replace").strip()) from None
    os.truncate(fd, 0)
    os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)


def _taken(path: Path, holder: str) -> OperatorError:
    process = f"process {holder}" if holder else "another process"
    return OperatorError(
        f"Another coordinator ({process}) is using {path.parent}.",
        hint=f"Stop it first{f' (kill {holder})' if holder else ''}, or give this one another data folder.",
    )
