"""Files that are either there, whole and on the disk, or not there at all."""

from __future__ import annotations

import os
from pathlib import Path


def publish(written: Path, name: Path) -> None:
    """Give the finished file `written` its final `name`, in place of what had it. Both are on one disk.

    Returns once that would survive a loss of power. Raises OSError.
    """
    handle = os.open(written, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    written.replace(name)
    sync_folder(name.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a loss of power. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
