"""What can be set of a coordinator and of a node, and what a node's profile sets for it: pure values.

`config.py` finds the values; here they are checked, and turned into what a node can offer. Each field's
description is what the commented template and `docs/operating.md` say of it. A field that ends in `_s` is
seconds, one that ends in `_bytes` bytes; people leave the ending out and write "90s" or "2GiB".
"""

from __future__ import annotations

import math
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from bighost.job import ids
from bighost.job.assignment import Reuse
from bighost.wire.messages import Capacity, CreditTerms, Profile

GIB = 1024**3
Count = Annotated[int, Meta(ge=1)]
Natural = Annotated[int, Meta(ge=0)]
SLOT_BYTES = 512 * 1024**2  # memory that a slot is reckoned with where `slots` is not set


class RuntimeKind(StrEnum):
    """What a node's pods are."""

    AUTO = "auto"  # docker where an engine answers, else process
    DOCKER = "docker"
    PROCESS = "process"


class NodeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A node's settings. Build them by `for_profile`, so that the profile's values are in."""

    data: Annotated[Path, Meta(description="Folder of the node's key, unacknowledged results and datasets.")]
    name: Annotated[str, Meta(description="What people call the node.")]
    profile: Annotated[
        Profile, Meta(description='Whose machine it is: "core" (the course\'s own) or "lightweight".')
    ] = Profile.LIGHTWEIGHT
    runtime: Annotated[RuntimeKind, Meta(description='What pods are: "docker", "process", or "auto".')] = (
        RuntimeKind.AUTO
    )
    oci_runtime: Annotated[
        str, Meta(description='What Docker runs containers with; "runsc" keeps them off the kernel.')
    ] = "runc"
    reuse: Annotated[
        Reuse | None, Meta(description='"never" gives every run a new pod, whatever the assignment says.')
    ] = None
    slots: Annotated[
        Count | None, Meta(description="Submissions at the same time; from cores and memory if not set.")
    ] = None
    cpus_per_job: Annotated[
        Count | None, Meta(description="Cores that one submission can have at most; all if not set.")
    ] = None
    memory_per_job_bytes: Annotated[
        Count | None, Meta(description="Memory that one submission can have at most; all if not set.")
    ] = None
    keep_cores_share: Annotated[
        float, Meta(ge=0, lt=1, description="Share of the cores that is left to the machine's owner.")
    ] = 0.0
    keep_memory_share: Annotated[
        float, Meta(ge=0, lt=1, description="Share of the memory that is left to the machine's owner.")
    ] = 0.0
    pinned: Annotated[
        bool, Meta(description="Give each submission cores of its own, where there are enough for all slots.")
    ] = False
    window: Annotated[Count | None, Meta(description="Jobs on the node at most, running and waiting.")] = None
    low_water: Annotated[
        Natural | None, Meta(description="It is given more jobs once it holds this many or fewer.")
    ] = None
    window_per_slot: Annotated[
        float, Meta(ge=1, description="Jobs on the node at most, for each slot; where `window` is not set.")
    ] = 2.0
    low_water_per_slot: Annotated[
        float, Meta(ge=0, description="Jobs at which it is given more, for each slot.")
    ] = 1.0
    batch: Annotated[int, Meta(ge=1, description="Jobs in one message at most.")] = 2
    spare_pods: Annotated[
        int, Meta(ge=0, description="Pods kept warm beyond one for each slot, for the case that one dies.")
    ] = 1
    spawn_wait_s: Annotated[
        float, Meta(gt=0, description="A pod that is not ready by then is a fault of ours.")
    ] = 180.0
    sys_timeout_s: Annotated[
        float, Meta(gt=0, description="CPU, memory and swap are recorded this often.")
    ] = 1.0
    log_timeout_s: Annotated[
        float, Meta(gt=0, description="Logs are sent to the coordinator this often.")
    ] = 30.0
    log_bytes: Annotated[int, Meta(ge=65536, description="Size at which a log file is begun anew.")] = (
        16 * 1024**2
    )
    dataset_cache_bytes: Annotated[
        int, Meta(ge=1, description="Datasets kept on the node; the least recently used go first.")
    ] = 8 * GIB

    def __post_init__(self) -> None:
        if not ids.is_name(self.name):
            raise ValueError(f"name {self.name!r}: use letters, digits, '.', '_' and '-', 64 at most")
        if self.window is not None and self.low_water is not None and self.low_water >= self.window:
            raise ValueError(f"low_water ({self.low_water}) must be below window ({self.window})")


class CoordinatorSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A coordinator's settings."""

    data: Annotated[Path, Meta(description="Folder of everything that the coordinator keeps.")]
    host: Annotated[str, Meta(description="Address to listen on; 0.0.0.0 for all of this machine's.")] = (
        "127.0.0.1"
    )
    port: Annotated[int, Meta(ge=0, le=65535, description="For people (HTTP); 0 takes a free one.")] = 9000
    node_port: Annotated[
        int, Meta(ge=-1, le=65535, description="For nodes; 0 takes a free one, -1 the one above `port`.")
    ] = -1
    lease_s: Annotated[
        float, Meta(gt=0, description="A node that is not heard of for so long loses its jobs.")
    ] = 15.0
    heartbeat_s: Annotated[float, Meta(gt=0, description="Nodes give a sign of life this often.")] = 3.0
    max_attempts: Annotated[
        int, Meta(ge=1, description="Faults of ours that a job survives before it is given up.")
    ] = 5
    waiting_deadline_s: Annotated[
        float, Meta(gt=0, description="A job that no node can run is given up after so long.")
    ] = 86_400.0
    marking_deadline_s: Annotated[
        float, Meta(gt=0, description="A job whose output is not compared by then is run again.")
    ] = 120.0
    output_processor_threads: Annotated[
        int, Meta(ge=1, le=64, description="Outputs compared at the same time.")
    ] = 1
    output_processor_timeout_s: Annotated[float, Meta(gt=0, description="A comparison may take so long.")] = (
        60.0
    )
    log_dir: Annotated[
        Path | None, Meta(description="Folder of the logs, its own and the nodes'; in `data` if not set.")
    ] = None
    lats_dir: Annotated[
        Path | None, Meta(description="Folder for a latency record of each job; none if not set.")
    ] = None
    max_hand_in_bytes: Annotated[int, Meta(ge=1, description="All files of a hand-in together.")] = 1024**2
    max_waiting: Annotated[
        int, Meta(ge=1, description="Jobs in the waiting line; hand-ins beyond are asked to come later.")
    ] = 1_000_000

    def __post_init__(self) -> None:
        if self.heartbeat_s * 2 > self.lease_s:
            raise ValueError(
                f"lease ({self.lease_s:g} s) must be at least twice the heartbeat ({self.heartbeat_s:g} s)"
            )
        if self.node_port == -1:
            above = self.port + 1 if self.port else 0
            msgspec.structs.force_setattr(self, "node_port", above)


class ClientSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where commands go, for people who would rather write it down than type `bighost login`."""

    url: Annotated[str, Meta(description="The coordinator, http://HOST:9000.")] = ""
    token: Annotated[str, Meta(description="Your token; keep the file to yourself.")] = ""


# What a profile sets, unless a flag, the environment or a file says otherwise.
PROFILES: dict[Profile, dict[str, Any]] = {
    Profile.CORE: {
        "window_per_slot": 4.0,
        "low_water_per_slot": 2.0,
        "batch": 8,
        "keep_cores_share": 0.1,
        "keep_memory_share": 0.1,
        "pinned": True,
    },
    Profile.LIGHTWEIGHT: {
        "window_per_slot": 2.0,
        "low_water_per_slot": 1.0,
        "batch": 2,
        "keep_cores_share": 0.5,
        "keep_memory_share": 0.5,
        "pinned": False,
    },
}


def for_profile(profile: Profile, **values: Any) -> NodeSettings:
    """A node's settings: those of its profile, and `values` over them."""
    return NodeSettings(**{**PROFILES[profile], "profile": profile, **values})


class Offer(msgspec.Struct, frozen=True):
    """What a node gives of its machine: cores and memory for all jobs together, and what it tells of it."""

    cores: int
    memory_bytes: int
    capacity: Capacity
    credit: CreditTerms


def derive(settings: NodeSettings, cores: int, memory_bytes: int, frameworks: tuple[str, ...]) -> Offer:
    """What a machine with so many cores and so much memory offers under these settings.

    What is kept for the owner is rounded to whole cores, halves up; one core is always offered.
    """
    own_cores = max(1, cores - math.floor(cores * settings.keep_cores_share + 0.5))
    own_memory = memory_bytes - math.ceil(memory_bytes * settings.keep_memory_share)
    slots = settings.slots or max(1, min(own_cores, own_memory // SLOT_BYTES))
    capacity = Capacity(
        slots=slots,
        cpus=min(settings.cpus_per_job or own_cores, own_cores),
        memory_bytes=min(settings.memory_per_job_bytes or own_memory, own_memory),
        frameworks=frameworks,
    )
    return Offer(own_cores, own_memory, capacity, _credit(settings, slots))


def _credit(settings: NodeSettings, slots: int) -> CreditTerms:
    low_water = settings.low_water
    window = settings.window or max(math.ceil(settings.window_per_slot * slots), (low_water or 0) + 1)
    if low_water is None:
        low_water = min(math.floor(settings.low_water_per_slot * slots), window - 1)
    return CreditTerms(window=window, low_water=low_water, batch=settings.batch)
