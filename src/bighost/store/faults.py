"""What the operating system and SQLite say when they can't keep something, as a StoreFault with a hint."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bighost.errors import StoreFault

_FULL = (errno.ENOSPC, errno.EDQUOT)
_AS_GOOD_AS_FULL = 64 * 1024  # bytes: less than one page of the shared-memory index and a few of the log

_SQLITE_SAYS = {
    sqlite3.SQLITE_CORRUPT: ("is damaged", "Put back a backup (`bighost coordinator backup` makes them)."),
    sqlite3.SQLITE_NOTADB: ("is no SQLite file, or is damaged", "Put back a backup, or name another file."),
    sqlite3.SQLITE_READONLY: (
        "can't be written",
        "Let the coordinator's user write the file and its folder.",
    ),
    sqlite3.SQLITE_CANTOPEN: ("can't be opened", "Let the coordinator's user write the file and its folder."),
    sqlite3.SQLITE_BUSY: ("is locked by another program", "Close whatever else has the file open."),
}


def disk_full(folder: Path) -> StoreFault:
    """The disk that holds `folder` has no room."""
    return StoreFault(
        f"The disk under {folder} is full.",
        hint="Make room; what was acknowledged is safe, and writing works again as soon as there is space.",
    )


@contextmanager
def told(path: Path) -> Iterator[None]:
    """An OSError raised inside comes out as the StoreFault that it means for `path`."""
    try:
        yield
    except OSError as fault:
        raise of_os(fault, path) from fault


def of_os(fault: OSError, path: Path) -> StoreFault:
    """What `fault`, met while writing or reading `path`, means for the store."""
    if fault.errno in _FULL:
        return disk_full(path.parent)
    return StoreFault(
        f"{path}: {fault.strerror or fault}.", hint="Check the disk and the folder's permissions."
    )


def of_sqlite(fault: sqlite3.Error, path: Path) -> StoreFault:
    """What `fault`, met in the database at `path`, means for the store.

    SQLite answers SQLITE_FULL where its log can't grow, but a plain I/O error where the index of the log
    can't; the free space tells the two kinds of I/O error apart.
    """
    # The low byte is the primary code (sqlite.org/rescode.html); misuse of the module has no code at all.
    code = getattr(fault, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _no_room(path.parent)):
        return disk_full(path.parent)
    says, hint = _SQLITE_SAYS.get(code, ("failed", "Look at the coordinator's log, and check the disk."))
    return StoreFault(f"The store {path} {says}: {fault}.", hint=hint)


def _no_room(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _AS_GOOD_AS_FULL
    except OSError:  # the folder itself is gone: not a question of room
        return False
