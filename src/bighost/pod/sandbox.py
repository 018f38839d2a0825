"""Where student programs run, as the control server sees it: it opens stages, the warden does the rest.

A stage has limits, and every program belongs to one. When it ends, none of its processes is left.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from bighost.pod.messages import (
    Begin,
    Charge,
    End,
    Exited,
    Kill,
    Message,
    NotStarted,
    Spawn,
    StageUsage,
    pair,
    receive,
    send,
)

ROOT = Path(__file__).parents[2]  # the folder that holds the package
WARDEN = (sys.executable, "-P", "-S", "-m", "bighost.pod.warden")  # without what `site` would load
PIPE_BYTES = 256 * 1024
CHARGE_BYTES = 64 * 1024  # a program may flush each line: not each is worth a message
PYTHONS = ("/usr/bin/python3", "/usr/local/bin/python3")
VERSION_OF = "import platform; print(platform.python_version())"


class Fault(Exception):
    """Something of ours failed: never the student's blame."""


class Command(NamedTuple):
    """What to run, with which environment, in which folder."""

    argv: list[str]
    environment: dict[str, str]
    folder: Path


class Program:
    """A running student program: our ends of its pipes (none of them blocks), and its channel.

    A pipe that is not ours to see is -1.
    """

    def __init__(self, stdin: int, stdout: int, stderr: int, channel: socket.socket) -> None:
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.channel = channel
        self._open = {stdin, stdout, stderr} - {-1}
        self._lock = threading.Lock()

    def ending(self) -> Exited:
        """How it ended; waits for that.

        Raises NoProcessLeft when the process limit left no room for it, Fault when it never ran for another
        reason, or the warden died.
        """
        match receive(self.channel):
            case (Exited() as exited, _):
                return exited
            case (NotStarted(errno.EAGAIN, _), _):
                raise NoProcessLeft
            case (NotStarted(_, why), _):
                raise Fault(why)
        raise Fault("the warden died")

    def close_stdin(self) -> None:
        """Let it see the end of its input."""
        self._open.remove(self.stdin)
        os.close(self.stdin)

    def kill(self) -> None:
        """Kill it; its ending can still be read. May be called from any thread."""
        with self._lock, suppress(OSError):  # it has ended by itself
            self.channel.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Let go of it; if it still runs, that kills it."""
        with self._lock:
            self.channel.close()
        while self._open:
            os.close(self._open.pop())


class NoProcessLeft(Exception):
    """The process limit leaves no room for the program."""


class Stage:
    """An open stage; its methods may be called from several threads."""

    def __init__(self, channel: socket.socket, uid: int | None) -> None:
        self._channel = channel
        self._uid = uid
        self._usage: StageUsage | None = None
        self._uncharged = 0

    def start(self, command: Command) -> Program:
        """Start a program. Raises Fault."""
        pipes = [self._pipe(student_reads) for student_reads in (True, False, False)]
        (stdin, stdout, stderr), theirs = zip(*pipes, strict=True)
        try:
            return self._spawn(command, (stdin, stdout, stderr), theirs)
        finally:
            for handle in theirs:
                os.close(handle)

    def start_between(self, command: Command, pipes: tuple[int, int]) -> Program:
        """Start a program on pipes of somebody else, its stdin and its stdout. Raises Fault."""
        for handle in pipes:
            self._give_away(handle)
        stderr, theirs = self._pipe(student_reads=False)
        try:
            return self._spawn(command, (-1, -1, stderr), (*pipes, theirs))
        finally:
            os.close(theirs)

    def charge(self, size: int) -> None:
        """Count `size` bytes of intermediate data as disk (below zero: they are gone). From one thread."""
        self._uncharged += size
        if abs(self._uncharged) >= CHARGE_BYTES:
            self._say_charge()

    def kill(self) -> None:
        """Kill every program of the stage."""
        self._say(Kill())

    def end(self) -> StageUsage:
        """Kill what is left, and say what the stage used. Raises Fault."""
        if self._usage is None:
            self._say_charge()
            self._say(End())
            match receive(self._channel):
                case (StageUsage() as usage, _):
                    self._usage = usage
                case _:
                    raise Fault("the warden died")
        return self._usage

    def _say_charge(self) -> None:
        self._say(Charge(self._uncharged))
        self._uncharged = 0

    def _spawn(self, command: Command, ours: tuple[int, int, int], theirs: Sequence[int]) -> Program:
        channel, remote = pair()
        program = Program(*ours, channel)
        order = Spawn(command.argv, command.environment, str(command.folder))
        with remote:
            try:
                self._say(order, [*theirs, remote.fileno()])
            except Fault:
                program.close()
                raise
        return program

    def _say(self, message: Message, fds: Sequence[int] = ()) -> None:
        try:
            send(self._channel, message, fds)
        except OSError as error:
            raise Fault(f"the warden can't be told: {error}") from error

    def _pipe(self, student_reads: bool) -> tuple[int, int]:
        """A pipe, our end first."""
        reader, writer = os.pipe()
        ours, theirs = (writer, reader) if student_reads else (reader, writer)
        os.set_blocking(ours, False)
        self._give_away(theirs)
        return ours, theirs

    def _give_away(self, handle: int) -> None:
        """The student owns that end of a pipe, so as to be able to open /dev/stdin and the like."""
        with suppress(PermissionError):  # this user holds many pipes: then a small one must do
            fcntl.fcntl(handle, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        if self._uid is not None:
            os.fchown(handle, self._uid, self._uid)


class Sandbox:
    """The warden, and the Python that students get. `uid` None: student code runs as our own user."""

    def __init__(self, uid: int | None) -> None:
        self.uid = uid
        self.python = ""
        self._control, remote = pair()
        with remote:
            self._warden = subprocess.Popen(
                [*WARDEN, str(remote.fileno()), str(-1 if uid is None else uid)],
                env={"PYTHONPATH": str(ROOT)},
                pass_fds=[remote.fileno()],
                stdin=subprocess.DEVNULL,
            )

    @contextmanager
    def stage(self, limits: Begin) -> Iterator[Stage]:
        """Open a stage. Whatever happens inside, afterwards none of its processes is left. Raises Fault."""
        channel, remote = pair()
        with channel:
            with remote:
                try:
                    send(self._control, limits, [remote.fileno()])
                except OSError as error:
                    raise Fault(f"the warden is gone: {error}") from error
            stage = Stage(channel, self.uid)
            try:
                yield stage
            finally:
                stage.end()

    def find_python(self, folder: Path) -> str:
        """Choose the Python that students get, by trying as a student in `folder`; gives its version.

        Raises Fault when there is none.
        """
        why = "there is no Python"
        for candidate in dict.fromkeys([*PYTHONS, shutil.which("python3") or "", sys.executable]):
            if not Path(candidate).exists():
                continue
            try:
                version = self._try_python(candidate, folder)
            except Fault as fault:
                why = str(fault)
                continue
            self.python = candidate
            return version
        raise Fault(f"student code can't be run here: {why}")

    def sweep(self) -> str | None:
        """Kill every student process; None when none is left, else what is. Raises Fault."""
        with self.stage(trial_limits()) as stage:
            return None if stage.end().clean else "student processes can't be killed"

    def close(self) -> None:
        """Kill every student process, and end the warden."""
        self._control.close()
        self._warden.wait()

    def _try_python(self, python: str, folder: Path) -> str:
        command = Command([python, "-I", "-c", VERSION_OF], {"LANG": "C.UTF-8"}, folder)
        with self.stage(trial_limits()) as stage:
            program = stage.start(command)
            try:
                exited = program.ending()
                version = os.read(program.stdout, PIPE_BYTES).decode() if exited.status == 0 else ""
                words = os.read(program.stderr, PIPE_BYTES).decode(errors="replace")
            except BlockingIOError as error:
                raise Fault(f"{python} said nothing") from error
            finally:
                program.close()
        if not version:
            raise Fault(f"{python} ended with status {exited.status}: {words.strip()}")
        return version.strip()


def trial_limits() -> Begin:
    """Limits for programs of ours that run as the student: a trial of the Python, say."""
    return Begin(
        cpu_s=30.0,
        deadline=time.monotonic() + 30.0,
        memory_bytes=256 << 20,
        processes=64,
        disk_bytes=1 << 20,
        charged_bytes=0,
        scratch="",
    )
