"""MapReduce in rounds: Hadoop Streaming's jobs again and again, until what they write no longer changes."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

from bighost.pod.contract import Option, RunOrder, Segments
from bighost.pod.frameworks.mapreduce import MapReduce
from bighost.pod.hadoop.outputs import hand_in
from bighost.pod.hadoop.plan import check_job
from bighost.pod.hadoop.rounds import Rounds, check_rounds
from bighost.pod.run import Run

MOST_ROUNDS = 500


class Iterative(MapReduce):
    """Runs rounds of jobs in the JVM that `MapReduce` keeps."""

    OPTIONS: ClassVar[dict[str, Option]] = {
        **MapReduce.OPTIONS,
        "jobs": Option(list, [], "the jobs of a round, each 'MAPPER REDUCER [COMBINER]'; empty: one job"),
        "rounds": Option(int, 20, "how many rounds there are at most", 1, MOST_ROUNDS),
        "tolerance": Option(float, -1.0, "end once the numbers change by no more; below 0: run all rounds"),
        "value_field": Option(int, 2, "which field of an output line is the number; field 1 is the key", 2),
        "norm": Option(str, "max", "of the changes of all keys: max or sum"),
        "check": Option(str, "", "a program of the assignment's (a side file) that decides instead"),
        "carry": Option(
            str, "input", "what a round's output is to the next: input, or side (the state file)"
        ),
        "state_file": Option(str, "state.txt", "with carry = 'side': a file beside the programs"),
        "round_wall_s": Option(float, 0.0, "how many seconds a round may take; 0: as long as the run", 0),
        "must_converge": Option(bool, False, "a run whose last round still changes has failed"),
    }

    def trial(self) -> RunOrder:
        """Two rounds of what `MapReduce` tries."""
        single = super().trial()
        return dataclasses.replace(single, framework="iterative", options={**single.options, "rounds": 2})

    def check(self, order: RunOrder, options: dict[str, Any]) -> None:
        """Raises ContractError when the order contradicts itself."""
        if options["jobs"]:  # each names its own programs
            check_job(order, {**options, "mapper": next(iter(order.files), ""), "reducer": ""})
        else:
            check_job(order, options)
        check_rounds(order, options)

    def run(self, run: Run) -> None:
        """See `Framework.run`."""
        output = Rounds(run, self._engine, self._engine.lay_out(run)).go()
        run.output = hand_in(output, run)
        run.segments = Segments(reduce_output=[file.digest for file in run.output])
