"""Short private folders for sockets and work: a Unix socket's path holds 107 bytes, so they lie near the top.

A node's folder has a name that its next start finds again. The place above it may be written by others
(`/tmp`), so a folder that is there already is used only when it is ours and nobody else may write to it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bighost.node.runtime.base import RuntimeFault
from bighost.pod.contract import SOCKET_NAME

LONGEST_SOCKET = 107  # bytes, sun_path of Linux less its closing zero


class UnsafeFolder(RuntimeFault):
    """The runtime's folder can't be used."""


def short_name(node: str) -> str:
    """Eight letters that stand for a node wherever its full id is too long."""
    return hashlib.blake2b(node.encode(), digest_size=4).hexdigest()


def own_datasets(folder: Path) -> Path:
    """The dataset cache as an absolute path; it is there afterwards, or an engine would make it as root."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder.absolute()


class Folders:
    """The folders of one runtime of one node; each pod gets one of its own.

    `kind` keeps the runtimes of one node apart. Raises UnsafeFolder.
    """

    def __init__(self, node: str, kind: str, above: Path | None = None) -> None:
        self._top = (above or Path(tempfile.gettempdir())) / f"bh-{short_name(node)}"
        self.path = self._top / kind
        if len(os.fsencode(self.path / "99999" / SOCKET_NAME)) > LONGEST_SOCKET:
            raise UnsafeFolder(
                f"{self.path} is too long for a Unix socket", hint="set TMPDIR to a short path"
            )
        _own(self._top)
        _own(self.path)

    def make(self, name: str, mode: int = 0o700) -> Path:
        """A new empty folder; as it stands, only this user may enter it. Raises UnsafeFolder."""
        folder = self.path / name
        shutil.rmtree(folder, ignore_errors=True)
        try:
            folder.mkdir()
            folder.chmod(mode)  # whatever the umask is
        except OSError as error:
            raise UnsafeFolder(f"{folder} can't be made: {error}") from error
        return folder

    def left(self) -> Iterator[Path]:
        """The folders that are there."""
        return (path for path in self.path.iterdir() if path.is_dir())

    def wipe(self) -> None:
        """Remove all that is there."""
        for path in self.left():
            shutil.rmtree(path, ignore_errors=True)

    def close(self) -> None:
        """Remove the folders themselves, unless another runtime of this node still uses them."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._top.is_dir() and not any(self._top.iterdir()):
            self._top.rmdir()


def _own(folder: Path) -> None:
    """Make `folder`, which others may pass through but not list or write."""
    try:
        folder.mkdir(mode=0o711)
    except FileExistsError:
        found = folder.lstat()
        private = stat.S_ISDIR(found.st_mode) and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if not private or found.st_uid != os.geteuid():
            raise UnsafeFolder(f"{folder} belongs to somebody else", hint=f"remove {folder}") from None
    folder.chmod(0o711)
