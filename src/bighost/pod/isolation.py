"""What keeps this pod's inside from the outside, found by looking: no wall is claimed unseen."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
NO_LIMIT = 1 << 60  # cgroup v1 writes "no limit" as a huge number


def walls(student_uid: int | None) -> list[str]:
    """Which of `user`, `cgroup`, `network`, `filesystem` hold here."""
    found = {
        "user": student_uid is not None,
        "cgroup": memory_cap() is not None,
        "network": _interfaces() <= {"lo"},
        "filesystem": bool(os.statvfs("/").f_flag & os.ST_RDONLY),
    }
    return [name for name, holds in found.items() if holds]


def memory_cap() -> int | None:
    """Bytes that our control group allows; None without a limit."""
    for text in (_group_file("memory.max"), _group_file("memory.limit_in_bytes")):
        if text and text.strip().isdecimal() and int(text) < NO_LIMIT:
            return int(text)
    return None


def oom_kills() -> int:
    """How many processes the kernel has killed in our control group because its memory was used up."""
    for text in (_group_file("memory.events"), _group_file("memory.oom_control")):
        for line in (text or "").splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
    return 0


def _group_file(name: str) -> str | None:
    """A file of our memory control group: version 2, version 1, and either as a container sees it."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, kinds, path = line.split(":", 2)
        if kinds and "memory" not in kinds.split(","):
            continue
        folder = CGROUPS / "memory" if kinds else CGROUPS
        for place in (folder / path.lstrip("/"), folder):
            with suppress(FileNotFoundError, PermissionError):
                return (place / name).read_text()
    return None


def _interfaces() -> set[str]:
    lines = Path("/proc/self/net/dev").read_text().splitlines()[2:]
    return {line.partition(":")[0].strip() for line in lines}
