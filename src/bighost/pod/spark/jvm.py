"""Spark's JVM: started as the student long before an order comes, ended with the one order that it serves.

Student code can run anything in this JVM, so it has the student's user, belongs to a stage of the warden's,
and is never used twice. It is Spark's own `PythonGatewayServer`; a driver that knows its port and its secret
makes its session there instead of in a JVM of its own.
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from pathlib import Path

from bighost.pod import isolation
from bighost.pod.messages import Begin
from bighost.pod.run import Run
from bighost.pod.sandbox import Command, Fault
from bighost.pod.spark.gateway import LOOPBACK, Gateway, read_address
from bighost.pod.spark.talk import Talk
from bighost.pod.task import base_environment

JAVA = "/usr/bin/java"
OPTIONS = Path("/opt/spark/java.options")  # made with the image, as the classes
CLASSES = Path("/opt/spark/classes.jsa")
SERVER = "org.apache.spark.api.python.PythonGatewayServer"
NSS_WRAPPER = "libnss_wrapper.so"
START_S = 60.0
LOOK_S = 0.02
ENDING_S = 0.3
FOR_EVER_S = 1e9
NO_LIMIT_BYTES = 1 << 50
PROCESSES = 8192  # the container's own limit is the wall
LEAST_HEAP_BYTES = 512 << 20
MOST_HEAP_BYTES = 32 << 30
MIB = 1 << 20


class Jvm:
    """A running JVM and the stage that it lives in."""

    def __init__(self, run: Run) -> None:
        """Start one, with the run's folders. Raises Fault when it isn't ready in time."""
        self._resident = ExitStack()
        self.folders = Folders(run)
        self.stage = self._resident.enter_context(run.sandbox.stage(_no_limits()))
        try:
            self._talk = self._start(run)
            self.gateway = self._await_gateway()
        except BaseException:
            self.close()
            raise

    @property
    def said(self) -> str:
        """The end of what the JVM and the Python workers below it wrote to stderr."""
        return self._talk.said

    @property
    def status(self) -> int | None:
        """Its wait status; None while it runs."""
        return self._talk.status

    def status_soon(self) -> int | None:
        """The same, for a JVM that may be just ending."""
        self._talk.ended.wait(ENDING_S)
        return self.status

    def prepare(self, run: Run) -> None:
        """Make folders and settings for a program that starts now. Raises Fault."""
        self.folders.make()
        partitions = str(run.options["shuffle_partitions"])
        settings = {"spark.master": f"local[{run.cores}]", "spark.sql.shuffle.partitions": partitions}
        self.gateway.set_properties(settings | self.folders.settings())

    def environment(self) -> dict[str, str]:
        """What a driver has to find in its environment to use this JVM."""
        return {
            "PYSPARK_GATEWAY_PORT": str(self.gateway.port),
            "PYSPARK_GATEWAY_SECRET": self.gateway.secret,
        }

    def end(self) -> bool:
        """Kill it, and everybody else of its stage; whether that worked. Raises Fault."""
        is_clean = self.stage.end().clean
        self.close()
        return is_clean

    def close(self) -> None:
        """The same, without a word."""
        self._resident.close()

    def _start(self, run: Run) -> Talk:
        address = self.folders.new_address()
        program = self.stage.start(Command(_command(), _environment(run, address), Path("/")))
        self._resident.callback(program.close)
        return Talk(program)

    def _await_gateway(self) -> Gateway:
        deadline = time.monotonic() + START_S
        while (gateway := read_address(self.folders.address)) is None:
            if self._talk.ended.wait(LOOK_S):
                raise Fault(f"the JVM ended with status {self.status}: {self.said.strip()[-500:]}")
            if time.monotonic() > deadline:
                raise Fault(f"the JVM was not ready within {START_S:g} s: {self.said.strip()[-500:]}")
        return gateway


class Folders:
    """Where Spark keeps what it needs; made anew for every run, at the same places."""

    def __init__(self, run: Run) -> None:
        self._workdir = run.workdir
        self.local = run.workdir.scratch / "spark"
        self.events = run.workdir.scratch / "events"
        self.address = run.workdir.scratch / "gateway" / "address"
        self.output = run.workdir.scratch / "output" / "output"

    def make(self) -> None:
        """Make them for a run."""
        for folder in (self.local, self.events, self.output.parent):
            self._workdir.new_scratch(folder.name)

    def new_address(self) -> Path:
        """Make the place where the JVM leaves its address."""
        self._workdir.new_scratch(self.address.parent.name)
        return self.address

    def settings(self) -> dict[str, str]:
        """Spark's settings that name them."""
        return {
            "spark.local.dir": str(self.local),
            "spark.sql.warehouse.dir": f"file:{self.local}/warehouse",
            "spark.eventLog.enabled": "true",
            "spark.eventLog.rolling.enabled": "false",
            "spark.eventLog.compress": "false",
            "spark.eventLog.dir": f"file:{self.events}",
            "java.io.tmpdir": str(self.local),
        }


def heap_bytes(cap: int | None) -> int:
    """The largest heap: half of what the container may use; the rest is Python's, and Java's own needs."""
    return max(LEAST_HEAP_BYTES, min(MOST_HEAP_BYTES, (cap or 2 << 30) // 2))


def _no_limits() -> Begin:
    """Limits of a stage whose order is not known yet: `meter.py` holds the student to the real ones."""
    return Begin(
        cpu_s=FOR_EVER_S,
        deadline=time.monotonic() + FOR_EVER_S,
        memory_bytes=NO_LIMIT_BYTES,
        processes=PROCESSES,
        disk_bytes=NO_LIMIT_BYTES,
        charged_bytes=0,
        scratch="",
    )


def _command() -> list[str]:
    if not OPTIONS.exists():
        raise Fault(f"{OPTIONS} is not there: this is not the image `spark`")
    heap = f"-Xmx{heap_bytes(isolation.memory_cap()) // MIB}m"
    return [JAVA, f"@{OPTIONS}", f"-XX:SharedArchiveFile={CLASSES}", "-Xlog:cds*=off", heap, SERVER]


def _environment(run: Run, address: Path) -> dict[str, str]:
    folder = address.parent
    user = os.geteuid() if run.sandbox.uid is None else run.sandbox.uid
    (folder / "passwd").write_text(f"student:x:{user}:{user}::{folder}:/bin/false\n")
    (folder / "group").write_text(f"student:x:{user}:\n")
    for name in ("passwd", "group"):
        (folder / name).chmod(0o644)
    return python_environment(run, folder) | {
        "LD_PRELOAD": NSS_WRAPPER,
        "NSS_WRAPPER_PASSWD": str(folder / "passwd"),
        "NSS_WRAPPER_GROUP": str(folder / "group"),
        "_PYSPARK_DRIVER_CONN_INFO_PATH": str(address),
    }


def python_environment(run: Run, scratch: Path) -> dict[str, str]:
    """What driver and Python workers find: both can import the student's other files."""
    return base_environment(scratch) | {
        "SPARK_HOME": os.environ.get("SPARK_HOME", ""),
        "SPARK_LOCAL_IP": LOOPBACK,
        "SPARK_LOCAL_HOSTNAME": "localhost",
        "HADOOP_USER_NAME": "student",
        "PYTHONPATH": str(run.workdir.code),
        "PYSPARK_PYTHON": run.sandbox.python,
        "PYSPARK_DRIVER_PYTHON": run.sandbox.python,
    }
