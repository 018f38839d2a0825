"""Hadoop as a pod has it: the broker, and a warm JVM that is replaced between runs once it is spent."""

from __future__ import annotations

import dataclasses
import os
import queue
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from bighost.pod.hadoop.attempt import Attempt, Job
from bighost.pod.hadoop.broker import Broker
from bighost.pod.hadoop.daemons import NAME_NODE, Daemons
from bighost.pod.hadoop.jvm import JobEnd, JobEvent, JobOrder, JobProgress, Jvm, command
from bighost.pod.hadoop.plan import JobPlan, Mode, link_inputs, local_settings, parse_settings
from bighost.pod.run import Run
from bighost.pod.sandbox import Fault

HOME = "/opt/hadoop"
YARN = "yarn"  # a folder of HOME: the daemons
WARM_S = 60.0
MOST_JOBS = 200
HADOOP_HOME = "BIGHOST_HADOOP"  # an environment variable: where else than at HOME Hadoop lies


class HadoopEngine:
    """Runs jobs, one at a time."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._broker: Broker | None = None
        self._jvm: Jvm | None = None
        self._daemons: Daemons | None = None
        self._most_jobs = MOST_JOBS

    def start(self) -> None:
        """Start broker and JVM. Raises Fault."""
        self._folder = Path(tempfile.mkdtemp(prefix="bh-"))  # 0700: ours alone
        self._broker = Broker(self._folder)
        self._jvm = new_jvm()
        self._jvm.wait_until_ready()

    def lay_out(self, run: Run) -> list[Path]:
        """Put the run's inputs where Hadoop reads them, and side files where programs do. Raises OSError."""
        names = run.options["side_files"]
        inputs = run.order.inputs
        read, beside = inputs[: len(inputs) - len(names)], inputs[len(inputs) - len(names) :]
        for name, source in zip(names, beside, strict=True):
            shutil.copyfile(source, run.workdir.code / name)
            (run.workdir.code / name).chmod(0o644)
            run.charge(Path(source).stat().st_size)
        return link_inputs(read, run.workdir.spill / "in")

    def run(
        self,
        run: Run,
        plan: JobPlan,
        title: str = "",
        told: Mapping[str, str] | None = None,
        check: Callable[[str], None] = lambda _: None,
    ) -> JobEnd:
        """Run one job of a run; `check` may end it. Raises Stop and Fault as `Attempt.go` does."""
        if self._jvm is None or self._broker is None:
            raise Fault("Hadoop was not started")
        self._most_jobs = run.options["jvm_jobs"]
        plan.folder.mkdir(exist_ok=True)
        between, extra = plan.folder, {}
        if Mode(run.options["mode"]) is Mode.YARN:
            daemons = self._have_daemons(run.workdir.daemons)
            plan = dataclasses.replace(plan, upload_to=f"{NAME_NODE}/input")
            between, extra = daemons.scratch, daemons.settings()
        files = {role: plan.options[role.value] for role in plan.roles}
        job = Job(
            order=plan.order(self._broker.command, extra),
            files=files,
            told={**_environment(parse_settings(run.options["settings"])), **(told or {})},
            folder=between,
            output=plan.output,
            title=title,
            check=check,
        )
        end = Attempt(run, self._jvm, self._broker, job).go()
        shutil.rmtree(plan.folder)
        return end

    def _have_daemons(self, folder: Path) -> Daemons:
        """HDFS and YARN: the first job that needs them (the trial) waits for their start. Raises Fault."""
        if self._daemons is None:
            if not has_yarn():
                raise Fault(
                    "this image has no YARN: an assignment with mode = 'yarn' needs bighost/hadoop-yarn"
                )
            self._daemons = Daemons(home() / YARN, folder)
            self._daemons.start()
        return self._daemons

    def renew(self) -> None:
        """Replace the JVM where it is spent, by a warm one. Raises Fault, also when a daemon has died."""
        if self._daemons is not None and not self._daemons.is_alive():
            raise Fault("HDFS or YARN has died")
        if self._jvm is not None and self._jvm.is_spent(self._most_jobs):
            self._jvm.close()
            self._jvm = new_jvm()
            self._jvm.wait_until_ready()
            warm(self._jvm)

    def stop(self) -> None:
        """End everything."""
        if self._daemons:
            self._daemons.stop()
        if self._broker:
            self._broker.close()
        if self._jvm:
            self._jvm.close()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)


def new_jvm(archive: str = "SharedArchiveFile") -> Jvm:
    """A JVM that uses the archive of classes, or does with it as the option says. Raises Fault."""
    return Jvm(command(home(), archive))


def home() -> Path:
    """Where Hadoop lies."""
    return Path(os.environ.get(HADOOP_HOME, HOME))


def has_yarn() -> bool:
    """Whether this pod's image has the daemons of HDFS and YARN."""
    return (home() / YARN).is_dir()


def warm(jvm: Jvm) -> None:
    """A job of ours alone, so that no submission pays for the JVM's first. Raises Fault."""
    events: queue.SimpleQueue[JobEvent] = queue.SimpleQueue()
    with tempfile.TemporaryDirectory(prefix="bh-") as folder:
        jvm.submit(warm_order(Path(folder)), events.put)
        try:
            while isinstance(event := events.get(timeout=WARM_S), JobProgress):
                pass
        except queue.Empty:
            raise Fault("Hadoop's JVM does not get warm") from None
    if not isinstance(event, JobEnd) or event.error is not None:
        raise Fault(f"Hadoop's first job failed: {event}")


def warm_order(folder: Path) -> JobOrder:
    """A job that copies this file."""
    arguments = ["-input", Path(__file__).as_uri(), "-output", (folder / "out").as_uri()]
    programs = ["-mapper", "/bin/cat", "-reducer", "/bin/cat"]
    return JobOrder(local_settings(folder), [*arguments, *programs])


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    """An assignment's settings as Hadoop Streaming shows them to programs: dots become underscores."""
    return {"".join(c if c.isalnum() else "_" for c in name): value for name, value in settings.items()}
