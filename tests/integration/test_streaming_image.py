"""The image `streaming` with every wall around it: its smoke test, and what is inside."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.models.containers import Container
from podserver import MIB, PodClient, order_of

from bighost.node import images
from bighost.pod.contract import Outcome, RunOrder, from_dict

pytestmark = pytest.mark.docker

CAPABILITIES = ["SETUID", "SETGID", "KILL", "CHOWN", "DAC_OVERRIDE", "FOWNER"]


@pytest.fixture(scope="module")
def container(streaming_image: str) -> Iterator[tuple[Container, PodClient]]:
    """A container as images/streaming/README.md starts it."""
    client = docker.from_env()
    with tempfile.TemporaryDirectory(prefix="bh") as folder:
        started = client.containers.run(
            streaming_image,
            ["--framework", "streaming", "--socket", "/run/bighost/pod.sock", "--work", "/work"],
            detach=True,
            network_mode="none",
            read_only=True,
            cap_drop=["ALL"],
            cap_add=CAPABILITIES,
            security_opt=["no-new-privileges"],
            mem_limit=512 * MIB,
            pids_limit=128,
            tmpfs={"/work": "exec,size=64m", "/tmp": "size=16m"},
            volumes={folder: {"bind": "/run/bighost", "mode": "rw"}},
        )
        try:
            pod = PodClient(Path(folder) / "pod.sock")
            pod.wait_until_ready(lambda: started.logs().decode())
            yield started, pod
        finally:
            started.remove(force=True)
            client.close()


def test_the_smoke_order_gives_the_output_that_lies_beside_it(container: tuple[Container, PodClient]) -> None:
    smoke: dict[str, Any] = json.loads((images.find_folder() / "streaming/smoke.json").read_text())
    _, pod = container
    pod.run_ok(from_dict(RunOrder, smoke["order"]))
    assert {name: pod.output(name).decode() for name in smoke["output"]} == smoke["output"]
    assert pod.reset() == {"clean": True}


def test_the_pod_sees_its_walls(container: tuple[Container, PodClient]) -> None:
    _, pod = container
    ready = pod.ask("GET", "/ready")[1]
    assert set(ready["isolates"]) == {"user", "cgroup", "network", "filesystem"}


def test_a_program_can_write_to_its_scratch_and_nowhere_else(container: tuple[Container, PodClient]) -> None:
    probe = """\
import os
for folder in ("/", "/work", "/work/code", "/opt/bighost", "/run/bighost", "/etc", "/home", "."):
    try:
        open(f"{folder}/made", "w").close()
        print(folder)
    except OSError:
        pass
"""
    _, pod = container
    smoke = Path("/opt/bighost/smoke/smoke.txt")
    pod.run_ok(order_of([smoke], probe, options={"reducer": ""}))
    assert pod.output() == b".\t\n"


def test_a_greedy_program_dies_and_the_pod_lives(container: tuple[Container, PodClient]) -> None:
    started, pod = container
    greedy = "held = []\nwhile True: held.append(bytearray(b'x' * 50_000_000))\n"
    order = order_of([Path("/opt/bighost/smoke/smoke.txt")], greedy, memory_bytes=128 * MIB)
    assert pod.run(order).outcome is Outcome.MEMORY_LIMIT
    assert pod.reset() == {"clean": True}
    started.reload()
    assert started.status == "running"


def test_a_work_folder_smaller_than_the_limit_is_our_fault(container: tuple[Container, PodClient]) -> None:
    _, pod = container
    writer = "with open('large', 'wb') as f:\n    for _ in range(100): f.write(bytes(1_000_000))\n"
    order = order_of([Path("/opt/bighost/smoke/smoke.txt")], writer, disk_bytes=200 * MIB)
    report = pod.run(order)
    assert (report.outcome, report.output) == (Outcome.FAULT, [])
    assert "the work folder is full" in report.message


def test_nothing_in_the_image_can_raise_a_right(container: tuple[Container, PodClient]) -> None:
    started, _ = container
    code, found = started.exec_run(["find", "/", "-xdev", "-type", "f", "-perm", "/6000"])
    assert (code, found) == (0, b"")


def test_code_was_compiled_when_the_image_was_made(container: tuple[Container, PodClient]) -> None:
    started, _ = container
    code, found = started.exec_run(["find", "/opt/bighost/bighost/pod", "-name", "server.*.pyc"])
    assert code == 0
    assert found.strip()
