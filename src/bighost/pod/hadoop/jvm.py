"""The resident JVM: started with the pod, it runs one Hadoop job after the other, and is replaced when spent.

It is a child of the control server and runs as its user, so student code can neither see into it nor kill it.
What is said over its pipes is told in `images/hadoop/src/bighost/hadoop/Driver.java`.
"""

from __future__ import annotations

import json
import os
import queue
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from bighost.pod.sandbox import Fault

ARCHIVE = "classes.jsa"  # of classes, as the JVM wants them
HEAP_MIB = 512
READY_S = 60.0
END_S = 5.0
FAILURES = 4  # each leaves a thread that holds a little
LEFTOVERS = 6
OUT_OF_MEMORY = "OutOfMemoryError"  # who knows what else it has hit


@dataclass(frozen=True)
class JobOrder:
    """What the JVM is to run: Hadoop's settings, Hadoop Streaming's arguments, and what to upload first."""

    settings: Mapping[str, str]
    arguments: Sequence[str]
    upload: Mapping[str, str] = field(default_factory=dict)  # local file -> where Hadoop is to have it


class JobProgress(NamedTuple):
    """How far a job is, as shares of 1."""

    map: float
    reduce: float


@dataclass(frozen=True)
class JobEnd:
    """How a job ended: `error` says why it failed, and is None when it did not."""

    error: str | None
    id: str = ""
    counters: dict[str, dict[str, int]] = field(default_factory=dict)
    leftovers: int = 0


class JvmGone(NamedTuple):
    """The JVM has ended, whatever it was doing."""

    status: int


JobEvent = JobProgress | JobEnd | JvmGone


def command(home: Path, archive: str) -> list[str]:
    """The JVM's command line. `home`: where Hadoop lies; `archive`: the option that names its archive."""
    jars = sorted(str(path) for path in (home / "jars").glob("*.jar"))  # an archive is bound to their order
    return [
        "java",
        f"-Xmx{HEAP_MIB}m",
        "-XX:+UseSerialGC",  # for one or two cores
        "-XX:-UsePerfData",  # no file in /tmp
        "-Xshare:auto",
        "-Xlog:disable",  # what the JVM says of itself must not come between our lines
        "-Xlog:all=error:stderr",
        f"-XX:{archive}={home / ARCHIVE}",
        "-cp",
        os.pathsep.join(jars),
        "bighost.hadoop.Driver",
    ]


class Jvm:
    """One JVM. Events of a job go to whoever called `submit`."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._ready: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._tell: Callable[[JobEvent], None] = lambda _: None
        self._failures = 0
        self._jobs = 0
        self._leftovers = 0
        self._folder = tempfile.TemporaryDirectory(prefix="hadoop-")  # 0700: no listing tells of other runs
        hosts = Path(self._folder.name, "hosts")
        hosts.write_text(f"127.0.0.1 localhost {socket.gethostname()}\n")  # a pod has nobody to ask for names
        own = [f"-Djava.io.tmpdir={self._folder.name}", f"-Djdk.net.hosts.file={hosts}"]
        try:
            self._process = subprocess.Popen(
                [argv[0], *own, *argv[1:]],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=self._folder.name,
            )
        except OSError as error:
            self._folder.cleanup()
            raise Fault(f"Hadoop's JVM can't be started: {error}") from error
        self._listener = threading.Thread(target=self._listen, name="jvm", daemon=True)
        self._listener.start()

    def wait_until_ready(self) -> None:
        """Raises Fault when it ends, or takes too long."""
        try:
            if self._ready.get(timeout=READY_S):
                return
        except queue.Empty:
            pass
        self.close()
        raise Fault("Hadoop's JVM did not get ready")

    def submit(self, order: JobOrder, tell: Callable[[JobEvent], None]) -> None:
        """Begin a job; its events go to `tell`, on a thread of the JVM's. Raises Fault."""
        self._tell = tell
        self._jobs += 1
        self._say(
            {
                "settings": dict(order.settings),
                "arguments": list(order.arguments),
                "upload": dict(order.upload),
            }
        )

    def cancel(self) -> None:
        """Let the job end soon. Raises Fault."""
        self._say({"cancel": True})

    def is_spent(self, most_jobs: int) -> bool:
        """Whether it should be replaced before the next job."""
        alive = self._process.poll() is None
        leaks = self._failures >= FAILURES or self._leftovers > LEFTOVERS
        return not alive or leaks or self._jobs >= most_jobs

    def close(self) -> None:
        """End it, and all that it has on disk."""
        self.kill()
        self._listener.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
        self._folder.cleanup()

    def finish(self) -> None:
        """Let it end by itself, then `close`. Raises TimeoutExpired."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(READY_S)
        self.close()

    def kill(self) -> None:
        """End it at once; `is_spent` then holds."""
        self._process.kill()
        self._process.wait()

    def _say(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise Fault(f"Hadoop's JVM is gone: {error}") from error

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            message = json.loads(line)
            if "ready" in message:
                self._ready.put(True)
            elif "end" in message:
                self._note_end(JobEnd(**message["end"]))
            else:
                self._tell(JobProgress(message["map"], message["reduce"]))
        self._ready.put(False)
        self._tell(JvmGone(self._process.wait()))

    def _note_end(self, end: JobEnd) -> None:
        self._failures += FAILURES if OUT_OF_MEMORY in (end.error or "") else end.error is not None
        self._leftovers = end.leftovers
        self._tell(end)
