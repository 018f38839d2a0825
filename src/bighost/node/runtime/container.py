"""From a pod's spec to the settings of its container: every wall of a docker pod is written here only.

Pure: what the engine is told is a function of the spec and of a few facts about the engine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.types import LogConfig, Ulimit

from bighost.node.runtime.base import Cores, PodSpec

MIB = 1024 * 1024
TMP_BYTES = 64 * MIB
SHM_BYTES = 16 * MIB
LOG_BYTES = 1 * MIB
FILES_PER_MIB = 128  # inodes cost kernel memory, so a tmpfs holds only so many files
SOCKET_FOLDER = "/run/bighost"
WORK_FOLDER = "/work"
DATA_FOLDER = "/data"

# What the control server needs to run student code as another user, kill it, and wipe its folder.
CAPABILITIES = ["SETUID", "SETGID", "KILL", "CHOWN", "DAC_OVERRIDE", "FOWNER"]

LABEL_NODE = "bighost.node"
LABEL_RANK = "bighost.rank"
LABEL_FRAMEWORK = "bighost.framework"


@dataclass(frozen=True, slots=True)
class Place:
    """Where and as what one container is to run."""

    name: str
    node: str
    rank: int
    student: int  # the user id that student code runs as
    sockets: Path | None  # the host folder that the control server's socket goes to; None: kept inside
    datasets: Path | None
    cores: Cores | None = None
    oci_runtime: str = "runc"
    cgroup_version: int = 2


def settings(spec: PodSpec, place: Place) -> dict[str, Any]:
    """The keyword arguments of docker's `containers.create`."""
    return {
        "image": spec.image,
        "command": command(spec, place),
        "name": place.name,
        "hostname": "pod",
        "labels": {
            LABEL_NODE: place.node,
            LABEL_RANK: str(place.rank),
            LABEL_FRAMEWORK: spec.framework,
        },
        "runtime": place.oci_runtime,
        "log_config": LogConfig(type="json-file", config={"max-size": str(LOG_BYTES), "max-file": "1"}),
        **_walls(),
        **_limits(spec, place),
        **_folders(spec, place),
    }


def command(spec: PodSpec, place: Place) -> list[str]:
    """The arguments of the image's entry point, which is the control server."""
    return [
        *("--socket", f"{SOCKET_FOLDER}/pod.sock"),
        *("--framework", spec.framework),
        *("--work", WORK_FOLDER),
        *("--cores", str(max(1, math.floor(spec.cpus)))),
        *("--student-uid", str(place.student)),
    ]


def memory_of(spec: PodSpec) -> int:
    """Bytes of the whole container: files in a tmpfs count as its memory."""
    return spec.memory_bytes + spec.overhead_bytes + spec.disk_bytes + TMP_BYTES + SHM_BYTES


def cpuset(cores: Cores) -> str:
    """Cores as the engine wants them: `(0, 2)` is `0,2`."""
    return ",".join(str(core) for core in cores)


def _walls() -> dict[str, Any]:
    return {
        "read_only": True,
        "network_mode": "none",
        "ipc_mode": "private",
        "cap_drop": ["ALL"],
        "cap_add": CAPABILITIES,
        "security_opt": ["no-new-privileges"],
        "init": False,  # the control server reaps
    }


def _limits(spec: PodSpec, place: Place) -> dict[str, Any]:
    memory = memory_of(spec)
    limits: dict[str, Any] = {
        "nano_cpus": round(spec.cpus * 1e9),
        "mem_limit": memory,
        "memswap_limit": memory,  # memory and swap together: no swap
        "pids_limit": spec.processes + spec.overhead_processes,
        "ulimits": [Ulimit(name="core", soft=0, hard=0)],
        "shm_size": SHM_BYTES,
    }
    if place.cores is not None:
        limits["cpuset_cpus"] = cpuset(place.cores)
    if place.cgroup_version == 1:
        limits["mem_swappiness"] = 0  # the setting does not exist in cgroup v2
    return limits


def _folders(spec: PodSpec, place: Place) -> dict[str, Any]:
    tmpfs = {
        WORK_FOLDER: _tmpfs(spec.disk_bytes, "0755,exec"),
        "/tmp": _tmpfs(TMP_BYTES, "1777"),
    }
    volumes = {}
    if place.sockets is None:
        tmpfs[SOCKET_FOLDER] = _tmpfs(MIB, "0700")
    else:
        volumes[str(place.sockets)] = {"bind": SOCKET_FOLDER, "mode": "rw"}
    if place.datasets is not None:
        volumes[str(place.datasets)] = {"bind": DATA_FOLDER, "mode": "ro"}
    return {"tmpfs": tmpfs, "volumes": volumes}


def _tmpfs(size: int, mode: str) -> str:
    files = max(1024, FILES_PER_MIB * size // MIB)
    return f"size={size},nr_inodes={files},nosuid,nodev,mode={mode}"
