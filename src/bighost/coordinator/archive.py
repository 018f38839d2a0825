"""What is kept in files for people: the nodes' logs, and the latency record of each job.

    LOGS/executor/<start>/<node>/<instance>/{executor,sys,worker1,...}_logs.txt
    LOGS/backend/<start>/...                       the coordinator's own
    LATS/{assignment}_{submission}.json

as the original system laid them out: a folder for each start of the coordinator, in it one for each node
and each life of that node, in it a file for each stream.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bighost.job.job import Job
from bighost.job.latency import latency

_STREAM = re.compile(r"[a-z][a-z0-9_]{0,40}")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
MAX_STREAM = 64 * 1024**2  # a node can't fill the coordinator's disk with one stream


class Archive:
    """Writes under `logs` and, where set, `lats`."""

    def __init__(self, logs: Path, lats: Path | None, started: int) -> None:
        start = datetime.fromtimestamp(started / 1e9, UTC).strftime("%d-%m-%Y-%H-%M-%S")
        self.nodes = logs / "executor" / start
        self.own = logs / "backend" / start
        self._lats = lats
        self.nodes.mkdir(parents=True, exist_ok=True)
        self.own.mkdir(parents=True, exist_ok=True)
        if lats is not None:
            lats.mkdir(parents=True, exist_ok=True)

    def keep_logs(self, node: str, instance: str, stream: str, offset: int, data: bytes) -> None:
        """Write `data` at `offset` of a node's stream: a message that comes twice changes nothing.

        A stream whose name is none, or that has grown too long, is dropped.
        """
        if not _STREAM.fullmatch(stream) or offset < 0 or offset + len(data) > MAX_STREAM:
            return
        folder = self.nodes / _UNSAFE.sub("_", node) / _UNSAFE.sub("_", instance)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{stream}_logs.txt"
        if not path.exists():
            path.touch()
        with path.open("r+b") as file:
            file.seek(offset)
            file.write(data)

    def logs_of(self, node: str, limit: int = 256 * 1024) -> dict[str, str]:
        """The end of each stream of a node's latest life under this start, at most `limit` bytes each."""
        folder = self.nodes / _UNSAFE.sub("_", node)
        if not folder.is_dir():
            return {}
        lives = sorted(folder.iterdir(), key=lambda life: life.stat().st_mtime_ns)
        return {path.name: _tail(path, limit) for path in sorted(lives[-1].iterdir())} if lives else {}

    def keep_latency(self, job: Job) -> None:
        """Write the latency record of a job that has ended, where a folder for them was set."""
        if self._lats is not None:
            record = msgspec.json.format(msgspec.json.encode(latency(job.stamps)))
            (self._lats / f"{job.assignment}_{job.id}.json").write_bytes(record)


def _tail(path: Path, limit: int) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - limit))
        return file.read().decode(errors="replace")
