"""The files that an assignment names: found inside its folder, digested, and read in blocks."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, cast

from bighost.errors import AssignmentError
from bighost.job.assignment import Comparator
from bighost.job.spelling import perhaps
from bighost.marking import check_answer, normalised

BLOCK = 64 * 1024


def file_inside(folder: Path, name: str) -> Path:
    """The regular file `name` of the assignment's folder.

    Raises ValueError with a sentence where it is missing, is something else, or a link leads out.
    """
    path = _inside(folder, name)
    if not path.is_file():
        raise ValueError(f"{name!r} is not a file")
    return path


def folder_inside(folder: Path, name: str) -> Path:
    """The folder `name` of the assignment's folder. Raises ValueError with a sentence like `file_inside`."""
    path = _inside(folder, name)
    if not path.is_dir():
        raise ValueError(f"{name!r} is not a folder")
    return path


def digest_of(path: Path) -> str:
    """BLAKE2b-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=32)).hexdigest()


def blocks(path: Path) -> Iterator[bytes]:
    """The bytes of a file; those of a `.gz` are unpacked. Raises AssignmentError where that can't be done."""
    with _opened(path) as file:
        try:
            while block := file.read(BLOCK):
                yield block
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise AssignmentError(f"{path} can't be unpacked: {error}") from None


def unpacked(path: Path, work: Path) -> Path:
    """`path` itself, or where it ends in `.gz` the unpacked file, kept in `work` under its digest."""
    if path.suffix != ".gz":
        return path
    target = work / "unpacked" / digest_of(path)
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f"{target.name}.{os.getpid()}")
        with partial.open("wb") as file:
            file.writelines(blocks(path))
        partial.replace(target)
    return target


def normalised_answer(comparator: Comparator, path: Path) -> str:
    """The digest of an answer under the comparator, as `Answer.normalised`; a `.gz` is unpacked.

    Raises AssignmentError where no output can equal the answer (see `bighost.marking.check_answer`).
    """
    check_answer(comparator, [blocks(path)])
    normaliser = normalised(comparator)
    for block in blocks(path):
        normaliser.update(block)
    normaliser.end_of_part()
    return normaliser.hexdigest()


def _opened(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _inside(folder: Path, name: str) -> Path:
    parts = PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts or "\0" in name:
        raise ValueError(f"{name!r} leads out of the assignment's folder")
    path = folder / parts
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError):
        raise ValueError(f"{name!r} does not exist. {_neighbour(folder, path)}".rstrip()) from None
    if not real.is_relative_to(folder.resolve()):
        raise ValueError(f"{name!r} is a link that leads out of the assignment's folder")
    return path


def _neighbour(folder: Path, path: Path) -> str:
    if not path.parent.is_dir():
        return ""
    return perhaps(
        path.relative_to(folder).as_posix(), (p.relative_to(folder).as_posix() for p in path.parent.iterdir())
    )
