"""The files of a hand-in, read from where a student keeps them."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from pathlib import Path

from bighost.errors import StudentError
from bighost.job.units import show_size

MOST_BYTES = 1024 * 1024
"""Of one file, whatever the assignment allows."""


def read_handin(paths: Iterable[Path]) -> dict[str, bytes]:
    """Name to bytes of the files at `paths`.

    Raises StudentError for what is missing, unreadable, a folder, a link or a device, longer than MOST_BYTES
    (before it is read), or of a name that was there already.
    """
    handin: dict[str, bytes] = {}
    for path in paths:
        if path.name in handin:
            raise StudentError(f"two of the files are named {path.name!r}", hint="Names alone are handed in.")
        handin[path.name] = _read(path)
    if not handin:
        raise StudentError("no files were named", hint="For example: bighost submit mapper.py reducer.py")
    return handin


def _read(path: Path) -> bytes:
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            hint = "Name the files of the hand-in themselves, one by one."
            raise StudentError(f"{path} is {_what(status.st_mode)}", hint=hint)
        if status.st_size > MOST_BYTES:
            raise StudentError(f"{path} has {show_size(status.st_size)}, too much for any hand-in")
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise StudentError(f"{path} can't be read: {error.strerror}") from None


def _what(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "a link"
    return "a folder" if stat.S_ISDIR(mode) else "no regular file"
