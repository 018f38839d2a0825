"""Shows a student's program its input files, without copying them and without opening their folder.

The datasets lie in a folder that only root may enter. A small program of the student's user is handed the
open files and keeps them; links to its `/proc/PID/fd/N` then lead to them, past their folder, for as long as
it lives. What its user may not read even so is copied.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from bighost.pod.contract import ContractError
from bighost.pod.run import Run
from bighost.pod.sandbox import Command, Fault, Stage
from bighost.pod.task import base_environment

KEEP = """
import os, signal, socket, sys
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as channel:
    channel.connect(sys.argv[1])
    while kept := socket.recv_fds(channel, 1, 200)[1]:
        channel.send((" ".join(map(str, [os.getpid(), *kept]))).encode())
while True:
    signal.pause()
"""
BATCH = 200  # file descriptors a message: the kernel allows 253
MOST_KEPT = 900  # of the 1024 open files that a student's program may have
ANSWER_BYTES = 4096
ANSWER_S = 20.0
SUFFIXES = {b"\x1f\x8b": ".gz", b"BZh": ".bz2"}  # Hadoop knows compression by name only


class Input(NamedTuple):
    """One input file, and where a program finds it below its input folder."""

    source: str
    place: Path


def lay_out(paths: list[str], tables: list[str]) -> list[Input]:
    """Where each input goes: `part-00000` and so on, or in a folder for each table.

    Each table but the first has one file; those are the last inputs, in the tables' order.
    Raises ContractError when there are fewer inputs than tables.
    """
    if len(paths) < max(1, len(tables)):
        raise ContractError(f"there are {len(paths)} inputs for {len(tables)} tables")
    first = len(paths) - max(0, len(tables) - 1)
    folders = [tables[0] if tables else ""] * first + tables[1:]
    counts: dict[str, int] = {}
    placed = []
    for source, folder in zip(paths, folders, strict=True):
        number = counts.setdefault(folder, 0)
        counts[folder] += 1
        placed.append(Input(source, Path(folder) / f"part-{number:05}"))
    return placed


@contextmanager
def shown(run: Run, stage: Stage, inputs: list[Input]) -> Iterator[Path]:
    """The folder in which a program of this stage finds the inputs. Raises Fault and OSError."""
    folder = run.workdir.scratch / "input"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    with ExitStack() as files:
        opened = [files.enter_context(Path(each.source).open("rb")) for each in inputs]
        places = [folder / each.place for each in inputs]
        named = [_with_suffix(place, file.read(3)) for place, file in zip(places, opened, strict=True)]
        for place in named:
            place.parent.mkdir(mode=0o755, exist_ok=True)
            place.parent.chmod(0o755)
        readable = all(os.fstat(file.fileno()).st_mode & stat.S_IROTH for file in opened)
        if readable and len(opened) <= MOST_KEPT:
            handles = [file.fileno() for file in opened]
            for place, target in zip(named, files.enter_context(_keeper(run, stage, handles)), strict=True):
                place.symlink_to(target)
        else:
            for place, each in zip(named, inputs, strict=True):
                shutil.copyfile(each.source, place)
                place.chmod(0o644)
        yield folder


@contextmanager
def _keeper(run: Run, stage: Stage, handles: list[int]) -> Iterator[list[str]]:
    """Where the student's user finds these open files. Raises Fault."""
    home = run.workdir.new_scratch("keeper")
    meeting = home / "fds"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.settimeout(ANSWER_S)
        listener.bind(str(meeting))
        meeting.chmod(0o666)
        listener.listen(1)
        program = stage.start(
            Command([run.sandbox.python, "-I", "-S", "-c", KEEP, str(meeting)], base_environment(home), home)
        )
        try:
            yield _hand_over(listener, handles)
        finally:
            program.close()


def _hand_over(listener: socket.socket, handles: list[int]) -> list[str]:
    places: list[str] = []
    try:
        channel, _ = listener.accept()
        with channel:
            channel.settimeout(ANSWER_S)
            for first in range(0, len(handles), BATCH):
                socket.send_fds(channel, [b"x"], handles[first : first + BATCH])
                pid, *kept = channel.recv(ANSWER_BYTES).decode().split()
                places += [f"/proc/{pid}/fd/{number}" for number in kept]
    except (OSError, ValueError) as error:
        raise Fault(f"the input can't be shown to the student's program: {error}") from error
    return places


def _with_suffix(place: Path, head: bytes) -> Path:
    suffix = next((suffix for magic, suffix in SUFFIXES.items() if head.startswith(magic)), "")
    return place.with_name(place.name + suffix)
