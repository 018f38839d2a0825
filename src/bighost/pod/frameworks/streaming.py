"""Hadoop Streaming's semantics without Hadoop: mapper, sort by key, reducer, as programs on pipes.

Stage `mapper` runs the mapper on each input split and keeps its output as sorted segments, one a reducer.
Stage `combiner`, if there is one, makes each segment that is not empty smaller. What these two write is
intermediate data, which counts as disk. Stage `reducer` merges the segments of each partition, equal keys in
the order of splits and of lines within a split, and its programs' output becomes `part-00000` and so on.
Without a reducer the mappers' output is the output, unsorted.
"""

from __future__ import annotations

import base64
from typing import Any, ClassVar, NamedTuple

from bighost.pod.contract import ContractError, Option, RunLimits, RunOrder, Segments
from bighost.pod.frameworks.base import Framework
from bighost.pod.frameworks.environment import map_environment, reduce_environment
from bighost.pod.frameworks.output import OutputLimit, PartFile
from bighost.pod.frameworks.records import Layout
from bighost.pod.frameworks.shuffle import BUFFER_BYTES, Collector, MergedReader, Segment
from bighost.pod.frameworks.splits import Split, SplitReader, splits_of
from bighost.pod.run import Run
from bighost.pod.stages import StageRun
from bighost.pod.task import Task

MOST_REDUCERS = 1000
PASS_ON = b"import sys\nsys.stdout.writelines(sys.stdin)\n"


class Streaming(Framework):
    """Runs mapper, combiner and reducer as Hadoop Streaming would."""

    STANDALONE: ClassVar[bool] = True
    OPTIONS: ClassVar[dict[str, Option]] = {
        "mapper": Option(str, "mapper.py", "the file that is the mapper"),
        "combiner": Option(str, "", "the file that is the combiner, where one was handed in; empty: none"),
        "reducer": Option(
            str, "reducer.py", "the file that is the reducer; empty: the mappers' output is the output"
        ),
        "reducers": Option(
            int, 1, "how many reducers, and part files; 0: the same as no reducer", 0, MOST_REDUCERS
        ),
        "split_bytes": Option(int, 4 << 20, "the size of an input split", 1),
        "key_fields": Option(int, 1, "how many fields of a mapper's line are its key", 1),
        "separator": Option(str, "\t", "what stands between fields"),
    }

    def trial(self) -> RunOrder:
        """Lets a mapper and a reducer pass on the lines of this file."""
        program = base64.b64encode(PASS_ON).decode()
        return RunOrder(
            run="trial",
            framework="streaming",
            files={"mapper.py": program, "reducer.py": program},
            inputs=[__file__],
            limits=RunLimits(30.0, 30.0, 256 << 20, 16, 1 << 20, 1 << 20),
        )

    def check(self, order: RunOrder, options: dict[str, Any]) -> None:
        """Raises ContractError when there is no mapper, no input, or a program that was not handed in."""
        if not options["mapper"]:
            raise ContractError("option mapper is empty")
        if not order.inputs:
            raise ContractError("the order names no inputs")
        for role in ("mapper", "reducer"):
            if options[role] and options[role] not in order.files:
                raise ContractError(f"option {role} is {options[role]!r}, which is not among the files")
        if not options["separator"] or set(options["separator"]) & {"\n", "\r", "\0"}:
            raise ContractError("option separator is empty, or holds a line end or a NUL")

    def run(self, run: Run) -> None:
        """See `Framework.run`."""
        plan = Plan.of(run)
        if plan.reducers == 0:
            _map_only(run, plan)
            return
        segments = _map(run, plan)
        if plan.combiner:
            segments = _combine(run, plan, segments)
        run.segments = Segments(map_output=[[segment.digest for segment in split] for split in segments])
        _reduce(run, plan, segments)


class Plan(NamedTuple):
    """What is to be done for one order."""

    mapper: str
    combiner: str
    reducer: str
    reducers: int  # 0: map only
    layout: Layout  # of map output
    output_layout: Layout
    splits: list[Split]

    @classmethod
    def of(cls, run: Run) -> Plan:
        """The plan of a run. Raises OSError when an input is not there."""
        options = run.options
        separator = options["separator"].encode()
        return cls(
            mapper=options["mapper"],
            combiner=options["combiner"] if options["combiner"] in run.files else "",
            reducer=options["reducer"],
            reducers=options["reducers"] if options["reducer"] else 0,
            layout=Layout(separator, options["key_fields"]),
            output_layout=Layout(separator),
            splits=splits_of(run.order.inputs, options["split_bytes"]),
        )

    def map_task(self, index: int, sink: PartFile | Collector) -> Task:
        """The mapper of a split."""
        split = self.splits[index]
        environment = map_environment(index, split, len(self.splits), self.reducers)
        return Task(self.mapper, environment, SplitReader(split), sink)


def _map_only(run: Run, plan: Plan) -> None:
    limit = OutputLimit(run.limits.output_bytes)
    parts: dict[int, PartFile] = {}

    def make_task(index: int) -> Task:
        parts[index] = PartFile(run.workdir.output, index, plan.output_layout, limit)
        return plan.map_task(index, parts[index])

    StageRun(run, "mapper", len(plan.splits), make_task).go()
    run.output = [parts[index].described() for index in range(len(plan.splits))]
    run.segments = Segments(map_output=[[file.digest] for file in run.output])


def _map(run: Run, plan: Plan) -> list[list[Segment]]:
    collectors: dict[int, Collector] = {}

    def make_task(index: int) -> Task:
        collectors[index] = _collector(run, f"map-{index:05}", plan.layout, plan.reducers)
        return plan.map_task(index, collectors[index])

    StageRun(run, "mapper", len(plan.splits), make_task).go()
    return [collectors[index].segments for index in range(len(plan.splits))]


def _combine(run: Run, plan: Plan, segments: list[list[Segment]]) -> list[list[Segment]]:
    combined = [list(split) for split in segments]
    places = [
        (split, part)
        for split, parts in enumerate(segments)
        for part, segment in enumerate(parts)
        if segment.run.size
    ]
    collectors: dict[int, Collector] = {}

    def make_task(index: int) -> Task:
        split, part = places[index]
        collectors[index] = _collector(run, f"combined-{index:05}", plan.layout, 1)
        environment = map_environment(split, plan.splits[split], len(plan.splits), plan.reducers)
        source = MergedReader([segments[split][part]], plan.layout, run.workdir.spill)
        return Task(plan.combiner, environment, source, collectors[index])

    StageRun(run, "combiner", len(places), make_task).go()
    for index, (split, part) in enumerate(places):
        (combined[split][part],) = collectors[index].segments
    return combined


def _reduce(run: Run, plan: Plan, segments: list[list[Segment]]) -> None:
    limit = OutputLimit(run.limits.output_bytes)
    sources: dict[int, MergedReader] = {}
    parts: dict[int, PartFile] = {}

    def make_task(index: int) -> Task:
        of_all_splits = [split[index] for split in segments]
        sources[index] = MergedReader(of_all_splits, plan.layout, run.workdir.spill)
        parts[index] = PartFile(run.workdir.output, index, plan.output_layout, limit)
        environment = reduce_environment(index, len(plan.splits), plan.reducers)
        return Task(plan.reducer, environment, sources[index], parts[index])

    StageRun(run, "reducer", plan.reducers, make_task).go()
    everyone = range(plan.reducers)
    run.output = [parts[index].described() for index in everyone]
    run.segments = Segments(
        map_output=run.segments.map_output,
        reduce_input=[sources[index].digest() for index in everyone],
        reduce_output=[file.digest for file in run.output],
    )


def _collector(run: Run, name: str, layout: Layout, partitions: int) -> Collector:
    return Collector(run.workdir.spill / name, layout, partitions, run.charge, BUFFER_BYTES // run.cores)
