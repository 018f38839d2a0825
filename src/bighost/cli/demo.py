"""`bighost demo`: a coordinator and two nodes on this machine grade every submission of the examples.

Everything runs as a user would run it: through the real commands, in processes of their own, in a folder
that is removed afterwards. Nothing is left running.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from bighost.cli import console, show
from bighost.errors import BigHostError, OperatorError, Ours
from bighost.pod.contract import needs

if TYPE_CHECKING:
    from bighost.client import Client
    from bighost.folder import Sample
    from bighost.wire.http import JobView

START_S = 60.0
STOP_S = 30.0
AT_ONCE = 4  # `bighost submit` processes


class Handed(NamedTuple):
    """One submission of the examples, handed in."""

    assignment: str
    sample: Sample
    job: str


def demo(
    runtime: Annotated[str, typer.Option("--runtime", help="docker, process or auto.")] = "auto",
    examples: Annotated[
        Path | None,
        typer.Option("--examples", help="A folder of assignments; those that come along by default."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Those on Hadoop, Spark and Kafka too: Docker only, takes minutes.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the table as JSON.")] = False,
) -> int:
    """Start everything on this machine, hand in every example submission, show what each gets.

    Exit code 1 when a verdict is not the expected one.
    """
    began = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends us, nothing is left running
    where = examples or find_examples()
    folders = sorted(p.parent for p in where.glob("*/assignment.toml"))
    frameworks = {folder: framework_of(folder) for folder in folders}
    if not everything:
        folders = [folder for folder in folders if needs(frameworks[folder]).standalone]
    if not folders:
        raise OperatorError(
            f"there are no assignments in {where}", hint="Name a folder of assignment folders."
        )
    wanted = {needs(frameworks[folder]).image for folder in folders}
    with _Stage(choose_runtime(runtime, wanted)) as stage, console.progress() as progress:
        rows = list(_graded(stage, folders, progress))
    wrong = sum(row[1] != row[2] for row in rows)
    if json:
        names = ("submission", "expected", "verdict", "score", "seconds", "node")
        console.json_out([dict(zip(names, row, strict=True)) for row in rows])
    else:
        console.table("", ("submission", "expected", "verdict", "score", "seconds", "node"), rows)
    took = time.monotonic() - began
    console.say(f"{len(rows)} submissions, {wrong} with another verdict than expected, in {took:.0f} s.")
    return 1 if wrong or not rows else 0


def choose_runtime(wanted: str, image_names: Iterable[str]) -> str:
    """The runtime to use, said to the person with what it means; images are built where they are missing."""
    import asyncio

    from bighost.node.choice import choose  # what a node itself would choose

    name, why = asyncio.run(choose(wanted))
    console.say(why)
    if name == "docker":
        from bighost.node import images

        bundle = os.environ.get("BIGHOST_CA_BUNDLE")
        images.build(image_names, ca_bundle=Path(bundle) if bundle else None, on_line=console.say)
    return name


def framework_of(folder: Path) -> str:
    """The framework of an assignment's folder, without reading all of it: what is not right is told later."""
    with (folder / "assignment.toml").open("rb") as file:
        return str(tomllib.load(file).get("framework", {}).get("name", "streaming"))


def find_examples() -> Path:
    """The examples of a checkout, or those that were installed. Raises Ours when there are none."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "_examples", package.parent.parent / "examples"):
        if folder.is_dir():
            return folder
    raise Ours("the examples are not where they were installed")


class _Stage:
    """A coordinator and two nodes in a folder of their own; leaving ends them all."""

    def __init__(self, runtime: str) -> None:
        self.runtime = runtime
        self._stack = ExitStack()
        self._processes: dict[Path, subprocess.Popen[str]] = {}  # by log
        self.url = ""
        self.admin_token = ""
        self.environment: dict[str, str] = {}

    def __enter__(self) -> _Stage:
        with ExitStack() as stack:
            # Short: a Unix socket's path holds 107 bytes.
            folder = Path(
                stack.enter_context(tempfile.TemporaryDirectory(prefix="bhd-", ignore_cleanup_errors=True))
            )
            self.environment = {
                **os.environ,
                "XDG_STATE_HOME": str(folder / "state"),
                "XDG_CONFIG_HOME": str(folder / "config"),
                "XDG_DATA_HOME": str(folder / "share"),
            }
            self._start_coordinator(stack, folder)
            for profile in ("core", "lightweight"):
                self._start_node(stack, folder, profile)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        console.say("Stopping the nodes and the coordinator.")
        self._stack.close()

    def command(self, *args: str, token: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command to its end, as whoever `token` belongs to; the admin by default."""
        environment = self.environment | {"BIGHOST_URL": self.url, "BIGHOST_TOKEN": token or self.admin_token}
        command = [sys.executable, "-m", "bighost", *args]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=600, check=False
        )

    def check(self) -> None:
        """Raise Ours when a process of ours has ended, with the last that it said."""
        for log, process in self._processes.items():
            if process.poll() is not None:
                said = log.read_text(errors="replace")[-2000:].strip()
                raise Ours(f"the {log.stem} ended with exit code {process.returncode}", hint=said)

    def _start_coordinator(self, stack: ExitStack, folder: Path) -> None:
        ready = folder / "ready.json"
        args = [
            "coordinator",
            "up",
            "--data",
            str(folder / "c"),
            "--listen",
            "127.0.0.1:0",
            "--ready-file",
            str(ready),
        ]
        process = stack.enter_context(self._process(args, folder / "coordinator.log"))
        assert process.stdout is not None
        # Its first line comes when it serves; the end of the stream when it could not.
        if not process.stdout.readline():
            raise Ours("the coordinator did not start", hint=(folder / "coordinator.log").read_text()[-2000:])
        serving = json.loads(ready.read_text())
        self.url, self.admin_token = serving["url"], serving["admin_token"]
        self._join_token = serving["join_token"]

    def _start_node(self, stack: ExitStack, folder: Path, profile: str) -> None:
        args = [
            "node",
            "join",
            self.url,
            "--token",
            self._join_token,
            "--profile",
            profile,
            "--name",
            profile,
        ]
        args += ["--runtime", self.runtime, "--data", str(folder / profile[0])]
        stack.enter_context(self._process(args, folder / f"{profile}.log"))

    @contextmanager
    def _process(self, args: Sequence[str], log: Path) -> Iterator[subprocess.Popen[str]]:
        """A process of ours, told to stop in the end, and killed if it doesn't."""
        with log.open("w") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "bighost", *args],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,  # Ctrl-C reaches us alone; we tell the others
            )
        self._processes[log] = process
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            try:
                process.communicate(timeout=STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


def _graded(
    stage: _Stage, folders: Sequence[Path], progress: console.Progress
) -> Iterator[tuple[object, ...]]:
    from bighost.client import Client

    with Client(stage.url, stage.admin_token) as client:
        handed: list[Handed] = []
        with ThreadPoolExecutor(AT_ONCE) as threads:
            for folder in folders:
                progress.show(f"adding {folder.name}")
                handed += _hand_in(stage, client, _add(stage, folder), folder, threads)
                progress.show(f"{len(handed)} submissions handed in")
        for number, one in enumerate(handed):
            job = _see_through(stage, client, one, f"{number}/{len(handed)} graded", progress)
            verdict = job.verdict.value if job.verdict else job.state.value
            seconds = round(job.latency.summary.total_time, 2)
            name = f"{one.assignment}/{one.sample.expected}/{one.sample.name}"
            yield name, one.sample.expected, verdict, job.score, seconds, job.node or "-"


def _add(stage: _Stage, folder: Path) -> str:
    """Add an assignment and return its id."""
    done = stage.command("assignments", "add", str(folder), "--runtime", stage.runtime, "--json")
    if done.returncode:
        raise BigHostError(f"{folder.name} could not be added: {done.stderr.strip()}")
    return str(json.loads(done.stdout)["id"])


def _hand_in(
    stage: _Stage, client: Client, id: str, folder: Path, threads: ThreadPoolExecutor
) -> list[Handed]:
    """Hand in every submission of an assignment, each as a team of its own, through the real command."""
    from bighost.folder import samples
    from bighost.wire.http import NewUser

    found = samples(folder)
    people = [NewUser(name=f"{id}-{s.expected}-{s.name}"[:64]) for s in found]
    tokens = [user.token for user in client.add_users(people)]

    def hand_in(sample: Sample, token: str) -> Handed:
        files = sorted(str(p) for p in sample.path.iterdir() if p.is_file())
        # Rejected ones are sent as well, so that the coordinator's own check is seen at work.
        done = stage.command("submit", *files, "-a", id, "--json", "--send-anyway", token=token)
        try:
            return Handed(id, sample, json.loads(done.stdout)["id"])
        except ValueError:
            raise BigHostError(f"{sample.path} could not be handed in: {done.stderr.strip()}") from None

    return list(threads.map(hand_in, found, tokens))


def _see_through(
    stage: _Stage, client: Client, one: Handed, told: str, progress: console.Progress
) -> JobView:
    """Wait for the end of a job, showing how it goes."""
    for job in client.follow(one.job):
        stage.check()
        progress.show(f"{told}; {one.assignment}/{one.sample.name} {show.step(job)}")
    return job
