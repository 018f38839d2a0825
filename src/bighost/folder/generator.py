"""Datasets that a script of the assignment makes, on the machine of the staff who read the folder.

The script is theirs and runs with their rights, in the folder, as `python SCRIPT --dataset NAME --output
FILE`. What it makes is kept under the digest of script and dataset, so that it runs once.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

from bighost.errors import AssignmentError
from bighost.job.excerpt import excerpt
from bighost.job.units import show_duration

DEADLINE_S = 600.0

_TAIL_BYTES = 4000
_TAIL_LINES = 10


def generate(folder: Path, script: Path, dataset: str, work: Path) -> Path:
    """The file that `script` makes of `dataset`, in `work`.

    Raises AssignmentError, with the end of what the script wrote, where it fails, takes longer than
    DEADLINE_S or writes no file.
    """
    made_by = hashlib.blake2b(script.read_bytes() + b"\0" + dataset.encode(), digest_size=32).hexdigest()
    target = work / "generated" / made_by / dataset
    if target.is_file():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        output = Path(scratch) / dataset
        shown = f"{script.relative_to(folder).as_posix()} --dataset {dataset}"
        command = [
            sys.executable,
            os.fspath(script.absolute()),
            "--dataset",
            dataset,
            "--output",
            str(output),
        ]
        _run(command, folder, shown)
        if not output.is_file() or output.is_symlink():
            raise AssignmentError(f"{shown} ended without an error, and wrote no file to its --output")
        output.replace(target)
    return target


def _run(command: list[str], folder: Path, shown: str) -> None:
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
        try:
            code = process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            limit = show_duration(DEADLINE_S)
            raise AssignmentError(f"{shown} took longer than {limit}{_tail(said)}") from None
        finally:
            _end(process)
        if code != 0:
            raise AssignmentError(f"{shown} ended with {code}{_tail(said)}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the script and all that it started: they share its process group."""
    with contextlib.suppress(ProcessLookupError):  # nothing is left of it, as it should be
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _tail(said: IO[bytes]) -> str:
    said.seek(max(0, said.seek(0, os.SEEK_END) - _TAIL_BYTES))
    lines = said.read().splitlines()[-_TAIL_LINES:]
    return ":\n" + "\n".join(f"  {excerpt(line, 200)}" for line in lines) if lines else ", and said nothing"
