"""A container of the image `hadoop` behind all of a pod's walls, and the calls of its contract."""

from __future__ import annotations

import dataclasses
import os
import random
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
from docker.models.containers import Container
from podserver import CAT, PodServer, order_of

from bighost.node import images
from bighost.node.runtime.container import CAPABILITIES
from bighost.pod.contract import RunOrder

MIB = 1 << 20
READY_S = 150.0


class HadoopPod(PodServer):
    """A running container. Inputs are files of `data`, which it sees as `/data`."""

    def __init__(self, folder: Path, container: Container, student: int) -> None:
        self.student = student
        self.folder = folder
        self.data = folder / "data"
        self.socket = folder / "s" / "pod.sock"
        self.container = container

    def log(self) -> str:
        return str(self.container.logs().decode(errors="replace"))

    def wait_until_ready(self) -> dict[str, Any]:
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            try:
                status, ready = self.ask("GET", "/ready")
            except (FileNotFoundError, ConnectionRefusedError):
                status, ready = 503, None
            if status != 503:
                assert status == 200, (ready, self.log())
                return dict(ready)
            time.sleep(0.05)
        raise AssertionError(f"the pod did not get ready: {self.log()}")

    def put(self, name: str, content: bytes) -> Path:
        """Write an input; gives its path inside."""
        (self.data / name).write_bytes(content)
        return Path("/data") / name

    def processes(self) -> dict[str, int]:
        """Command line -> resident bytes of every process inside."""
        _, rows = self.container.exec_run(["/usr/bin/python3", "-I", "-c", LIST])
        lines = (line.partition(" ") for line in rows.decode().splitlines())
        return {command: int(size) for size, _, command in lines}


LIST = """
import os, pathlib
for folder in pathlib.Path("/proc").glob("[0-9]*"):
    if int(folder.name) == os.getpid():
        continue
    pages = int((folder / "statm").read_text().split()[1])
    words = (folder / "cmdline").read_bytes().replace(b"\\0", b" ").decode()
    print(pages * os.sysconf("SC_PAGE_SIZE"), folder.name, words.strip())
"""


def command(framework: str) -> list[str]:
    """The arguments of the image's entry point."""
    return ["--framework", framework, "--socket", "/run/bighost/pod.sock", "--work", "/work", "--cores", "2"]


@contextmanager
def hadoop_pod(
    framework: str, name: str = "hadoop", memory_mib: int = 1500, processes: int = 192
) -> Iterator[HadoopPod]:
    """A pod of the image `name` that is ready, removed in the end."""
    bundle = os.environ.get("BIGHOST_CA_BUNDLE")
    (image,) = images.build([name], ca_bundle=Path(bundle) if bundle else None)
    folder = Path(tempfile.mkdtemp(prefix="bh"))
    for inner in ("s", "data"):
        (folder / inner).mkdir(mode=0o700)
    client = docker.from_env()
    student = random.SystemRandom().randrange(70_000, 1_000_000)  # the kernel counts processes by user
    container = client.containers.run(
        image,
        [*command(framework), "--student-uid", str(student)],
        name=f"bighost-test-{uuid.uuid4().hex[:12]}",
        detach=True,
        network_mode="none",
        read_only=True,
        cap_drop=["ALL"],
        cap_add=CAPABILITIES,
        security_opt=["no-new-privileges"],
        mem_limit=f"{memory_mib}m",
        memswap_limit=f"{memory_mib}m",
        pids_limit=processes,
        tmpfs={"/work": "size=400m,mode=0755,exec", "/tmp": "size=64m,mode=1777"},
        volumes={
            str(folder / "s"): {"bind": "/run/bighost", "mode": "rw"},
            str(folder / "data"): {"bind": "/data", "mode": "ro"},
        },
    )
    pod = HadoopPod(folder, container, student)
    try:
        pod.wait_until_ready()
        yield pod
    finally:
        container.remove(force=True)
        client.close()
        shutil.rmtree(folder, ignore_errors=True)


def hadoop_order(
    framework: str, inputs: list[Path], mapper: str, reducer: str = CAT, **more: Any
) -> RunOrder:
    """An order of two programs; `options`, `files`, `arguments`, and limits by their names."""
    order = order_of(inputs, mapper, reducer, **{"processes": 32, **more})
    return dataclasses.replace(order, framework=framework)
