"""The warden: a small process with one thread that starts, watches, reaps and kills student processes.

It is apart from the control server because that one moves data in several threads: a fork is only safe
here, and here a limit is enforced on time however busy the data are. The warden is the subreaper of all
student processes, so nothing they start can leave its family, and the CPU time of each is counted once:
reaped processes by wait4(2), living ones by `/proc`. (Children of a process that ignores SIGCHLD vanish
from the kernel's books; the wall limit is the net for those.)

The loop waits for messages, for SIGCHLD, and, while a stage is open and somebody lives, for the next sample.
When the control server dies, its channels close, and the warden kills everybody and ends.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from bighost.pod import spawn
from bighost.pod.messages import Begin, Charge, End, Exited, Kill, Message, NotStarted, Spawn, receive, send
from bighost.pod.processes import Process, descendants, threads_of
from bighost.pod.watch import Watch

SAMPLE_S = 0.025
SAMPLE_SHARE = 10  # between two samples passes at least this many times what the last one took
DISK_SAMPLE_S = 0.2
KILL_S = 10.0
OTHERS_SLACK = 128  # threads that our user may start elsewhere during a stage, where students are our user
KILL_PAUSE_S = 0.002
ROUNDS_BEFORE_KILL_USER = 3
WALL = 0x40000000  # __WALL of wait4(2): also children made by clone(2) with another exit signal


class Warden:
    """All student processes, and the stage they belong to."""

    def __init__(self, control: socket.socket, uid: int | None) -> None:
        self._control = control
        self._uid = uid
        self._selector = selectors.DefaultSelector()
        self._open = True
        self._reaped_s = 0.0
        self._programs: dict[int, socket.socket] = {}  # process id -> its channel
        self._stage: socket.socket | None = None
        self._watch: Watch | None = None
        self._limits: Begin | None = None
        self._others = 0  # threads of the student's user that are none of the student's
        self._next_sample = self._next_disk_sample = 0.0
        self._wakeup = self._listen_for_children()
        self._listen(control, self._on_control)

    def serve(self) -> None:
        """Work until the control channel closes."""
        while self._open:
            for key, _ in self._selector.select(self._patience()):
                cast(Callable[[], None], key.data)()
            if self._watch and time.monotonic() >= self._next_sample:
                self._sample(self._watch)
        self._kill_everybody()

    def _on_control(self) -> None:
        message = receive(self._control)
        if message is None:
            self._open = False
            return
        begin, (handle,) = message
        assert isinstance(begin, Begin)
        if self._stage is not None:
            self._end_stage(tell=False)  # the server gave it up, and its closing was not seen yet
        self._begin_stage(begin, socket.socket(fileno=handle))

    def _begin_stage(self, begin: Begin, channel: socket.socket) -> None:
        self._limits = begin
        self._others = 0 if self._uid is not None else threads_of(os.geteuid()) + OTHERS_SLACK
        self._watch = Watch(begin, self._reaped_s)
        self._stage = channel
        self._next_sample = self._next_disk_sample = time.monotonic() + SAMPLE_S
        self._listen(channel, lambda: self._on_stage(channel))

    def _on_stage(self, channel: socket.socket) -> None:
        if channel is not self._stage:
            return
        match receive(channel):
            case None:
                self._end_stage(tell=False)
            case (Spawn() as order, fds):
                self._start(order, fds)
            case (Charge(size), _) if self._watch:
                self._watch.charge(size)
                self._enforce(self._watch)
            case (Kill(), _):
                self._kill_everybody()
            case (End(), _):
                self._end_stage(tell=True)

    def _start(self, order: Spawn, fds: list[int]) -> None:
        *stdio, handle = fds
        channel = socket.socket(fileno=handle)
        try:
            pid = spawn.start(order, self._walls(), stdio, channel)
        except OSError as error:
            _tell(channel, NotStarted(error.errno or 0, f"no process could be forked: {error}"))
            channel.close()
        else:
            self._programs[pid] = channel
            self._listen(channel, lambda: self._on_program(pid))
        finally:
            for fd in stdio:
                os.close(fd)

    def _walls(self) -> spawn.Walls:
        limits = self._limits
        assert limits is not None
        file_bytes = limits.disk_bytes + spawn.FILE_SLACK_BYTES
        processes = limits.processes + self._others
        return spawn.Walls(self._uid, limits.cpu_s, limits.memory_bytes, processes, file_bytes)

    def _on_program(self, pid: int) -> None:
        """The server closed its half of the program's channel, or all of it: the program is to die."""
        if channel := self._programs.get(pid):
            self._selector.unregister(channel)
            _kill_group(pid)

    def _end_stage(self, tell: bool) -> None:
        assert self._stage is not None
        assert self._watch is not None
        self._sample(self._watch)
        clean = self._kill_everybody()
        if tell:
            _tell(self._stage, self._watch.usage(clean))
        self._forget(self._stage)
        self._stage = self._watch = self._limits = None

    def _sample(self, watch: Watch) -> None:
        began = time.monotonic()
        self._reap()
        watch.note_processes(self._reaped_s, self._family())
        if began >= self._next_disk_sample:
            watch.note_disk()
            self._next_disk_sample = began + max(DISK_SAMPLE_S, SAMPLE_SHARE * (time.monotonic() - began))
        self._next_sample = began + max(SAMPLE_S, SAMPLE_SHARE * (time.monotonic() - began))
        self._enforce(watch)

    def _enforce(self, watch: Watch) -> None:
        if watch.breach:
            self._kill_everybody()

    def _kill_everybody(self) -> bool:
        """Kill until nobody is left; false when somebody can't be killed."""
        deadline = time.monotonic() + KILL_S
        rounds = 0
        while family := self._family():
            if time.monotonic() > deadline:
                return False
            for process in family:
                _kill(process.pid)
            rounds += 1
            if self._uid is not None and rounds > ROUNDS_BEFORE_KILL_USER:
                spawn.kill_user(self._uid)
            time.sleep(KILL_PAUSE_S)
            self._reap()
        return True

    def _family(self) -> list[Process]:
        """Every student process. No child means no descendant: orphans become children of the subreaper."""
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT | WALL)
        except ChildProcessError:
            return []
        return descendants(os.getpid())

    def _reap(self) -> None:
        while True:
            try:
                pid, status, used = os.wait4(-1, os.WNOHANG | WALL)
            except ChildProcessError:
                return
            if pid == 0:
                return
            cpu_s, peak_bytes = used.ru_utime + used.ru_stime, used.ru_maxrss * 1024
            self._reaped_s += cpu_s
            self._note_exit(pid, Exited(status, cpu_s, peak_bytes))

    def _note_exit(self, pid: int, exited: Exited) -> None:
        if self._watch:
            self._watch.note_exit(self._reaped_s, exited.peak_bytes)
        if channel := self._programs.pop(pid, None):
            if self._watch:
                self._watch.note_disk()  # the server wipes the program's folder as soon as it knows
            _tell(channel, exited)
            if channel in self._selector.get_map():
                self._selector.unregister(channel)
            channel.close()

    def _patience(self) -> float | None:
        if self._watch is None:
            return None
        return max(0.0, self._next_sample - time.monotonic())

    def _listen(self, channel: socket.socket, handler: Callable[[], None]) -> None:
        self._selector.register(channel, selectors.EVENT_READ, handler)

    def _forget(self, channel: socket.socket) -> None:
        self._selector.unregister(channel)
        channel.close()

    def _listen_for_children(self) -> socket.socket:
        bell, ear = socket.socketpair()
        for end in (bell, ear):
            end.setblocking(False)
        signal.set_wakeup_fd(bell.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        self._listen(ear, lambda: self._on_child(ear))
        return bell

    def _on_child(self, ear: socket.socket) -> None:
        ear.recv(4096)
        self._reap()
        if self._watch:
            self._enforce(self._watch)


def _tell(channel: socket.socket, message: Message) -> None:
    with suppress(BrokenPipeError, ConnectionResetError):  # the server gave it up at this very moment
        send(channel, message)


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):  # it ended by itself
        os.kill(pid, signal.SIGKILL)


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        _kill(pid)  # it has not made its group yet


def main(arguments: list[str]) -> None:
    """Be the warden on the socket of this descriptor, for student processes of this user (-1: our own)."""
    handle, uid = map(int, arguments)
    os.set_inheritable(handle, False)
    for number in signal.valid_signals() - set(spawn.IGNORED_HERE):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)  # what a shell or nohup ignored would reach student code
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the control server decides when this ends
    spawn.prctl(spawn.PR_SET_CHILD_SUBREAPER, 1)
    spawn.prctl(spawn.PR_SET_NO_NEW_PRIVS, 1)
    Warden(socket.socket(fileno=handle), uid if uid >= 0 else None).serve()


if __name__ == "__main__":
    main(sys.argv[1:])
