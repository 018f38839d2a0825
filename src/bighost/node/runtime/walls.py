"""Which walls stand between student code and the machine: pure data, by runtime, one sentence each.

The command line shows them before the first job runs, so that nobody takes a `process` pod for a container.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Against(StrEnum):
    """What a wall keeps student code from."""

    USER = "user"
    NETWORK = "network"
    FILES = "files"
    MEMORY = "memory"
    CPU = "cpu"
    PROCESSES = "processes"
    DISK = "disk"
    IPC = "ipc"
    SYSCALLS = "syscalls"
    KERNEL = "kernel"


@dataclass(frozen=True, slots=True)
class Wall:
    """One wall: whether it holds, and what that means."""

    against: Against
    holds: bool
    says: str


@dataclass(frozen=True, slots=True)
class EngineWalls:
    """What a container engine can do on its host."""

    oci_runtime: str = "runc"
    memory: bool = True
    swap: bool = True
    cpu: bool = True
    pids: bool = True
    seccomp: bool = True


@dataclass(frozen=True, slots=True)
class HostWalls:
    """What the host lets process pods use."""

    bubblewrap: bool
    other_user: bool  # the node is root, so student code can run as another user
    cgroup_memory: bool = False
    cgroup_pids: bool = False
    cgroup_cpu: bool = False


SANDBOXED_KERNELS = ("runsc", "kata", "kata-runtime", "kata-qemu", "kata-clh", "kata-fc")


def docker_walls(engine: EngineWalls) -> tuple[Wall, ...]:
    """The walls of a `docker` pod."""
    own_kernel = engine.oci_runtime in SANDBOXED_KERNELS
    return (
        Wall(Against.USER, True, "Student code runs as a user of its own, without capabilities."),
        Wall(Against.NETWORK, True, "A pod has no network at all."),
        Wall(Against.FILES, True, "The root is read-only; of the host, only datasets are seen, read-only."),
        _memory_of(engine),
        _either(
            Against.CPU,
            engine.cpu,
            "CPU time is capped by quota or pinned cores.",
            "This engine can't cap CPU time; only the CPU seconds of a stage are counted.",
        ),
        _either(
            Against.PROCESSES,
            engine.pids,
            "The number of processes is capped.",
            "This engine can't cap processes; only the control server counts them.",
        ),
        Wall(Against.DISK, True, "Only folders in memory of a set size can be written."),
        Wall(Against.IPC, True, "Shared memory, semaphores and process ids are the pod's own."),
        _either(
            Against.SYSCALLS,
            engine.seccomp,
            "The engine's seccomp profile blocks rare system calls; privileges can't be gained.",
            "This engine runs without seccomp: every system call of the kernel can be reached.",
        ),
        _either(
            Against.KERNEL,
            own_kernel,
            f"{engine.oci_runtime} keeps student code off the host's kernel.",
            "Pods share the host's kernel: a hole in it is a hole in the wall (runsc or kata close it).",
        ),
    )


def process_walls(host: HostWalls) -> tuple[Wall, ...]:
    """The walls of a `process` pod."""
    boxed = host.bubblewrap
    return (
        _either(
            Against.USER,
            host.other_user,
            "Student code runs as a user of its own.",
            "Student code runs as the very user that runs the node"
            + (
                ", who can reach the control server but not your files."
                if boxed
                else ", and may do all you may."
            ),
        ),
        _either(
            Against.NETWORK,
            boxed,
            "A pod has no network at all.",
            "Student code has the network of this machine.",
        ),
        _either(
            Against.FILES,
            boxed,
            "Of this machine only its programs and the datasets are seen, read-only.",
            "Student code reads whatever its user may read on this machine.",
        ),
        _either(
            Against.MEMORY,
            host.cgroup_memory,
            "Memory is capped by a cgroup.",
            "No cgroup caps memory: a program is killed when it is seen above its limit, a moment late.",
        ),
        _either(
            Against.CPU,
            host.cgroup_cpu,
            "CPU time is capped by a cgroup.",
            "No cgroup caps CPU time: only the CPU seconds of a stage are counted.",
        ),
        _either(
            Against.PROCESSES,
            host.cgroup_pids,
            "The number of processes is capped by a cgroup.",
            "No cgroup caps processes: only a limit does that all programs of the user share.",
        ),
        _either(
            Against.DISK,
            boxed,
            "Only folders in memory of a set size can be written.",
            "The work folder is on this machine's disk; its size is watched, not capped.",
        ),
        _either(
            Against.IPC,
            boxed,
            "Shared memory, semaphores and process ids are the pod's own.",
            "Student code sees the processes and the shared memory of this machine.",
        ),
        Wall(Against.SYSCALLS, False, "Every system call of the kernel can be reached."),
        Wall(Against.KERNEL, False, "Pods share this machine's kernel: a hole in it is a hole in the wall."),
    )


def missing(walls: tuple[Wall, ...]) -> tuple[Wall, ...]:
    """The walls that do not hold."""
    return tuple(wall for wall in walls if not wall.holds)


def _memory_of(engine: EngineWalls) -> Wall:
    if not engine.memory:
        return Wall(
            Against.MEMORY, False, "This engine can't cap memory; the control server only watches it."
        )
    if not engine.swap:
        return Wall(Against.MEMORY, True, "Memory is capped, but this engine can't keep pods from swapping.")
    return Wall(Against.MEMORY, True, "Memory is capped, and no pod can swap.")


def _either(against: Against, holds: bool, yes: str, no: str) -> Wall:
    return Wall(against, holds, yes if holds else no)
