"""The box that bubblewrap builds around a process pod: namespaces of its own, a root of read-only folders.

As root the box keeps the host's user namespace, because the control server has to become another user;
anybody else gets a user namespace, in which there is no other user to become.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bighost.node.runtime.container import (
    CAPABILITIES,
    DATA_FOLDER,
    SHM_BYTES,
    SOCKET_FOLDER,
    TMP_BYTES,
    WORK_FOLDER,
)

CODE_FOLDER = "/opt/bighost"
TOP_FOLDERS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")  # folders or links into /usr
ETC = (
    "alternatives",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "nsswitch.conf",
    "passwd",
    "group",
)
TRIAL_S = 10.0


@dataclass(frozen=True, slots=True)
class Box:
    """What one box holds. Folders are the host's."""

    sockets: Path
    code: Path
    datasets: Path | None
    disk_bytes: int
    memory_group: tuple[Path, str] | None = None  # the control group's folder, and where it is seen
    programs: tuple[Path, ...] = ()  # more read-only folders, seen where they are
    root: bool = False  # built by root


def arguments(box: Box) -> list[str]:
    """The command line up to the program that is to run inside."""
    return [
        *("bwrap", "--die-with-parent", "--clearenv", "--hostname", "pod"),
        *("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"),
        *(_capabilities() if box.root else ["--unshare-user"]),
        *_programs(box.programs),
        *("--proc", "/proc", "--dev", "/dev"),
        *_memory(SHM_BYTES, "1777", "/dev/shm"),
        *_memory(TMP_BYTES, "1777", "/tmp"),
        *_memory(box.disk_bytes, "0711", WORK_FOLDER),
        *("--bind", str(box.sockets), SOCKET_FOLDER),
        *("--ro-bind", str(box.code), CODE_FOLDER),
        *(("--ro-bind", str(box.datasets), DATA_FOLDER) if box.datasets else ()),
        *(("--ro-bind", str(box.memory_group[0]), box.memory_group[1]) if box.memory_group else ()),
        *("--remount-ro", "/dev", "--remount-ro", "/"),
        *("--chdir", "/"),
    ]


def refusal(box: Box, python: Path) -> str | None:
    """Why no such box can be built here; None when one was built and a program ran in it."""
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed"
    command = [*arguments(box), str(python), "-c", "pass"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=TRIAL_S, check=False, text=True)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap did not run: {error}"
    if done.returncode != 0:
        return f"bubblewrap was refused: {done.stderr.strip()}"
    return None


def _capabilities() -> list[str]:
    return ["--cap-drop", "ALL", *(word for name in CAPABILITIES for word in ("--cap-add", f"CAP_{name}"))]


def _programs(more: tuple[Path, ...]) -> list[str]:
    words = ["--ro-bind", "/usr", "/usr"]
    for folder in TOP_FOLDERS:
        path = Path(folder)
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), folder]
        elif path.is_dir():
            words += ["--ro-bind", folder, folder]
    for name in ETC:
        words += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    for path in more:
        words += ["--ro-bind", str(path), str(path)]
    return words


def _memory(size: int, mode: str, at: str) -> list[str]:
    return ["--perms", mode, "--size", str(size), "--tmpfs", at]
