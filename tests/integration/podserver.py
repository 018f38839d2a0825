"""A Pod Control Server as a process of its own, and the calls of its contract."""

from __future__ import annotations

import base64
import http.client
import itertools
import json
import os
import random
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bighost.node.podtree import write_tree
from bighost.pod.contract import Outcome, RunLimits, RunOrder, RunReport, from_dict, to_dict
from bighost.pod.processes import Process, descendants

MIB = 1 << 20
READY_S = 30.0
PYTHON = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable

CAT = "import sys\nsys.stdout.writelines(sys.stdin)\n"
COUNT_MAPPER = """\
import sys
for line in sys.stdin:
    for word in line.split():
        print(word, 1, sep="\\t")
"""
COUNT_REDUCER = """\
import sys
from itertools import groupby
pairs = (line.rstrip("\\n").split("\\t") for line in sys.stdin)
for word, group in groupby(pairs, key=lambda pair: pair[0]):
    print(word, sum(int(count) for _, count in group), sep="\\t")
"""


class Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("pod", timeout=60)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class PodClient:
    """The calls of a control server's contract."""

    def __init__(self, at: Path) -> None:
        self.socket = at

    def call(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """One request: status and body of the answer."""
        connection = Connection(self.socket)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """The same, in JSON."""
        status, answer = self.call(method, path, None if body is None else json.dumps(body).encode())
        return status, json.loads(answer) if answer else None

    def wait_until_ready(self, log: Callable[[], str]) -> dict[str, Any]:
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            try:
                status, ready = self.ask("GET", "/ready")
            except (FileNotFoundError, ConnectionRefusedError):
                status, ready = 503, None
            if status != 503:
                assert status == 200, (ready, log())
                return dict(ready)
            time.sleep(0.01)
        raise AssertionError(f"the pod did not get ready: {log()}")

    @contextmanager
    def running(self, order: RunOrder) -> Iterator[Iterator[dict[str, Any]]]:
        """The events of a run, as they come."""
        connection = Connection(self.socket)
        connection.request("POST", "/run", json.dumps(to_dict(order)))
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        try:
            yield (json.loads(line) for line in iter(answer.readline, b""))
        finally:
            answer.close()
            connection.close()

    def events(self, order: RunOrder) -> list[dict[str, Any]]:
        with self.running(order) as events:
            return list(events)

    def run(self, order: RunOrder) -> RunReport:
        return from_dict(RunReport, self.events(order)[-1]["report"])

    def run_ok(self, order: RunOrder) -> RunReport:
        report = self.run(order)
        assert report.outcome is Outcome.OK, report
        return report

    def run_when_free(self, order: RunOrder) -> RunReport:
        """Run as soon as the pod is no longer busy with what came before."""
        deadline = time.monotonic() + READY_S
        while self.ask("GET", "/output/none")[0] == 409:
            assert time.monotonic() < deadline
        return self.run(order)

    def output(self, name: str = "part-00000") -> bytes:
        status, body = self.call("GET", f"/output/{name}")
        assert status == 200, body
        return body

    def reset(self) -> dict[str, Any]:
        return dict(self.ask("POST", "/reset")[1])


class PodServer(PodClient):
    """A running control server. `uid`: whom it runs as, None: as us. `student`: whom it runs programs as."""

    def __init__(self, folder: Path, uid: int | None, student: int) -> None:
        super().__init__(folder / "s" / "pod.sock")
        self.folder = folder
        self.code = folder / "code"
        write_tree(self.code)
        self.student = student if uid is None and os.geteuid() == 0 else (uid or os.geteuid())
        self.work = folder / "work"
        self.socket.parent.mkdir(mode=0o700)
        self.work.mkdir()
        for path in (folder, self.socket.parent, self.work):
            if uid is not None:
                os.chown(path, uid, uid)
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [*command(self.socket, self.work), "--cores", "2", "--student-uid", str(student)],
                env=environment(self.code),
                user=uid,
                group=uid,
                extra_groups=[] if uid is not None else None,
                stderr=log,
                cwd="/",
            )

    def log(self) -> str:
        """The end of what the server has said on stderr."""
        return (self.folder / "log").read_text()[-3000:]

    def input(self, content: bytes, name: str = "input.txt") -> Path:
        """A new input file, which whoever the server runs as can read."""
        path = self.folder / name
        path.write_bytes(content)
        path.chmod(0o644)
        return path

    def students(self) -> list[Process]:
        """Student processes that are alive."""
        (warden,) = descendants(self.process.pid)[:1]
        return [process for process in descendants(warden.pid) if process.threads]

    def stop(self) -> None:
        """SIGTERM; raises TimeoutExpired when that does not end it."""
        self.process.terminate()
        self.process.wait(30)


def command(at: Path, work: Path) -> list[str]:
    server = [PYTHON, "-P", "-m", "bighost.pod.server", "--framework", "streaming"]
    return [*server, "--socket", str(at), "--work", str(work)]


def environment(code: Path) -> dict[str, str]:
    return {"PYTHONPATH": str(code), "PATH": "/usr/bin:/bin"}


def wait_for_end(pid: int, seconds: float = 20.0) -> bool:
    """Wait until a process that need not be our child is gone."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], seconds)[0])
    finally:
        os.close(handle)


@contextmanager
def pod_server(uid: int | None = None) -> Iterator[PodServer]:
    """A server in a folder of its own, gone in the end."""
    folder = Path(tempfile.mkdtemp(prefix="bh"))
    folder.chmod(0o711)
    server = PodServer(folder, uid, student=next(_students))
    try:
        server.wait_until_ready(server.log)
        yield server
        server.stop()
    finally:
        server.process.kill()
        server.process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def order_of(
    inputs: list[Path],
    mapper: str = CAT,
    reducer: str = CAT,
    *,
    files: dict[str, str] | None = None,
    options: dict[str, Any] | None = None,
    arguments: list[str] | None = None,
    **limits: float,
) -> RunOrder:
    allowed: dict[str, Any] = {
        "cpu_s": 20.0,
        "wall_s": 40.0,
        "memory_bytes": 128 * MIB,
        "processes": 16,
        "output_bytes": 4 * MIB,
        "disk_bytes": 64 * MIB,
        "cores": 2,
    }
    programs = {"mapper.py": mapper, "reducer.py": reducer, **(files or {})}
    return RunOrder(
        run="test",
        framework="streaming",
        files={name: base64.b64encode(text.encode()).decode() for name, text in programs.items()},
        inputs=[str(path) for path in inputs],
        limits=RunLimits(**{**allowed, **limits}),
        options=options or {},
        arguments=arguments or [],
    )


_students = itertools.count(random.SystemRandom().randrange(70_000, 1_000_000))
