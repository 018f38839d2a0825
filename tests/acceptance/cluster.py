"""A real coordinator and real nodes in processes of their own, for tests; ended by their process ids."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bighost.client import Client

DEADLINE_S = 120.0
EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass
class Cluster:
    """Where one coordinator and its nodes keep their files, and what runs."""

    folder: Path
    environment: dict[str, str]
    coordinator: subprocess.Popen[str] | None = None
    nodes: dict[str, subprocess.Popen[str]] = field(default_factory=dict)
    serving: dict[str, str] = field(default_factory=dict)
    node_port: int = 0

    @property
    def url(self) -> str:
        return self.serving["url"]

    @property
    def admin(self) -> str:
        return self.serving["admin_token"]

    def client(self, token: str = "") -> Client:
        return Client(self.url, token or self.admin)

    def up(self, *options: str, listen: str = "127.0.0.1:0", environment: Mapping[str, str] = {}) -> None:
        """Start the coordinator and wait until it serves."""
        ready = self.folder / "ready.json"
        ready.unlink(missing_ok=True)
        args = ["coordinator", "up", "--data", str(self.folder / "c"), "--listen", listen]
        self.coordinator = self.start(
            [*args, "--ready-file", str(ready), *options], "coordinator", environment
        )
        assert self.coordinator.stdout is not None
        first = self.coordinator.stdout.readline()
        assert first.startswith("url"), (self.folder / "coordinator.log").read_text()
        self.serving = json.loads(ready.read_text())
        with self.client() as client:
            self.node_port = client.health().node_port

    def again(self, *options: str) -> None:
        """Start the coordinator on the ports that it had."""
        self.up("--node-port", str(self.node_port), *options, listen=self.url.removeprefix("http://"))

    def join(self, name: str, *options: str, profile: str = "core", runtime: str = "process") -> None:
        """Start a node."""
        args = ["node", "join", self.url, "--token", self.serving["join_token"], "--name", name]
        args += ["--profile", profile, "--runtime", runtime, "--data", str(self.folder / name)]
        self.nodes[name] = self.start([*args, *options], name)

    def start(self, args: list[str], name: str, environment: Mapping[str, str] = {}) -> subprocess.Popen[str]:
        with (self.folder / f"{name}.log").open("a") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "bighost", *args],
                env={**self.environment, **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    def command(self, *args: str, token: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, against this cluster."""
        environment = {**self.environment, "BIGHOST_URL": self.url, "BIGHOST_TOKEN": token or self.admin}
        return run(*args, environment=environment, check=check)

    def until_here(self, *names: str) -> None:
        """Wait until these nodes have joined; the live snapshots tell."""
        with self.client() as client:
            for status in client.watch():
                if set(names) <= {n.name for n in status.nodes if n.state == "here"}:
                    return

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def kill(self, process: subprocess.Popen[str] | None) -> None:
        """`kill -9`."""
        assert process is not None
        process.kill()
        process.communicate(timeout=DEADLINE_S)

    def stop(self) -> None:
        """Nodes first, so that they can say goodbye."""
        for process in (*self.nodes.values(), self.coordinator):
            if process is None:
                continue
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            try:
                process.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


def run(
    *args: str, environment: Mapping[str, str], check: bool = True, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """One `bighost` command, to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "bighost", *args],
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
        cwd=cwd,
    )
    if check:
        assert done.returncode == 0, f"{args}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


@contextmanager
def cluster() -> Iterator[Cluster]:
    """An empty cluster in a folder of its own (a short one: socket paths hold 107 bytes)."""
    with tempfile.TemporaryDirectory(prefix="bht-") as name:
        folder = Path(name)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("BIGHOST_", "XDG_"))}
        homes = {
            f"XDG_{kind}_HOME": str(folder / kind.lower()) for kind in ("STATE", "CONFIG", "DATA", "CACHE")
        }
        made = Cluster(folder, {**kept, **homes})
        try:
            yield made
        finally:
            made.stop()
