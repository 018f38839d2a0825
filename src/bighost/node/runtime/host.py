"""What this machine offers to process pods: a Python, a box, control groups, other users."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bighost.node.runtime.base import RuntimeFault
from bighost.node.runtime.cgroups import Controller, Tree
from bighost.node.runtime.processes import as_user, is_root
from bighost.node.runtime.walls import HostWalls

SYSTEM_PYTHON = Path("/usr/bin/python3")
LEAST_PYTHON = (3, 11)


@dataclass(frozen=True, slots=True)
class Host:
    """What process pods may use here."""

    python: Path
    why_not_boxed: str | None  # None: bubblewrap works
    groups: Tree

    @property
    def boxed(self) -> bool:
        """Whether pods run in bubblewrap's box."""
        return self.why_not_boxed is None

    def walls(self) -> HostWalls:
        """The same, as the table of walls wants it."""
        able = self.groups.available()
        return HostWalls(
            bubblewrap=self.boxed,
            other_user=is_root(),
            cgroup_memory=Controller.MEMORY in able,
            cgroup_pids=Controller.PIDS in able,
            cgroup_cpu=Controller.CPU in able,
        )


def find_python(user: int | None) -> Path:
    """A Python that is new enough and that `user` may run. Raises RuntimeFault."""
    too_old = f"import sys; sys.exit(sys.version_info < {LEAST_PYTHON})"
    for python in (SYSTEM_PYTHON, Path(sys.executable).resolve()):
        with contextlib.suppress(OSError):  # not there, or not allowed: the next one
            trial = subprocess.run([python, "-I", "-c", too_old], check=False, cwd="/", **as_user(user))
            if trial.returncode == 0:
                return python
    least = ".".join(map(str, LEAST_PYTHON))
    raise RuntimeFault(
        "no Python was found that a student's program could be run with",
        hint=f"install Python {least} or newer as {SYSTEM_PYTHON}, or use Docker pods",
    )


def compile_tree(python: Path, root: Path) -> None:
    """Compile the pods' code once for all pods; where that fails, each compiles for itself."""
    command = [str(python), "-I", "-m", "compileall", "-q", str(root)]
    subprocess.run(command, check=False, capture_output=True)


def folders_of(python: Path) -> tuple[Path, ...]:
    """The folders that a box needs for this Python, besides /usr."""
    return () if python.is_relative_to("/usr") else (Path(sys.base_prefix),)
