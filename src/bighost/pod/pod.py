"""The pod itself: warms up, takes one order at a time, and never says it is clean when it is not."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

from bighost.pod import isolation
from bighost.pod.contract import (
    VERSION,
    ContractError,
    Outcome,
    Progress,
    Ready,
    RunOrder,
    RunReport,
    check_options,
)
from bighost.pod.frameworks.base import Framework
from bighost.pod.run import Run, Stop
from bighost.pod.sandbox import Fault, Sandbox
from bighost.pod.workdir import Workdir

log = logging.getLogger("bighost.pod")


class Busy(Exception):
    """The pod can't do that now."""


class Warming(Exception):
    """The pod is not ready yet."""


class Pod:
    """One framework, its sandbox and its work folder. Methods may be called from any thread."""

    def __init__(
        self, name: str, framework: Framework, sandbox: Sandbox, workdir: Workdir, cores: int
    ) -> None:
        self._name = name
        self._framework = framework
        self._sandbox = sandbox
        self._workdir = workdir
        self._cores = cores
        self._lock = threading.Lock()
        self._ready: Ready | None = None
        self._broken: str | None = None  # why the pod must be replaced
        self._busy = True  # it warms up, runs an order, or wipes itself
        self._run: Run | None = None
        self._output: dict[str, Path] = {}

    def warm_up(self) -> None:
        """Get ready; if that fails, `ready` and `reset` say why."""
        try:
            version = self._sandbox.find_python(self._workdir.scratch)
            self._framework.start()
            order = self._framework.trial()
            report = self._perform(self._new_run(order, lambda _: None))
            if report.outcome is not Outcome.OK:
                raise Fault(f"the trial run failed: {report.message}")
            self._workdir.wipe()
        except Exception as error:  # whatever it is, those who wait must hear of it
            log.exception("warm-up failed")
            self._broken = str(error) or type(error).__name__
        else:
            uid = self._sandbox.uid
            walls = isolation.walls(uid)
            self._ready = Ready(VERSION, self._name, version, os.getuid() if uid is None else uid, walls)
            self._output = {}
        self._busy = False

    def ready(self) -> Ready:
        """What the pod is. Raises Warming, and Fault when it will never be ready or is no longer clean."""
        if self._broken is not None:
            raise Fault(self._broken)
        if self._ready is None:
            raise Warming(f"{self._name} warms up")
        return self._ready

    def accept(self, order: RunOrder, tell: Callable[[Progress], None]) -> Run:
        """Take an order, to be followed by `perform`. Raises ContractError, Busy, Warming and Fault."""
        self.ready()
        if order.framework != self._name:
            raise ContractError(f"this pod runs {self._name}, not {order.framework}")
        run = self._new_run(order, tell)
        self._occupy()
        self._run = run
        return run

    def perform(self, run: Run) -> RunReport:
        """Run an accepted order."""
        report = self._perform(run)
        self._output = {file.name: self._workdir.output / file.name for file in report.output}
        self._run = None
        self._busy = False
        return report

    def cancel(self) -> None:
        """Let the running order end; nothing happens when there is none. Raises Fault."""
        if run := self._run:
            run.cancel()

    def output(self, name: str) -> Path:
        """Where an output file of the last run lies. Raises KeyError when there is none, and Busy."""
        if self._busy:
            raise Busy("a run is going on")
        return self._output[name]

    def reset(self) -> str | None:
        """Forget the last run: None when the pod is clean, else why it is not. Raises Busy."""
        self._occupy()
        if self._broken is None:
            self._output = {}
            try:
                self._framework.reset()
                self._broken = self._sandbox.sweep()
                self._workdir.wipe()
                self._broken = self._broken or self._workdir.leftovers()
            except (Fault, OSError) as error:
                self._broken = f"the pod can't be wiped: {error}"
        self._busy = False
        return self._broken

    def close(self) -> None:
        """End the framework and every student process."""
        self._framework.stop()
        self._sandbox.close()

    def _new_run(self, order: RunOrder, tell: Callable[[Progress], None]) -> Run:
        options = check_options(self._framework.OPTIONS, order.options)
        self._framework.check(order, options)
        return Run(order, options, self._cores, self._sandbox, self._workdir, tell)

    def _occupy(self) -> None:
        with self._lock:
            if self._busy:
                raise Busy("a run is going on" if self._run else "the pod is busy with itself")
            self._busy = True

    def _perform(self, run: Run) -> RunReport:
        report = self._attempt(run)
        try:
            self._workdir.wipe_after_run()
        except OSError as error:
            self._broken = f"the work folder can't be wiped: {error}"
        return report

    def _attempt(self, run: Run) -> RunReport:
        try:
            self._workdir.prepare(run.files)
            self._framework.run(run)
        except Stop as stop:
            return run.report(stop.outcome, stop.message, stop.stage)
        except Exception as error:  # ours, whatever it is, and never the student's
            log.exception("run %s failed", run.order.run)
            return run.report(Outcome.FAULT, f"{type(error).__name__}: {error}")
        return run.report(Outcome.OK, "")
