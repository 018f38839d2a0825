"""Reads the folder that a Spark program has written: its part files, in the order of their names, as text.

The folder is the student's, so nothing in it is trusted: links and devices are not followed, names are
checked, and what is compressed is unpacked within the output limit. Spark's names hold a random id, ours
don't: the files become `part-00000` and so on. The program's processes must have ended.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import os
import re
import stat
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from bighost.pod.contract import Outcome, OutputFile
from bighost.pod.run import Run, Stop

STAGE = "output"
SUCCESS = "_SUCCESS"
MOST_FILES = 10_000
COPY_BYTES = 256 * 1024
DIGEST_BYTES = 32
PART = re.compile(r"part-[A-Za-z0-9_.-]*")
BINARY = (".parquet", ".orc", ".avro")
OPENERS: dict[str, Callable[[IO[bytes]], Any]] = {".gz": gzip.open, ".bz2": bz2.open}
OTHER_CODECS = (".snappy", ".lz4", ".zst", ".zstd", ".xz", ".deflate")
BROKEN = (OSError, EOFError, zlib.error)


def read_output(run: Run, folder: Path, needs_success: bool) -> list[OutputFile]:
    """Copy the part files to the run's output; nothing when the folder is not there.

    Raises Stop when it is not what a Spark program leaves, or holds too much.
    """
    with _opened_folder(folder) as handle:
        if handle is None:
            return []
        names = _part_names(handle)
        if needs_success and not _has(handle, SUCCESS):
            raise _wrong(f"has no {SUCCESS}: the job that wrote it did not come to its end")
        left = run.limits.output_bytes
        files = []
        for index, name in enumerate(names):
            files.append(_copy(handle, name, run.workdir.output / f"part-{index:05}", left))
            left -= files[-1].size
        return files


@contextmanager
def _opened_folder(folder: Path) -> Iterator[int | None]:
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:
        yield None
        return
    except OSError:
        raise _wrong("is not a folder") from None
    try:
        yield handle
    finally:
        os.close(handle)


def _part_names(handle: int) -> list[str]:
    """The names of all part files; what begins with `_` or `.` is not data, for Hadoop neither."""
    names = []
    with os.scandir(handle) as entries:
        for entry in entries:
            if not entry.name.startswith(("_", ".")):
                _check_entry(entry)
                names.append(entry.name)
            if len(names) > MOST_FILES:
                raise Stop(
                    Outcome.OUTPUT_LIMIT, f"the output folder holds more than {MOST_FILES} files", STAGE
                )
    return sorted(names)


def _check_entry(entry: os.DirEntry[str]) -> None:
    shown = entry.name[:100].encode(errors="replace").decode()
    if entry.is_dir(follow_symlinks=False):
        raise _wrong(f"holds the folder {shown!r}; partitionBy is not read here")
    if not PART.fullmatch(entry.name):
        raise _wrong(f"holds {shown!r}, which is no part file")
    if not entry.is_file(follow_symlinks=False):
        raise _wrong(f"holds {shown!r}, which is not a plain file")
    if entry.name.endswith(BINARY):
        raise _wrong(f"holds {shown!r}: write text, CSV or JSON")
    if entry.name.endswith(OTHER_CODECS):
        raise _wrong(f"holds {shown!r}: compress with gzip or bzip2, or not at all")


def _copy(folder: int, name: str, target: Path, most_bytes: int) -> OutputFile:
    digest, size = hashlib.blake2b(digest_size=DIGEST_BYTES), 0
    with _opened(folder, name) as source, target.open("wb") as file:
        while piece := _read(source, name):
            size += len(piece)
            if size > most_bytes:
                raise Stop(Outcome.OUTPUT_LIMIT, "the output folder holds more than the limit allows", STAGE)
            digest.update(piece)
            file.write(piece)
    return OutputFile(target.name, size, digest.hexdigest())


@contextmanager
def _opened(folder: int, name: str) -> Iterator[IO[bytes]]:
    handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    with os.fdopen(handle, "rb") as plain:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise _wrong(f"holds {name!r}, which is not a plain file")
        opener = OPENERS.get(Path(name).suffix)
        yield opener(plain) if opener else plain


def _read(source: IO[bytes], name: str) -> bytes:
    try:
        return source.read(COPY_BYTES)
    except BROKEN as error:
        raise _wrong(f"holds {name!r}, which can't be unpacked: {error}") from None


def _has(folder: int, name: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False


def _wrong(what: str) -> Stop:
    return Stop(Outcome.RUNTIME_ERROR, f"the output folder {what}", STAGE)
