"""Pods as local processes, for a first try without Docker: the same control server, fewer walls.

With bubblewrap a pod gets namespaces of its own and a read-only root; without it the server runs plainly. As
root the student's code runs as another user, one a pod, and the pod gets a control group where one can be
made. What holds here is found out once, by trying, and `walls()` says it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path

import psutil

from bighost.node.podtree import write_tree
from bighost.node.runtime import bubblewrap, cgroups, processes
from bighost.node.runtime.base import Cores, PodNotReady, PodSpec, RuntimeFault
from bighost.node.runtime.bubblewrap import CODE_FOLDER, Box
from bighost.node.runtime.container import DATA_FOLDER, SOCKET_FOLDER, WORK_FOLDER, memory_of
from bighost.node.runtime.folders import Folders, UnsafeFolder, own_datasets, short_name
from bighost.node.runtime.host import Host, compile_tree, find_python, folders_of
from bighost.node.runtime.processes import is_root
from bighost.node.runtime.served import ServedPod, starting
from bighost.node.runtime.students import is_student_of, student_of
from bighost.node.runtime.walls import HostWalls, Wall, process_walls
from bighost.pod.contract import SOCKET_NAME

READY_S = 40.0
ASK_S = 1.0
OWNER_VARIABLE = "BIGHOST_POD_OF"  # marks the processes of a node's pods for `sweep`
LOG_TAIL = 2000


class ProcessRuntime:
    """See `base.Runtime`. `box` and `groups` false: do not even try bubblewrap or control groups."""

    def __init__(
        self,
        node: str,
        datasets: Path | None = None,
        *,
        box: bool = True,
        groups: bool = True,
        ready_s: float = READY_S,
        above: Path | None = None,
    ) -> None:
        self.node = node
        self.datasets = datasets and own_datasets(datasets)
        self._box = box
        self._groups = groups
        self._ready_s = ready_s
        self._folders = Folders(node, "p", above)
        self.code = self._folders.path / "code"
        self._numbers = itertools.count()
        self._host: Host | None = None

    async def start(self, spec: PodSpec, rank: int, cores: Cores | None = None) -> ProcessPod:
        """Start a control server and wait for it."""
        host = self._host or await self._learn()
        await asyncio.to_thread(self._lay_code)
        pod = ProcessPod(self, host, spec, rank, self._folders.make(str(next(self._numbers)), 0o711))
        async with starting(pod):
            await pod.launch(self._ready_s)
            await pod.pin(cores)
        return pod

    async def check(self, images: Sequence[str] = ()) -> None:  # noqa: ARG002 - there are none here
        """Find a Python and what this machine can isolate; images mean nothing here."""
        await self._learn()

    async def sweep(self) -> int:
        """Kill the processes of this node's pods and wipe their folders."""
        return await asyncio.to_thread(self._remove_orphans)

    def walls(self) -> tuple[Wall, ...]:
        """What a process pod isolates here."""
        unknown = HostWalls(bubblewrap=False, other_user=is_root())
        return process_walls(self._host.walls() if self._host else unknown)

    @property
    def why_not_boxed(self) -> str | None:
        """Why bubblewrap is not used, in words; None when it is, or before `check`."""
        return self._host.why_not_boxed if self._host else None

    async def close(self) -> None:
        """Remove the runtime's folders."""
        await asyncio.to_thread(self._folders.close)

    async def _learn(self) -> Host:
        self._host = await asyncio.to_thread(self._look)
        return self._host

    def _look(self) -> Host:
        python = find_python(student_of(self.node, 0) if is_root() else None)
        self._lay_code()
        compile_tree(python, self.code)
        folder = self._folders.make("trial")
        trial = Box(folder, self.code, None, 1024 * 1024, programs=folders_of(python), root=is_root())
        why_not = bubblewrap.refusal(trial, python) if self._box else "it was not asked for"
        shutil.rmtree(folder, ignore_errors=True)
        groups = cgroups.Tree.find() if self._groups else cgroups.Tree({}, 1)
        return Host(python, why_not, groups)

    def _lay_code(self) -> None:
        try:
            if not self.code.is_dir():
                write_tree(self.code)
        except OSError as error:
            raise UnsafeFolder(f"the pods' code can't be laid out: {error}") from error

    def _remove_orphans(self) -> int:
        for group in cgroups.Tree.find().left(f"{short_name(self.node)}-"):
            group.remove()
        processes.kill([process for process in psutil.process_iter() if self._is_orphan(process)])
        pods = sum(folder.name.isdigit() for folder in self._folders.left())
        self._folders.wipe()
        return pods

    def _is_orphan(self, process: psutil.Process) -> bool:
        if process.pid == os.getpid():
            return False
        try:
            student = is_student_of(self.node, process.uids().real)
            ours = process.environ().get(OWNER_VARIABLE) == self.node
        except (psutil.Error, OSError):
            return False  # it ended, or belongs to somebody else
        return ours or student or _works_in(process, self._folders.path)


class ProcessPod(ServedPod):
    """One control server and all that it starts."""

    def __init__(self, runtime: ProcessRuntime, host: Host, spec: PodSpec, rank: int, folder: Path) -> None:
        self._sockets = folder / "s"
        super().__init__(
            f"bighost-{short_name(runtime.node)}-{rank}-{folder.name}", spec, self._sockets / SOCKET_NAME
        )
        self._runtime = runtime
        self._host = host
        self._folder = folder
        self._work = folder / "work"
        self._log = folder / "log"
        self._user = student_of(runtime.node, rank) if is_root() else None
        self._group = cgroups.Group(())
        self._process: asyncio.subprocess.Process | None = None

    async def launch(self, ready_s: float) -> None:
        """Start the server and wait until it is ready."""
        self._sockets.mkdir(mode=0o700)
        self._work.mkdir()
        self._work.chmod(0o711)
        self._group = self._make_group()
        with self._log.open("wb") as said:
            self._process = await asyncio.create_subprocess_exec(
                *self._command(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                env=self._environment(),
                cwd="/",
                start_new_session=True,
            )
        await self.await_ready(ready_s)

    def path_of(self, dataset: Path) -> str:
        """Under /data in a box; as it is outside of one."""
        if not self._host.boxed:
            return str(dataset.absolute())
        if self._runtime.datasets is None:
            raise RuntimeFault("this runtime was started without a dataset folder")
        return f"{DATA_FOLDER}/{dataset.absolute().relative_to(self._runtime.datasets)}"

    async def _end(self, patience_s: float = 0.0) -> str | None:
        process = self._process
        if process is None:
            return "its process was never started"
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), patience_s)
        if process.returncode is None:
            return None
        words = "its group ran out of memory, " if self._group.out_of_memory() else ""
        said = _tail(self._log)
        return f"{words}its process {processes.in_words(process.returncode)}" + (
            f" and said last: {said}" if said else ""
        )

    async def _pin(self, cores: Cores | None) -> None:
        if self._process is not None:
            await asyncio.to_thread(processes.pin, self._process.pid, cores or os.sched_getaffinity(0))

    async def _remove(self) -> None:
        if self._process is not None and self._process.returncode is None:
            await self._kill(self._process)
        await asyncio.to_thread(self._clean_up)

    async def _kill(self, process: asyncio.subprocess.Process) -> None:
        started = await asyncio.to_thread(processes.descendants, process.pid)
        if self._host.boxed:
            await asyncio.to_thread(processes.kill, started)  # bubblewrap reaps its box and ends by itself
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), ASK_S)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        await asyncio.to_thread(processes.kill, started)

    def _clean_up(self) -> None:
        if not self._host.boxed:
            self._kill_escaped()
        try:
            self._group.remove()
        except OSError as error:
            raise RuntimeFault(f"the control group of {self.name} can't be emptied: {error}") from error
        shutil.rmtree(self._folder, ignore_errors=True)

    def _kill_escaped(self) -> None:
        if self._user is not None:
            processes.kill_user(self._host.python, self._user)
        processes.kill([process for process in psutil.process_iter() if _works_in(process, self._folder)])

    def _make_group(self) -> cgroups.Group:
        caps = cgroups.Caps(
            memory_of(self.spec), self.spec.processes + self.spec.overhead_processes, self.spec.cpus
        )
        name = f"{short_name(self._runtime.node)}-{self._folder.name}"
        try:
            return self._host.groups.make(name, caps)
        except OSError as error:
            raise PodNotReady(f"the control group of {self.name} can't be made: {error}") from error

    def _command(self) -> list[str]:
        boxed = self._host.boxed
        sockets, work = (Path(SOCKET_FOLDER), Path(WORK_FOLDER)) if boxed else (self._sockets, self._work)
        return [
            *self._group.entrance(),
            *(self._box() if boxed else []),
            *(str(self._host.python), "-P", "-m", "bighost.pod.server"),
            *("--socket", str(sockets / SOCKET_NAME)),
            *("--framework", self.spec.framework),
            *("--work", str(work)),
            *("--cores", str(max(1, int(self.spec.cpus)))),
            *(("--student-uid", str(self._user)) if self._user is not None else ()),
        ]

    def _box(self) -> list[str]:
        box = Box(
            sockets=self._sockets,
            code=self._runtime.code,
            datasets=self._runtime.datasets,
            disk_bytes=self.spec.disk_bytes,
            memory_group=self._group.inside_view(),
            programs=folders_of(self._host.python),
            root=is_root(),
        )
        variables = self._environment(Path(CODE_FOLDER)).items()
        return bubblewrap.arguments(box) + [
            word for name, value in variables for word in ("--setenv", name, value)
        ]

    def _environment(self, code: Path | None = None) -> dict[str, str]:
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(code or self._runtime.code),
            "PYTHONDONTWRITEBYTECODE": "1",
            OWNER_VARIABLE: self._runtime.node,
        }


def _works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return Path(process.cwd()).is_relative_to(folder)
    except (psutil.Error, OSError):
        return False  # it ended, or belongs to somebody else


def _tail(file: Path) -> str:
    try:
        with file.open("rb") as said:
            said.seek(max(0, file.stat().st_size - LOG_TAIL))
            return said.read().decode(errors="replace").strip()
    except OSError:
        return ""  # the pod never came so far
