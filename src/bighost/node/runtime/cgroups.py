"""Control groups for process pods, where the node may make them: cgroup v1 and v2, as root.

A pod's group is one folder per controller (v1) or one folder (v2) below `bighost`. What may not be made here
is simply not in `available()`, and `walls.py` says what that means. The files are described in the kernel's
documentation, admin-guide/cgroup-v1 and admin-guide/cgroup-v2.rst.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

TOP = "bighost"
PERIOD_US = 100_000
EMPTYING_S = 2.0


class Controller(StrEnum):
    """What a control group can cap."""

    MEMORY = "memory"
    PIDS = "pids"
    CPU = "cpu"


@dataclass(frozen=True, slots=True)
class Caps:
    """The limits of one group."""

    memory_bytes: int
    processes: int
    cpus: float


@dataclass(frozen=True, slots=True)
class Tree:
    """Where groups can be made: a folder for each usable controller."""

    tops: dict[Controller, Path]
    version: int

    @classmethod
    def find(cls, mounts: Path = Path("/proc/mounts")) -> Tree:
        """The controllers of this machine whose groups this user may make; none is a valid answer."""
        version, roots = _roots(mounts.read_text())
        tops = {}
        for controller, root in roots.items():
            with contextlib.suppress(OSError):  # not ours to use, which is what we ask
                tops[controller] = _open_top(root, controller, version)
        return cls(tops, version)

    def available(self) -> frozenset[Controller]:
        """What groups made here can cap."""
        return frozenset(self.tops)

    def make(self, name: str, caps: Caps) -> Group:
        """A new group with these limits. Raises OSError."""
        group = self._group(name)
        try:
            for controller, top in self.tops.items():
                (top / name).mkdir(exist_ok=True)
                for file, value in _settings(controller, caps, self.version):
                    _write(top / name / file, value)
        except OSError:
            group.remove()
            raise
        return group

    def left(self, prefix: str) -> Iterator[Group]:
        """The groups whose name starts with `prefix`."""
        names = {path.name for top in self.tops.values() for path in top.glob(f"{prefix}*") if path.is_dir()}
        for name in sorted(names):
            yield self._group(name)

    def _group(self, name: str) -> Group:
        folders = tuple(dict.fromkeys(top / name for top in self.tops.values()))
        memory = self.tops.get(Controller.MEMORY)
        return Group(folders, memory / name if memory else None, self.version)


@dataclass(frozen=True, slots=True)
class Group:
    """One control group."""

    folders: tuple[Path, ...]
    memory: Path | None = None  # the one of the folders that caps memory
    version: int = 1

    def inside_view(self) -> tuple[Path, str] | None:
        """The memory group's folder, and where a process in a cgroup namespace of its own looks for it."""
        at = "/sys/fs/cgroup" if self.version == 2 else f"/sys/fs/cgroup/{Controller.MEMORY.value}"
        return (self.memory, at) if self.memory else None

    def entrance(self) -> list[str]:
        """The command line that enters the group and then becomes what follows; the race-free way in."""
        if not self.folders:
            return []
        enter = "".join(f"echo $$ > '{folder}/cgroup.procs' && " for folder in self.folders)
        return ["/bin/sh", "-c", f'{enter}exec "$@"', "sh"]

    def out_of_memory(self) -> bool:
        """Whether the kernel killed something in here for its memory."""
        for folder, file in ((f, n) for f in self.folders for n in ("memory.events", "memory.oom_control")):
            with contextlib.suppress(OSError):  # each version has one of the two
                words = (folder / file).read_text().split()
                if "oom_kill" in words and int(words[words.index("oom_kill") + 1]) > 0:
                    return True
        return False

    def remove(self) -> None:
        """Kill whatever runs inside and remove the group. Raises OSError when it can't be emptied."""
        until = time.monotonic() + EMPTYING_S
        for folder in self.folders:
            while folder.is_dir():
                _kill(folder)
                try:
                    folder.rmdir()
                except OSError:
                    if time.monotonic() > until:
                        raise
                    time.sleep(0.01)


def _roots(mounts: str) -> tuple[int, dict[Controller, Path]]:
    v1: dict[Controller, Path] = {}
    unified = None
    for line in mounts.splitlines():
        _, at, kind, options, *_ = line.split(" ")
        if kind == "cgroup2":
            unified = Path(at)
        elif kind == "cgroup":
            v1.update({c: Path(at) for c in Controller if c.value in options.split(",")})
    if v1 or unified is None:
        return 1, v1
    return 2, dict.fromkeys(_words(unified / "cgroup.controllers"), unified)


def _words(file: Path) -> Iterable[Controller]:
    known = {controller.value: controller for controller in Controller}
    return [known[word] for word in file.read_text().split() if word in known]


def _open_top(root: Path, controller: Controller, version: int) -> Path:
    """Make our folder below `root`, let its children use the controller, and prove that one can be made."""
    top = root / TOP
    if version == 2:
        _write(root / "cgroup.subtree_control", f"+{controller.value}")
    top.mkdir(exist_ok=True)
    if version == 2:
        _write(top / "cgroup.subtree_control", f"+{controller.value}")
    trial = top / f"trial-{os.getpid()}"
    trial.mkdir(exist_ok=True)
    trial.rmdir()
    return top


def _settings(controller: Controller, caps: Caps, version: int) -> list[tuple[str, str]]:
    memory, quota = str(caps.memory_bytes), str(round(caps.cpus * PERIOD_US))
    table = {
        (Controller.MEMORY, 1): [("memory.limit_in_bytes", memory), ("?memory.memsw.limit_in_bytes", memory)],
        (Controller.MEMORY, 2): [("memory.max", memory), ("?memory.swap.max", "0")],
        (Controller.PIDS, 1): [("pids.max", str(caps.processes))],
        (Controller.PIDS, 2): [("pids.max", str(caps.processes))],
        (Controller.CPU, 1): [("cpu.cfs_period_us", str(PERIOD_US)), ("cpu.cfs_quota_us", quota)],
        (Controller.CPU, 2): [("cpu.max", f"{quota} {PERIOD_US}")],
    }
    return table[controller, version]


def _write(file: Path, value: str) -> None:
    """Write a setting; one whose name begins with `?` is left out where the kernel does not have it."""
    path = file.with_name(file.name.removeprefix("?"))
    if file.name.startswith("?") and not path.exists():
        return
    path.write_text(value)


def _kill(folder: Path) -> None:
    with contextlib.suppress(OSError):  # it is gone, which is what we want
        for pid in (folder / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
