"""Jobs in rounds until they converge: the output of one round is the input, or a side file, of the next.

Nothing leaves the pod between rounds, and the same JVM runs them all.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from bighost.pod.contract import ContractError, Outcome, Progress, RunOrder, StageReport, Usage
from bighost.pod.hadoop.checker import ask
from bighost.pod.hadoop.convergence import Measure, Norm
from bighost.pod.hadoop.engine import HadoopEngine
from bighost.pod.hadoop.outputs import parts_of
from bighost.pod.hadoop.plan import JobPlan, roles_of
from bighost.pod.run import Run, Stop

ROUND = "iterative_round"  # an environment variable of every program: the round's number, from 1


class Carry(StrEnum):
    """What the output of a round is to the next."""

    INPUT = "input"  # its input
    SIDE = "side"  # a file beside the programs; the input stays the same


class Change(NamedTuple):
    """What a round's convergence test has found."""

    converged: bool
    delta: str


class Rounds:
    """The rounds of one run."""

    def __init__(self, run: Run, engine: HadoopEngine, inputs: Sequence[Path]) -> None:
        self._run = run
        self._engine = engine
        self._inputs = inputs
        self._options = run.options
        self._jobs = jobs_of(run.options)
        self._side = Carry(run.options["carry"]) is Carry.SIDE
        self._state = [run.workdir.code / run.options["state_file"]] if self._side else list(inputs)

    def go(self) -> Path:
        """Run rounds until they converge or are used up; gives the last one's output folder.

        Raises Stop and Fault as a single job does.
        """
        most = self._options["rounds"]
        output = self._run.workdir.spill
        for number in range(1, most + 1):
            began, before = time.monotonic(), len(self._run.stages)
            output = self._round(number)
            parts = parts_of(output)
            test = self._test(number, parts)
            self._note(number, test, began, before)
            self._run.tell(
                Progress(f"round {number}", number, most, f"delta {test.delta}" if test.delta else "")
            )
            if test.converged:
                return output
            self._carry(number, parts)
        if self._options["must_converge"]:
            words = f"after {most} rounds the output still changes (delta {test.delta})"
            raise Stop(Outcome.RUNTIME_ERROR, words, f"round {most}")
        return output

    def _round(self, number: int) -> Path:
        """All jobs of a round, each on what the one before has written."""
        began = time.monotonic()
        inputs = self._inputs if self._side else self._state
        output = self._run.workdir.spill
        for index, changes in enumerate(self._jobs):
            output = self._run.workdir.spill / f"round-{number}-{index}"
            options = {**self._options, **changes}
            plan = JobPlan(
                inputs=inputs,
                output=output,
                folder=self._run.workdir.spill / "hadoop",
                options=options,
                roles=roles_of(options, self._run.files),
                cores=self._run.cores,
            )
            title = f"round {number} " if len(self._jobs) == 1 else f"round {number} job {index + 1} "
            told = {ROUND: str(number)}
            self._engine.run(self._run, plan, title, told, lambda stage: self._check_time(stage, began))
            if index:
                shutil.rmtree(inputs[0].parent)  # only the next job needed it
            inputs = parts_of(output)
        return output

    def _check_time(self, stage: str, began: float) -> None:
        most_s = self._options["round_wall_s"]
        if most_s and time.monotonic() > began + most_s:
            raise Stop(Outcome.TIME_LIMIT, f"the round took longer than {most_s:g} s, in {stage}", stage)

    def _test(self, number: int, parts: Sequence[Path]) -> Change:
        if self._options["check"]:
            answer = ask(self._run, self._options["check"], f"round {number} check", self._state, parts)
            return Change(answer.converged, answer.delta)
        if self._options["tolerance"] < 0 or (number == 1 and not self._side):
            return Change(False, "")  # before the first round there is only input, of another shape
        separator, norm = self._options["separator"].encode(), Norm(self._options["norm"])
        measure = Measure(separator, self._options["value_field"], norm, f"round {number} reducer")
        delta = measure.delta(self._state, parts)
        return Change(delta <= self._options["tolerance"], f"{delta:.6g}")

    def _note(self, number: int, test: Change, began: float, before: int) -> None:
        """Report on the round as a whole, behind its stages."""
        used = [stage.usage for stage in self._run.stages[before:]]
        wall_s = time.monotonic() - began
        peak = max((usage.peak_bytes for usage in used), default=0)
        usage = Usage(0.0, wall_s, peak)  # its CPU time is told, and summed, by its stages
        status = f"delta {test.delta}" if test.delta else ""
        self._run.stages.append(StageReport(f"round {number}", len(self._jobs), usage, exit=0, status=status))

    def _carry(self, number: int, parts: list[Path]) -> None:
        """Make the round's output the state of the next, and drop the state before."""
        old = self._state
        if not self._side:
            self._state = parts
            if number > 1:
                shutil.rmtree(old[0].parent)
            return
        with self._state[0].open("wb") as state:
            for path in parts:
                with path.open("rb") as part:
                    shutil.copyfileobj(part, state)
        if parts:
            shutil.rmtree(parts[0].parent)


def jobs_of(options: Mapping[str, Any]) -> list[dict[str, str]]:
    """The programs of each job of a round. Raises ContractError."""
    jobs = []
    for words in options["jobs"] or [f"{options['mapper']} {options['reducer']}"]:
        mapper, *more = str(words).split()
        if len(more) > 2:
            raise ContractError(f"option jobs: {words!r} is not MAPPER [REDUCER [COMBINER]]")
        reducer, combiner = (*more, "", "")[:2]
        jobs.append({"mapper": mapper, "reducer": reducer, "combiner": combiner or options["combiner"]})
    return jobs


def check_rounds(order: RunOrder, options: Mapping[str, Any]) -> None:
    """Raises ContractError when the options of rounds contradict each other, or the files."""
    for name, kind in (("carry", Carry), ("norm", Norm)):
        if options[name] not in list(kind):
            raise ContractError(f"option {name} must be one of {', '.join(kind)}, not {options[name]!r}")
    beside = {*order.files, *options["side_files"]}
    if options["check"] and options["check"] not in beside:
        raise ContractError(
            f"option check is {options['check']!r}, which is neither a side file nor handed in"
        )
    if options["carry"] == Carry.SIDE and options["state_file"] not in beside:
        raise ContractError(
            f"option state_file is {options['state_file']!r}, which is not there for the first round"
        )
    for job in jobs_of(options):
        for name in (job["mapper"], job["reducer"]):
            if name and name not in order.files:
                raise ContractError(f"option jobs names {name!r}, which is not among the files")
